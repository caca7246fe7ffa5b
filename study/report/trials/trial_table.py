"""The table of trials: what ran, how it ended and the configuration to copy.

The page carries it as columns, packed, and shows a page of rows at a time: ten thousand trials
stay below a megabyte and sort at once. Its rows are also what the reader's selection is made of.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from study.asked.factors import Factor, Level
from study.folder.columns import STATUSES, config_column
from study.folder.tables import StudyTables
from study.folder.tabulate import reported_in
from study.report.look import arm_marks
from study.report.wording import ACCURACY, Measure, count, level

MOST_ROWS: Final = 20_000
MOST_FAILED: Final = 1000
"""Of MOST_ROWS, kept for failed trials: their reasons are what one looks for."""

MOST_REPORTED: Final = 8
"""Columns of what a function reports beside its metric; trials.parquet has all."""

PAGE_ROWS: Final = 50
"""Rows that are shown at a time; the first ones are in the page for readers without JavaScript."""

ABSENT: Final = -1
"""In place of a level where there is none."""

_EXACT: Final = 2**53
"""Whole numbers up to here are exact in JavaScript."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: numbers, or levels by their place in `levels`.

    Attributes:
        key: What a brush calls it: a factor's name, a column of `trials` or `arm`.
        label: Its heading.
        values: (rows,) numbers, NaN for none; places in `levels`, ABSENT for none.
        levels: In reading order; None for a column of numbers.
        measure: What its numbers measure; None: they are spelled as levels are.
        is_whole: Whether its numbers are whole.
        is_log: Whether they are read on a logarithmic scale.
        is_shown: Whether the table has it; others are there for the configuration only.
    """

    key: str
    label: str
    values: np.ndarray
    levels: tuple[Level, ...] | None = None
    measure: Measure | None = None
    is_whole: bool = False
    is_log: bool = False
    is_shown: bool = True

    def text(self, row: int) -> str:
        """What a cell shows."""
        value = self.values[row]
        if self.levels is not None:
            return "–" if value == ABSENT else level(self.levels[int(value)])
        if np.isnan(value):
            return "–"
        if self.measure is not None:
            return self.measure.text(float(value))
        return f"{int(value)}" if self.is_whole else level(float(value))


@dataclass(frozen=True, kw_only=True)
class TrialTable:
    """The table and what it leaves out.

    Attributes:
        columns: Of all that `configuration` and the table need.
        trials: (rows,) each row's position in `tables.trials`, best first.
        planned: (rows,) epochs planned, NaN where unknown.
        collapsed: (rows,) whether each trial collapsed.
        errors: Why trials failed, by row; ABSENT for those that did not.
        seeds: Of each row, None where unknown.
        configuration: The factors in reading order.
        n_trials: All trials of the study.
    """

    columns: tuple[Column, ...]
    trials: np.ndarray
    planned: np.ndarray
    collapsed: np.ndarray
    errors: Column
    seeds: tuple[int | None, ...]
    configuration: tuple[Factor, ...]
    n_trials: int

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns that the table has."""
        return tuple(column for column in self.columns if column.is_shown)

    @property
    def head(self) -> range:
        """The rows that the page spells out."""
        return range(min(PAGE_ROWS, len(self.trials)))

    @property
    def note(self) -> str:
        """n, and what is left out."""
        if len(self.trials) == self.n_trials:
            return f"n = {count(self.n_trials, 'trial')}, all of them."
        return (
            f"n = {count(self.n_trials, 'trial')}, too many for one page; here are "
            f"{len(self.trials):,}: those drawn in the figures, at most {MOST_FAILED:,} failed "
            "ones and the best of the others. All are in trials.parquet."
        )

    def text(self, column: Column, row: int) -> str:
        """What a cell shows."""
        planned = self.planned[row]
        text = column.text(row)
        if column.key == "epochs_run" and text != "–" and not np.isnan(planned):
            return text if column.values[row] == planned else f"{text} of {int(planned)}"
        return text

    def error(self, row: int) -> str:
        """Why a trial failed; empty if it did not."""
        return "" if self.errors.values[row] == ABSENT else self.errors.text(row)

    def embedded(self) -> str:
        """All of it as JSON, for the page."""
        exact = all(seed is None or abs(seed) < _EXACT for seed in self.seeds)
        places = {column.key: i for i, column in enumerate(self.columns)}
        seeds: Any = [seed if exact or seed is None else str(seed) for seed in self.seeds]
        return json.dumps(
            {
                "total": self.n_trials,
                "pageRows": PAGE_ROWS,
                "trials": packed(self.trials),
                "columns": [_embedded(column) for column in self.columns],
                "planned": packed(self.planned),
                "collapsed": packed(self.collapsed),
                "errors": _embedded(self.errors),
                "seeds": seeds,
                "configuration": [
                    {"column": places[f.name], "isFixed": f.role == "fixed"}
                    for f in self.configuration
                ],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


def trial_table_data(tables: StudyTables, *, drawn: Iterable[int] = ()) -> TrialTable:
    """Rows by status and value, at most MOST_ROWS.

    Args:
        tables: What the study's folder holds.
        drawn: Positions of trials that figures draw: they are always among the rows, so that a
            selection finds them.
    """
    study, measure = tables.study, tables.study.measure
    trials = tables.trials
    chosen = _choose(trials, measure, np.unique(np.fromiter(drawn, dtype=int)))
    rows = trials.iloc[chosen]
    columns = [
        Column(key="number", label="trial", values=_numbers(rows["number"]), is_whole=True),
        _levels("arm", "arm", rows["arm"], tuple(arm_marks(study))),
        _levels("origin", "origin", rows["origin"], ()),
        _levels("status", "status", rows["status"], STATUSES),
        Column(
            key=measure.column,
            label=measure.label,
            values=_numbers(rows[measure.column]),
            measure=measure,
        ),
        *([] if study.is_free else [_best_epoch(rows, measure)]),
        Column(
            key="epochs_run", label="epochs", values=_numbers(rows["epochs_run"]), is_whole=True
        ),
    ]
    columns += [_factor_column(factor, trials, rows) for factor in study.factors]
    if study.is_free:
        columns += _reported(trials, rows, study.metric)
    return TrialTable(
        columns=tuple(columns),
        trials=chosen.astype(np.int32),
        planned=_numbers(rows["epochs_planned"]),
        collapsed=rows["collapsed"].fillna(False).to_numpy(dtype=np.uint8),
        errors=_levels("error", "error", rows["error"], ()),
        seeds=tuple(None if pd.isna(seed) else int(seed) for seed in rows["seed"].tolist()),
        configuration=study.factors,
        n_trials=len(trials),
    )


def _best_epoch(rows: pd.DataFrame, measure: Measure) -> Column:
    best = ACCURACY
    return Column(
        key="best_val_accuracy",
        label="best epoch's" if measure == best else f"best epoch's {best.label}",
        values=_numbers(rows["best_val_accuracy"]),
        measure=best,
    )


def _reported(trials: pd.DataFrame, rows: pd.DataFrame, metric: str) -> list[Column]:
    """What else the function has reported, of which nobody knows the unit."""
    names = reported_in(trials, metric)[:MOST_REPORTED]
    # a factor may have the same name
    return [Column(key=f"reported/{n}", label=n, values=_numbers(rows[n])) for n in names]


def packed(values: np.ndarray) -> dict[str, str]:
    """Numbers as Plotly packs them: little-endian bytes in base64, in the smallest whole type."""
    dtype = "f8"
    if values.dtype.kind in "iu":
        largest = int(np.abs(values).max(initial=0))
        dtype = next((t for t in ("i1", "i2", "i4") if largest <= np.iinfo(t).max), dtype)
    data = base64.b64encode(values.astype(f"<{dtype}").tobytes()).decode()
    return {"dtype": dtype, "bdata": data}


def _choose(trials: pd.DataFrame, measure: Measure, drawn: np.ndarray) -> np.ndarray:
    """Positions of the rows, by status and then by value."""
    order = {"completed": 0, "stopped": 1, "interrupted": 2, "failed": 3}
    keys = pd.DataFrame(
        {
            "rank": trials["status"].map(order).to_numpy(),
            "value": _numbers(trials[measure.column]),
        }
    )
    ordered: np.ndarray = keys.sort_values(
        ["rank", "value"],
        ascending=[True, measure.is_minimised],
        na_position="last",
        kind="stable",
    ).index.to_numpy()
    if len(ordered) <= MOST_ROWS:
        return ordered
    is_failed = (trials["status"] == "failed").to_numpy(dtype=bool)[ordered]
    is_drawn = np.isin(ordered, drawn)
    failed = np.flatnonzero(is_failed & ~is_drawn)[:MOST_FAILED]
    left = max(0, MOST_ROWS - len(failed) - int(is_drawn.sum()))
    others = np.flatnonzero(~is_failed & ~is_drawn)[:left]
    kept = np.sort(np.concatenate([np.flatnonzero(is_drawn), failed, others]))
    chosen: np.ndarray = ordered[kept]
    return chosen


def _factor_column(factor: Factor, trials: pd.DataFrame, rows: pd.DataFrame) -> Column:
    name = config_column(factor.name)
    values = trials[name]
    varies = bool(values.nunique() + values.isna().any() > 1)
    # the arm says the arm factors' levels already
    is_shown = factor.role == "tuned" and varies
    if not factor.is_numeric:
        return _levels(factor.name, factor.name, rows[name], factor.levels, is_shown=is_shown)
    return Column(
        key=factor.name,
        label=factor.name,
        values=_numbers(rows[name]),
        is_whole=factor.is_whole,
        is_log=factor.log,
        is_shown=is_shown,
    )


def _levels(
    key: str, label: str, values: pd.Series, levels: Sequence[Level], *, is_shown: bool = True
) -> Column:
    """A column of levels: those that are known in their order, then others as they occur."""
    found = [value for value in values.dropna().unique().tolist() if value not in levels]
    every = (*levels, *found)
    place = {value: i for i, value in enumerate(every)}
    codes = [ABSENT if absent else place[value] for value, absent in
             zip(values.tolist(), values.isna(), strict=True)]  # fmt: skip
    return Column(
        key=key,
        label=label,
        values=np.array(codes, dtype=np.int32),
        levels=every,
        is_shown=is_shown,
    )


def _numbers(values: pd.Series) -> np.ndarray:
    numbers: np.ndarray = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return numbers


def _embedded(column: Column) -> dict[str, Any]:
    """A column for the page: each level as people read it and as JSON has it."""
    common = {"key": column.key, "label": column.label, "isShown": column.is_shown}
    if column.levels is not None:
        texts = [[level(value), json.dumps(value, ensure_ascii=False)] for value in column.levels]
        return common | {"levels": texts, "values": packed(column.values)}
    measure = column.measure
    if measure is not None:
        common |= {
            "scale": measure.scale,
            "suffix": measure.suffix,
            "digits": measure.digits,
        }
    whole = column.is_whole and not np.isnan(column.values).any()
    values = column.values.astype(np.int64) if whole else column.values
    return common | {"isWhole": column.is_whole, "isLog": column.is_log, "values": packed(values)}
