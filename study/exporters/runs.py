"""A study's tables as the runs that other trackers know: parameters, a curve, final values."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from study.asked.factors import Level
from study.folder.tables import StudyTables, configurations

_TAGS: Final = ("arm", "origin", "status", "collapsed", "error", "node", "device")
_NOT_METRICS: Final = {"trial_id", "epoch", "seconds"}
_SCORES: Final = ("val_", "test_", "temperature")


@dataclass(frozen=True, kw_only=True)
class Point:
    """A run's values after an epoch (from 1); `at` in seconds of Unix time."""

    epoch: int
    at: float
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A trial of the search, a model of the confirm stage, or a training of settling.

    Attributes:
        name: The trial's identity or the model's name; of settling also which stage it is.
        group: Its arm.
        stage: `search`, `confirm` or `settle`.
        status: As in the tables.
        parameters: Levels of the factors that exist, seed and length.
        tags: What else its row says in words.
        curve: Metrics per epoch; of what later stages train its final scores alone.
        started_at: Seconds of Unix time; 0 where the table does not say.
        ended_at: Likewise.
    """

    name: str
    group: str
    stage: str
    status: str
    parameters: Mapping[str, Level]
    tags: Mapping[str, str]
    curve: tuple[Point, ...]
    started_at: float
    ended_at: float


def runs_of(tables: StudyTables) -> Iterator[Run]:
    """Every trial by number, then every model of the confirm stage and training of settling.

    The tables hold no clock time per epoch: an epoch is placed by the seconds of those before
    it, so that a run that was interrupted in between looks shorter than it was.
    """
    configs = configurations(tables.trials)
    epochs = {str(name): rows for name, rows in tables.epochs.groupby("trial_id")}
    for row, config in zip(tables.trials.to_dict("records"), configs, strict=True):
        started = _unix(row["started_at"])
        curve = _curve(epochs.get(row["trial_id"], tables.epochs.iloc[:0]), started)
        last = curve[-1].at if curve else started
        yield Run(
            name=row["trial_id"],
            group=row["arm"],
            stage="search",
            status=row["status"],
            parameters=config | _known(row, ("seed", "epochs_planned")),
            tags={name: str(value) for name, value in _known(row, _TAGS).items()},
            curve=curve,
            started_at=started,
            ended_at=_unix(row["ended_at"]) or last,
        )
    if tables.confirm is not None:
        at = _unix(pd.Timestamp(tables.known.get("ended_at")))
        for row in tables.confirm.to_dict("records"):
            yield _confirm_run(row, at, tables.study.metric)
    if tables.settle is not None:
        trained = zip(tables.settle.to_dict("records"), configurations(tables.settle), strict=True)
        for row, config in trained:
            yield _settle_run(row, config, tables.study.metric)


def _curve(rows: pd.DataFrame, started: float) -> tuple[Point, ...]:
    points, at = [], started
    for row in rows.sort_values("epoch").to_dict("records"):
        at += 0.0 if pd.isna(row["seconds"]) else float(row["seconds"])
        values = {name: value for name, value in row.items() if name not in _NOT_METRICS}
        points.append(Point(epoch=int(row["epoch"]), at=at, values=_numbers(values)))
    return tuple(points)


def _confirm_run(row: Mapping[str, Any], at: float, metric: str) -> Run:
    """The table says nothing of when: all stand at the study's end."""
    scores = _scores(row, metric)
    epoch = 0 if pd.isna(row["epochs_run"]) else int(row["epochs_run"])
    return Run(
        name=str(row["model"]),
        group=row["arm"],
        stage="confirm",
        status=row["status"],
        parameters=_known(row, ("seed", "epochs_planned", "trial_id")),
        tags={name: str(v) for name, v in _known(row, ("arm", "status", "error")).items()},
        curve=(Point(epoch=epoch, at=at, values=scores),) if scores else (),
        started_at=at,
        ended_at=at,
    )


def _settle_run(row: Mapping[str, Any], config: Mapping[str, Level], metric: str) -> Run:
    """A training, named apart from the search's trial of the same number."""
    ended = _unix(row["ended_at"]) or _unix(row["started_at"])
    epoch, scores = int(row["epochs_run"]), _scores(row, metric)
    return Run(
        name=f"settle-{row['trial_id']}",
        group=row["arm"],
        stage="settle",
        status=row["status"],
        parameters={**config, **_known(row, ("seed", "epochs_planned", "row", "block", "fold"))},
        tags={name: str(value) for name, value in _known(row, (*_TAGS, "learned")).items()},
        curve=(Point(epoch=epoch, at=ended, values=scores),) if scores else (),
        started_at=_unix(row["started_at"]),
        ended_at=ended,
    )


def _scores(row: Mapping[str, Any], metric: str) -> dict[str, float]:
    """What a training has come to: the study's metric, and what our nets are scored by."""
    return _numbers({n: v for n, v in row.items() if n == metric or n.startswith(_SCORES)})


def _known(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row and not pd.isna(row[name])}


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers among a row's values."""
    numbers = {k: float(v) for k, v in values.items() if not pd.isna(v) and not isinstance(v, str)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _unix(time: Any) -> float:
    return 0.0 if pd.isna(time) else float(time.timestamp())
