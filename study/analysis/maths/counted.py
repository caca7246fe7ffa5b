"""How often nets learn: k of n, and when one recipe's surely do less often than another's."""

from dataclasses import dataclass
from math import comb
from typing import Final, Self

import numpy as np
from scipy import special

from agecls.intervals import Estimate

_POINTS: Final = 100.0
_NORMAL: Final = 1e9
"""Degrees of freedom of which Student's t is the normal distribution."""
_SUREST: Final = 40.0
"""Standard errors beyond which nothing is surer."""
_HALVINGS: Final = 50

SURE: Final = 0.025
"""One-sided level at which learning less often is sure: it only ever keeps a claim open."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Nets of one kind: how many learned, of how many."""

    k: int
    n: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Of the share that learns."""
        return jeffreys(self.k, self.n, level)

    def is_surely_fewer_than(self, other: "Counted") -> bool:
        """Whether these learn less often (Fisher's exact test)."""
        k, n = self.k + other.k, self.n + other.n
        ways = sum(comb(self.n, i) * comb(other.n, k - i) for i in range(self.k + 1))
        return ways / comb(n, k) < SURE


@dataclass(frozen=True, kw_only=True)
class LearnedMore(Estimate):
    """How many more in a hundred of the first nets learn than of the second: points.

    A difference is excluded where two methods exclude it, which both say something of 0 of 48
    against 0 of 48: the score test with the likeliest shares of that difference (Miettinen and
    Nurminen 1985, "Comparative analysis of two rates") and the interval from the two shares' own
    (Newcombe 1998, "Interval estimation for the difference between independent proportions",
    method 10). One alone errs up to 1.9 and 1.7 times as often as it may (one-sided levels of
    2.5 to 0.05 %, 16 or 48 nets a side, 0 to 40 % of them failing); both together 1.13 times.
    Nets are taken as independent; where shares differ within a side, as between rows of a design
    that both sides have, that is too wide and never too narrow. The parts of the variance, which
    plan further trainings, are Agresti and Caffo's (2000), with a net more of each kind.

    Attributes:
        first: Of the first nets.
        second: Of the second.
    """

    first: Counted
    second: Counted

    @classmethod
    def of(cls, first: Counted, second: Counted, n_seeds: int) -> Self | None:
        """From counts, of which further seeds bring more; None where a side has none."""
        if not (first.n and second.n):
            return None
        smoothed = [((one.k + 1) / (one.n + 2), one.n + 2) for one in (first, second)]
        return cls(
            value=_POINTS * (first.k / first.n - second.k / second.n),
            by_clusters=0.0,
            by_seeds=_POINTS**2 * sum(p * (1 - p) / n for p, n in smoothed),
            freedom=_NORMAL,
            n_seeds=n_seeds,
            clusters_freedom=_NORMAL,
            first=first,
            second=second,
        )

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Differences that are not excluded at the level, within -100 to 100."""
        z = -float(special.ndtri((1 - level) / 2))
        low, high = self._hybrid(z)
        return min(low, self._end(z, -_POINTS)), max(high, self._end(z, _POINTS))

    def p_above(self, limit: float) -> float:
        """One-sided p of the hypothesis that the true difference is at most `limit`."""
        return float(special.ndtr(-self._score(limit)))

    def p_below(self, limit: float) -> float:
        """One-sided p of the hypothesis that the true difference is at least `limit`."""
        return float(special.ndtr(self._score(limit)))

    def _score(self, limit: float) -> float:
        """Standard errors that the difference lies above `limit` by either method, the fewer."""
        z = self._of_likeliest(limit)
        inside, outside = 0.0, min(abs(z), _SUREST)
        for _ in range(_HALVINGS):
            low, high = self._hybrid(outside)
            if not low <= limit <= high:
                break
            middle = (inside + outside) / 2
            low, high = self._hybrid(middle)
            inside, outside = (inside, middle) if low <= limit <= high else (middle, outside)
        return float(np.copysign(outside, z))

    def _hybrid(self, z: float) -> tuple[float, float]:
        """Ends of Newcombe's interval of so many standard errors, from both shares' Wilson's."""
        (p, p_low, p_high), (q, q_low, q_high) = (
            (one.k / one.n, *_wilson(one, z)) for one in (self.first, self.second)
        )
        below, above = np.hypot(p - p_low, q_high - q), np.hypot(p_high - p, q - q_low)
        low, high = self.value - _POINTS * below, self.value + _POINTS * above
        return max(float(low), -_POINTS), min(float(high), _POINTS)

    def _end(self, z: float, end: float) -> float:
        """Where the score test is so sure, between the estimate and one end of all differences."""
        inside, outside = self.value, end
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            is_inside = abs(self._of_likeliest(middle)) < z
            inside, outside = (middle, outside) if is_inside else (inside, middle)
        return outside

    def _of_likeliest(self, limit: float) -> float:
        """Of the score test, 0 where estimate and limit are equal."""
        gap = (self.value - limit) / _POINTS
        if gap == 0:
            return 0.0
        n = self.first.n + self.second.n
        p, q = self._likeliest(limit / _POINTS)
        variance = (p * (1 - p) / self.first.n + q * (1 - q) / self.second.n) * n / (n - 1)
        return float(gap / np.sqrt(variance)) if variance > 0 else float(np.copysign(np.inf, gap))

    def _likeliest(self, d: float) -> tuple[float, float]:
        """The likeliest shares p and p - d: the root of their likelihood's cubic equation."""
        (x, m), (y, n) = ((one.k, one.n) for one in (self.first, self.second))
        a, b = m + n, (m + 2 * n) * d - (m + n) - (x + y)
        c, e = (n * d - (m + n) - 2 * y) * d + x + y, y * d * (1 - d)
        third = b / (3 * a)
        v = third**3 - b * c / (6 * a**2) + e / (2 * a)
        u = np.copysign(np.sqrt(max(third**2 - c / (3 * a), 0.0)), v)
        cosine = np.clip(v / u**3, -1.0, 1.0) if u else 0.0
        q = 2 * u * np.cos((np.pi + np.arccos(cosine)) / 3) - third
        q = float(np.clip(q, max(0.0, -d), min(1.0, 1 - d)))
        return float(np.clip(q + d, 0.0, 1.0)), q


def surely_loses(
    region: tuple[float | None, float | None], first: Counted, second: Counted
) -> bool:
    """Whether points alone do not support a claim, since nets of one side learn less often.

    A claim of "beats" needs better nets among those that learn, and no sure loss in how often a
    net of its better level learns; a claim of "does alike" needs no sure loss of either level.

    Args:
        region: Where the true difference lies if the claim holds; None: no end.
        first: Of the level that is claimed to be better, or named first.
        second: Of the other level.
    """
    is_alike = None not in region
    return first.is_surely_fewer_than(second) or (is_alike and second.is_surely_fewer_than(first))


def _wilson(one: Counted, z: float) -> tuple[float, float]:
    """Interval of a share of so many standard errors (Wilson 1927)."""
    p, n = one.k / one.n, one.n
    middle, grown = p + z**2 / (2 * n), 1 + z**2 / n
    reach = z * np.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    return max(float(middle - reach) / grown, 0.0), min(float(middle + reach) / grown, 1.0)


def jeffreys(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a share from k of n independent cases; 0 and 1 are its ends where k is 0 or n.

    Quantiles of Beta(k + 1/2, n - k + 1/2), the posterior under Jeffreys' prior (Brown, Cai and
    DasGupta 2001, "Interval estimation for a binomial proportion"). Of no case: (0, 1).
    """
    if n == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    a, b = k + 0.5, n - k + 0.5
    low = 0.0 if k == 0 else float(special.betaincinv(a, b, tail))
    return low, 1.0 if k == n else float(special.betaincinv(a, b, 1 - tail))
