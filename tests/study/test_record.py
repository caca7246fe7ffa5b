import os
import subprocess
import sys

import pytest

from study.errors import RecordError
from study.record import FILE_NAME, Record, read_events

START = {
    "arm": "org",
    "origin": "search",
    "config": {"lr": 0.1},
    "seed": 7,
    "epochs_planned": 3,
    "started_at": 1.0,
}


def fill(record, *, epochs=2):
    record.append("start", number=0, **START)
    for epoch in range(1, epochs + 1):
        record.append("epoch", number=0, epoch=epoch, val_accuracy=epoch / 10, at=1.0 + epoch)


def test_what_was_appended_is_there_after_reopening(tmp_path):
    with Record(tmp_path) as record:
        fill(record)
        before = record.trials
    with Record(tmp_path) as record:
        assert record.trials == before
        assert record.trials[0].trial_id == "t00000"
        assert [e["val_accuracy"] for e in record.trials[0].epochs] == [0.1, 0.2]


def test_an_appended_event_is_on_disk_before_append_returns(tmp_path):
    with Record(tmp_path) as record:
        fill(record, epochs=1)
        assert [e["event"] for e in read_events(tmp_path / FILE_NAME)] == ["start", "epoch"]


def test_half_a_line_of_a_killed_process_is_cut_off(tmp_path):
    with Record(tmp_path) as record:
        fill(record)
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write('{"event": "epoch", "number": 0, "ep')
    with Record(tmp_path) as record:
        assert len(record.trials[0].epochs) == 2
        record.append("epoch", number=0, epoch=3, val_accuracy=0.3, at=9.0)
    with Record(tmp_path) as record:
        assert len(record.trials[0].epochs) == 3


def test_a_damaged_line_in_the_middle_is_refused_with_its_number(tmp_path):
    with Record(tmp_path) as record:
        fill(record)
    path = tmp_path / FILE_NAME
    lines = path.read_text().splitlines()
    lines[1] = lines[1][:10]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(RecordError, match="line 2"):
        Record(tmp_path)


def test_a_second_process_is_refused_while_the_first_holds_the_record(tmp_path):
    folder = f"Path({str(tmp_path)!r})"
    code = f"from pathlib import Path; from study.record import Record; Record({folder})"
    with Record(tmp_path):
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert second.returncode == 1
    assert "another process is working on this study" in second.stderr
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_failing_disk_leaves_the_file_with_whole_lines(tmp_path, monkeypatch):
    with Record(tmp_path) as record:
        fill(record)
        before = (tmp_path / FILE_NAME).read_bytes()
        real_write = os.write
        monkeypatch.setattr(os, "write", lambda fd, line: real_write(fd, line[:5]))
        with pytest.raises(OSError, match="No space left"):
            record.append("epoch", number=0, epoch=3, val_accuracy=0.3, at=9.0)
        monkeypatch.undo()
        assert (tmp_path / FILE_NAME).read_bytes() == before
        assert len(record.trials[0].epochs) == 2


@pytest.mark.parametrize(
    ("epochs", "promoted", "expected"),
    [(1, None, "running"), (1, True, "running"), (1, False, "stopped"), (3, None, "completed")],
)
def test_status_follows_from_epochs_and_rung_even_without_an_end(
    tmp_path, epochs, promoted, expected
):
    with Record(tmp_path) as record:
        record.append("start", number=0, **START)
        for epoch in range(1, epochs + 1):
            rung = {} if promoted is None else {"rung": {"n": 3, "promoted": promoted}}
            record.append("epoch", number=0, epoch=epoch, val_accuracy=0.1, at=2.0, **rung)
        assert record.trials[0].status == expected


def test_an_end_line_says_failed(tmp_path):
    with Record(tmp_path) as record:
        fill(record)
        record.append("failure", number=0, reason="NaN", kind="diverged", at=5.0)
        trial = record.append("end", number=0, status="failed", error="NaN", at=5.0)
        assert trial.status == "failed"
        assert [f["reason"] for f in trial.failures] == ["NaN"]
        assert trial.kind == "diverged"
