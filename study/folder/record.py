"""The durable record of a study: every start, epoch, failure and end, on disk before it counts.

One append-only file of JSON lines, `record.jsonl`, written by the driver alone and flushed to the
disk line by line. Tables, rungs, the sampler's memory and Ray's queue are all made from it; none
of them is needed to resume.
"""

import fcntl
import logging
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from errno import ENOSPC
from pathlib import Path
from typing import Any, Final, Literal, Self

from study.errors import RecordError
from study.folder.record_lines import damaged, drop_torn_tail, read_events, sealed

FILE_NAME = "record.jsonl"

Status = Literal["running", "completed", "stopped", "failed"]
"""`running` is what tables call `interrupted` once no process works on it any more."""

_log = logging.getLogger(__name__)


@dataclass
class TrialRecord:
    """What is known of one trial.

    Attributes:
        number: Place in the plan, from 0.
        arm: Name of its arm.
        origin: `design`, `search`, `scout` or `repeat`.
        config: Level per existing factor.
        seed: Root of its random streams, or what they belong to if `start_seed` is theirs.
        epochs_planned: Length of its schedule.
        started_at: Seconds since 1970, UTC.
        fold: What it is validated on; None: the data's own val.
        start_seed: Root of its random streams; None: the seed is.
        epochs: One mapping per finished epoch, in order: metrics, `at` (UTC seconds), `rung`.
        failures: One mapping per attempt that died, in order: `reason`, `kind`, `at`, and
            `epochs`, how many were finished by then.
        end: The end event, once there is one.
    """

    number: int
    arm: str
    origin: str
    config: dict[str, Any]
    seed: int
    epochs_planned: int
    started_at: float
    fold: int | None = None
    start_seed: int | None = None
    epochs: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    end: dict[str, Any] | None = None

    @property
    def trial_id(self) -> str:
        """Identity that survives every restart, such as `t00012`."""
        return trial_id(self.number)

    @property
    def root(self) -> int:
        """Seed of its random streams."""
        return self.seed if self.start_seed is None else self.start_seed

    @property
    def kind(self) -> str | None:
        """What the latest failure was, or None if there was none."""
        return self.failures[-1]["kind"] if self.failures else None

    @property
    def failures_in_a_row(self) -> int:
        """Attempts that died since the latest finished epoch."""
        return sum(failure["epochs"] == len(self.epochs) for failure in self.failures)

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


def replay(events: Iterator[Any], *, source: str = FILE_NAME) -> dict[int, TrialRecord]:
    """Trials by number, rebuilt from the events in their order.

    Raises:
        RecordError: An event is not one that this tool writes, or cannot follow those before it.
    """
    trials: dict[int, TrialRecord] = {}
    for n, event in enumerate(events, start=1):
        problem = _problem(trials, event)
        if problem is not None:
            raise damaged(source, n, problem)
        _take(trials, **event)
    return trials


def read_trials(path: Path) -> dict[int, TrialRecord]:
    """Trials of a record's file by number, whoever holds it; none where there is no file.

    Raises:
        RecordError: A line is damaged.
    """
    return replay(read_events(path), source=str(path))


_WORDS: Final[dict[type, str]] = {
    str: "a text", int: "a whole number", float: "a number", dict: "a table"
}  # fmt: skip
_FIELDS: Final[dict[str, dict[str, type]]] = {
    "start": {
        "number": int,
        "arm": str,
        "origin": str,
        "config": dict,
        "seed": int,
        "epochs_planned": int,
        "started_at": float,
    },
    "epoch": {"number": int, "epoch": int},
    "failure": {"number": int, "reason": str, "kind": str, "at": float},
    "end": {"number": int, "status": str, "at": float},
}
"""What each event must hold; an epoch has its metrics besides, whose names are the study's."""
_MAY_HOLD: Final[dict[str, type]] = {"fold": int, "start_seed": int}
"""What a start may hold besides."""


def _problem(trials: Mapping[int, TrialRecord], event: Any) -> str | None:
    """Why an event cannot be taken after those that made `trials`, or None."""
    kind = event.get("event") if isinstance(event, dict) else None
    if not isinstance(kind, str) or kind not in _FIELDS:
        return "it is no start, epoch, failure or end"
    for name, wanted in _FIELDS[kind].items():
        if not _is(event.get(name), wanted):
            return f"the `{name}` of this {kind} is missing or not {_WORDS[wanted]}"
    number = event["number"]
    if kind == "start":
        others = event.keys() - {"event"} - _FIELDS["start"].keys()
        if number != len(trials) or others - _MAY_HOLD.keys():
            return f"expected the start of trial {len(trials)} and no more"
        wrong = [name for name in others if not _is(event[name], _MAY_HOLD[name])]
        return f"its `{wrong[0]}` is not {_WORDS[_MAY_HOLD[wrong[0]]]}" if wrong else None
    if number not in trials:
        return f"trial {number} has not started"
    done = len(trials[number].epochs)
    if kind == "epoch":
        return _problem_of_epoch(event, done)
    if kind == "end":
        least = {"completed": trials[number].epochs_planned, "stopped": 1, "failed": 0}
        if done < least.get(event["status"], done + 1):
            return f"trial {number} has {done} epochs and is said to be {event['status']!r}"
    return None


def _problem_of_epoch(event: Mapping[str, Any], done: int) -> str | None:
    if event["epoch"] != done + 1:
        return f"expected epoch {done + 1} of trial {event['number']}, not {event['epoch']}"
    rung = event.get("rung", {"promoted": True})
    if not isinstance(rung, dict) or not isinstance(rung.get("promoted"), bool):
        return "its `rung` does not say whether the trial was promoted"
    return None


def _is(value: Any, wanted: type) -> bool:
    """Whether a value from JSON is of a type; a number is one that a table can hold."""
    if wanted is float:
        return isinstance(value, float) or _is(value, int)
    if wanted is int:
        return type(value) is int and abs(value) < 2**63
    return isinstance(value, wanted)


def _take(trials: dict[int, TrialRecord], event: str, number: int, **fields: Any) -> None:
    """Change `trials` as one event says."""
    match event:
        case "start":
            trials[number] = TrialRecord(number=number, **fields)
        case "epoch":
            trials[number].epochs.append(fields)
        case "failure":
            done = len(trials[number].epochs)
            trials[number].failures.append({**fields, "epochs": done})
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
            RecordError: Another process holds it, or a line is damaged.
        """
        self.path = folder / FILE_NAME
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            _lock(self._descriptor, self.path)
            drop_torn_tail(self.path)
            self.trials = read_trials(self.path)
            self._crc = zlib.crc32(self.path.read_bytes())
        except BaseException:
            os.close(self._descriptor)
            raise

    def append(self, event: str, *, number: int, **fields: Any) -> TrialRecord:
        """Write one event to the disk, then take it into `trials`; returns the trial.

        Raises:
            OSError: The disk refuses, for instance because it is full; the file then ends with
                the last whole line, as before the call.
        """
        line = sealed({"event": event, "number": number, **fields}, self._crc)
        whole = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, whole)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._crc = zlib.crc32(line, self._crc)
        _take(self.trials, event, number, **fields)
        return self.trials[number]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _lock(descriptor: int, path: Path) -> None:
    """Hold the file for this process until it is closed; a killed process frees it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RecordError(
            f"{path.parent}: another process is working on this study. Wait for it or stop it."
        ) from error
    except OSError as error:  # shared file systems may be mounted without locks
        _log.warning(
            "%s cannot be locked (%s): make sure that no second process works on this study",
            path,
            error.strerror,
        )
