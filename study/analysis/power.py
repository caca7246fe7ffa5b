"""What it would take: trials or seeds that would settle what is unresolved.

Planning figures, not results: they assume that the estimate of today is the truth, that errors
shrink with the root of the number of trials, and 80 % power at 5 %, two-sided.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd
from scipy import stats

from study.analysis.effects import Surface
from study.factors import Claim, DifferenceClaim, EquivalenceClaim, Study

COLUMNS = [
    "kind",
    "name",
    "half_width",
    "distance",
    "n_now",
    "n_needed",
    "more_trials",
    "seeds_per_arm",
    "advice",
]
MOST_SEEDS = 10_000


@dataclass(frozen=True, kw_only=True)
class Power:
    """Parameters of the planning table.

    Attributes:
        alpha: Two-sided level.
        power: Chance to see what is there.
        idle_sd: A factor's smallest main effect of interest, sd in points.
        far: Needing more than this many times today's trials is called out of reach.
    """

    alpha: float = 0.05
    power: float = 0.8
    idle_sd: float = 0.5
    far: float = 20.0

    @property
    def z(self) -> float:
        """Standard errors that a difference must be away to be seen."""
        return float(stats.norm.ppf(1 - self.alpha / 2) + stats.norm.ppf(self.power))

    def seeds(self, difference: float, sigma: float) -> int:
        """Seeds per arm that show a difference of two means, exact under normal noise.

        The smallest n at which the noncentral t test has the wanted power.
        """
        effect = abs(difference) / max(sigma, 1e-9)
        if effect < 1e-3:
            return MOST_SEEDS
        n = max(2, ceil(2 * (self.z / effect) ** 2))  # the normal test's, never more than needed
        while n < MOST_SEEDS:
            freedom, shift = 2 * n - 2, effect * np.sqrt(n / 2)
            limit = stats.t.ppf(1 - self.alpha / 2, freedom)
            if stats.nct.sf(limit, freedom, shift) >= self.power:
                return n
            n += 1
        return MOST_SEEDS

    def __call__(
        self,
        study: Study,
        surface: Surface,
        factors: pd.DataFrame,
        claims: pd.DataFrame,
    ) -> pd.DataFrame:
        """One row per unresolved claim and factor, and two on the box.

        Args:
            study: The study file.
            surface: For the noise and the spread over the box.
            factors: As `importance` returns.
            claims: As `Claims` returns.

        Returns:
            Columns `kind` (claim, factor, box), `name`, `half_width` (of today's interval),
            `distance` (from the estimate to what would settle it), both in the unit of the
            row, `n_now, n_needed, more_trials` (full-length design trials), `seeds_per_arm` (of
            a confirmation; claims in points only), `advice`.
        """
        n_now = surface.n_full
        records = []
        declared = {claim.name: claim for claim in study.claims}
        for row in claims[claims["verdict"] == "unresolved"].to_dict("records"):
            records.append(self._claim(declared[row["claim"]], row, surface, n_now))
        for row in factors[factors["verdict"] == "unresolved"].to_dict("records"):
            records.append(self._factor(row, n_now))
        records += self._box(surface, n_now)
        return pd.DataFrame(records, columns=COLUMNS)

    def _claim(
        self, claim: Claim, row: dict[str, object], surface: Surface, n_now: int
    ) -> dict[str, object]:
        if row["estimate"] is None or pd.isna(row["estimate"]):
            base: dict[str, object] = {"kind": "claim", "name": claim.name, "n_now": n_now}
            return base | {"advice": str(row["reason"])}
        estimate, low, high = (float(str(row[k])) for k in ("estimate", "low", "high"))
        half = (high - low) / 2
        distance, seeds = abs(estimate), None
        if isinstance(claim, DifferenceClaim):
            distance = abs(estimate - claim.least)
            seeds = self.seeds(distance, surface.fitted.sigma)
        elif isinstance(claim, EquivalenceClaim):
            distance = abs(claim.within - abs(estimate))
            seeds = self.seeds(distance, surface.fitted.sigma)
        return self._row("claim", claim.name, half, distance, n_now) | {"seeds_per_arm": seeds}

    def _factor(self, row: dict[str, object], n_now: int) -> dict[str, object]:
        """Trials that narrow the main effect's sd to the smallest one of interest."""
        half = float(str(row["sd_high"])) / 2
        return self._row("factor", str(row["factor"]), half, self.idle_sd, n_now)

    def _row(
        self, kind: str, name: str, half: float, distance: float, n_now: int
    ) -> dict[str, object]:
        error = half / float(stats.norm.ppf(1 - self.alpha / 2))
        times = (self.z * error / max(distance, 1e-9)) ** 2
        out_of_reach = times > self.far
        needed = None if out_of_reach else max(ceil(n_now * times), n_now)
        advice = (
            f"out of reach here: more than {self.far:g} times the trials"
            if needed is None
            else f"about {needed - n_now} more design trials"
        )
        return {
            "kind": kind,
            "name": name,
            "half_width": half,
            "distance": distance,
            "n_now": n_now,
            "n_needed": needed,
            "more_trials": None if needed is None else needed - n_now,
            "advice": advice,
        }

    def _box(self, surface: Surface, n_now: int) -> list[dict[str, object]]:
        """Width of a two-level contrast if every numeric range were halved or doubled.

        The part of the numbers' variance is taken as linear in place, so it goes with the square
        of the range; widening may also meet a cliff, which no figure here foresees.
        """
        axes = surface.basis.box.axes
        numeric = [t for t in surface.basis.terms if any(axes[a].is_numeric for a in t.axes)]
        moving = float(sum(np.median(surface.variance(t)) for t in numeric))
        z = float(stats.norm.ppf(1 - self.alpha / 2))
        rows = []
        for name, times in (("as it is", 1.0), ("half as wide", 0.25), ("twice as wide", 4.0)):
            # pairs and higher degrees of the moving part are what a contrast cannot average out
            loose = surface.fitted.sigma**2 + 0.5 * times * moving
            half = z * 2 * float(np.sqrt(loose / max(n_now, 1)))
            rows.append(
                {
                    "kind": "box",
                    "name": name,
                    "half_width": half,
                    "n_now": n_now,
                    "advice": f"a two-level contrast would be ±{half:.1f} points wide",
                }
            )
        return rows
