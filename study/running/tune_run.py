"""Ray Tune as the executor of a search: its queue and its decisions are handled here.

Ray is asked for as little as possible: to run trainables on fractional resources and to reuse
their processes. What runs next and who goes on is `study.running.machine`'s to say;
Ray's own snapshots are never read.
"""

import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import ray
from numpy.typing import NDArray
from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from agecls.data.arrays import TrainingArrays
from study.asked.factors import Config
from study.errors import SearchError
from study.folder.storage import Storage
from study.plan.space import recipe_of
from study.running.interruption import StopRequest
from study.running.machine import RETRIES, Assignment, Failure, Search
from study.running.ray_session import Resources, concurrency
from study.running.trainable import (
    FAILURE,
    KIND,
    METRICS,
    PREDICTIONS,
    Backbones,
    FaceTrainable,
    Images,
)

WORKER_DIED = "the worker process died: it was killed, or ran out of memory"
"""The reason of every failure that the trainable could not report itself."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What every finished model is asked to predict.

    Attributes:
        images: By split.
        keep: Takes a trial's number and its probabilities by split, each (N, 8); called before
            the trial's last epoch is recorded, so that a completed trial always has them.
    """

    images: Mapping[str, Images]
    keep: Callable[[int, Mapping[str, NDArray[np.float32]]], None]


class _NotInSnapshots:
    """Ray pickles its parts into snapshots; ours hold open files, and the record has it all."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Queue(_NotInSnapshots, Searcher):
    """Hands the search's assignments to Ray, never more at a time than may run."""

    def __init__(
        self,
        search: Search,
        stop: StopRequest,
        concurrency: int,
        configure: Callable[[Assignment], dict[str, Any]],
    ) -> None:
        super().__init__(metric=None, mode=None)
        self._search = search
        self._stop = stop
        self._concurrency = concurrency
        self._configure = configure
        self._running: set[str] = set()

    def suggest(  # type: ignore[override]  # FINISHED is a text
        self, trial_id: str
    ) -> dict[str, Any] | str | None:
        if self._stop.due() or self._search.is_over:
            return Searcher.FINISHED
        if len(self._running) >= self._concurrency:
            return None
        with self._stop.on_error():
            assignment = self._search.next()
            if assignment is not None:
                self._running.add(trial_id)
                return self._configure(assignment)
        return None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Ray's snapshot needs nothing from us: the record is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Never called: a search is rebuilt from its record."""


class _Judge(_NotInSnapshots, FIFOScheduler):
    """Has every epoch recorded and judged before Ray starts the next one."""

    def __init__(
        self,
        search: Search,
        stop: StopRequest,
        storage: Storage,
        tick: Callable[[], None],
        scoring: Scoring | None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._search = search
        self._stop = stop
        self._storage = storage
        self._tick = tick
        self._scoring = scoring

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        goes_on = False
        with self._stop.on_error():
            goes_on = self._take(trial.config["number"], result)
            self._tick()
        stop: str = TrialScheduler.STOP
        go_on: str = TrialScheduler.CONTINUE
        return go_on if goes_on and not self._stop.due() else stop

    def _take(self, number: int, result: dict[str, Any]) -> bool:
        """Record a step's result; whether the trial goes on in this process."""
        goes_on = False
        if FAILURE in result:
            self._fail(number, result[FAILURE], result[KIND])
        else:
            probabilities = _below(PREDICTIONS, result)
            if probabilities and self._scoring is not None:
                self._scoring.keep(number, probabilities)
            goes_on = self._search.finished_epoch(number, _below(METRICS, result))
        if not goes_on:
            tidy_checkpoints(self._search, self._storage)
        return goes_on

    def _fail(self, number: int, reason: str, kind: str) -> None:
        if kind == "disk":
            raise SearchError(
                f"{self._storage.uri}: a checkpoint cannot be written ({reason}). "
                "Free some space; what is on disk is whole and --resume goes on."
            )
        self._search.failed(number, reason, cast(Failure, kind))

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        with self._stop.on_error():
            self._search.failed(trial.config["number"], *_reason(trial))
            tidy_checkpoints(self._search, self._storage)
            self._tick()


def _below(key: str, result: dict[str, Any]) -> dict[str, Any]:
    """The inner mapping at `key` of a result that Ray has flattened."""
    prefix = f"{key}/"
    return {k.removeprefix(prefix): v for k, v in result.items() if k.startswith(prefix)}


def _reason(trial: Any) -> tuple[str, Failure]:
    """Why Ray lost a trial, in one line, and of which kind that is."""
    if not trial.pickled_error_file:
        return WORKER_DIED, "died"
    with Path(trial.pickled_error_file).open("rb") as file:
        return reason_of(ray.cloudpickle.load(file))


def reason_of(error: object) -> tuple[str, Failure]:
    """What Ray's error means, in one line, and of which kind that is."""
    if isinstance(error, ray.exceptions.RayTaskError):
        return str(error).strip().splitlines()[-1], "raised"
    return WORKER_DIED, "died"


def tidy_checkpoints(search: Search, storage: Storage) -> None:
    """Keep the checkpoints of live trials and of each arm's best one; delete the others.

    What cannot be deleted now, as when a network fails for a moment, goes the next time.
    """
    kept = (*search.live, *search.best_of_arms().values())
    try:
        storage.keep_only({trial.trial_id for trial in kept})
    except OSError as error:
        _log.warning("%s: old checkpoints cannot be deleted (%s)", storage.uri, error)


def run_search(
    search: Search,
    data: TrainingArrays,
    storage: Storage,
    *,
    resources: Resources,
    stop: StopRequest,
    weights: Callable[[Config], str | None],
    backbones: Backbones,
    tick: Callable[[], None],
    scoring: Scoring | None = None,
) -> None:
    """Run the search's trials until it is over or `stop` says so; Ray must be initialised.

    Args:
        search: The state machine that decides.
        data: Shared by all trials through Ray's object store, once per node.
        storage: Where checkpoints go, reachable from every node.
        resources: What one trial takes and how many run at a time.
        stop: Read after each epoch: running trials finish theirs and then wait for a resume.
        weights: From a configuration to the source of its weights; None: scratch.
        backbones: Contents of the sources that are files: they travel with the data.
        tick: Called after every event, for displays and periodic writing.
        scoring: What finished models predict; None: nothing.

    Raises:
        StudyError: The search cannot go on.
        OSError: The record or a table could not be written, as on a full disk.
    """
    tidy_checkpoints(search, storage)

    def configure(assignment: Assignment) -> dict[str, Any]:
        recipe = recipe_of(search.study, assignment.config, assignment.seed)
        return {
            "number": assignment.number,
            "trial_id": assignment.trial_id,
            "recipe": recipe.to_dict(),
            "epochs_done": assignment.epochs_done,
            "storage": storage.uri,
            "weights": weights(assignment.config),
            "threads": max(1, int(resources.cpus_per_trial)),
            "wants_gpu": resources.gpus_per_trial > 0,
        }

    trainable = tune.with_resources(
        tune.with_parameters(
            FaceTrainable,
            data=data,
            backbones=_shareable(backbones),
            scored={} if scoring is None else scoring.images,
        ),
        {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial},
    )
    most_attempts = len(search.plan) * (max(RETRIES.values()) + 1) * search.study.epochs + 1
    with tempfile.TemporaryDirectory(prefix="study-ray-") as scratch:
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=_Queue(search, stop, concurrency(resources), configure),
                scheduler=_Judge(search, stop, storage, tick, scoring),
                num_samples=most_attempts,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=search.study.name,
                storage_path=scratch,
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=0),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        tuner.fit()
    if stop.error is not None:
        raise stop.error


def _shareable(backbones: Backbones) -> Backbones:
    """The same contents in the form that Ray maps into each process, instead of copying them."""
    return {
        source: {name: np.frombuffer(content, np.uint8) for name, content in files.items()}
        for source, files in backbones.items()
    }
