"""What stops a trial: ASHA's decisions at its rungs, which are fractions of its planned length.

Asynchronous successive halving in its stopping form (Li et al. 2020, "A System for Massively
Parallel Hyperparameter Tuning", section 3), with two departures that make rungs comparable: a
rung lies at a fraction of the trial's own schedule, and a value meets only values of the same arm
and the same planned length. Otherwise annealed short schedules would beat unannealed long ones.
"""

from dataclasses import dataclass, field
from math import ceil
from typing import Final

POWERS: Final = (2, 1)
"""Of the reduction by which a trial's rungs divide its planned length, first rung first."""


def rung_epoch(planned: int, reduction: int, power: int) -> int:
    """Epoch at which the rung of a power lies: that part of `planned`, rounded up."""
    epoch: int = ceil(planned / reduction**power)
    return epoch


def rung_epochs(planned: int, reduction: int) -> tuple[int, ...]:
    """Epochs (from 1) after which a trial of `planned` epochs is judged; never the last."""
    epochs = (rung_epoch(planned, reduction, power) for power in POWERS)
    return tuple(sorted({epoch for epoch in epochs if epoch < planned}))


def is_promotable(value: float, others: list[float], reduction: int) -> bool:
    """Whether `value` is among the best 1/reduction of itself and `others`; higher is better.

    Fewer than `reduction` values decide nothing, and ties go on.
    """
    n = len(others) + 1
    if n < reduction:
        return True
    return sum(other > value for other in others) < n // reduction


@dataclass(frozen=True)
class Decision:
    """What happened at a rung: its epoch, how many values it held, and who goes on."""

    epoch: int
    n: int
    promoted: bool


@dataclass
class Rungs:
    """Every value seen at every rung of a study.

    Attributes:
        reduction: ASHA's eta.
    """

    reduction: int
    _values: dict[tuple[str, int, int], list[float]] = field(default_factory=dict)

    def judge(
        self, *, arm: str, planned: int, epoch: int, value: float, may_stop: bool
    ) -> Decision | None:
        """Take a trial's value into its rung and decide; None where no rung lies at this epoch.

        Trials of the design are judged with `may_stop=False`: their values count for others,
        and they always go on.
        """
        if epoch not in rung_epochs(planned, self.reduction):
            return None
        others = self._values.setdefault((arm, planned, epoch), [])
        promoted = not may_stop or is_promotable(value, others, self.reduction)
        others.append(value)
        return Decision(epoch=epoch, n=len(others), promoted=promoted)
