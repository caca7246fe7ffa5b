"""The reference box: the measure over which every share, average and contrast is taken.

Levels are equally likely, numbers are uniform on their declared scale inside the range that
applies to the other factors' levels. In the coordinates made here (`x`) this measure is a
product: a number becomes its place `u` in 0..1 of its applicable range, a level its index, and a
factor that does not exist under the others' levels is NaN: absent, not zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.asked.factors import Factor, When
from study.asked.study import Study

Array = NDArray[np.float64]

FEW_STEPS = 12
"""Whole-numbered ranges up to this many values are treated as a grid, not a continuum."""


def level_key(value: object) -> str:
    """One spelling of a level, whatever type a table stores it in: `true`, `64`, `sgd`."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | float | np.integer | np.floating):
        return f"{float(value):.12g}"
    text = str(value)
    if text.lower() in ("true", "false"):
        return text.lower()
    try:
        return f"{float(text):.12g}"
    except ValueError:
        return text


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Level indices that other axes must have: ((axis, level), …); `never` if unreachable."""

    needs: tuple[tuple[int, int], ...]
    never: bool = False

    def holds(self, x: Array) -> NDArray[np.bool_]:
        """Rows of `x` (n, axes) in which every named axis has its level."""
        met = np.full(len(x), not self.never)
        for axis, level in self.needs:
            met &= x[:, axis] == level
        return met


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A numeric range on the axis' scale (log applied) with the condition under which it holds."""

    low: float
    high: float
    condition: Condition


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One varied factor in box coordinates.

    Attributes:
        factor: The study's factor.
        exists: When it has a value.
        intervals: Ranges of a number, in the order in which they are tried; else empty.
        steps: Number of values of a whole-numbered range with few of them; else None.
        share: Part of the box in which the factor exists.
    """

    factor: Factor
    exists: Condition
    intervals: tuple[Interval, ...]
    steps: int | None
    share: float = 1.0

    @property
    def name(self) -> str:
        """The factor's name."""
        return self.factor.name

    @property
    def is_numeric(self) -> bool:
        """Whether the axis is a number's."""
        return self.factor.is_numeric

    @property
    def hangs_on(self) -> frozenset[int]:
        """Axes by whose levels this one exists or does not."""
        conditions = [self.exists, *(interval.condition for interval in self.intervals)]
        return frozenset(axis for condition in conditions for axis, _ in condition.needs)


@dataclass(frozen=True, kw_only=True)
class Box:
    """The varied factors of a study, in reading order.

    Attributes:
        axes: Factors with at least two levels or a range of some width.
        together: (axes, axes) part of the box in which both exist.
    """

    axes: tuple[Axis, ...]
    together: Array

    def index(self, name: str) -> int:
        """Place of a factor among the axes; KeyError if it is not varied."""
        for i, axis in enumerate(self.axes):
            if axis.name == name:
                return i
        raise KeyError(name)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """`n` configurations drawn from the reference measure: x (n, axes)."""
        x = np.empty((n, len(self.axes)))
        for i, axis in enumerate(self.axes):
            if axis.is_numeric:
                x[:, i] = rng.uniform(size=n)
                if axis.steps:
                    x[:, i] = (np.floor(x[:, i] * axis.steps) + 0.5) / axis.steps
            else:
                x[:, i] = rng.integers(len(axis.factor.levels), size=n)
        return drop_absent(self.axes, x)

    def level_index(self, name: str, level: object) -> int:
        """Index of a level; ValueError if the factor does not have it."""
        keys = [level_key(v) for v in self.axes[self.index(name)].factor.levels]
        return keys.index(level_key(level))

    def values(self, axis: int, u: Array, interval: Interval) -> Array:
        """Values of a number at places `u` of one of its ranges, on the scale users type."""
        span = interval.high - interval.low
        if self.axes[axis].steps:
            steps = self.axes[axis].steps or 1
            raw = interval.low + u * (span + span / max(steps - 1, 1)) - span / (steps - 1) / 2
        else:
            raw = interval.low + u * span
        return np.exp(raw) if self.axes[axis].factor.log else raw


def drop_absent(axes: tuple[Axis, ...], x: Array) -> Array:
    """Coordinates with NaN wherever a factor does not exist under the others' levels.

    Existence may hang on a factor that is itself absent, so passes repeat until nothing changes.
    """
    x = x.copy()
    for _ in range(len(axes)):
        before = np.isnan(x).sum()
        for i, axis in enumerate(axes):
            here = axis.exists.holds(x)
            if axis.is_numeric:
                ranged = np.zeros(len(x), dtype=bool)
                for interval in axis.intervals:
                    ranged |= interval.condition.holds(x)
                here &= ranged
            x[~here, i] = np.nan
        if np.isnan(x).sum() == before:
            break
    return x


def build_box(study: Study, configs: pd.DataFrame | None = None) -> Box:
    """The box of a study.

    Args:
        study: The study file.
        configs: One column per factor with the values that were tried; tells which numbers are
            whole. None: a range with whole ends counts as whole only for the factor `epochs`.
    """
    varied = [
        f
        for f in study.factors
        if f.role != "fixed" and (len(f.levels) > 1 or any(r.high > r.low for r in f.ranges))
    ]
    place = {f.name: i for i, f in enumerate(varied)}
    fixed = {
        f.name: level_key(f.levels[0]) for f in study.factors if f.name not in place and f.levels
    }

    def compiled(when: When) -> Condition:
        needs = []
        for name, level in when.items():
            assert not isinstance(level, tuple), "only a fixed factor names several levels"
            if name in place:
                keys = [level_key(v) for v in varied[place[name]].levels]
                if level_key(level) not in keys:
                    return Condition(needs=(), never=True)
                needs.append((place[name], keys.index(level_key(level))))
            elif fixed.get(name) != level_key(level):
                return Condition(needs=(), never=True)
        return Condition(needs=tuple(needs))

    axes = []
    for f in varied:
        scale = np.log if f.log else np.asarray
        intervals = tuple(
            Interval(
                low=float(scale(r.low)), high=float(scale(r.high)), condition=compiled(r.when)
            )
            for r in f.ranges
        )
        axes.append(
            Axis(
                factor=f,
                exists=compiled(f.when),
                intervals=intervals,
                steps=_steps(f, configs),
            )
        )
    return _with_shares(tuple(axes))


def _steps(factor: Factor, configs: pd.DataFrame | None) -> int | None:
    """Number of values of a whole-numbered factor with few of them, else None."""
    counts = {r.high - r.low + 1 for r in factor.ranges}
    ends = [end for r in factor.ranges for end in (r.low, r.high)]
    if factor.log or len(counts) != 1 or any(end != round(end) for end in ends):
        return None
    if configs is None or factor.name not in configs:
        is_whole = factor.name == "epochs"
    else:
        tried = pd.to_numeric(configs[factor.name], errors="coerce").dropna().to_numpy(float)
        is_whole = bool(len(tried)) and bool(np.all(tried == np.round(tried)))
    steps = round(counts.pop())
    return steps if is_whole and 2 <= steps <= FEW_STEPS else None


def _with_shares(axes: tuple[Axis, ...]) -> Box:
    """The box with exact existence shares, by listing the cells that conditions tell apart."""
    conditions = [a.exists for a in axes] + [i.condition for a in axes for i in a.intervals]
    deciding = sorted({axis for c in conditions for axis, _ in c.needs})
    cells = list(product(*(range(len(axes[i].factor.levels)) for i in deciding)))
    x = np.zeros((len(cells), len(axes)))
    x[:, deciding] = np.array(cells, dtype=float).reshape(len(cells), len(deciding))
    present = (~np.isnan(drop_absent(axes, x))).astype(float)
    together = present.T @ present / len(cells)
    shared = tuple(
        Axis(
            factor=a.factor,
            exists=a.exists,
            intervals=a.intervals,
            steps=a.steps,
            share=float(together[i, i]),
        )
        for i, a in enumerate(axes)
    )
    return Box(axes=shared, together=together)


def encode(box: Box, configs: pd.DataFrame) -> tuple[Array, NDArray[np.bool_]]:
    """Coordinates of configurations, and which of them lie in the box.

    Args:
        box: The study's box.
        configs: One column per factor, null where the factor does not exist; rows are trials.

    Returns:
        x (n, axes) and inside (n,): False where a factor that should exist has no value, an
        unknown level, or a number outside its applicable range.
    """
    n = len(configs)
    x = np.zeros((n, len(box.axes)))
    numbers: dict[int, Array] = {}
    inside = np.ones(n, dtype=bool)
    unknown = np.zeros((n, len(box.axes)), dtype=bool)
    for i, axis in enumerate(box.axes):
        if axis.name not in configs:
            unknown[:, i] = True
        elif axis.is_numeric:
            column = pd.to_numeric(configs[axis.name], errors="coerce")
            numbers[i] = column.to_numpy(dtype=float, na_value=np.nan)
            unknown[:, i] = ~np.isfinite(numbers[i])
        else:
            codes = _level_codes(axis.factor, configs[axis.name])
            unknown[:, i] = codes < 0
            x[:, i] = codes
    x = drop_absent(box.axes, x)
    for i, axis in enumerate(box.axes):
        exists = ~np.isnan(x[:, i])
        inside &= ~(exists & unknown[:, i])
        if i not in numbers:
            continue
        u = _places(axis, numbers[i], x)
        slack = 1e-9
        inside &= ~exists | ((u >= -slack) & (u <= 1 + slack))
        x[:, i] = np.where(exists, np.nan_to_num(u), np.nan)
    return x, inside


def _level_codes(factor: Factor, column: pd.Series) -> NDArray[np.int64]:
    """Index of each row's level; -1 where it is null or not a level."""
    keys = {level_key(v): k for k, v in enumerate(factor.levels)}
    codes, uniques = pd.factorize(column, use_na_sentinel=True)
    lookup = np.array([keys.get(level_key(v), -1) for v in uniques] + [-1], dtype=np.int64)
    return np.asarray(lookup[codes])


def _places(axis: Axis, values: Array, x: Array) -> Array:
    """Place 0..1 of each value in the first range that applies; outside it below 0 or above 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = np.log(values) if axis.factor.log else values
    u = np.full(len(values), np.nan)
    for interval in reversed(axis.intervals):
        here = interval.condition.holds(x)
        span = interval.high - interval.low
        if axis.steps:
            place = (raw - interval.low + 0.5) / axis.steps
        else:
            place = (raw - interval.low) / (span or 1.0)
        u[here] = place[here]
    return u


def coordinates_of(box: Box, levels: Mapping[str, object]) -> Array:
    """One row (axes,) with the given levels as indices and NaN for all other factors."""
    row = np.full(len(box.axes), np.nan)
    for name, level in levels.items():
        row[box.index(name)] = box.level_index(name, level)
    return row
