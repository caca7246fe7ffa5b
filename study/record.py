"""The durable record of a study: every start, epoch, failure and end, on disk before it counts.

One append-only file of JSON lines, `record.jsonl`, written by the driver alone and flushed to the
disk line by line. Tables, rungs, the sampler's memory and Ray's queue are all made from it; none
of them is needed to resume.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from errno import ENOSPC
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from study.errors import RecordError

FILE_NAME = "record.jsonl"

Status = Literal["running", "completed", "stopped", "failed"]
"""`running` is what tables call `interrupted` once no process works on it any more."""


@dataclass
class TrialRecord:
    """What is known of one trial.

    Attributes:
        number: Place in the plan, from 0.
        arm: Name of its arm.
        origin: `design`, `search`, `scout` or `repeat`.
        config: Level per existing factor.
        seed: Root of its random streams.
        epochs_planned: Length of its schedule.
        started_at: Seconds since 1970, UTC.
        epochs: One mapping per finished epoch, in order: metrics, `at` (UTC seconds), `rung`.
        failures: One mapping per attempt that died, in order: `reason`, `kind`, `at`.
        end: The end event, once there is one.
    """

    number: int
    arm: str
    origin: str
    config: dict[str, Any]
    seed: int
    epochs_planned: int
    started_at: float
    epochs: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    end: dict[str, Any] | None = None

    @property
    def trial_id(self) -> str:
        """Identity that survives every restart, such as `t00012`."""
        return trial_id(self.number)

    @property
    def kind(self) -> str | None:
        """What the latest failure was, or None if there was none."""
        return self.failures[-1]["kind"] if self.failures else None

    @property
    def status(self) -> Status:
        """State by the record alone; a stop decision ends a trial even without its end line."""
        if self.end is not None:
            status: Status = self.end["status"]
            return status
        if self.epochs:
            if len(self.epochs) >= self.epochs_planned:
                return "completed"
            if not self.epochs[-1].get("rung", {}).get("promoted", True):
                return "stopped"
        return "running"


def trial_id(number: int) -> str:
    """Identity of the trial with this number."""
    return f"t{number:05d}"


def replay(events: Iterator[Mapping[str, Any]]) -> dict[int, TrialRecord]:
    """Trials by number, rebuilt from the events in their order."""
    trials: dict[int, TrialRecord] = {}
    for event in events:
        _take(trials, **event)
    return trials


def _take(trials: dict[int, TrialRecord], event: str, number: int, **fields: Any) -> None:
    """Change `trials` as one event says."""
    match event:
        case "start":
            trials[number] = TrialRecord(number=number, **fields)
        case "epoch":
            trials[number].epochs.append(fields)
        case "failure":
            trials[number].failures.append(fields)
        case "end":
            trials[number].end = fields


class Record:
    """The open record of one study folder; a context manager that holds the file.

    One process at a time may hold it: a second one is refused, since two drivers would write
    the same trials twice.
    """

    def __init__(self, folder: Path) -> None:
        """Open or create the record, cut off a half-written last line and lock the file.

        Raises:
            RecordError: Another process holds it, or a line in the middle is damaged.
        """
        self.path = folder / FILE_NAME
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            _lock(self._descriptor, self.path)
            drop_torn_tail(self.path)
            self.trials = replay(read_events(self.path))
        except BaseException:
            os.close(self._descriptor)
            raise

    def append(self, event: str, *, number: int, **fields: Any) -> TrialRecord:
        """Write one event to the disk, then take it into `trials`; returns the trial.

        Raises:
            OSError: The disk refuses, for instance because it is full; the file then ends with
                the last whole line, as before the call.
        """
        line = json.dumps({"event": event, "number": number, **fields}).encode() + b"\n"
        whole = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError(ENOSPC, os.strerror(ENOSPC), str(self.path))
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, whole)
            raise
        _take(self.trials, event, number, **fields)
        return self.trials[number]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)


def drop_torn_tail(path: Path) -> None:
    """Cut a file of lines after its last newline, where a killed process left half a line."""
    with path.open("r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """The record's whole lines, in order; a torn last line is passed over.

    Raises:
        RecordError: A whole line is not JSON.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for n, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield json.loads(line)
            except ValueError as error:
                raise RecordError(
                    f"{path}, line {n}: not a record of this tool ({error}). "
                    "Restore the file from a copy; its later lines cannot be trusted."
                ) from error


def _lock(descriptor: int, path: Path) -> None:
    """Hold the file for this process until it is closed; a killed process frees it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RecordError(
            f"{path.parent}: another process is working on this study. Wait for it or stop it."
        ) from error
