import errno
import fcntl
import json
import os
import subprocess
import sys

import pytest

from study.errors import RecordError
from study.folder.record import FILE_NAME, Record
from study.folder.record_lines import read_events

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


def lines_of(tmp_path, *, epochs=3):
    with Record(tmp_path) as record:
        fill(record, epochs=epochs)
    return (tmp_path / FILE_NAME).read_bytes().splitlines(keepends=True)


def a_digit_flips(lines):
    assert b'"at": 3.0' in lines[2]
    lines[2] = lines[2].replace(b'"at": 3.0', b'"at": 8.0')


def two_lines_swap(lines):
    # two failures, so that no rule but the checksum sees the order
    lines[2], lines[3] = lines[3], lines[2]


def a_line_goes(lines):
    del lines[2]


def a_line_loses_its_checksum(lines):
    event = json.loads(lines[2])
    del event["crc"]
    lines[2] = json.dumps(event).encode() + b"\n"


@pytest.mark.parametrize(
    "damage", [a_digit_flips, two_lines_swap, a_line_goes, a_line_loses_its_checksum]
)
def test_damage_that_leaves_json_is_refused_with_the_number_of_the_line(tmp_path, damage):
    with Record(tmp_path) as record:
        record.append("start", number=0, **START)
        record.append("epoch", number=0, epoch=1, val_accuracy=0.1, at=2.0)
        record.append("failure", number=0, reason="a", kind="died", at=3.0)
        record.append("failure", number=0, reason="b", kind="died", at=4.0)
        record.append("failure", number=0, reason="c", kind="died", at=5.0)
    lines = (tmp_path / FILE_NAME).read_bytes().splitlines(keepends=True)
    damage(lines)
    (tmp_path / FILE_NAME).write_bytes(b"".join(lines))
    with pytest.raises(RecordError, match=r"record\.jsonl, line 3: .*checksum"):
        Record(tmp_path)


def test_whole_lines_lost_at_the_end_are_the_record_as_it_was(tmp_path):
    lines = lines_of(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(b"".join(lines[:3]))
    with Record(tmp_path) as record:
        assert len(record.trials[0].epochs) == 2
        record.append("epoch", number=0, epoch=3, val_accuracy=0.3, at=4.0)
    assert (tmp_path / FILE_NAME).read_bytes() == b"".join(lines)


OLD = """\
{"event": "start", "number": 0, "arm": "org", "origin": "search", "config": {"lr": 0.1}, \
"seed": 7, "epochs_planned": 3, "started_at": 1.0}
{"event": "epoch", "number": 0, "epoch": 1, "val_accuracy": 0.1, "at": 2.0}
{"event": "failure", "number": 0, "reason": "gone", "kind": "died", "at": 2.5}
{"event": "epoch", "number": 0, "epoch": 2, "val_accuracy": 0.2, "at": 3.0, \
"rung": {"n": 1, "promoted": true}}
"""
"""As version 0.1.0 wrote it on 24 November 2026, before lines had checksums."""


def test_a_record_from_before_checksums_is_read_and_goes_on_with_them(tmp_path):
    (tmp_path / FILE_NAME).write_text(OLD)
    with Record(tmp_path) as record:
        assert [e["val_accuracy"] for e in record.trials[0].epochs] == [0.1, 0.2]
        record.append("epoch", number=0, epoch=3, val_accuracy=0.3, at=4.0)
    content = (tmp_path / FILE_NAME).read_text()
    assert content.startswith(OLD)
    assert content.count('"crc"') == 1
    with Record(tmp_path) as record:
        assert record.trials[0].status == "completed"
        assert "crc" not in record.trials[0].epochs[2]


def test_the_first_checksum_vouches_for_the_old_lines_before_it(tmp_path):
    (tmp_path / FILE_NAME).write_text(OLD)
    with Record(tmp_path) as record:
        record.append("epoch", number=0, epoch=3, val_accuracy=0.3, at=4.0)
    path = tmp_path / FILE_NAME
    path.write_text(path.read_text().replace('"val_accuracy": 0.1', '"val_accuracy": 0.9'))
    with pytest.raises(RecordError, match=r"line 5: .*it, or a line before it, was changed"):
        Record(tmp_path)


def test_a_file_system_without_locks_is_used_with_a_warning(tmp_path, monkeypatch, caplog):
    def no_locks(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with Record(tmp_path) as record:
        fill(record)
    assert "cannot be locked (No locks available)" in caplog.text


def test_a_second_process_is_refused_while_the_first_holds_the_record(tmp_path):
    folder = f"Path({str(tmp_path)!r})"
    code = f"from pathlib import Path; from study.folder.record import Record; Record({folder})"
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
        with pytest.raises(OSError, match=r"No space left.*record\.jsonl"):
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


def test_a_finished_epoch_sets_the_count_of_failures_back(tmp_path):
    with Record(tmp_path) as record:
        record.append("start", number=0, **START)
        for epoch in (1, 2):
            record.append("failure", number=0, reason="gone", kind="died", at=5.0)
            record.append("failure", number=0, reason="gone", kind="died", at=5.0)
            assert record.trials[0].failures_in_a_row == 2
            record.append("epoch", number=0, epoch=epoch, val_accuracy=0.1, at=5.0)
            assert record.trials[0].failures_in_a_row == 0
    with Record(tmp_path) as record:
        assert [f["epochs"] for f in record.trials[0].failures] == [0, 0, 1, 1]
