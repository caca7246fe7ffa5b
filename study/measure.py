"""Metrics as people read them: their names, units and digits, in terminal and report."""

import math
from dataclasses import dataclass
from typing import Final

NARROW: Final = "\u202f"
"""A narrow space that does not break, between a number and its unit."""

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
}
_SHARES: Final = ("accuracy", "accuracy_top5", "accuracy_1off", "macro_f1", "ece", "recall")


@dataclass(frozen=True)
class Measure:
    """A metric on a split, as people read it.

    Attributes:
        column: Its column in the tables, such as `val_accuracy`.
    """

    column: str

    @property
    def label(self) -> str:
        """Its name in words."""
        split, _, name = self.column.partition("_")
        if split in _SPLITS and name in _NAMES:
            return f"{_SPLITS[split]} {_NAMES[name]}"
        return self.column.replace("_", " ")

    @property
    def name(self) -> str:
        """Its name in words without the split."""
        name = self.column.partition("_")[2]
        return _NAMES.get(name, self.column.replace("_", " "))

    @property
    def _is_share(self) -> bool:
        split, _, name = self.column.partition("_")
        return split in _SPLITS and name in _SHARES

    @property
    def scale(self) -> float:
        """What a table's value is multiplied by: fractions are read in per cent."""
        return 100.0 if self._is_share else 1.0

    @property
    def suffix(self) -> str:
        """The unit after a number."""
        return f"{NARROW}%" if self._is_share else ""

    def text(self, value: float | None) -> str:
        """A table's value with its unit, such as 61.2 %; a dash for none."""
        if value is None or math.isnan(value):
            return "–"
        return f"{value * self.scale:.{self.digits}f}{self.suffix}"

    def plain(self, value: float | None) -> str:
        """As `text`, for a terminal, which may know no narrow space."""
        return self.text(value).replace(NARROW, " ")

    @property
    def unit(self) -> str:
        """The unit at the end of an axis title."""
        return " (%)" if self.suffix else ""

    @property
    def digits(self) -> int:
        """Decimals of a number as people read it."""
        return 1 if self.suffix else 3

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
        """A value of the analysis, which counts in hundredths, as `text` writes it."""
        return self.text(points / 100)

    def difference(self, points: float) -> str:
        """A difference of the analysis: `2.6 points` of accuracy, or 0.026 of another metric."""
        return f"{points:.1f} points" if self.suffix else f"{points / 100:.3f}"
