import random
import subprocess
import sys
import time

import pandas as pd
import pytest

from study.folder.folder import Folder
from study.folder.record_lines import read_events
from tests.study import folded, tiny

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

    lines = list(read_events(record))
    starts = [
        (line["seed"], line["fold"], line["arm"]) for line in lines if line["event"] == "start"
    ]
    assert len(starts) == len(set(starts)) == folded.SEEDS * folded.K * 2
    epochs = [(line["number"], line["epoch"]) for line in lines if line["event"] == "epoch"]
    assert len(epochs) == len(set(epochs)) == folded.EPOCHS * len(starts)
    for kind in KINDS:
        ours, theirs = (pd.read_parquet(Folder(at).table(kind)) for at in (home, unbroken))
        pd.testing.assert_frame_equal(ours, theirs)
