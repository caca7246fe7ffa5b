"""How many fresh seeds each arm gets, once all arms have had the same few: seeds where noise is.

The variance of a comparison is a sum over its arms of w^2 spread^2 / seeds. Over all comparisons
it is least, for a given sum of seeds, where seeds go as spread times the root of the sum of w^2
(Neyman 1934). Giving each next seed to the arm where it takes away most finds that in whole seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

COMMON: Final = 5.0
"""Degrees of freedom that the mean variance of all arms counts for beside an arm's own, which two
seeds on five folds tell with as many."""

SURE: Final = 0.01
"""Chance of a wrong verdict at which a claim is no longer open; in the end it is judged at 5 %."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What an arm's first trainings tell of its luck.

    Attributes:
        variance: Of the arm's score, from one training that learned to the next.
        freedom: Degrees of freedom of that, above 0.
        learned: Share of its trainings that learned, above 0.
    """

    variance: float
    freedom: float
    learned: float


def needs(
    noise: Mapping[str, Noise | None], weights: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """What each arm adds, divided by its seeds, to the variances of the comparisons together.

    Args:
        noise: Of each arm; None where nothing tells it, which counts as the mean.
        weights: Each comparison's arms; none of them: the arms' own scores count.
    """
    known = [one for one in noise.values() if one is not None]
    freedom = sum(one.freedom for one in known)
    mean = sum(one.freedom * one.variance for one in known) / freedom if known else 1.0
    asked = weights or [{arm: 1.0} for arm in noise]

    def variance(one: Noise | None) -> float:
        if one is None:
            return mean
        whole = one.freedom * one.variance + COMMON * mean
        return whole / (one.freedom + COMMON) / one.learned

    return {
        arm: variance(one) * sum(claim.get(arm, 0.0) ** 2 for claim in asked)
        for arm, one in noise.items()
    }


def allocate(need: Mapping[str, float], first: Mapping[str, int], n: int) -> dict[str, int]:
    """How many seeds each arm has in the end.

    Args:
        need: As `needs`.
        first: Those that each has, one or more.
        n: More to give, over all arms.
    """
    found = dict(first)
    for _ in range(n):
        # of arms that gain alike the one with fewest seeds, then the first
        best = max(
            found, key=lambda arm: (need[arm] / (found[arm] * (found[arm] + 1)), -found[arm])
        )
        found[best] += 1
    return found
