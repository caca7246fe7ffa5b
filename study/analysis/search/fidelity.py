"""What early epochs tell of the end, and what stopping on them costs.

Only trials that were never stopped can answer: survivors of ASHA agree with it by construction.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from study.analysis.search.frames import Frames
from study.plan.stopping import Rungs, rung_epochs

RUNG_COLUMNS = ["arm", "rung", "fraction", "rank_correlation", "low", "high", "n_trials"]
STOP_COLUMNS = [
    "arm",
    "n_trials",
    "n_stopped",
    "n_wrong",
    "wrong_share",
    "wrong_low",
    "wrong_high",
    "blind_share",
    "best_stopped",
    "mean_lost",
    "cost_saved",
]


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """Parameters of the fidelity tables.

    Attributes:
        reduction: ASHA's eta.
        level: Of the intervals.
        orders: Random orders in which design trials are replayed; ASHA depends on the order.
        fewest: Trials of an arm without which it gets no row of its own.
        most: Trials per arm that are replayed, drawn at random from more.
    """

    reduction: int
    level: float = 0.95
    orders: int = 10
    fewest: int = 4
    most: int = 300

    def rungs(self, frames: Frames) -> pd.DataFrame:
        """Rank correlation of the value at each rung with the end, per arm and over all.

        Values and ends are ranked within equal planned lengths, as ASHA compares them.

        Returns:
            Columns `arm` (`all` pooled within arms), `rung` (1 is the last before the end),
            `fraction` (of the planned length), `rank_correlation, low, high, n_trials`.
        """
        frame = self._unstopped(frames)
        records = []
        for power in (1, 2):
            fraction = self.reduction**-power
            part = frame.assign(early=self._at_rung(frames, frame, power)).dropna(subset=["early"])
            ranked = part.groupby(["arm", "epochs_planned"])[["early", "value"]]
            n_in_group = ranked.transform("count")
            scaled = (ranked.rank() - 0.5) / n_in_group
            part = part.assign(early_rank=scaled["early"], end_rank=scaled["value"])
            groups = [(str(arm), rows) for arm, rows in part.groupby("arm")]
            if len(groups) > 1:
                groups.append(("all", part))
            for arm, rows in groups:
                if len(rows) < self.fewest:
                    continue
                r, low, high = self._correlation(rows["early_rank"], rows["end_rank"])
                records.append(
                    {
                        "arm": arm,
                        "rung": power,
                        "fraction": fraction,
                        "rank_correlation": r,
                        "low": low,
                        "high": high,
                        "n_trials": len(rows),
                    }
                )
        return pd.DataFrame(records, columns=RUNG_COLUMNS)

    def stops(self, frames: Frames, rng: np.random.Generator) -> pd.DataFrame:
        """What ASHA would have done to the design trials, over random orders of arrival.

        A stop is wrong if the trial ends among the best 1/reduction of its arm and planned
        length.

        Returns:
            Columns `arm, n_trials`, means over orders `n_stopped, n_wrong`, `wrong_share` (of the
            stops) with `wrong_low, wrong_high` (Jeffreys' interval, as of so many stops in one
            order: the orders replay the same trials), `blind_share` (of stops at random, wrong
            ones), `best_stopped` (share of orders in which the arm's best is lost), `mean_lost`
            (points between the best and the best survivor), `cost_saved` (share of epochs).
        """
        frame = self._unstopped(frames)
        records = [
            {"arm": str(arm), "n_trials": min(len(rows), self.most)}
            | self._replay(frames, rows, rng)
            for arm, rows in frame.groupby("arm")
            if len(rows) >= self.fewest
        ]
        return pd.DataFrame(records, columns=STOP_COLUMNS)

    def _unstopped(self, frames: Frames) -> pd.DataFrame:
        """Full-length trials whose length no result decided: design and repeats."""
        frame = frames.trials
        chosen = frames.rows("full") & frame["origin"].isin(["design", "repeat"]).to_numpy()
        return frame[chosen].assign(row=np.flatnonzero(chosen))

    def _at_rung(self, frames: Frames, frame: pd.DataFrame, power: int) -> list[float]:
        """Value at each trial's own rung; NaN where it has none."""
        found = []
        for row, planned in zip(frame["row"], frame["epochs_planned"], strict=True):
            epoch = int(np.ceil(planned / self.reduction**power))
            inside = epoch < planned and epoch <= frames.curves.shape[1]
            found.append(float(frames.curves[row, epoch - 1]) if inside else np.nan)
        return found

    def _correlation(self, early: pd.Series, end: pd.Series) -> tuple[float, float, float]:
        """Spearman's correlation with Fisher's interval (Bonett & Wright 2000)."""
        if early.nunique() < 2 or end.nunique() < 2:
            return float("nan"), -1.0, 1.0
        r = float(np.corrcoef(early, end)[0, 1])
        error = np.sqrt((1 + r**2 / 2) / max(len(early) - 3, 1))
        reach = float(stats.norm.ppf(0.5 + self.level / 2)) * error
        z = np.arctanh(np.clip(r, -0.9999, 0.9999))
        return r, float(np.tanh(z - reach)), float(np.tanh(z + reach))

    def _share_interval(self, part: float, whole: float) -> tuple[float, float]:
        """Jeffreys' interval of a share; 0 and 1 where nothing was counted."""
        if not whole:
            return 0.0, 1.0
        tail = (1 - self.level) / 2
        inside = stats.beta(part + 0.5, whole - part + 0.5)
        low = 0.0 if part == 0 else float(inside.ppf(tail))
        return low, 1.0 if part == whole else float(inside.ppf(1 - tail))

    def _replay(
        self, frames: Frames, rows: pd.DataFrame, rng: np.random.Generator
    ) -> dict[str, float]:
        """Means over orders of what ASHA does to one arm."""
        if len(rows) > self.most:
            rows = rows.iloc[np.sort(rng.choice(len(rows), self.most, replace=False))]
        ends = rows["value"].to_numpy(dtype=float)
        planned = rows["epochs_planned"].to_numpy(dtype=int)
        by_length = rows.groupby("epochs_planned")["value"]
        rank = by_length.rank(ascending=False, method="min").to_numpy()
        size = by_length.transform("count").to_numpy()
        is_top = rank <= np.ceil(size / self.reduction)
        curves = frames.curves[rows["row"].to_numpy(dtype=int)]
        looks = [
            [
                (int(length), epoch, float(curve[epoch - 1]))
                for epoch in rung_epochs(int(length), self.reduction)
                if epoch <= len(curve) and np.isfinite(curve[epoch - 1])
            ]
            for length, curve in zip(planned, curves, strict=True)
        ]
        n_stopped = n_wrong = n_best = lost = saved = 0.0
        for _ in range(self.orders):
            rungs = Rungs(self.reduction)
            stopped = np.zeros(len(rows), dtype=bool)
            spent = planned.copy()
            for k in rng.permutation(len(rows)):
                for length, epoch, value in looks[k]:
                    decision = rungs.judge(
                        arm="", planned=length, epoch=epoch, value=value, may_stop=True
                    )
                    if decision is not None and not decision.promoted:
                        stopped[k], spent[k] = True, epoch
                        break
            n_stopped += stopped.sum()
            n_wrong += (stopped & is_top).sum()
            n_best += stopped[int(np.argmax(ends))]
            lost += ends.max() - ends[~stopped].max()
            saved += 1 - spent.sum() / planned.sum()
        low, high = self._share_interval(n_wrong / self.orders, n_stopped / self.orders)
        return {
            "n_stopped": float(n_stopped / self.orders),
            "n_wrong": float(n_wrong / self.orders),
            "wrong_share": float(n_wrong / n_stopped) if n_stopped else float("nan"),
            "wrong_low": low,
            "wrong_high": high,
            "blind_share": float(is_top.mean()),
            "best_stopped": float(n_best / self.orders),
            "mean_lost": float(lost / self.orders),
            "cost_saved": float(saved / self.orders),
        }
