"""How often nets learn: k of n, and when one recipe's surely do less often than another's."""

from dataclasses import dataclass
from math import comb
from typing import Final

from scipy import special

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
