"""How much of alpha each look may spend, so that stopping after any of them is safe.

A verdict that is tried again after every few blocks would be wrong far more often than alpha.
Lan and DeMets (1983, "Discrete sequential boundaries for clinical trials") fix in advance how
much of alpha is gone when a share of the plan is done, here as O'Brien and Fleming's bounds would
spend it: next to nothing early, so that the end costs hardly more than a single look. The level
of a look is then found from those before it (Armitage, McPherson and Rowe 1969), for estimates
whose precision grows as the trainings. Clusters that were seen once are no new ones the second
time, which ties later looks closer to earlier ones than this assumes: the levels err to safety.

A plan may be prolonged although nothing was settled: a tenth of alpha is kept for what lies
beyond it, of which each doubling of the trainings spends half of what is left.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from scipy import optimize, special

KEPT: Final = 0.1
"""Share of alpha that is left when the plan is over."""

_LEAST: Final = 1e-12
"""A look that may spend less has no bound that the tails of a double tell from none."""

_GRID: Final = 301


def spent(share: float, alpha: float) -> float:
    """What of `alpha` may be gone after a share of the plan, above 0; above 1: past its end.

    Args:
        share: Of the plan.
        alpha: Chance of a wrong verdict to one side, over all looks.
    """
    if share >= 1:
        return alpha * (1 - KEPT / share)
    planned = alpha * (1 - KEPT)
    return 2 * float(special.ndtr(special.ndtri(planned / 2) / np.sqrt(share)))


@cache
def levels(shares: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    """Two-sided level of each look; luck meets any of them to one side with a chance of `alpha`.

    Args:
        shares: Of the plan that was done at each look, ascending, above 0.
        alpha: To each side, over all looks; what is met by the last one is `spent` of it.
    """
    found: list[float] = []
    before, place, density = 0.0, 0.0, None
    for share in shares:
        may = 2 * spent(share, alpha)
        step = np.sqrt(share - place)
        points, weights = density if density is not None else (np.zeros(1), np.ones(1))
        bound = _bound(points, weights, float(step), may - before)
        found.append(2 * float(special.ndtr(-bound / np.sqrt(share))))
        # a bound that cannot be met leaves tails of nothing beyond nine standard errors
        reach = min(bound, 9.0 * float(np.sqrt(share)))
        grid = np.linspace(-reach, reach, _GRID)
        steps = np.exp(-0.5 * ((grid[:, None] - points) / step) ** 2) / (step * np.sqrt(2 * np.pi))
        trapezoid = np.full(_GRID, grid[1] - grid[0])
        trapezoid[[0, -1]] /= 2
        density = grid, (steps @ weights) * trapezoid
        # nothing is lost that a look was too early to spend
        before, place = (before if found[-1] == 0 else may), share
    return tuple(found)


def _bound(points: np.ndarray, weights: np.ndarray, step: float, may: float) -> float:
    """Distance of a random walk from 0 that it passes in its next step with a chance `may`.

    Args:
        points: Where it may stand.
        weights: How likely that is, without an earlier bound passed.
        step: Standard deviation of the next step.
        may: The chance, 0 or more.
    """
    if may < _LEAST:
        return float("inf")

    def beyond(bound: float) -> float:
        tails = special.ndtr((points - bound) / step) + special.ndtr((-points - bound) / step)
        return float(weights @ tails) - may

    farthest = float(np.abs(points).max()) + 9 * step
    return float(optimize.brentq(beyond, 0.0, farthest, xtol=1e-10))


def looks(blocks: int, planned: int) -> Sequence[int]:
    """Numbers of finished blocks after which one looks: 1, 2, 3, 5, 8, … and the planned end.

    Args:
        blocks: That are finished.
        planned: That the plan has.
    """
    numbers, following = {planned}, (1, 2)
    while following[0] <= blocks:
        numbers.add(following[0])
        following = following[1], sum(following)
    return sorted(n for n in numbers if n <= blocks)
