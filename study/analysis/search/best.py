"""What a search has found by when, what trials drawn at random would have found, and its worth.

The best of the trials so far is one story that luck wrote. Beside it stands what the best of k
trials would be on average over all orders in which the same trials could have come, and what the
recipe that the surface calls best would do in a training that was not chosen.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from study.analysis.maths.box import Array
from study.analysis.maths.effects import Surface
from study.analysis.maths.support import FEWEST as FEWEST_OF_AN_ARM
from study.analysis.maths.support import widening
from study.analysis.search.frames import Frames
from study.analysis.search.importance import Rules

SO_FAR_COLUMNS = ["arm", "row", "spent", "best"]
EXPECTED_COLUMNS = ["arm", "k", "expected", "low", "high", "n_trials", "pool"]
WORTH_COLUMNS = ["arm", "row", "estimate", "low", "high", "n_trials"]

FEWEST = 4
"""Trials of a pool without which nothing is said of the best of some of them."""

DRAWN: Final = 0.05
"""Part of the way to the mean of its arm's recipes that the best one's estimate is drawn: being
called best is partly luck. Found on simulated searches of 50, 100 and 200 trials, then judged on
fresh ones (`tests.simulate.winners`)."""


def best_so_far(frames: Frames) -> pd.DataFrame:
    """The steps by which each arm's best full-length trial rose, in the order of the numbers.

    Returns:
        Columns `arm, row` (position of the trial among the study's, or -1 in an arm's last row,
        which only carries the best on to the end), `spent` (training so far in full trials: one
        stopped at a third counts a third), `best` (points).
    """
    frame = frames.trials[frames.trials["origin"] != "scout"]
    ordered = frame.sort_values("number", kind="stable")
    records: list[dict[str, object]] = []
    for arm, rows in ordered.groupby("arm", sort=False):
        part = (rows["epochs_run"] / rows["epochs_planned"]).fillna(0.0).clip(0, 1)
        spent = part.cumsum()
        best = rows["value"].cummax()
        rises = rows["value"].notna() & ~(rows["value"] <= best.shift().ffill())
        found = [
            {"arm": arm, "row": row, "spent": spent[row], "best": best[row]}
            for row in rows.index[rises]
        ]
        if found:
            end = {"arm": arm, "row": -1, "spent": spent.iloc[-1], "best": found[-1]["best"]}
            records += [*found, end]
    return pd.DataFrame(records, columns=SO_FAR_COLUMNS)


@dataclass(frozen=True, kw_only=True)
class ExpectedBest:
    """Parameters of the expected best.

    Attributes:
        level: Part of all draws of k trials whose best lies between `low` and `high`.
        most: Values of k per arm.
    """

    level: float = 0.95
    most: int = 40

    def __call__(self, frames: Frames) -> pd.DataFrame:
        """Mean of the best of k trials drawn from an arm's without replacement, k up to half.

        E max = sum_i v_(i) C(i-1, k-1) / C(n, k), the unbiased form (Tang et al. 2020, "Showing
        Your Work Doesn't Always Work") of the estimator of Dodge et al. 2019. Beyond half of the
        trials it hangs on the single best one and is not given.

        The pool is the `design`, drawn before any result was seen, if every arm with trials has
        at least FEWEST of them; else `completed`, all full-length trials, the survivors of
        stopping, which flatters. A collapsed trial is a draw that is no better than the worst.

        Returns:
            Columns `arm, k, expected, low, high` (points; quantiles of the best of k, so what
            luck does, not an error of the mean), `n_trials` (in the pool), `pool`.
        """
        records: list[dict[str, object]] = []
        pool, chosen = self._pool(frames)
        frame = frames.trials[chosen]
        for arm, rows in frame.groupby("arm", sort=False):
            values = rows["value"].to_numpy(dtype=float)
            full = values[np.isfinite(values)]
            if len(values) < FEWEST or not len(full):
                continue
            worst = np.fmin(rows["last"].to_numpy(dtype=float), full.min())
            values = np.sort(np.where(np.isfinite(values), values, worst))
            for k in _steps(len(values) // 2, self.most):
                expected, low, high = self._best_of(values, k)
                records.append(
                    {
                        "arm": arm,
                        "k": k,
                        "expected": expected,
                        "low": low,
                        "high": high,
                        "n_trials": len(values),
                        "pool": pool,
                    }
                )
        return pd.DataFrame(records, columns=EXPECTED_COLUMNS)

    def _pool(self, frames: Frames) -> tuple[str, NDArray[np.bool_]]:
        """Its name, and which trials are in it."""
        frame = frames.trials
        ended = frame["outcome"].isin(["full", "collapsed"]) & (frame["origin"] != "scout")
        # a repeat is no new draw
        ended &= frame["origin"] != "repeat"
        designed = ended & (frame["origin"] == "design")
        per_arm = designed.groupby(frame["arm"]).sum()
        if len(per_arm) and per_arm.min() >= FEWEST:
            return "design", designed.to_numpy(dtype=bool)
        return "completed", ended.to_numpy(dtype=bool)

    def _best_of(self, values: Array, k: int) -> tuple[float, float, float]:
        """Mean and quantiles of the best of k of these sorted values."""
        n = len(values)
        place = np.arange(1, n + 1)
        # P(best <= v_(i)) = C(i, k) / C(n, k), on logs so that thousands do not overflow
        below = np.where(place >= k, np.exp(_log_choose(place, k) - _log_choose(n, k)), 0.0)
        chance = np.diff(below, prepend=0.0)
        tail = (1 - self.level) / 2
        low, high = (values[np.searchsorted(below, q - 1e-9)] for q in (tail, 1 - tail))
        return float(chance @ values), float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What an arm's best recipe is worth: expected of one more training of it.

    Attributes:
        rules: Of the intervals, which are about the recipe's mean over trainings.
    """

    rules: Rules = field(default_factory=Rules)

    def __call__(self, frames: Frames, surface: Surface | None) -> pd.DataFrame:
        """Of each arm with enough full-length trials, the recipe that the surface calls best.

        Only recipes that an arm's full-length trials had are compared. Intervals are the surface's
        own, with the `widening` of as many trials as the design has of these.

        Args:
            frames: The study's trials.
            surface: Fitted to them; None: nothing was.

        Returns:
            Columns `arm, row` (position of its trial among the study's), `estimate, low, high`
            (points), `n_trials` (full length, of the arm).
        """
        records: list[dict[str, object]] = []
        if surface is None:
            return pd.DataFrame(records, columns=WORTH_COLUMNS)
        is_full = frames.rows("full")
        is_design = frames.trials["origin"].isin(["design", "repeat"])
        for arm, of_arm in frames.trials[is_full].groupby("arm", sort=False):
            rows = of_arm.index.to_numpy()
            if len(rows) < FEWEST_OF_AN_ARM:
                continue
            mean, draws = surface.at(frames.x[rows])
            best = int(mean.argmax())
            estimate = mean[best] - DRAWN * (mean[best] - mean.mean())
            ends = np.array(self.rules.interval(draws[best]))
            low, high = estimate + widening(int(is_design[rows].sum())) * (ends - mean[best])
            records.append(
                {
                    "arm": arm, "row": rows[best], "estimate": estimate, "low": low,
                    "high": high, "n_trials": len(rows),
                }
            )  # fmt: skip
        return pd.DataFrame(records, columns=WORTH_COLUMNS)


def _log_choose(n: Array | NDArray[np.int64] | int, k: int) -> Array:
    """Log of n over k; 0 where n < k, which the caller leaves out."""
    n = np.maximum(n, k)
    return np.asarray(
        special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0)
    )


def _steps(last: int, most: int) -> list[int]:
    """Whole numbers from 1 to `last`, at most `most`, denser where they are small."""
    if last < 1:
        return []
    return sorted({int(k) for k in np.unique(np.geomspace(1, last, most).round())})
