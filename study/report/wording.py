"""Numbers, levels and configurations as the report spells them."""

import html
import math
from collections.abc import Callable, Sequence
from typing import Final

from study.asked.factors import Config
from study.measure import ACCURACY as ACCURACY
from study.measure import NARROW as NARROW
from study.measure import Measure as Measure
from study.quantities import capital as capital  # the report's words have one door
from study.quantities import count as count
from study.quantities import level as level
from study.quantities import listed as listed
from study.quantities import points as points
from study.quantities import some_of as some_of

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


def in_points_of(claim: str, measure: Measure) -> str:
    """A claim's words on an axis of several claims, with its metric where that is its own."""
    return f"{claim} (in{measure.after_effect})" if measure.is_named else claim


def interval(
    estimate: float | None, low: float | None, high: float | None, text: Callable[[float], str]
) -> str:
    """An estimate with its interval, such as `9.1 [7.0, 11.2]`; a dash for none."""
    if estimate is None or math.isnan(estimate):
        return "–"
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return text(estimate)
    return f"{text(estimate)} [{text(low)}, {text(high)}]"


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
