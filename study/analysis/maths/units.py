"""From points of the analysis, of which more is better, to the metric as it was measured.

A metric that is minimised is turned round on its way into the analysis, and its values, not its
differences, back on their way out. One that is no share has no points that anybody knows: in
tables and claims its differences are in its own unit.
"""

from typing import Final

import pandas as pd

from study.measure import Measure

_ENDS: Final = {"low": "high", "high": "low"}
_VALUES: Final = ("estimate", "low", "high", "seen", "predicted", "best", "expected")
"""Columns of values; `low` and `high` of an interval change places where the sign does."""

_IN_POINTS: Final[dict[str, tuple[str, ...]]] = {
    "importance": ("sd", "sd_low", "sd_high"),
    "interactions": ("sd",),
    "marginals": ("estimate", "low", "high"),
    "contrasts": ("estimate", "low", "high"),
    "claims": ("estimate", "low", "high"),
}
"""Columns of tables of conclusions that count in points."""


def as_measured(frame: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Values in points as the metric goes: turned back where it is minimised."""
    if not measure.is_minimised:
        return frame
    values = [name for name in _VALUES if name in frame]
    turned = frame.assign(**{name: -frame[name].astype(float) for name in values})
    if not set(_ENDS) <= set(frame.columns):
        return turned
    return turned.rename(columns=_ENDS)[frame.columns.tolist()]


def in_units(frame: pd.DataFrame, kind: str, measure: Measure) -> pd.DataFrame:
    """A table of conclusions with points of the analysis in what its readers count in."""
    if measure.own is None or frame.empty:
        return frame
    names = [name for name in _IN_POINTS.get(kind, ()) if name in frame]
    told = frame.assign(**{n: frame[n].astype(float) * measure.per_point for n in names})
    if kind == "contrasts":
        return as_measured(told, measure)  # one level less another, as their values go
    if kind != "claims":
        return told
    # shares of variance are nobody's unit
    is_share = frame["unit"] == "share"
    told[names] = told[names].where(~is_share, frame[names].astype(float))
    return told.assign(unit=frame["unit"].where(is_share, measure.effects))
