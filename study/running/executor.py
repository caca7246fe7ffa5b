"""What runs a plan's trials, and what every such executor does alike.

Ray is one (`study.running.tune_run`), this process another (`study.running.in_process`). What runs
next and who goes on is `study.running.search_state`'s to say.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from study.asked.study import Study
from study.errors import SearchError
from study.folder.storage import Storage
from study.running.interruption import StopRequest
from study.running.search_state import Assignment, Failure, Search
from study.running.steps import (
    FAILURE,
    KIND,
    METRICS,
    PREDICTIONS,
    Images,
    Place,
    Steps,
)

_log = logging.getLogger(__name__)

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Told = TypeVar("Told")


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What every finished model is asked to predict.

    Attributes:
        images: By split, besides `val`, which is what the trial is validated on.
        keep: Takes a trial's number and its probabilities by split, `val` first, each (N, 8);
            called before the trial's last epoch is recorded, so that a completed trial always
            has them.
    """

    images: Mapping[str, Images]
    keep: Callable[[int, Mapping[str, NDArray[np.float32]]], None]


class Work(Protocol):
    """What a job's trials train."""

    @property
    def trainer(self) -> Callable[..., Steps] | None:
        """Made in a worker of what trials share; None: the executor's own, of nets."""

    def shared(self, scored: Mapping[str, Images] | None) -> dict[str, Any]:
        """What makes a trainer, the same for all trials; `scored`: see `Scoring.images`."""

    def told(self, study: Study, assignment: Assignment) -> dict[str, Any]:
        """What a worker is told of a trial besides its number, checkpoint, fold and place."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A plan to run.

    Attributes:
        search: The state machine that decides.
        work: What its trials train.
        storage: Where checkpoints go, reachable from every node.
        stop: Read after each epoch: running trials finish theirs and then wait for a resume.
        tick: Called after every event, for displays and periodic writing.
        scoring: What finished models predict; None: nothing.
    """

    search: Search
    work: Work
    storage: Storage
    stop: StopRequest
    tick: Callable[[], None]
    scoring: Scoring | None = None

    @property
    def shared(self) -> dict[str, Any]:
        """What makes a trainer, the same for all trials."""
        return self.work.shared(None if self.scoring is None else self.scoring.images)

    def config_of(self, assignment: Assignment, place: Place) -> dict[str, Any]:
        """What a worker is told of a trial."""
        return {
            "number": assignment.number,
            "trial_id": assignment.trial_id,
            "epochs_done": assignment.epochs_done,
            "storage": self.storage.uri,
            "fold": assignment.fold,
            **self.work.told(self.search.study, assignment),
            **vars(place),
        }

    def take(self, number: int, result: Mapping[str, Any]) -> bool:
        """Record a step's result; whether the trial goes on in its process.

        Raises:
            SearchError: The search cannot go on.
            OSError: The record or a model could not be written, as on a full disk.
        """
        goes_on = False
        if FAILURE in result:
            self._failed(number, result[FAILURE], result[KIND])
        else:
            if self.scoring is not None and result.get(PREDICTIONS):
                self.scoring.keep(number, result[PREDICTIONS])
            goes_on = self.search.finished_epoch(number, result[METRICS])
        if not goes_on:
            self.tidy_checkpoints()
        self.tick()
        return goes_on

    def _failed(self, number: int, reason: str, kind: Failure | str) -> None:
        if kind == "disk":
            raise SearchError(
                f"{self.storage.uri}: a checkpoint cannot be written ({reason}). "
                "Free some space; what is on disk is whole and --resume goes on."
            )
        if kind == "changed":
            raise SearchError(reason)
        self.search.failed(number, reason, kind)  # type: ignore[arg-type]  # all but these two

    def tidy_checkpoints(self) -> None:
        """Keep the checkpoints of live trials and of each arm's best one; delete the others.

        What cannot be deleted now, as when a network fails for a moment, goes the next time.
        """
        kept = (*self.search.live, *self.search.best_of_arms().values())
        try:
            self.storage.keep_only({trial.trial_id for trial in kept})
        except OSError as error:
            _log.warning("%s: old checkpoints cannot be deleted (%s)", self.storage.uri, error)


class Executor(Protocol):
    """Runs trials, and other work that takes as long."""

    def ready(self) -> AbstractContextManager[None]:
        """Ready to run jobs within the block.

        Raises:
            StudyError: It cannot be.
        """

    def run(self, job: Job) -> None:
        """Run the job's trials until its search is over or its `stop` says so.

        Raises:
            StudyError: The search cannot go on.
            OSError: The record or a table could not be written, as on a full disk.
        """

    def call(
        self,
        work: Callable[[Shared, Item, Place], Told],
        shared: Shared,
        items: Mapping[str, Item],
        stop: StopRequest,
    ) -> Iterator[tuple[str, Told]]:
        """Name and result of each item, as they come, until all are done or `stop` says so.

        Args:
            work: A module's function, which goes on from its last epoch if it is called again.
            shared: The same for all items.
            items: By the name that an error calls each.
            stop: Read between results.

        Raises:
            SearchError: The work on an item failed.
        """


def failed(name: str, reason: str) -> SearchError:
    """The error of an item that cannot be done."""
    return SearchError(
        f"{name} failed: {reason}. Mend that; --resume goes on from its last epoch."
    )
