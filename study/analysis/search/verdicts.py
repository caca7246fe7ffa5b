"""Claims that were declared before the search, judged by the search alone.

A claim about levels is about both sides tuned; the search answers with the model's tuned
contrast, never with the best trials seen. Everything finer belongs to the confirm stage. The
verdict follows from the interval printed beside it and the smallest difference of interest:
supported or refuted if the whole interval lies on one side, else unresolved.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.analysis.maths.effects import Surface
from study.analysis.maths.support import FEWEST, Support
from study.analysis.search.contrasts import Contrasts
from study.analysis.search.frames import Frames
from study.analysis.search.importance import Rules
from study.analysis.search.ranges import compare_ranges
from study.analysis.untested import Untested, lacks_faces, lacks_weights
from study.asked.factors import (
    Claim,
    DifferenceClaim,
    DropClaim,
    EquivalenceClaim,
    ImportanceClaim,
    RangeClaim,
)
from study.quantities import count, points

ANSWER_COLUMNS = [
    "claim",
    "text",
    "estimate",
    "low",
    "high",
    "verdict",
    "stage",
    "n_trials",
    "n_seeds",
    "reason",
    "command",
    "unit",
]
"""What the answers of both stages have."""

COLUMNS = [*ANSWER_COLUMNS, "average", "average_low", "average_high"]


@dataclass(frozen=True, kw_only=True)
class Claims:
    """Parameters of the claim verdicts.

    Attributes:
        rules: Of intervals and support.
        contrasts: How levels are compared.
    """

    rules: Rules
    contrasts: Contrasts

    def __call__(
        self,
        frames: Frames,
        surface: Surface | None,
        support: Support,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Every claim of the study.

        Returns:
            Columns `claim, text, estimate, low, high` (null where withheld), `verdict`
            (supported, refuted, unresolved), `stage` (search), `n_trials` (full length, of the
            less supported side), `n_seeds` (0), `reason`, `command` (which tests a claim that
            this study cannot test; else null), `unit` (`points`, or `share` for
            importance claims), and the contrast averaged over the box `average, average_low,
            average_high`.
        """
        records = []
        for claim in frames.study.claims:
            answer = self._answer(claim, frames, surface, support, rng)
            base = {"claim": claim.name, "text": claim.text, "stage": "search", "n_seeds": 0}
            records.append(base | answer)
        return pd.DataFrame(records, columns=COLUMNS)

    def _answer(
        self,
        claim: Claim,
        frames: Frames,
        surface: Surface | None,
        support: Support,
        rng: np.random.Generator,
    ) -> dict[str, object]:
        missing = lacks_weights(frames.study, claim)
        if isinstance(claim, DropClaim):
            return untested("points", missing or lacks_faces(frames.study, claim))
        if missing is not None:
            return untested("share" if isinstance(claim, ImportanceClaim) else "points", missing)
        if isinstance(claim, RangeClaim):
            return self._range(claim, frames)
        varied = {axis.name for axis in support.box.axes}
        named = [claim.factor] + ([claim.more_than] if isinstance(claim, ImportanceClaim) else [])
        unit = "share" if isinstance(claim, ImportanceClaim) else "points"
        for name in named:
            if name not in varied:
                return withheld(unit, 0, f"`{name}` is not varied in this study")
        if surface is None:
            n = support.n_trials
            few = count(n, "full-length trial")
            return withheld(unit, n, f"only {few}: raise design_share or trials")
        if isinstance(claim, ImportanceClaim):
            return self._importance(claim, surface, support)
        sides = claim.equal if isinstance(claim, EquivalenceClaim) else (claim.better, claim.worse)
        if support.box.axes[support.box.index(claim.factor)].is_numeric:
            return withheld(unit, 0, f"`{claim.factor}` is a number; its levels cannot be tuned")
        cells = ({claim.factor: sides[0]}, {claim.factor: sides[1]})
        compared = self.contrasts.compare(surface, support, [(claim.factor, *cells)], rng)
        average, tuned = (compared.iloc[k] for k in (0, 1))
        n = int(tuned["n_trials"])
        if np.isnan(tuned["estimate"]):
            return withheld(unit, n, tuned["reason"])
        low, high = float(tuned["low"]), float(tuned["high"])
        verdict, reason = judge(claim, low, high)
        return {
            "estimate": float(tuned["estimate"]),
            "low": low,
            "high": high,
            "verdict": verdict,
            "n_trials": n,
            "reason": reason,
            "unit": unit,
            "average": average["estimate"],
            "average_low": average["low"],
            "average_high": average["high"],
        }

    def _range(self, claim: RangeClaim, frames: Frames) -> dict[str, object]:
        """Difference of the two parts' means over all design trials."""
        found = compare_ranges(frames, claim, level=self.rules.level)
        if found.reason:
            return withheld("points", found.n_trials, found.reason)
        verdict, reason = judge(claim, found.low, found.high)
        return {
            "estimate": found.estimate,
            "low": found.low,
            "high": found.high,
            "verdict": verdict,
            "n_trials": found.n_trials,
            "reason": f"{reason}; design trials only, {found.n_collapsed} collapsed ones counted "
            "with the value that they ended at",
            "unit": "points",
        }

    def _importance(
        self, claim: ImportanceClaim, surface: Surface, support: Support
    ) -> dict[str, object]:
        """Difference of the two factors' total shares."""
        axes = [support.box.index(claim.factor), support.box.index(claim.more_than)]
        n = min(support.fewest(axis) for axis in axes)
        if n < FEWEST:
            reason = (
                f"withheld: {count(n, 'full-length trial')} at one level or third of the range "
                f"(at least {FEWEST} are needed); raise design_share or trials"
            )
            return withheld("share", n, reason)
        terms = surface.basis.terms
        nothing = np.zeros(len(surface.weights))
        total = sum((surface.variance(t) for t in terms), start=nothing) + 1e-12
        shares = [
            sum((surface.variance(t) for t in terms if axis in t.axes), start=nothing) / total
            for axis in axes
        ]
        difference = shares[0] - shares[1]
        low, high = self.rules.interval(difference)
        verdict, reason = judge(claim, low, high)
        return {
            "estimate": float(difference.mean()),
            "low": low,
            "high": high,
            "verdict": verdict,
            "n_trials": n,
            "reason": reason,
            "unit": "share",
        }


def withheld(unit: str, n: int, reason: str) -> dict[str, object]:
    """An answer without a number."""
    return {
        "estimate": None,
        "low": None,
        "high": None,
        "verdict": "unresolved",
        "n_trials": n,
        "reason": reason,
        "unit": unit,
    }


def untested(unit: str, missing: Untested) -> dict[str, object]:
    """An answer of a study that cannot test the claim."""
    return withheld(unit, 0, missing.reason) | {"command": missing.command}


def judge(claim: Claim, low: float, high: float) -> tuple[str, str]:
    """Verdict and reason from an interval (points; share difference for importance claims)."""
    if isinstance(claim, DifferenceClaim | RangeClaim):
        if low >= claim.least:
            return "supported", f"the interval lies above {points(claim.least)}"
        if high < claim.least:
            return "refuted", f"the interval lies below {points(claim.least)}"
        settles = (
            "confirm with fresh seeds"
            if isinstance(claim, DifferenceClaim)
            else "more design trials settle it"
        )
        return "unresolved", f"the interval holds {points(claim.least)}: {settles}"
    if isinstance(claim, EquivalenceClaim):
        if -claim.within < low and high < claim.within:
            return "supported", f"the interval lies within ±{points(claim.within)}"
        if low >= claim.within or high <= -claim.within:
            return "refuted", f"the interval lies outside ±{points(claim.within)}"
        return "unresolved", (
            f"the interval reaches across {points(claim.within)}: confirm with fresh seeds"
        )
    if low > 0:
        return "supported", "the difference of total shares is above 0"
    if high < 0:
        return "refuted", "the difference of total shares is below 0"
    return "unresolved", "the difference of total shares may be 0: more design trials settle it"
