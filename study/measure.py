"""Metrics as people read them: their names, units and digits, in terminal and report."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from study.quantities import points

if TYPE_CHECKING:
    import pandas as pd

NARROW: Final = "\u202f"
"""A narrow space that does not break, between a number and its unit."""

SHARE: Final = "share"
"""Unit of a metric that lies in 0..1: read in per cent, its differences in points."""

_SPLITS: Final = {"val": "validation", "test": "test"}
_NAMES: Final = {
    "accuracy": "accuracy",
    "accuracy_top5": "top-5 accuracy",
    "accuracy_1off": "accuracy, one class off allowed",
    "macro_f1": "macro F1",
    "qwk": "quadratic weighted kappa",
    "mae": "mean absolute error in classes",
    "nll": "loss in nats per image",
    "ece": "calibration error",
    "recall": "accuracy within the class",
    "learned": "nets that learn",
}
METRICS: Final = ("accuracy", "accuracy_1off", "mae", "qwk", "macro_f1", "nll", "ece")
"""Scores of a model on one set of images, in reading order."""
_SHARES: Final = ("accuracy", "accuracy_top5", "accuracy_1off", "macro_f1", "ece", "recall")

_HUNDREDTHS: Final = 100.0
_IDLE: Final = 0.25
"""Points below which the analysis calls a main effect's standard deviation negligible."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How to read a metric that the study itself does not measure.

    Attributes:
        smallest: The smallest main effect that counts, as a standard deviation over the ranges,
            in the metric's own unit.
        unit: Word behind its numbers; `share`: see SHARE; empty: none.
        is_minimised: Whether less is better.
    """

    smallest: float = _IDLE / _HUNDREDTHS
    unit: str = ""
    is_minimised: bool = False


def metric_of(column: str) -> str:
    """The score that a study's metric means, such as `accuracy` of `val_accuracy`."""
    name = column.removeprefix("val_")
    return name if name in METRICS else "accuracy"


@dataclass(frozen=True)
class Measure:
    """A metric on a split, as people read it.

    The analysis counts in points of which more is better, a hundred to a unit, or as many as
    make the smallest effect that counts a quarter of a point.

    Attributes:
        column: Its column in the tables, such as `val_accuracy`.
        own: How to read it where the study does not measure it itself; None: by its name.
        is_named: Whether its name stands behind differences, which are of another metric than
            those around them.
    """

    column: str
    own: Scale | None = None
    is_named: bool = False

    @property
    def label(self) -> str:
        """Its name in words."""
        split, _, name = self.column.partition("_")
        if split in _SPLITS and name in _NAMES and self.own is None:
            return f"{_SPLITS[split]} {_NAMES[name]}"
        return self.column.replace("_", " ")

    @property
    def short(self) -> str:
        """Its name in words without the split, or what the study calls it."""
        return self.name if self.own is None else self.label

    @property
    def name(self) -> str:
        """Its name in words without the split."""
        name = self.column.partition("_")[2]
        return _NAMES.get(name, self.column.replace("_", " "))

    @property
    def _is_share(self) -> bool:
        if self.own is not None:
            return self.own.unit == SHARE
        split, _, name = self.column.partition("_")
        return split in _SPLITS and name in _SHARES

    @property
    def is_minimised(self) -> bool:
        """Whether less is better."""
        return self.own is not None and self.own.is_minimised

    @property
    def per_unit(self) -> float:
        """Points of the analysis to one unit of the table."""
        return _HUNDREDTHS if self.own is None else _IDLE / self.own.smallest

    @property
    def score(self) -> str:
        """What a training's score on a set of images, or in its record, is called."""
        return metric_of(self.column) if self.own is None else self.column

    @property
    def per_claim(self) -> float:
        """What claims count in, to one unit of the table; below 0 where less is better."""
        declared = self.per_unit * self.per_point
        return -declared if self.is_minimised else declared

    @property
    def per_point(self) -> float:
        """What claims and tables of conclusions count in, to one point of the analysis."""
        if self.own is None:
            return 1.0
        return (_HUNDREDTHS if self._is_share else 1.0) / self.per_unit

    @property
    def scale(self) -> float:
        """What a table's value is multiplied by: fractions are read in per cent."""
        return 100.0 if self._is_share else 1.0

    @property
    def suffix(self) -> str:
        """The unit after a number."""
        if self._is_share:
            return f"{NARROW}%"
        return f"{NARROW}{self.own.unit}" if self.own and self.own.unit else ""

    def text(self, value: float | None) -> str:
        """A table's value with its unit, such as 61.2 %; a dash for none."""
        if value is None or math.isnan(value):
            return "–"
        return f"{value * self.scale:.{self.digits}f}{self.suffix}"

    def plain(self, value: float | None) -> str:
        """As `text`, for a terminal, which may know no narrow space."""
        return self.text(value).replace(NARROW, " ")

    @property
    def name_after(self) -> str:
        """Its name after a number and unit; empty where the unit says it: bits, in bits."""
        is_its_unit = self.own is not None and self.own.unit.casefold() == self.label.casefold()
        return "" if is_its_unit else f" {self.label}"

    def within(self, declared: float) -> float:
        """A difference that someone declared or estimated, no larger than two shares' can be."""
        return max(-self.scale, min(self.scale, declared)) if self._is_share else declared

    def possible(self, value: float) -> float:
        """A fitted table's value, no further than a share can be: a surface knows no ends."""
        return max(0.0, min(1.0, value)) if self._is_share else value

    @property
    def unit(self) -> str:
        """The unit at the end of an axis title."""
        return f" ({self.suffix.removeprefix(NARROW)})" if self.suffix else ""

    @property
    def digits(self) -> int:
        """Decimals of a number as people read it."""
        if self.own is not None:
            # a tenth of the smallest effect that counts can be read off
            return max(0, 1 - math.floor(math.log10(self.own.smallest * self.scale)))
        return 1 if self._is_share else 3

    @property
    def y(self) -> str:
        """A point's height in a `hovertemplate`, written as `text` writes it."""
        return f"%{{y:.{self.digits}f}}{self.suffix}"

    def interval(self, estimate: float, low: float, high: float) -> str:
        """A table's value with its interval, such as `61.2 % [58.9, 63.4]`, if it has one."""
        ends = "" if math.isnan(low) else f" {self.ends(low, high)}"
        return f"{self.text(estimate)}{ends}"

    def ends(self, low: float, high: float) -> str:
        """An interval without the unit, such as `[58.9, 63.4]`."""
        return f"[{', '.join(self.text(end).removesuffix(self.suffix) for end in (low, high))}]"

    @property
    def axis(self) -> str:
        """Its name as an axis title, short."""
        short = self.label.replace("validation accuracy", "val. accuracy")
        return short + self.unit

    def of_points(self, points: float) -> str:
        """A value of the analysis as `text` writes it."""
        return self.text(points / self.per_unit)

    def value_at(self, points: float) -> float:
        """The table's value that points of the analysis, of which more is better, stand for."""
        return points / self.per_unit * (-1 if self.is_minimised else 1)

    def difference(self, points: float) -> str:
        """A difference of the analysis: `2.6 points` of accuracy, or 0.026 of another metric."""
        if self._is_share:
            return f"{points * self.per_point:.{self.digits}f} points{self.behind}"
        return f"{points / self.per_unit:.{self.digits}f}{self.suffix}{self.behind}"

    def size(self, declared: float) -> str:
        """A size that someone declared, such as `0.5 points`, or `0.02 nats` of a loss."""
        in_points = self.own is None or self._is_share
        return (points(declared) if in_points else f"{declared:g}{self.suffix}") + self.behind

    @property
    def behind(self) -> str:
        """What follows the unit of a difference: ` of macro F1`, or nothing."""
        return f" of {self.name}" if self.is_named else ""

    @property
    def best_word(self) -> str:
        """What the best of its values is: the highest, or the lowest."""
        return "lowest" if self.is_minimised else "highest"

    def gain(self, value: float) -> float:
        """A value as a number of which more is better."""
        return -value if self.is_minimised else value

    def best_of(self, values: "pd.Series") -> int:
        """Position of the best of some values; among equals the first one."""
        numbers = values.to_numpy(dtype=float)
        return int(numbers.argmin() if self.is_minimised else numbers.argmax())

    def best_of_arms(self, rows: "pd.DataFrame") -> "pd.Series":
        """Index of the row with the best value of each arm, by the arm's name."""
        grouped = rows.groupby("arm")[self.column]
        return grouped.idxmin() if self.is_minimised else grouped.idxmax()

    def threshold(self, points: float) -> str:
        """A size that the analysis asks about, as `size` writes it."""
        return self.size(points * self.per_point)

    def rounded(self, digits: int) -> int:
        """Decimals of a number on an axis: these, or more where the unit is large."""
        return digits if self.own is None else max(digits, self.digits + 2)

    @property
    def effects(self) -> str:
        """What differences are counted in, for headings: `points`, or the metric's own unit."""
        if self.own is None or self._is_share:
            return "points"
        return self.own.unit or self.label

    def effect(self, declared: float, *, has_sign: bool = True) -> str:
        """A number of claims and tables of conclusions without its unit, such as `+9.1`."""
        digits = 1 if self.own is None else self.digits
        text = f"{declared:{'+' if has_sign else ''}.{digits}f}"
        return text.lstrip("+-") if float(text) == 0 else text

    @property
    def after_effect(self) -> str:
        """The unit after such a number."""
        unit = " points" if self.own is None or self._is_share else self.suffix
        return unit + self.behind


ACCURACY: Final = Measure("val_accuracy")
"""The metric where nothing else is said."""
