"""How often something happens, from k of n."""

from scipy import special


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
