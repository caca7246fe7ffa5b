"""The report while a search runs: written again and again, beside the search and never in its way.

A process of its own writes it, at the lowest priority and with one thread, because reading the
tables, analysing and drawing take seconds, in which the driver has trials to answer. The report
that a study ends with is written by the driver, when no such process is left.
"""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final, Self

logger = logging.getLogger(__name__)

EVERY: Final = 60.0
"""Seconds between two reports at least."""

PAUSE: Final = 50.0
"""The next report begins that many times later than the last one took: it costs less than 2 %."""

GUESS: Final = 4.0
"""Seconds that the first report is taken to need, before any was timed."""

NICEST: Final = 19


class LiveReport:
    """Writes a study's report in the background; use it as a context, which ends the writing.

    Args:
        folder: The study's folder, with its tables.
        command: Writes the report and ends; None: `python -m study.report`.
        clock: Seconds from any start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        module = [sys.executable, "-m", "study.report", str(folder.absolute())]
        self._command = list(command or module)
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._started = clock()
        self._due = self._started + max(EVERY, PAUSE * GUESS)
        self._has_complained = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_writing(self) -> bool:
        """Whether a report is being written; the tables must stay as they are meanwhile."""
        if self._process is None:
            return False
        status = self._process.poll()
        if status is None:
            return True
        took = self._clock() - self._started
        self._due = self._started + max(EVERY, PAUSE * took)
        said = self._forget()
        if status != 0:
            self._complain(said or f"status {status}")
        return False

    def write_if_due(self) -> None:
        """Begin to write a report if none is being written and the last one is long enough ago."""
        if self.is_writing or self._clock() < self._due:
            return
        self._started = self._clock()
        try:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                # Ctrl-C is for the driver, which then ends the writing itself
                process_group=0,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICEST)
        except OSError as error:
            self.close()
            self._due = self._started + EVERY
            self._complain(str(error))

    def close(self) -> None:
        """End the writing: the report on disk stays the last whole one."""
        if self._process is not None:
            # as Ctrl-C, upon which it removes its unfinished file
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._forget()

    def _forget(self) -> str:
        """Be done with the process; returns the last line that it said of an error."""
        self._process = None
        if self._errors is None:
            return ""
        with self._errors as errors:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
        self._errors = None
        return lines[-1] if lines else ""

    def _complain(self, problem: str) -> None:
        """Say once that the report cannot be kept up to date; the search goes on without."""
        if not self._has_complained:
            logger.warning(
                "the report is not kept up to date while the search runs (%s); it is written "
                "when the search ends",
                problem,
            )
        self._has_complained = True
