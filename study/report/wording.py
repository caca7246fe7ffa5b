"""Numbers, levels and configurations as the report spells them."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from study.factors import Config, Level

NARROW: Final = "\u202f"
"""A narrow space that does not break, between a number and its unit."""

_LABELS: Final = {
    "val_accuracy": "validation accuracy",
    "val_accuracy_1off": "validation accuracy, one class off allowed",
    "val_macro_f1": "validation macro F1",
    "val_qwk": "validation quadratic weighted kappa",
    "val_mae": "validation mean absolute error in classes",
}
_SHARES: Final = ("val_accuracy", "val_accuracy_1off", "val_macro_f1")


@dataclass(frozen=True)
class Measure:
    """The metric that a study maximises, as people read it.

    Attributes:
        column: Its column in the tables.
    """

    column: str

    @property
    def label(self) -> str:
        """Its name in words."""
        return _LABELS.get(self.column, self.column.replace("_", " "))

    @property
    def scale(self) -> float:
        """What a table's value is multiplied by: fractions are read in per cent."""
        return 100.0 if self.column in _SHARES else 1.0

    @property
    def suffix(self) -> str:
        """The unit after a number."""
        return f"{NARROW}%" if self.column in _SHARES else ""

    def text(self, value: float | None) -> str:
        """A table's value with its unit, such as 61.2 %; a dash for none."""
        if value is None or math.isnan(value):
            return "–"
        return f"{value * self.scale:.1f}{self.suffix}" if self.suffix else f"{value:.3f}"


def percent(share: float) -> str:
    """A fraction in per cent with one decimal."""
    return f"{share * 100:.1f}{NARROW}%"


def count(n: int, noun: str) -> str:
    """A number with its noun, such as `1 trial` or `10,000 trials`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def level(value: Level) -> str:
    """A level as people write it: reals with three digits, flags in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def describe(config: Config, names: Sequence[str]) -> str:
    """The named factors that exist, in one line, such as `optimizer sgd · lr 0.03`."""
    return " · ".join(f"{name} {level(config[name])}" for name in names if name in config)


def inert(text: str) -> str:
    """A text that Plotly shows letter by letter: no tag, entity or `%{…}` in it has a meaning."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence joined as in `a, b and c`."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
