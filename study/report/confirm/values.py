"""What the confirm stage measured, as the report's figures and sentences ask for it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pandas as pd

from study.analysis.checks.recorded import has_folds, judged_split
from study.analysis.confirm.scoring import possible
from study.folder.tables import StudyTables
from study.report.grounds import images_in_clusters
from study.report.look import arm_marks
from study.report.wording import Measure, count

SET_NAMES: Final = {
    ("val", "all"): "val",
    ("test", "all"): "test",
    ("test", "unique"): "test without duplicates",
}
"""The sets of images that models are scored on, in reading order."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """A score or a difference of scores, with its 95 % interval, as in the table.

    Images and clusters are None where a training's score is all that is known; the ends are NaN
    of a single one.
    """

    estimate: float
    low: float
    high: float
    n_seeds: int
    n_images: int | None
    n_clusters: int | None

    def text(self, measure: Measure) -> str:
        """Estimate and interval as people read them."""
        return measure.interval(self.estimate, self.low, self.high)

    def on_axis(self, scale: float) -> tuple[float, float, float]:
        """Estimate, low and high as they stand in a figure; without ends, all the estimate."""
        ends = (self.low, self.high) if self.low <= self.high else (self.estimate,) * 2
        middle, low, high = (round(x * scale, 4) for x in (self.estimate, *ends))
        return middle, low, high

    @property
    def images(self) -> str:
        """The images that it rests on; empty where none are known."""
        if self.n_images is None or self.n_clusters is None:
            return ""
        return images_in_clusters(self.n_images, self.n_clusters)

    @property
    def n(self) -> str:
        """What it rests on."""
        return ", ".join(filter(None, (count(self.n_seeds, "seed"), self.images)))


@dataclass(frozen=True, kw_only=True)
class ConfirmedValues:
    """The table `confirmed` of one study.

    Attributes:
        frame: The table, never empty.
        arms: Arms with values, in reading order.
        own: The study's metric, on val.
    """

    frame: pd.DataFrame
    arms: tuple[str, ...]
    own: Measure

    @property
    def metric(self) -> str:
        """The score that the study is about."""
        return self.own.score

    def get(
        self,
        arm: str,
        *,
        split: str,
        images: str = "all",
        metric: str | None = None,
        against: str | None = None,
        class_: str | None = None,
    ) -> Value | None:
        """The value of an arm, or of its difference from another arm; None: not measured."""
        key = (arm, against or "", split, images, metric or self.metric, class_ or "")
        row = self._rows.get(key)
        if row is None and against is not None:
            other = self._rows.get((against, arm, *key[2:]))  # each pair stands once
            row = other and other | {
                "estimate": -other["estimate"], "low": -other["high"], "high": -other["low"],
            }  # fmt: skip
        if row is None:
            return None
        low, high = float(row["low"]), float(row["high"])
        if against is None and self.own.own is None:
            low, high = possible(key[4], low), possible(key[4], high)
        return Value(
            estimate=float(row["estimate"]),
            low=low,
            high=high,
            n_seeds=int(row["n_seeds"]),
            n_images=_whole(row["n_images"]),
            n_clusters=_whole(row["n_clusters"]),
        )

    def by_arm(self, *, split: str, metric: str | None = None) -> dict[str, Value]:
        """The value of each arm that has one."""
        found = {arm: self.get(arm, split=split, metric=metric) for arm in self.arms}
        return {arm: value for arm, value in found.items() if value is not None}

    @property
    def has_folds(self) -> bool:
        """Whether models were tested out of fold; claims are then judged on that."""
        return has_folds(self.frame)

    @property
    def split(self) -> str:
        """The split that claims are judged on: test, or val where there is no test, or folds."""
        return judged_split(self.frame)

    @property
    def sets(self) -> tuple[tuple[str, str], ...]:
        """The sets of images that there are."""
        there = set(zip(self.frame["split"], self.frame["images"], strict=True))
        return tuple(key for key in SET_NAMES if key in there)

    def measure(self, split: str) -> Measure:
        """The study's metric on a split, as people read it."""
        return self.own if self.own.own is not None else Measure(f"{split}_{self.metric}")

    @cached_property
    def _rows(self) -> dict[tuple[str, ...], dict[str, Any]]:
        names = ["arm", "against", "split", "images", "metric", "class"]
        keys = self.frame[names].astype(object).where(self.frame[names].notna(), "")
        rows = self.frame.to_dict("records")
        return {tuple(key): row for key, row in zip(keys.to_numpy().tolist(), rows, strict=True)}


def confirmed_values(tables: StudyTables) -> ConfirmedValues | None:
    """What the stage measured; None where it has not."""
    frame = tables.confirmed
    if frame is None:
        return None
    needed = ["estimate", "n_seeds"]
    if not tables.study.is_free:
        needed += ["low", "high", "n_images", "n_clusters"]
    is_whole = frame[needed].notna()
    frame = frame[is_whole.all(axis=1)]
    own = set(frame[frame["against"].isna()]["arm"])
    arms = tuple(arm for arm in arm_marks(tables.study) if arm in own)
    if not arms:
        return None
    return ConfirmedValues(frame=frame, arms=arms, own=tables.study.measure)


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)
