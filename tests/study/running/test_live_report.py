import logging
import os
import sys
import time
from pathlib import Path

import pytest

from study.running.live_report import EVERY, GUESS, NICEST, PAUSE, LiveReport
from tests.study.report.simulated import LR_ONLY, a_study, provenance, simulate, written

FIRST = max(EVERY, PAUSE * GUESS)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def wait_until_written(live: LiveReport) -> None:
    end = time.monotonic() + 60
    while live.is_writing:
        assert time.monotonic() < end
        time.sleep(0.02)


def counting(folder: Path, seconds: float = 0) -> list[str]:
    """A command that leaves a mark each time that it runs."""
    return python(
        f"import time, pathlib; time.sleep({seconds}); "
        f"pathlib.Path({str(folder)!r}, str(time.time_ns())).touch()"
    )


def test_the_pace_follows_what_the_last_report_took(tmp_path: Path) -> None:
    clock = Clock()
    with LiveReport(tmp_path, command=counting(tmp_path), clock=clock) as live:

        def written_at(seconds: float) -> int:
            clock.now = 1000 + seconds
            live.write_if_due()
            return sum(1 for _ in tmp_path.iterdir()) + live.is_writing

        assert written_at(FIRST - 1) == 0
        assert written_at(FIRST) == 1
        process = live._process
        assert process is not None
        process.wait()
        clock.now += 3  # seconds that it took, when one looks
        assert not live.is_writing
        assert written_at(FIRST + 3 * PAUSE - 1) == 1
        assert written_at(FIRST + 3 * PAUSE) == 2
        wait_until_written(live)  # it took no time at all by this clock
        assert written_at(FIRST + 3 * PAUSE + EVERY - 1) == 2
        assert written_at(FIRST + 3 * PAUSE + EVERY) == 3


def test_two_reports_are_never_written_at_once(tmp_path: Path) -> None:
    clock = Clock()
    with LiveReport(tmp_path, command=counting(tmp_path, seconds=60), clock=clock) as live:
        clock.now += FIRST
        live.write_if_due()
        first = live._process
        assert live.is_writing
        clock.now += 1e6
        live.write_if_due()
        assert live._process is first
    assert first is not None
    assert first.returncode is not None  # leaving ended it
    assert not list(tmp_path.iterdir())


def test_the_writer_gives_way_to_everything_else(tmp_path: Path) -> None:
    clock = Clock()
    with LiveReport(tmp_path, command=counting(tmp_path, seconds=60), clock=clock) as live:
        clock.now += FIRST
        live.write_if_due()
        assert live._process is not None
        assert os.getpriority(os.PRIO_PROCESS, live._process.pid) == NICEST
        # Ctrl-C reaches the driver's group only
        assert os.getpgid(live._process.pid) != os.getpgid(0)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (python("import sys; print('x\\nno such table', file=sys.stderr); sys.exit(2)"), "table"),
        (python("raise SystemExit(3)"), "status 3"),
        (["/no/such/program"], "No such file"),
    ],
)
def test_a_report_that_fails_is_said_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, command: list[str], reason: str
) -> None:
    clock = Clock()
    with (
        caplog.at_level(logging.WARNING),
        LiveReport(tmp_path, command=command, clock=clock) as live,
    ):
        for _ in range(3):
            clock.now += FIRST + EVERY
            before = live._started
            live.write_if_due()
            assert live._started > before
            wait_until_written(live)
    assert len(caplog.messages) == 1
    assert reason in caplog.messages[0]
    assert "is written when the search ends" in caplog.messages[0]


def test_the_command_writes_the_report_of_a_study_that_runs(tmp_path: Path) -> None:
    study = a_study(LR_ONLY, claims=())
    known = provenance(finished=False)
    folder = written(tmp_path / "a study", study, *simulate(study, 20), known)
    clock = Clock()
    with LiveReport(folder, clock=clock) as live:
        clock.now += FIRST
        live.write_if_due()
        wait_until_written(live)
    assert "This study is unfinished." in (folder / "report.html").read_text()
    assert not list(folder.glob(".*"))  # nothing unfinished is left
