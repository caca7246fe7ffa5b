"""What it would take: trials or seeds that would settle what is unresolved.

Planning figures, not results: they assume that the estimate of today is the truth, that errors
shrink with the root of the number of trials, and 80 % power at 5 %, two-sided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd
from scipy import stats

from study.analysis.maths.effects import Surface
from study.analysis.maths.resized import Resized
from study.analysis.search.verdicts import Grounds, share_of_risk
from study.asked.claim import Claim
from study.measure import ACCURACY, Measure

COLUMNS = [
    "kind",
    "name",
    "half_width",
    "distance",
    "n_now",
    "n_needed",
    "n_at_next_look",
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
        measure: The metric, for the unit of claims and of advice.
        looks: At the search so far; each has half of the risk of the one before it.
    """

    alpha: float = 0.05
    power: float = 0.8
    idle_sd: float = 0.5
    far: float = 20.0
    measure: Measure = ACCURACY
    looks: int = 1

    def z(self, looks: int = 1) -> float:
        """Standard errors that a difference must be away to be seen at the last of some looks."""
        alpha = self.alpha * share_of_risk(looks)
        return float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(self.power))

    def seeds(self, difference: float, sigma: float) -> int:
        """Seeds per arm that show a difference of two means, exact under normal noise.

        The smallest n at which the noncentral t test has the wanted power.
        """
        effect = abs(difference) / max(sigma, 1e-9)
        if effect < 1e-3:
            return MOST_SEEDS
        n = max(2, ceil(2 * (self.z() / effect) ** 2))  # the normal test's, never more than needed
        while n < MOST_SEEDS:
            freedom, shift = 2 * n - 2, effect * np.sqrt(n / 2)
            limit = stats.t.ppf(1 - self.alpha / 2, freedom)
            if stats.nct.sf(limit, freedom, shift) >= self.power:
                return n
            n += 1
        return MOST_SEEDS

    def __call__(
        self,
        declared: Sequence[Claim],
        surface: Surface,
        factors: pd.DataFrame,
        claims: pd.DataFrame,
        contrasts: pd.DataFrame,
        *,
        others: Mapping[str, Grounds] | None = None,
    ) -> pd.DataFrame:
        """One row per unresolved claim and factor, and three on the box.

        Args:
            declared: The study's claims.
            surface: For the noise and the spread over the box.
            factors: As `importance` returns.
            claims: As `Claims` returns.
            contrasts: As `Contrasts` returns, for the width of an average one today.
            others: By metrics that claims ask for.

        Returns:
            Columns `kind` (claim, factor, box), `name`, `half_width` (of today's interval),
            `distance` (from the estimate to what would settle it), both in the unit of the
            row (a box's is that of a contrast, see `Resized`), `n_now, n_needed, more_trials`
            (full-length design trials), `n_at_next_look` (needed by a claim if trials are added by
            design, for which the search is looked at once more), `seeds_per_arm` (of a
            confirmation; claims in points only), `advice`.
        """
        n_now = surface.n_full
        records = []
        named = {claim.name: claim for claim in declared}
        for row in claims[claims["verdict"] == "unresolved"].to_dict("records"):
            claim = named[row["claim"]]
            own = (others or {}).get(claim.metric or "")
            noise = own.surface if own and own.surface else surface
            records.append(self._claim(claim, row, noise, n_now))
        for row in factors[factors["verdict"] == "unresolved"].to_dict("records"):
            records.append(self._factor(row, n_now))
        widths = contrasts.loc[contrasts["kind"] == "average", "high"] - contrasts["low"]
        resized = Resized(measure=self.measure)(surface, float(widths.median()) / 2)
        for row in resized.to_dict("records"):
            records.append(
                {
                    "kind": "box",
                    "name": f"of {row['factor']}, {row['part']}",
                    "half_width": row["half_width"],
                    "n_now": n_now,
                    "advice": row["advice"],
                }
            )
        return pd.DataFrame(records, columns=COLUMNS)

    def _claim(
        self, claim: Claim, row: dict[str, object], surface: Surface, n_now: int
    ) -> dict[str, object]:
        if row["estimate"] is None or pd.isna(row["estimate"]):
            base: dict[str, object] = {"kind": "claim", "name": claim.name, "n_now": n_now}
            return base | {"advice": str(row["reason"])}
        estimate, low, high = (float(str(row[k])) for k in ("estimate", "low", "high"))
        half = (high - low) / 2
        per_point = self.measure.per_point if claim.unit == "points" else 1.0
        distance = claim.distance(estimate * per_point) / per_point
        seeds = None
        if claim.compares and not claim.counts_learned:
            seeds = self.seeds(distance, surface.fitted.sigma)
        plan = self._row("claim", claim.name, half, distance, n_now, looks=self.looks)
        later = (self.z(self.looks + 1) / self.z(self.looks)) ** 2
        if (needed := plan["n_needed"]) is not None:
            plan["n_at_next_look"] = ceil(int(str(needed)) * later)
        return plan | {"seeds_per_arm": seeds}

    def _factor(self, row: dict[str, object], n_now: int) -> dict[str, object]:
        """Trials that narrow the main effect's sd to the smallest one of interest."""
        half = float(str(row["sd_high"])) / 2
        plan = self._row("factor", str(row["factor"]), half, self.idle_sd, n_now)
        if plan["more_trials"] == 0:
            smallest = self.measure.threshold(self.idle_sd)
            plan["advice"] = (
                f"a main effect of {smallest} sd would be seen by now; telling a "
                "smaller one from none takes more design trials"
            )
        return plan

    def _row(
        self, kind: str, name: str, half: float, distance: float, n_now: int, *, looks: int = 1
    ) -> dict[str, object]:
        error = half / float(stats.norm.ppf(1 - self.alpha / 2))
        times = (self.z(looks) * error / max(distance, 1e-9)) ** 2
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
