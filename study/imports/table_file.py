"""A table of trials or of their epochs: CSV or parquet, exports of W&B and MLflow among them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from study.errors import StudyError
from study.imports.directions import Direction, guessed, is_minimised
from study.imports.search import Search, State, Trial

_PREFIXES: Final = ("params.", "params_", "config/", "config.", "hparams/", "hp/")
"""What MLflow, Optuna, Ray Tune, W&B and TensorBoard put before a setting's name."""

_STATES: Final[dict[str, State]] = {
    **dict.fromkeys(("completed", "complete", "finished", "terminated", "success"), "completed"),
    **dict.fromkeys(("stopped", "pruned", "killed", "preempted", "early_stopped"), "stopped"),
    **dict.fromkeys(("failed", "fail", "crashed", "error"), "failed"),
    **dict.fromkeys(
        ("interrupted", "running", "pending", "paused", "scheduled", "preempting"), "interrupted"
    ),
}
_STATE_COLUMNS: Final = ("status", "state", "tags.mlflow.runStatus")
_NAME_COLUMNS: Final = ("trial_id", "run_id", "number", "id", "name")

_MOSTLY: Final = 0.9
"""Share of a column's values that are numbers from which on others are taken for mistakes."""

_AS_INFINITE: Final = np.finfo(np.float64).max
"""MLflow's databases keep an infinite metric as the largest number, so its exports do too."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns mean what; what is None is looked for.

    Attributes:
        metric: The metric.
        factors: The settings; None: those whose names begin as trackers' settings do.
        trial: The trial's identity, the same in all its rows.
        step: What curves are told over.
        state: How the trial ended.
    """

    metric: str
    factors: Sequence[str] | None = None
    trial: str | None = None
    step: str | None = None
    state: str | None = None


def read_table_file(path: Path, columns: Columns, *, direction: Direction | None = None) -> Search:
    """Trials from a table with a row a trial or, where a trial has several, a row an epoch.

    Raises:
        StudyError: The file cannot be read, or lacks a column.
    """
    frame = _read(path)
    metric = _there(path, frame, columns.metric, "--metric")
    settings = _settings(path, frame, columns)
    step = columns.step and _there(path, frame, columns.step, "--step")
    left_out: Counter[str] = Counter()
    everywhere = pd.Series(True, index=frame.index)
    is_told = everywhere if step is None else _is_told(path, frame, metric)
    for label in [metric, *settings.values(), *([step] if step else [])]:
        frame = _in_numbers(frame, label, left_out, is_metric=label == metric)
    name = columns.trial and _there(path, frame, columns.trial, "--trial")
    name = name or next((c for c in _by_words(frame, _NAME_COLUMNS)), None)
    names = frame[name].astype("string") if name else pd.Series(frame.index.astype(str))
    names = names.set_axis(frame.index)
    if step is not None and name is None:
        raise StudyError(f"{path}: nothing says which trial a row is of; give --trial COLUMN")
    if names.isna().any():
        left_out["rows without a trial's name"] += int(names.isna().sum())
        frame, names = frame[names.notna()], names.dropna()
    if step is None and names.duplicated().any() and columns.trial is None:
        # a column of names that are not unique names no trials
        names = pd.Series(frame.index.astype(str), index=frame.index)
    elif step is None and names.duplicated().any():
        raise StudyError(f"{path}: trials of `{name}` have several rows; give --step COLUMN")
    state = columns.state and _there(path, frame, columns.state, "--state")
    state = state or next(iter(_by_words(frame, _STATE_COLUMNS)), None)
    found = Columns(metric=metric, step=step, state=state)
    trials = [
        _trial(str(key), rows, is_told[rows.index], settings, found)
        for key, rows in frame.groupby(names, sort=False)
    ]
    return Search(
        source=f"the table {path}",
        metric=metric.removeprefix("metrics."),
        is_minimised=is_minimised(metric, direction),
        trials=tuple(trials),
        step=step or "epoch",
        left_out=left_out,
        notes=guessed(metric, direction),
    )


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise StudyError(f"{path}: no such file; give a table, as CSV or parquet")
    try:
        frame = pd.read_parquet(path) if _is_parquet(path) else pd.read_csv(path, low_memory=False)
    except (ValueError, OSError, pa.ArrowException, pd.errors.ParserError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StudyError(f"{path}: neither CSV nor parquet ({reason})") from error
    if frame.empty:
        raise StudyError(f"{path}: it has no row")
    return frame.reset_index(drop=True)


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _is_told(path: Path, frame: pd.DataFrame, metric: str) -> pd.Series:
    """Whether a row holds the metric, be it NaN: trackers leave cells of other metrics empty.

    A parquet file that pandas wrote has NaN as null, so that nothing is known of an empty cell.
    """
    if _is_parquet(path):
        return frame[metric].notna()
    words = pd.read_csv(path, usecols=[metric], dtype=str, keep_default_na=False)
    # others that pandas takes for nothing, such as NA and None, stand for an empty cell
    return frame[metric].notna() | words[metric].str.strip().str.lower().isin(["nan", "-nan"])


def _there(path: Path, frame: pd.DataFrame, name: str, flag: str) -> str:
    """A column as the table spells it, where a tracker's prefix may be left out."""
    spelled = (name, f"metrics.{name}", f"values_{name}", *(f"{p}{name}" for p in _PREFIXES))
    for label in spelled:
        if label in frame:
            return label
    there = ", ".join(map(str, frame.columns))
    raise StudyError(f"{path}: no column `{name}` ({flag}); there are {there}")


def _settings(path: Path, frame: pd.DataFrame, columns: Columns) -> dict[str, str]:
    """Column of each setting, by its name."""
    if columns.factors is not None:
        return {_bare(n): _there(path, frame, n, "--factors") for n in columns.factors}
    found = {_bare(c): c for c in map(str, frame.columns) if c.startswith(_PREFIXES)}
    if not found:
        there = ", ".join(str(c) for c in frame.columns if c != columns.metric)
        raise StudyError(
            f"{path}: nothing says which columns are settings; give --factors A,B,…, there are "
            f"{there}"
        )
    return found


def _bare(name: str) -> str:
    prefix = next((p for p in _PREFIXES if name.startswith(p)), "")
    return name.removeprefix(prefix)


def _by_words(frame: pd.DataFrame, words: Sequence[str]) -> list[str]:
    """Columns of these names, whatever their case, in the order of the words."""
    lower = {str(c).lower(): str(c) for c in frame.columns}
    return [lower[word.lower()] for word in words if word.lower() in lower]


def _in_numbers(
    frame: pd.DataFrame, label: str, left_out: Counter[str], *, is_metric: bool
) -> pd.DataFrame:
    """The table with a column of numbers as numbers, without rows that spoil it."""
    column = frame[label]
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return frame
    numbers = pd.to_numeric(column, errors="coerce")
    # `nan` in words is a value that a metric may have
    words = column.astype("string").str.strip().str.lower()
    is_bad = column.notna() & numbers.isna() & ~(words.isin(["nan", "none", "null", ""]))
    if not is_metric and is_bad.sum() > (1 - _MOSTLY) * column.notna().sum():
        return frame
    if is_bad.any():
        left_out[f"rows whose `{label}` is no number"] += int(is_bad.sum())
    return frame[~is_bad].assign(**{label: numbers[~is_bad]})


def _trial(
    name: str,
    rows: pd.DataFrame,
    is_told: pd.Series,
    settings: dict[str, str],
    columns: Columns,
) -> Trial:
    step = columns.step
    if step is not None:
        rows = rows.sort_values(step, kind="stable")
    told = rows[is_told[rows.index]] if is_told.any() else rows
    values = told[columns.metric].to_numpy(dtype=float, na_value=np.nan)
    values = np.where(np.abs(values) == _AS_INFINITE, np.sign(values) * np.inf, values)
    finite = np.isfinite(values)
    steps = (
        told[step].to_numpy(dtype=float, na_value=np.nan) if step else np.full(len(told), np.nan)
    )
    curve = {
        at: end for at, end in zip(steps, values, strict=True) if np.isfinite([at, end]).all()
    }
    word = _last(rows[columns.state]) if columns.state else None
    ended: State = "completed" if word is None else _STATES.get(str(word).lower(), "interrupted")
    error = ""
    if ended == "completed" and not (len(values) and finite[-1]):
        last = values[-1] if len(values) else np.nan
        ended, error = "failed", f"its last {columns.metric} is {last}"
    params = {name: _last(rows[column]) for name, column in settings.items()}
    return Trial(
        name=name,
        state=ended,
        params={name: value for name, value in params.items() if value is not None},
        curve=tuple(sorted(curve.items())),
        value=float(values[-1]) if ended == "completed" else None,
        error=error,
    )


def _last(column: pd.Series) -> Any:
    """The last value that is there, as plain Python; None: there is none."""
    known = column.dropna()
    return known.iloc[-1:].tolist()[0] if len(known) else None
