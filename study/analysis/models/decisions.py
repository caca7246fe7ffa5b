"""Declared claims put to confirmed models: verdicts with multiplicity, and what would settle more.

Each claim that compares levels of an arm factor is tested on the paired difference of its two
sides, averaged over the other arm factors' cells that have both. Two one-sided t tests per claim
(above or below `least`; inside or outside the margin), p doubled, then Holm's step-down over the
claims that were tested, so that the chance of any wrong verdict stays at 5 %. Claims about tuned
factors, and about shares of variance, cannot be told from a few confirmed arms: they keep the
search's answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from agecls.intervals import Estimate, quantile
from study.analysis.models.confirmed import ScoredSet
from study.analysis.models.scoring import metric_of
from study.analysis.search.verdicts import ANSWER_COLUMNS
from study.analysis.untested import lacks_weights
from study.asked.factors import Claim, DifferenceClaim, EquivalenceClaim, Level, Study, arm_name
from study.quantities import points

MOST_SEEDS: Final = 1000
POINTS: Final = 100.0

COLUMNS: Final = [
    *ANSWER_COLUMNS,
    "split",
    "p_value",
    "p_adjusted",
    "adjusted_low",
    "adjusted_high",
    "search_estimate",
    "search_low",
    "search_high",
    "seeds_needed",
]


@dataclass(frozen=True, kw_only=True)
class _Test:
    """A claim's test: the difference in points, its p, and the verdict if p is small enough.

    Attributes:
        claim: What is tested.
        estimate: The difference.
        arms: Those that it is made of.
        idle: Arms of which no net learned anything: their pairs are left out.
        slow: By arm that is not, how many of its nets hardly learned; they count as they are.
        p: Two-sided.
        verdict: What a small p speaks for.
    """

    claim: DifferenceClaim | EquivalenceClaim
    estimate: Estimate
    arms: tuple[str, ...]
    idle: tuple[str, ...]
    slow: Mapping[str, int]
    p: float
    verdict: str

    @property
    def withheld(self) -> str | None:
        """Why nothing can be told; None where something can."""
        if not self.arms:
            return (
                f"no net of {', '.join(self.idle)} learned anything: none is better than naming "
                "how common each class is, and such nets say nothing of a factor"
            )
        if self.estimate.error == 0:
            return "nothing varied: all nets that are compared do alike, which is no certainty"
        return None

    @property
    def notes(self) -> str:
        """What a reader of the verdict must know of its nets, each part behind a semicolon."""
        said = [f"left out with its pair: {arm}, none of whose nets learned" for arm in self.idle]
        n = self.estimate.n_seeds
        said += [f"{k} of {n} nets of {arm} hardly learned" for arm, k in self.slow.items()]
        return "".join(f"; {part}" for part in said)


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Parameters of the verdicts.

    Attributes:
        alpha: Chance of any wrong verdict, over all claims of the study.
        power: Chance to settle a claim, for the number of seeds.
    """

    alpha: float = 0.05
    power: float = 0.8

    def __call__(
        self, study: Study, scored: ScoredSet, search_claims: pd.DataFrame
    ) -> pd.DataFrame:
        """The claims that confirmed arms decide, in the study's order.

        Args:
            study: The study file.
            scored: The models on the images that claims are judged on.
            search_claims: `claim, estimate, low, high` of the search stage.

        Returns:
            `COLUMNS`; estimates in points, `low` and `high` of 95 %, `adjusted_low` and
            `adjusted_high` of the level that Holm's procedure gave this claim, from which the
            verdict follows; `n_trials` counts models, `seeds_needed` those per arm that would
            settle it with 80 % power if the estimate were true (null: no number would).
        """
        found = [t for t in (_tested(claim, study, scored) for claim in study.claims) if t]
        tests = [test for test in found if test.withheld is None]
        adjusted = dict(zip(map(id, tests), holm([t.p for t in tests]), strict=True))
        before = {row["claim"]: row for row in search_claims.to_dict("records")}
        rows = []
        for test in found:
            searched = before.get(test.claim.name, {})
            row = {
                "claim": test.claim.name,
                "text": test.claim.text,
                "verdict": "unresolved",
                "stage": "confirm",
                "n_trials": len(test.arms or test.idle) * test.estimate.n_seeds,
                "n_seeds": test.estimate.n_seeds,
                "reason": test.withheld,
                "unit": "points",
                "split": scored.split,
                **{f"search_{k}": searched.get(k) for k in ("estimate", "low", "high")},
            }
            rows.append(row)
            if test.withheld is not None:
                continue
            p, level = adjusted[id(test)]
            alpha = self.alpha * level
            is_settled = p <= self.alpha
            seeds = None if is_settled else self.seeds_needed(test.claim, test.estimate, alpha)
            low, high = test.estimate.interval(1 - self.alpha)
            adjusted_low, adjusted_high = test.estimate.interval(1 - alpha)
            row |= {
                "estimate": test.estimate.value,
                "low": low,
                "high": high,
                "verdict": test.verdict if is_settled else "unresolved",
                "reason": self._reason(test, p, len(tests), seeds, scored) + test.notes,
                "p_value": test.p,
                "p_adjusted": p,
                "adjusted_low": adjusted_low,
                "adjusted_high": adjusted_high,
                "seeds_needed": seeds,
            }
        return pd.DataFrame(rows, columns=COLUMNS)

    def seeds_needed(
        self, claim: DifferenceClaim | EquivalenceClaim, estimate: Estimate, alpha: float
    ) -> int | None:
        """Fewest seeds per arm that would settle the claim if today's estimate were true.

        More seeds do not narrow what the images' clusters leave open; None if that is too wide.
        """
        if isinstance(claim, DifferenceClaim):
            distance = abs(estimate.value - claim.least)
        else:
            distance = abs(claim.within - abs(estimate.value))
        for n in range(2, MOST_SEEDS + 1):
            error, freedom = estimate.with_seeds(n)
            reach = quantile(freedom, 1 - alpha / 2) + quantile(freedom, self.power)
            if reach * error <= distance:
                return n
        return None

    def _reason(
        self, test: _Test, p: float, n_claims: int, seeds: int | None, scored: ScoredSet
    ) -> str:
        limit = (
            points(test.claim.least)
            if isinstance(test.claim, DifferenceClaim)
            else f"±{points(test.claim.within)}"
        )
        over = f"Holm's adjustment for {n_claims} claims" if n_claims > 1 else "one claim tested"
        if p <= self.alpha:
            return f"p = {p:.2g} against {limit} ({over})"
        if seeds is not None:
            more = max(seeds, test.estimate.n_seeds + 1)
            return (
                f"p = {p:.2g} against {limit} ({over}); about {more} seeds per arm would settle "
                "it if the estimate were true"
            )
        return (
            f"p = {p:.2g} against {limit} ({over}); no number of seeds would settle it: "
            f"{scored.n_images:,} {scored.split} images in {scored.clusters.n:,} clusters are too "
            "few, or the true difference lies too near the limit"
        )


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


def sides(claim: Claim, study: Study) -> tuple[Level, Level] | None:
    """The two levels that a claim compares, if its factor is an arm; None: not for arms to say."""
    if not isinstance(claim, DifferenceClaim | EquivalenceClaim):
        return None
    if claim.factor not in {f.name for f in study.of_role("arm")}:
        return None
    return claim.equal if isinstance(claim, EquivalenceClaim) else (claim.better, claim.worse)


def _tested(claim: Claim, study: Study, scored: ScoredSet) -> _Test | None:
    levels = sides(claim, study)
    if levels is None or not isinstance(claim, DifferenceClaim | EquivalenceClaim):
        return None
    if lacks_weights(study, claim):
        return None
    pairs = [
        (first, second)
        for cell in study.arms
        if cell[claim.factor] == levels[0]
        for first, second in [[arm_name(study, {**cell, claim.factor: x}) for x in levels]]
        if first in scored.arms and second in scored.arms
    ]
    idle = tuple(a for pair in pairs for a in pair if not any(scored.arms[a].learned))
    sound = [pair for pair in pairs if not {*pair} & {*idle}]
    compared = sound or pairs
    if not compared:
        return None
    weights = {
        arm: sign * POINTS / len(compared)
        for pair in compared
        for arm, sign in zip(pair, (1, -1), strict=True)
    }
    estimate = scored.contrast(weights, metric_of(study.metric))
    if estimate is None:
        return None
    p, verdict = _p_value(claim, estimate)
    arms = tuple(arm for pair in sound for arm in pair)
    return _Test(
        claim=claim,
        estimate=estimate,
        arms=arms,
        idle=idle,
        slow={arm: n for arm in arms if (n := scored.arms[arm].learned.count(False))},
        p=p,
        verdict=verdict,
    )


def _p_value(claim: DifferenceClaim | EquivalenceClaim, of: Estimate) -> tuple[float, str]:
    """Two-sided p and the verdict that it speaks for."""
    p: Mapping[str, float]
    if isinstance(claim, DifferenceClaim):
        p = {"supported": of.p_above(claim.least), "refuted": of.p_below(claim.least)}
    else:
        inside = max(of.p_above(-claim.within), of.p_below(claim.within))
        outside = min(of.p_above(claim.within), of.p_below(-claim.within))
        p = {"supported": inside, "refuted": outside}
    verdict = min(p, key=lambda name: p[name])
    return min(1.0, 2 * p[verdict]), verdict
