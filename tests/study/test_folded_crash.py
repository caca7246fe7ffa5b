import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from study.folder.folder import Folder
from study.folder.record_lines import read_events
from tests.study import folded, tiny
from tests.study.staged import write_search

pytestmark = pytest.mark.slow

KINDS = ("confirm", "predictions", "confirmed", "claims")


def start(folder, home):
    words = [sys.executable, "-m", "tests.study.folded", str(folder), str(home)]
    environment = tiny.environment(folder)
    return subprocess.Popen(words, stdout=-1, stderr=-1, text=True, env=environment)


def lines_of(record):
    return record.read_text().count("\n") if record.exists() else 0


@pytest.mark.timeout(1200)
def test_twenty_sigkills_lose_no_training_run_none_twice_and_end_in_the_same_tables(tmp_path):
    folded.draw(tmp_path)
    unbroken, home = tmp_path / "unbroken", tmp_path / "killed"
    folded.search(tmp_path, unbroken)
    folded.confirm(tmp_path, unbroken)
    folded.search(tmp_path, home)
    record = Folder(home).confirm.record
    chance, n_killed = random.Random(0), 0
    while n_killed < 20:
        process = start(tmp_path, home)
        wanted = lines_of(record) + chance.choice((0, 1, 1, 2))
        deadline = time.monotonic() + 120
        while lines_of(record) < wanted and process.poll() is None:
            assert time.monotonic() < deadline, f"kill {n_killed}: the stage does not get on"
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.3 if wanted else 3))
        assert process.poll() is None, process.communicate()
        tiny.kill_hard(process)
        n_killed += 1
    process = start(tmp_path, home)
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 0, stderr
    assert_each_training_once(record, folds=folded.K)
    assert_same_tables(home, unbroken)


def assert_each_training_once(record, *, folds):
    """Every training of a stage is on record, each of its epochs once."""
    lines = list(read_events(record))
    starts = [
        (line["seed"], line["fold"], line["arm"]) for line in lines if line["event"] == "start"
    ]
    assert len(starts) == len(set(starts)) == folded.SEEDS * folds * 2
    epochs = [(line["number"], line["epoch"]) for line in lines if line["event"] == "epoch"]
    assert len(epochs) == len(set(epochs)) == folded.EPOCHS * len(starts)


def assert_same_tables(home, unbroken):
    for kind in KINDS:
        ours, theirs = (pd.read_parquet(Folder(at).table(kind)) for at in (home, unbroken))
        pd.testing.assert_frame_equal(ours, theirs)


FIVE = folded.STAGE.replace(f"k = {folded.K}", "k = 5")


def confirming(folder, home):
    """`study.confirm`, two trainings at a time."""
    words = [sys.executable, "-m", "study.confirm", str(home), "--concurrency", "2"]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=tiny.environment(folder), start_new_session=True,
    )  # fmt: skip


def wait_for_lines(record, n, process):
    """Until the record has `n` lines more."""
    wanted, deadline = lines_of(record) + n, time.monotonic() + 300
    while lines_of(record) < wanted:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the stage does not get on"
        time.sleep(0.02)


@pytest.mark.ray
@pytest.mark.timeout(1800)
def test_twenty_kills_under_ray_leave_the_trainings_and_verdicts_of_an_unbroken_stage(tmp_path):
    folded.draw(tmp_path, families=14)
    unbroken, home = tmp_path / "unbroken", tmp_path / "killed"
    for at in (unbroken, home):
        write_search(folded.asked(tmp_path, stage=FIVE), at, lr=0.01)
    whole = confirming(tmp_path, unbroken)
    _, stderr = whole.communicate(timeout=600)
    assert whole.returncode == 0, stderr

    record = Folder(home).confirm.record
    chance = random.Random(0)
    for kill in range(20):
        process = confirming(tmp_path, home)
        # at random within the work, start-up included: after 0 to 3 more lines and a moment
        wait_for_lines(record, chance.choice((0, 1, 2, 3)), process)
        if kill in (6, 13):  # its workers first; what they held is trained again
            wait_for_lines(record, 1, process)
            for worker in tiny.workers_of(process):
                os.kill(worker, signal.SIGKILL)
            wait_for_lines(record, 1, process)
        time.sleep(chance.uniform(0, 0.7))
        assert process.poll() is None, process.communicate()
        tiny.kill_hard(process)
    process = confirming(tmp_path, home)
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 0, stderr
    assert "failure" in {line["event"] for line in read_events(record)}  # of a killed worker
    assert_each_training_once(record, folds=5)
    assert_same_tables(home, unbroken)
