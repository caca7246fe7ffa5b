"""Ray Tune as the executor of a search: its queue and its decisions are handled here.

Ray is asked for as little as possible: to run trainables on fractional resources and to reuse
their processes. What runs next and who goes on is `study.running.search_state`'s to say;
Ray's own snapshots are never read.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import ray
from ray import tune
from ray.tune.execution import class_cache
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from study.running import ray_session
from study.running.executor import Item, Job, Shared, Told, failed
from study.running.interruption import StopRequest
from study.running.ray_session import Resources, concurrency
from study.running.search_state import RETRIES, Failure
from study.running.steps import (
    FAILURE,
    KIND,
    METRICS,
    PREDICTIONS,
    Place,
    Steps,
)
from study.running.trainable import Stepping

WORKER_DIED = "the worker process died: it was killed, or ran out of memory"
"""The reason of every failure that the trainable could not report itself."""


class _NotInSnapshots:
    """Ray pickles its parts into snapshots; ours hold open files, and the record has it all."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Queue(_NotInSnapshots, Searcher):
    """Hands the search's assignments to Ray, never more at a time than may run."""

    def __init__(self, job: Job, place: Place, at_a_time: int) -> None:
        super().__init__(metric=None, mode=None)
        self._job = job
        self._place = place
        self._concurrency = at_a_time
        self._running: set[str] = set()

    def suggest(  # type: ignore[override]  # FINISHED is a text
        self, trial_id: str
    ) -> dict[str, Any] | str | None:
        stop, search = self._job.stop, self._job.search
        if stop.due() or search.is_over:
            return Searcher.FINISHED
        if len(self._running) >= self._concurrency:
            return None
        with stop.on_error():
            assignment = search.next()
            if assignment is not None:
                self._running.add(trial_id)
                return self._job.config_of(assignment, self._place)
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

    def __init__(self, job: Job) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._job = job

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        goes_on = False
        with self._job.stop.on_error():
            goes_on = self._job.take(trial.config["number"], _unflattened(result))
        stop: str = TrialScheduler.STOP
        go_on: str = TrialScheduler.CONTINUE
        return go_on if goes_on and not self._job.stop.due() else stop

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        with self._job.stop.on_error():
            reason, kind = _reason(trial)
            self._job.take(trial.config["number"], {FAILURE: reason, KIND: kind})


def _unflattened(result: dict[str, Any]) -> dict[str, Any]:
    """A step's result as the trainable gave it, which Ray has flattened."""
    if FAILURE in result:
        return result
    return {key: _below(key, result) for key in (METRICS, PREDICTIONS)}


def _below(key: str, result: dict[str, Any]) -> dict[str, Any]:
    """The inner mapping at `key` of a result that Ray has flattened."""
    prefix = f"{key}/"
    return {k.removeprefix(prefix): v for k, v in result.items() if k.startswith(prefix)}


def _reason(trial: Any) -> tuple[str, Failure]:
    """Why Ray lost a trial, in one line, and of which kind that is."""
    if not trial.pickled_error_file:
        return WORKER_DIED, "died"
    with Path(trial.pickled_error_file).open("rb") as file:
        return _reason_of(ray.cloudpickle.load(file))


def _reason_of(error: object) -> tuple[str, Failure]:
    """What Ray's error means, in one line, and of which kind that is."""
    if isinstance(error, ray.exceptions.RayTaskError):
        return str(error).strip().splitlines()[-1], "raised"
    return WORKER_DIED, "died"


@dataclass(frozen=True)
class OnRay:
    """Ray Tune; what trials share goes through its object store, once per node.

    Attributes:
        resources: What one trial takes and how many run at a time.
        trainer: Made in a worker of what a job's trials share, where these are nets.
    """

    resources: Resources
    trainer: Callable[..., Steps]

    def ready(self) -> AbstractContextManager[None]:
        """Ray within the block, started or joined."""
        return ray_session.ray_session(self.resources)

    def run(self, job: Job) -> None:
        """Run the job's trials side by side; within `ready`."""
        job.tidy_checkpoints()
        use_ready_workers()
        trainable = tune.with_resources(
            tune.with_parameters(
                Stepping,
                trainer=job.work.trainer or self.trainer,
                shared=job.shared,
            ),
            {"cpu": self.resources.cpus_per_trial, "gpu": self.resources.gpus_per_trial},
        )
        search = job.search
        most_attempts = len(search.plan) * (max(RETRIES.values()) + 1) * search.study.epochs + 1
        with tempfile.TemporaryDirectory(prefix="study-ray-") as scratch:
            tuner = tune.Tuner(
                trainable,
                tune_config=tune.TuneConfig(
                    search_alg=_Queue(job, self.resources.place, concurrency(self.resources)),
                    scheduler=_Judge(job),
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
        if job.stop.error is not None:
            raise job.stop.error

    def call(
        self,
        work: Callable[[Shared, Item, Place], Told],
        shared: Shared,
        items: Mapping[str, Item],
        stop: StopRequest,
    ) -> Iterator[tuple[str, Told]]:
        """Do the items side by side; within `ready`. Those that run when it stops are killed."""
        task = cast(Any, ray.remote(cast(Any, work))).options(
            num_cpus=self.resources.cpus_per_trial, num_gpus=self.resources.gpus_per_trial
        )
        stored = ray.put(shared)
        running = {
            task.remote(stored, item, self.resources.place): name for name, item in items.items()
        }
        try:
            while running and not stop.due():
                for reference in ray.wait(list(running), timeout=1.0)[0]:
                    name = running.pop(reference)
                    yield name, _told(reference, name)
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _told(reference: Any, name: str) -> Any:
    """What came of an item that is done."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        raise failed(name, _reason_of(error)[0]) from error


def use_ready_workers() -> None:
    """Have trials run in the workers that Ray has ready.

    Ray Tune gives trials a variable for PyTorch Lightning, for whose sake Ray would start workers
    of their own for them, each in two processes one after the other: 2 CPU seconds a core.
    """
    getattr(class_cache, "DEFAULT_ENV_VARS", {}).clear()
