"""Claims put to confirmed models: two one-sided t tests each, and Holm over those of a family.

A claim's estimate is tested on both sides of where the truth lies if it holds (above or below
`least`; inside or outside the margin), p doubled. Holm's step-down over the claims that are
tested together keeps the chance of any wrong verdict at 5 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agecls.intervals import Estimate
from study.asked.claim import Claim, Region, Verdict


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A claim on one set of images.

    Attributes:
        claim: As declared.
        estimate: Its difference, in points.
        split: The set's name.
        n_models: That it rests on.
    """

    claim: Claim
    estimate: Estimate
    split: str
    n_models: int

    @property
    def p(self) -> float:
        """Two-sided p of the verdict that the estimate speaks for."""
        return two_sided(self.claim.region, self.estimate)[0]

    def opened(self, reason: str) -> dict[str, object]:
        """Its row of `claims` before it is judged."""
        counts = {"n_trials": self.n_models, "n_seeds": self.estimate.n_seeds}
        return opened(self.claim, self.split, reason) | counts


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A test among the others of its family.

    Attributes:
        test: The test.
        p: Its p after Holm's step-down.
        alpha: The level that the step-down held it against.
        family_alpha: Chance of any wrong verdict, over all tests of the family.
        n_tests: In the family.
    """

    test: Tested
    p: float
    alpha: float
    family_alpha: float
    n_tests: int

    @property
    def is_settled(self) -> bool:
        """Whether the claim is supported or refuted."""
        return self.p <= self.family_alpha

    @property
    def verdict(self) -> Verdict:
        """What the test says among the others."""
        return (
            two_sided(self.test.claim.region, self.test.estimate)[1]
            if self.is_settled
            else "unresolved"
        )

    def told(self, tests: str, one: str, *, of: str = "") -> str:
        """The adjusted p, what it is against and how it was adjusted, for a reason.

        Args:
            tests: What the family's tests are called.
            one: What is said of a test alone.
            of: Follows the limit.
        """
        over = f"Holm's adjustment for {self.n_tests} {tests}" if self.n_tests > 1 else one
        return f"p = {self.p:.2g} against {self.test.claim.limit}{of} ({over})"

    def row(self, reason: str) -> dict[str, object]:
        """Its row of `claims`.

        `low` and `high` are of 95 %; the verdict follows from `adjusted_low` and `adjusted_high`.
        """
        estimate = self.test.estimate
        low, high = estimate.interval(1 - self.family_alpha)
        adjusted_low, adjusted_high = estimate.interval(1 - self.alpha)
        return {
            **self.test.opened(reason),
            "estimate": estimate.value,
            "low": low,
            "high": high,
            "verdict": self.verdict,
            "p_value": self.test.p,
            "p_adjusted": self.p,
            "adjusted_low": adjusted_low,
            "adjusted_high": adjusted_high,
        }


def opened(claim: Claim, split: str, reason: str) -> dict[str, object]:
    """The row of `claims` of what was not tested, for a reason."""
    return {
        "claim": claim.name,
        "text": claim.text,
        "verdict": "unresolved",
        "stage": "confirm",
        "n_trials": 0,
        "n_seeds": 0,
        "reason": reason,
        "unit": "points",
        "split": split,
    }


def judge(tests: Sequence[Tested], *, alpha: float) -> list[Judged]:
    """Each test's standing in the family that all of them make, in given order."""
    adjusted = holm([test.p for test in tests])
    return [
        Judged(test=test, p=p, alpha=alpha * share, family_alpha=alpha, n_tests=len(tests))
        for test, (p, share) in zip(tests, adjusted, strict=True)
    ]


def holm(p_values: list[float]) -> list[tuple[float, float]]:
    """Adjusted p (Holm 1979) and the share of alpha that each is held against, in given order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    found = [(1.0, 1.0)] * len(p_values)
    highest = 0.0
    for place, i in enumerate(order):
        left = len(p_values) - place
        highest = max(highest, min(1.0, left * p_values[i]))
        found[i] = (highest, 1 / left)
    return found


def two_sided(region: Region, of: Estimate) -> tuple[float, Verdict]:
    """Two-sided p, and the verdict that it speaks for.

    Args:
        region: Where the truth lies if the claim holds.
        of: The estimate, in the region's unit.
    """
    low, high = region
    above = [] if low is None else [(of.p_above(low), of.p_below(low))]
    below = [] if high is None else [(of.p_below(high), of.p_above(high))]
    inside, outside = zip(*above, *below, strict=True)
    # to lie inside is to lie on the right side of both ends, outside of either
    supported, refuted = max(inside), min(outside)
    if supported <= refuted:
        return min(1.0, 2 * supported), "supported"
    return min(1.0, 2 * refuted), "refuted"
