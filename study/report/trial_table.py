"""The table of trials: what ran, how it ended and the configuration to copy."""

import json
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from study.columns import config_column
from study.factors import Level
from study.report.wording import Measure, count, level
from study.tables import StudyTables, configurations

MOST_ROWS: Final = 400
MOST_FAILED: Final = 50
"""Of MOST_ROWS, kept for failed trials: their reasons are what one looks for."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a cell shows and what it is sorted by; the key "" stands for nothing."""

    text: str
    key: float | str


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One trial.

    Attributes:
        arm: Its arm, to filter by.
        status: Its status, to filter by.
        is_collapsed: Whether it collapsed.
        cells: One per column of the table.
        error: Why it failed; empty if it did not.
        configuration: All its factors and its seed, as JSON that `Recipe.from_dict` takes.
    """

    arm: str
    status: str
    is_collapsed: bool
    cells: tuple[Cell, ...]
    error: str
    configuration: str


@dataclass(frozen=True, kw_only=True)
class TrialTable:
    """The table and what it leaves out.

    Attributes:
        columns: Headings.
        are_numbers: Whether each column holds numbers.
        rows: Best first.
        n_trials: All trials of the study.
    """

    columns: tuple[str, ...]
    are_numbers: tuple[bool, ...]
    rows: tuple[TrialRow, ...]
    n_trials: int

    @property
    def note(self) -> str:
        """n, and what is left out."""
        if len(self.rows) == self.n_trials:
            return f"n = {count(self.n_trials, 'trial')}, all of them."
        return (
            f"n = {count(self.n_trials, 'trial')}; shown: {len(self.rows):,}, the best completed "
            f"ones and at most {MOST_FAILED} failed ones. All are in trials.parquet."
        )


def trial_table_data(tables: StudyTables) -> TrialTable:
    """Rows by status and value, at most MOST_ROWS."""
    study, measure = tables.study, Measure(tables.study.metric)
    # the arm says the arm factors' levels already
    tuned = [f.name for f in study.of_role("tuned")]
    names = [name for name in tuned if _varies(tables.trials, name)]
    chosen = _choose(tables.trials, measure.column)
    columns = ("trial", "arm", "origin", "status", measure.label, "best epoch's", "epochs", *names)
    rows = [
        _row(measure, names, row, config)
        for row, config in zip(chosen.to_dict("records"), configurations(chosen), strict=True)
    ]
    are_numbers = tuple(
        any(isinstance(row.cells[i].key, float) for row in rows) for i in range(len(columns))
    )
    return TrialTable(
        columns=columns, are_numbers=are_numbers, rows=tuple(rows), n_trials=len(tables.trials)
    )


def _varies(trials: pd.DataFrame, name: str) -> bool:
    values = trials[config_column(name)]
    return bool(values.nunique() + values.isna().any() > 1)


def _choose(trials: pd.DataFrame, metric: str) -> pd.DataFrame:
    order = {"completed": 0, "stopped": 1, "interrupted": 2, "failed": 3}
    by_status = trials.assign(rank=trials["status"].map(order))
    ordered = by_status.sort_values(
        ["rank", metric], ascending=[True, False], na_position="last", kind="stable"
    )
    if len(ordered) <= MOST_ROWS:
        return ordered
    failed = ordered[ordered["status"] == "failed"].head(MOST_FAILED)
    others = ordered[ordered["status"] != "failed"].head(MOST_ROWS - len(failed))
    return pd.concat([others, failed])


def _row(
    measure: Measure,
    names: list[str],
    row: dict[Any, Any],
    config: dict[str, Level],
) -> TrialRow:
    cells = (
        _number(row["number"]),
        _text(row["arm"]),
        _text(row["origin"]),
        _text(row["status"]),
        _value(row[measure.column], measure),
        _value(row["best_val_accuracy"], Measure("val_accuracy")),
        _epochs(row["epochs_run"], row["epochs_planned"]),
        *(_level(config.get(name)) for name in names),
    )
    copied: dict[str, object] = dict(config)
    for name, column in (("epochs", "epochs_planned"), ("seed", "seed")):
        if name not in copied and not pd.isna(row[column]):
            copied[name] = row[column]
    return TrialRow(
        arm=str(row["arm"]),
        status=str(row["status"]),
        is_collapsed=row["collapsed"] is True,
        cells=cells,
        error="" if pd.isna(row["error"]) else str(row["error"]),
        configuration=json.dumps(copied, ensure_ascii=False),
    )


_NOTHING: Final = Cell(text="–", key="")


def _number(value: Any) -> Cell:
    return _NOTHING if pd.isna(value) else Cell(text=f"{value}", key=float(value))


def _text(value: Any) -> Cell:
    return _NOTHING if pd.isna(value) else Cell(text=str(value), key=str(value))


def _value(value: Any, measure: Measure) -> Cell:
    return _NOTHING if pd.isna(value) else Cell(text=measure.text(value), key=float(value))


def _epochs(run: Any, planned: Any) -> Cell:
    if pd.isna(run):
        return _NOTHING
    text = f"{run}" if pd.isna(planned) or run == planned else f"{run} of {planned}"
    return Cell(text=text, key=float(run))


def _level(value: Level | None) -> Cell:
    if value is None:
        return _NOTHING
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(text=level(value), key=float(value) if is_number else level(value))
