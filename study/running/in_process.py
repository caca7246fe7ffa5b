"""This process as the executor: one trial after the other, for tests and tiny work."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from agecls.data.arrays import TrainingArrays
from study.running.executor import Job
from study.running.trainer import Backbones, Images, Trainer


class Steps(Protocol):
    """What trains one trial after another, as `Trainer` does."""

    def begin(self, config: Mapping[str, Any]) -> None:
        """Start or continue a trial."""

    def step(self) -> dict[str, Any]:
        """The next epoch's metrics, or why there is none."""


@dataclass(frozen=True, kw_only=True)
class InProcess:
    """Trains in this process on a CPU.

    Attributes:
        trainer: Made once for a job.
        threads: Of PyTorch, for the rest of the process too.
    """

    trainer: Callable[[TrainingArrays, Backbones, Mapping[str, Images]], Steps] = Trainer
    threads: int = 1

    def ready(self) -> AbstractContextManager[None]:
        """Nothing is to be got ready."""
        return nullcontext()

    def run(self, job: Job) -> None:
        """Run the trials one after the other, each to its end."""
        job.tidy_checkpoints()
        trainer = self.trainer(job.data, job.backbones, job.scored)
        place = {"threads": self.threads, "wants_gpu": False}
        while not job.stop.due() and (assignment := job.search.next()) is not None:
            trainer.begin(job.config_of(assignment) | place)
            while job.take(assignment.number, trainer.step()) and not job.stop.due():
                continue
