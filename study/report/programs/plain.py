"""Values of tables as JSON has them: no NaN, no infinity, nothing of pandas or numpy."""

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

Row = Mapping[str, Any]
"""A row of a table, as pandas gives it."""


def number(value: Any) -> float | None:
    """A real; None for a null, a NaN and an infinity, of which JSON knows none."""
    return None if pd.isna(value) or not math.isfinite(value) else float(value)


def whole(value: Any) -> int | None:
    """A whole number; None for a null."""
    return None if pd.isna(value) else int(value)


def flag(value: Any) -> bool | None:
    """True or false; None for a null."""
    return None if pd.isna(value) else bool(value)


def word(value: Any) -> str | None:
    """A text; None for a null and for an empty one."""
    return None if pd.isna(value) or value == "" else str(value)


def ends(row: Row, low: str = "low", high: str = "high") -> list[float] | None:
    """The two ends of an interval; None unless both are there."""
    found = [number(row[low]), number(row[high])]
    return None if None in found else [end for end in found if end is not None]


def estimate(row: Row, name: str = "estimate", low: str = "low", high: str = "high") -> Row:
    """An estimate with the 95 % interval that stands in its columns."""
    return {"estimate": number(row[name]), "interval": ends(row, low, high)}


def as_json(value: Any) -> str:
    """The text, keys in the order in which they were put in.

    Raises:
        ValueError: A number in it is none of JSON's.
    """
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
