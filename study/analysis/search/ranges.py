"""Claims about two parts of a number's range, judged by trials that no result had chosen.

The response surface leaves trials that collapse out, since they are no low accuracies. A claim
that a rate prevents or causes failed training is about just these; so here every trial that was
drawn by design counts with the value that it ended at, collapsed or not. One that diverged before
its first epoch has none, and counts with the lowest value of any trial of the study.

The difference of the two parts' means is taken within each arm that has both, then averaged over
arms; its variance from the spread within arm and part, pooled over arms for each part, with
Satterthwaite's degrees of freedom. The other factors are averaged as the design drew them.
Assumes independent trials and means that are near normal, which outcomes of two kinds (trained,
collapsed) are from about eight trials a side.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.intervals import quantile
from study.analysis.maths.box import Array
from study.analysis.maths.support import FEWEST
from study.analysis.search.frames import Frames
from study.asked.claim import Part
from study.asked.factors import Config
from study.quantities import count


@dataclass(frozen=True, kw_only=True)
class RangeContrast:
    """How two parts of a range compare.

    Attributes:
        estimate: Better less worse, points; NaN where nothing can be said.
        low: Lower end of the interval.
        high: Upper end.
        n_trials: Trials of the side that has fewer.
        n_collapsed: Trials that collapsed, of both sides.
        reason: Why there is no estimate; empty where there is one.
    """

    estimate: float
    low: float
    high: float
    n_trials: int
    n_collapsed: int
    reason: str


def compare_ranges(
    frames: Frames,
    factor: str,
    parts: tuple[Part, Part],
    when: Config,
    *,
    level: float = 0.95,
) -> RangeContrast:
    """The first part of a number's range less the second, on trials that were drawn by design.

    Args:
        frames: The study's trials.
        factor: The number.
        parts: Low and high end of each.
        when: Levels of other factors that trials have to have.
        level: Of the interval.
    """
    value, is_counted = _ended_at(frames)
    is_counted &= _matches(frames, when)
    number = pd.to_numeric(frames.configs[factor], errors="coerce").to_numpy(dtype=float)
    arms = frames.trials["arm"].to_numpy()
    sides = [is_counted & (number >= low) & (number <= high) for low, high in parts]
    shared = [a for a in np.unique(arms) if all((side & (arms == a)).any() for side in sides)]
    sides = [side & np.isin(arms, shared) for side in sides]
    n = min(int(side.sum()) for side in sides)
    collapsed = (frames.trials["outcome"] == "collapsed").to_numpy(dtype=bool)
    n_collapsed = int((collapsed & (sides[0] | sides[1])).sum())
    if n < FEWEST:
        reason = (
            f"withheld: {count(n, 'design trial')} in one of the two ranges, in arms that have "
            f"both (at least {FEWEST} are needed); {frames.study.way_to_more}"
        )
        return RangeContrast(
            estimate=np.nan, low=np.nan, high=np.nan, n_trials=n, n_collapsed=n_collapsed,
            reason=reason,
        )  # fmt: skip
    groups = [[value[side & (arms == a)] for a in shared] for side in sides]
    estimate = float(np.mean([b.mean() - w.mean() for b, w in zip(*groups, strict=True)]))
    spreads = [_mean_variance(groups_of_side) for groups_of_side in groups]
    total = sum(v for v, _ in spreads)
    spread = sum(v**2 / freedom for v, freedom in spreads)
    freedom = total**2 / spread if spread > 0 else 1.0
    reach = float(np.sqrt(total)) * quantile(freedom, 0.5 + level / 2)
    return RangeContrast(
        estimate=estimate,
        low=estimate - reach,
        high=estimate + reach,
        n_trials=n,
        n_collapsed=n_collapsed,
        reason="",
    )


def _ended_at(frames: Frames) -> tuple[Array, NDArray[np.bool_]]:
    """Points that each trial ended at (n,), and which trials count."""
    frame = frames.trials
    is_design = frame["origin"].isin(["design", "repeat"]).to_numpy(dtype=bool)
    is_counted = is_design & frame["outcome"].isin(["full", "collapsed"]).to_numpy(dtype=bool)
    last = frame["last"].to_numpy(dtype=float)
    known = np.isfinite(last)
    lowest = last[known].min() if known.any() else 0.0
    return np.where(known, last, lowest), is_counted


def _matches(frames: Frames, when: Config) -> NDArray[np.bool_]:
    """Trials with these levels."""
    found = np.ones(len(frames.trials), dtype=bool)
    for name, wanted in when.items():
        found &= (frames.configs[name] == wanted).fillna(False).to_numpy(dtype=bool)
    return found


def _mean_variance(groups: list[Array]) -> tuple[float, float]:
    """Variance of the mean over groups of the groups' means, and its degrees of freedom."""
    freedom = sum(len(g) - 1 for g in groups)
    pooled = sum(float(((g - g.mean()) ** 2).sum()) for g in groups) / max(freedom, 1)
    return pooled * sum(1 / len(g) for g in groups) / len(groups) ** 2, max(freedom, 1)
