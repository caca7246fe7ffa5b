import os
import random
import signal
import time

import pandas as pd
import pytest

from study.folder.record_lines import read_events
from tests.study import tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SERIAL = ("--concurrency", "1")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """Faces, a study file and the tables of a run that nothing disturbed, one trial at a time."""
    folder = tmp_path_factory.mktemp("crash")
    done = tiny.run(folder, tiny.write_study(folder), *SERIAL, "--name", "unbroken")
    assert done.returncode == 0, done.stderr
    return folder, tiny.tables(folder / "results" / "unbroken")


def assert_equal_to_unbroken(folder, expected):
    for ours, theirs in zip(tiny.tables(folder), expected, strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


def assert_nothing_twice(folder):
    lines = read_events(folder / "record.jsonl")
    events = [(line["event"], line["number"], line.get("epoch")) for line in lines]
    events = [event for event in events if event[0] != "failure"]
    assert len(events) == len(set(events))


def lines_of(record):
    return record.read_text().count("\n") if record.exists() else 0


@pytest.mark.timeout(1800)
def test_twenty_sigkills_of_the_driver_leave_the_record_of_an_unbroken_study(unbroken):
    folder, expected = unbroken
    record = folder / "results" / "killed" / "record.jsonl"
    chance = random.Random(0)
    words = (folder / "tiny.toml", *SERIAL, "--name", "killed")
    for kill in range(20):
        process = tiny.start(folder, *words)
        # At random within the work, start-up included: after 0 to 2 more lines and a moment.
        wanted = lines_of(record) + chance.choice((0, 1, 1, 2))
        deadline = time.monotonic() + 120
        while lines_of(record) < wanted and process.poll() is None:
            assert time.monotonic() < deadline, f"kill {kill}: the study does not get on"
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.7))
        tiny.kill_hard(process)
        if (record.parent / "study.toml").exists():
            words = ("--resume", "killed", *SERIAL)
    done = tiny.run(folder, "--resume", "killed", *SERIAL)
    assert done.returncode == 0, done.stderr
    assert_nothing_twice(record.parent)
    assert_equal_to_unbroken(record.parent, expected)


def test_a_killed_worker_costs_no_epoch_on_record(unbroken):
    folder, expected = unbroken
    record = folder / "results" / "worker" / "record.jsonl"
    process = tiny.start(folder, folder / "tiny.toml", *SERIAL, "--name", "worker")
    for epochs in (1, 4, 7):
        tiny.wait_for_epochs(record, epochs, process)
        for pid in tiny.workers_of(process):
            os.kill(pid, signal.SIGKILL)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert "failure" in {line["event"] for line in read_events(record)}
    assert_nothing_twice(record.parent)
    assert_equal_to_unbroken(record.parent, expected)
