"""Twenty SIGKILLs of a settling stage that trains small nets in its own process."""

import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from agecls.faces.face_set import FaceSet, draw_face_set
from study.asked.study_file import load_study
from study.folder.folder import Folder
from study.folder.parquet import read_table
from study.folder.record_lines import read_events
from tests.study.staged import write_search
from tests.study.stages.test_settle import CLAIMS, tables
from tests.study.tiny import environment, study_text

DRIVER = """
from study.running import tune_run
from study.running.in_process import InProcess
tune_run.OnRay = lambda resources, trainer: InProcess(trainer=trainer)
import sys
from study.settle import main
sys.exit(main(sys.argv[1:]))
"""
"""The command with this process in the place of Ray, whose start takes longer than the work."""

KILLS = 20


def start(folder, name):
    words = [str(folder / name), "--data", str(folder / "faces"), "--trainings", "24"]
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment(folder),
    )  # fmt: skip


def lines_of(record):
    return record.read_text().count("\n") if record.exists() else 0


@pytest.fixture
def folder(tmp_path):
    draw_face_set(
        tmp_path / "faces", FaceSet(families=24, val_families=8, test_families=0, size=16)
    )
    text = study_text("elsewhere", trials=4) + CLAIMS.replace("[1, 2]", "[2, 3]")
    (tmp_path / "tiny.toml").write_text(text)
    for name in ("unbroken", "killed"):
        write_search(load_study(tmp_path / "tiny.toml"), tmp_path / name, lr=0.01, epochs=2)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_sigkills_leave_the_trainings_tables_and_verdicts_of_an_unbroken_stage(folder):
    whole = start(folder, "unbroken")
    _, stderr = whole.communicate(timeout=900)
    assert whole.returncode == 0, stderr
    expected = tables(folder / "unbroken")
    assert (expected["settle"]["status"] == "completed").all()
    assert len(expected["settle"]) >= 20  # so that most kills meet work

    record = Folder(folder / "killed").settle.record
    chance = random.Random(0)
    for kill in range(KILLS):
        process = start(folder, "killed")
        # at random within the work, start-up included: after 0 to 4 more lines and a moment
        wanted = lines_of(record) + chance.choice((0, 1, 2, 3, 4))
        deadline = time.monotonic() + 120
        while lines_of(record) < wanted and process.poll() is None:
            assert time.monotonic() < deadline, f"kill {kill}: the stage does not get on"
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = start(folder, "killed")
    _, stderr = done.communicate(timeout=900)
    assert done.returncode == 0, stderr

    lines = read_events(record)
    events = [(line["event"], line["number"], line.get("epoch")) for line in lines]
    assert len(events) == len(set(events))
    for kind, frame in tables(folder / "killed").items():
        pd.testing.assert_frame_equal(frame, expected[kind])
    trained = read_table(folder / "killed" / "settle.parquet", "settle")["trial_id"]
    for trial_id in trained:
        both = [
            read_table(Folder(folder / name).settle.predictions(trial_id), "predictions")
            for name in ("unbroken", "killed")
        ]
        pd.testing.assert_frame_equal(*both)
