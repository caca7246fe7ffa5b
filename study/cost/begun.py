"""What a study that goes on has on record, which costs nothing any more."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from study.asked.study import Study
from study.folder.folder import Folder
from study.folder.record import TrialRecord
from study.plan.trials import PlannedTrial


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What is on record of each stage.

    Attributes:
        search: The search's trials by number.
        scouts: The scouts by number.
        n_chosen: Arms that are confirmed: those with a trial that ran to its end; None: the
            stage has not begun.
        n_confirmed: Trainings of the confirm stage that have ended.
        is_settling: Whether the design of settling is drawn.
    """

    search: Mapping[int, TrialRecord] = field(default_factory=dict)
    scouts: Mapping[int, TrialRecord] = field(default_factory=dict)
    n_chosen: int | None = None
    n_confirmed: int = 0
    is_settling: bool = False

    @classmethod
    def of(cls, path: Path) -> "Begun":
        """What lies in a study's folder.

        Raises:
            RecordError: A record is damaged.
        """
        folder = Folder(path)
        confirmed, chosen = folder.confirm.trials().values(), folder.confirm.chosen()
        return cls(
            search=folder.trials(),
            scouts=folder.scout.trials(),
            n_chosen=None if chosen is None else len(chosen),
            n_confirmed=sum(trial.status != "running" for trial in confirmed),
            is_settling=folder.settle.design.exists(),
        )

    def left(self, plan: Iterable[PlannedTrial]) -> list[PlannedTrial]:
        """The search's trials that have not ended."""
        going = {n for n, trial in self.search.items() if trial.status == "running"}
        return [p for p in plan if p.number in going or p.number not in self.search]

    def epochs_of(self, number: int) -> int:
        """Epochs that a trial has behind it."""
        return len(self.search[number].epochs) if number in self.search else 0

    def scout_epochs_left(self, plan: Iterable[PlannedTrial]) -> int:
        """Epochs that scouts can still take."""
        left = 0
        for planned in plan:
            assert planned.config is not None  # all are decided before
            scout = self.scouts.get(planned.number)
            if scout is None:
                left += int(planned.config["epochs"])
            elif scout.status == "running":
                left += scout.epochs_planned - len(scout.epochs)
        return left

    def to_confirm(self, study: Study) -> int:
        """Trainings of the confirm stage, in every fold, that have not ended."""
        n_arms = len(study.arms) if self.n_chosen is None else self.n_chosen
        n_folds = 1 if study.folds is None else study.folds.k
        return max(0, n_arms * study.confirm_seeds * n_folds - self.n_confirmed)

    def told(self, plan: Sequence[PlannedTrial]) -> str:
        """How many of the planned trials have ended, and which are to come."""
        left = self.left(plan)
        ended = f"{len(plan) - len(left)} of these have ended"
        return f"{ended}; left: {by_origin(left)}" if left else "all of these have ended"

    @property
    def the_search(self) -> str:
        """What of the search is priced."""
        return "what is left of the search" if self.search or self.scouts else "the search"


NOTHING: Final = Begun()
"""Of a study that is new."""


def by_origin(trials: Iterable[PlannedTrial]) -> str:
    """How many there are of each origin, such as `10 design, 2 repeat`."""
    origins = Counter(planned.origin for planned in trials)
    return ", ".join(f"{n} {origin}" for origin, n in origins.items())
