"""This process as the executor: one trial after the other, for tests and tiny work."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from study.running.executor import Item, Job, Shared, Told, failed
from study.running.interruption import StopRequest
from study.running.steps import Place, Steps, one_line
from study.running.trainer import Trainer


@dataclass(frozen=True, kw_only=True)
class InProcess:
    """Trains in this process on a CPU.

    Attributes:
        trainer: Made once for a job of nets, of what its trials share.
        place: Its threads are those of the rest of the process too.
    """

    trainer: Callable[..., Steps] = Trainer
    place: Place = field(default_factory=Place)

    def ready(self) -> AbstractContextManager[None]:
        """Nothing is to be got ready."""
        return nullcontext()

    def run(self, job: Job) -> None:
        """Run the trials one after the other, each to its end."""
        job.tidy_checkpoints()
        trainer = (job.work.trainer or self.trainer)(**job.shared)
        while not job.stop.due() and (assignment := job.search.next()) is not None:
            trainer.begin(job.config_of(assignment, self.place))
            try:
                while job.take(assignment.number, trainer.step()) and not job.stop.due():
                    continue
            finally:
                trainer.end()

    def call(
        self,
        work: Callable[[Shared, Item, Place], Told],
        shared: Shared,
        items: Mapping[str, Item],
        stop: StopRequest,
    ) -> Iterator[tuple[str, Told]]:
        """Do one item after the other."""
        for name, item in items.items():
            if stop.due():
                return
            try:
                told = work(shared, item, self.place)
            except Exception as error:
                raise failed(name, one_line(error)) from error
            yield name, told
