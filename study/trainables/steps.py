"""One call of a user's function after another in one process, step by step: a step is an epoch.

The function runs in a thread of its own, and one of the two threads works at a time: the
function while an epoch is asked for, the study between epochs. So it has an epoch on disk before
the next one starts.
"""

import errno
import logging
import platform
import sys
from collections.abc import Callable, Mapping
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agecls.data.folds import Folds
from study.asked.plans import Trainable
from study.errors import StudyError
from study.running.peak import peak_mib, reset_peak
from study.running.steps import FAILURE, KIND, METRICS
from study.trainables.found import FunctionChanged, check_call, check_unchanged, line_of, load
from study.trainables.kept import Checkpoint
from study.trainables.report import Configuration, Report, TrialStopped

CLEANING_UP: Final = 60.0
"""Seconds that a function may take to end once its trial has been stopped."""

UNREAD: Final = "unread"
"""Key of a trial's last epoch: names in its configuration that the function never looked at."""

_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Not the trial's fault, and no use to go on."""

_log = logging.getLogger(__name__)


class Fold(NamedTuple):
    """What a trial is trained on and what it is scored on.

    Attributes:
        train: Places of the examples of all other folds, (N,) int64.
        held_out: Places of the fold's own, which must not be trained on.
    """

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]


class FunctionSteps:
    """Trains by calling a function; see `study.running.steps.Steps`."""

    def __init__(
        self, asked: Trainable, fingerprint: str, metric: str, folds: Folds | None
    ) -> None:
        """Have ready what all trials share; the module is imported with the first trial.

        Args:
            asked: The function, located.
            fingerprint: Of its text when the command began; see `found.fingerprint`.
            metric: The study's.
            folds: Of its examples; None: there are none.
        """
        self._asked, self._fingerprint = asked, fingerprint
        self._function, self._folder = asked.function, asked.folder
        self._metric, self._folds = metric, folds
        self._turns: Turns | None = None

    def begin(self, config: Mapping[str, Any]) -> None:
        """Start or continue a trial.

        Args:
            config: `config` (level per factor), `seed`, `epochs` (planned), `epochs_done` (that
                the record has), `fold` (number or None), `trial_id`, `storage` (URI of the
                checkpoints), `threads` and `wants_gpu`.
        """
        self.end()
        self._turns = Turns(partial(self._call, dict(config)))

    def end(self, *, within: float | None = None) -> None:
        """Let the trial that is running clean up and go, for so many seconds or CLEANING_UP."""
        if self._turns is not None:
            self._turns.end(CLEANING_UP if within is None else within)
            self._turns = None

    def step(self, *, within: float | None = None) -> dict[str, Any]:
        """The next epoch's metrics, or why there is none.

        Raises:
            queue.Empty: There is neither `within` so many seconds.
        """
        assert self._turns is not None
        found = self._turns.next(within)
        if not isinstance(found, BaseException):
            return found
        if isinstance(found, FunctionChanged):
            return {FAILURE: str(found), KIND: "changed"}
        if isinstance(found, StudyError):  # the module is not what the study file says
            return {FAILURE: str(found), KIND: "refused"}
        if isinstance(found, OSError) and found.errno in _DISK:
            return {FAILURE: f"{found.strerror}: {found.filename}", KIND: "disk"}
        return {FAILURE: line_of(found, self._folder), KIND: "raised"}

    def _call(self, config: Mapping[str, Any], give: Callable[[dict[str, Any]], None]) -> None:
        """Call the function for one trial; in the trial's thread."""
        # a worker that starts late, or again, would import what has been saved since
        check_unchanged(self._asked, self._fingerprint)
        function = load(self._function, self._folder)
        check_call(self._function, function)
        _begin_here(config["threads"])
        asked = Configuration(config["config"])
        with Checkpoint(config["storage"], config["trial_id"]) as kept:
            report = Report(
                give,
                metric=self._metric,
                epochs=config["epochs"],
                epochs_done=config["epochs_done"],
                kept=kept,
                where=partial(_where, wants_gpu=config["wants_gpu"]),
            )
            function(asked, seed=config["seed"], fold=self._fold(config["fold"]), report=report)
        if report.last is None:
            name = self._function.partition(":")[2]
            report.fail(
                f"{name} returned after {report.told} of {config['epochs']} epochs; report every "
                'epoch up to config["epochs"]',
                "refused",
            )
        else:
            report.last[METRICS][UNREAD] = sorted(asked.unread)
            give(report.last)

    def _fold(self, number: int | None) -> Fold | None:
        if number is None:
            return None
        assert self._folds is not None
        return Fold(self._folds.trained_on(number), self._folds.held_out(number))


class Turns:
    """A function in a thread of its own that takes turns with whoever asks it for results."""

    def __init__(self, work: Callable[[Callable[[dict[str, Any]], None]], None]) -> None:
        """Begin with the first `next`.

        Args:
            work: Called with what it hands each result to.
        """
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._given: SimpleQueue[dict[str, Any] | BaseException] = SimpleQueue()
        self._is_over = False
        # a daemon: a function that does not come back does not keep the process alive
        self._thread = Thread(target=self._run, args=(work,), name="trial", daemon=True)
        self._thread.start()

    def next(self, within: float | None) -> dict[str, Any] | BaseException:
        """The next result, or what the function raised in the place of one.

        Raises:
            queue.Empty: There is neither after so many seconds; None: wait as long as it takes.
        """
        self._asked.put(True)
        return self._given.get(timeout=within)

    def end(self, within: float) -> None:
        """Have the function end where it waits, and wait so many seconds for it."""
        self._is_over = True
        self._asked.put(False)
        self._thread.join(within)
        if self._thread.is_alive():
            _log.warning(
                "a function that was stopped did not end within %g s; it goes on beside what "
                "follows",
                within,
            )

    def _run(self, work: Callable[[Callable[[dict[str, Any]], None]], None]) -> None:
        try:
            self._wait()
            work(self._give)
            self._given.put(RuntimeError("no epoch is left"))
        # a call of `sys.exit`, too, is the trial's failure
        except BaseException as error:
            if not (self._is_over and isinstance(error, TrialStopped)):
                self._given.put(error)

    def _give(self, result: dict[str, Any]) -> None:
        if self._is_over:
            raise TrialStopped
        self._given.put(result)
        self._wait()

    def _wait(self) -> None:
        if not self._asked.get():
            raise TrialStopped


def _begin_here(threads: int) -> None:
    """Count memory from now, and have PyTorch, if it is used at all, keep to the trial's part."""
    reset_peak()
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()


def _where(*, wants_gpu: bool) -> dict[str, Any]:
    """Where an epoch was trained, and the memory that it took."""
    device, peak = "cpu", peak_mib()
    torch = sys.modules.get("torch")
    if wants_gpu and torch is not None and torch.cuda.is_available():
        device, peak = torch.cuda.get_device_name(), torch.cuda.max_memory_allocated() / 2**20
    return {"node": platform.node(), "device": device, "peak_memory_mib": peak}
