"""Numbers, levels and configurations as the report spells them."""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from study.asked.factors import Config
from study.quantities import count as count  # the report's words have one door
from study.quantities import level as level
from study.quantities import listed as listed
from study.quantities import points as points

NARROW: Final = "\u202f"
"""A narrow space that does not break, between a number and its unit."""

_SPLITS: Final = {"val": "validation", "test": "test"}
_NAMES: Final = {
    "accuracy": "accuracy",
    "accuracy_1off": "accuracy, one class off allowed",
    "macro_f1": "macro F1",
    "qwk": "quadratic weighted kappa",
    "mae": "mean absolute error in classes",
    "nll": "loss in nats per image",
    "ece": "calibration error",
    "recall": "accuracy within the class",
}
_SHARES: Final = ("accuracy", "accuracy_1off", "macro_f1", "ece", "recall")


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


NOT_YET: Final = "not analysed yet"
"""In place of a verdict that no analysis has given."""

NOT_HERE: Final = "not tested here"
"""In place of the verdict on a claim for which the study lacks something."""

SYMBOLS: Final = {
    "supported": "✓",
    "refuted": "✗",
    "unresolved": "?",
    "matters": "●",
    "negligible": "○",
    NOT_YET: "…",
    NOT_HERE: "–",
}
"""Verdict -> its sign, so that no verdict is told by colour alone."""


def percent(share: float) -> str:
    """A fraction in per cent with one decimal."""
    return f"{share * 100:.1f}{NARROW}%"


def signed(points: float) -> str:
    """A difference in points, such as `+9.1`; what rounds to nothing has no sign."""
    text = f"{points:+.1f}"
    return "0.0" if float(text) == 0 else text


def interval(
    estimate: float | None, low: float | None, high: float | None, text: Callable[[float], str]
) -> str:
    """An estimate with its interval, such as `9.1 [7.0, 11.2]`; a dash for none."""
    if estimate is None or math.isnan(estimate):
        return "–"
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return text(estimate)
    return f"{text(estimate)} [{text(low)}, {text(high)}]"


def some_of(names: Sequence[str], most: int = 4) -> str:
    """Names as in `a, b and 3 others`, at most `most` of them."""
    if len(names) <= most:
        return listed(names)
    return listed([*names[: most - 1], f"{len(names) - most + 1} others"])


def only_first(shown: int, total: int, what: str) -> str:
    """The sentence of a note on those that are not shown; empty where all are.

    Args:
        shown: How many are.
        total: How many there are.
        what: Follows the total, such as `arms are drawn`.
    """
    return f" Only the first {shown} of {total} {what}." if shown < total else ""


def left_over(n_idle: int, n_open: int, noun: str) -> str:
    """What the verdicts say of those that are not shown to matter; empty for none of them."""

    def verb(n: int) -> str:
        return "is" if n == 1 else "are"

    total = n_idle + n_open
    if not total:
        return ""
    if not n_open:
        return f"{count(n_idle, noun)} {verb(n_idle)} shown to be negligible"
    if not n_idle:
        return f"{count(n_open, noun)} {verb(n_open)} unresolved"
    return (
        f"of {count(total, noun)}, {n_idle:,} {verb(n_idle)} shown to be negligible and "
        f"{n_open:,} {verb(n_open)} unresolved"
    )


def describe(config: Config, names: Sequence[str]) -> str:
    """The named factors that exist, in one line, such as `optimizer sgd · lr 0.03`."""
    return " · ".join(f"{name} {level(config[name])}" for name in names if name in config)


def inert(text: str) -> str:
    """A text that Plotly shows letter by letter: no tag, entity or `%{…}` in it has a meaning."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")
