"""A study's arms and its best recipe for programs."""

from typing import Any

from study.asked.factors import Config
from study.asked.study import Study, arm_name
from study.folder.tables import StudyTables, configurations
from study.report.confirm.values import ConfirmedValues, Value
from study.report.head.answer import best_arm
from study.report.head.best_model import best_model
from study.report.head.overview import ArmRow
from study.report.programs.claims import LEVEL
from study.report.programs.images import split_of
from study.report.programs.plain import number


def arms_told(
    tables: StudyTables, arms: list[ArmRow], confirmed: ConfirmedValues | None
) -> list[dict[str, Any]]:
    """One object an arm, in the study's order."""
    levels = {arm_name(tables.study, cell): dict(cell) for cell in tables.study.arms}
    return [
        {
            "arm": row.arm,
            "levels": levels[row.arm],
            "confirmed": _confirmed(row, arms, confirmed, tables.study),
            "searched": _searched(row, tables.study.metric),
            "n": {"trials": row.n_trials, **row.by_status, "collapsed": row.n_collapsed},
        }
        for row in arms
    ]


def best_told(tables: StudyTables, arms: list[ArmRow]) -> dict[str, Any] | None:
    """The best arm's recipe and how to use the model that came of it; None: no trial ended."""
    best = best_arm(arms, tables.study.measure)
    if best is None:
        return None
    model = best_model(tables, arms)
    recipe, trial = _recipe(best, tables)
    return {
        "arm": best.arm,
        "chosen_by": "search" if best.confirmed is None else "confirm",
        "trial": trial,
        "recipe": dict(recipe),
        "use": None if model is None else {"command": model.command, "note": model.note},
    }


def _recipe(best: ArmRow, tables: StudyTables) -> tuple[Config, int | None]:
    """The configuration that was trained on fresh seeds, or of the search's best trial."""
    if best.confirmed is not None and tables.confirm is not None:
        named = tables.confirm.loc[tables.confirm["arm"] == best.arm, "trial_id"].dropna()
        rows = tables.trials[tables.trials["trial_id"].isin(named)].iloc[:1]
        if len(rows):
            return configurations(rows)[0], int(rows["number"].iloc[0])
    return best.config or {}, best.best_number


def _confirmed(
    row: ArmRow, arms: list[ArmRow], confirmed: ConfirmedValues | None, study: Study
) -> dict[str, Any] | None:
    """The arm's score on fresh seeds, and how far it is above each other arm."""
    if confirmed is None or row.confirmed is None:
        return None
    split = confirmed.split
    against = {
        other.arm: confirmed.get(row.arm, split=split, against=other.arm)
        for other in arms
        if other.arm != row.arm
    }
    return {
        "metric": confirmed.metric,
        "split": split_of(split, "confirm", study),
        **_value(row.confirmed),
        "level": LEVEL,
        "n": {
            "seeds": row.confirmed.n_seeds,
            "images": row.confirmed.n_images,
            "clusters": row.confirmed.n_clusters,
        },
        "above": [
            {"arm": arm, **_value(value)} for arm, value in against.items() if value is not None
        ],
    }


def _searched(row: ArmRow, metric: str) -> dict[str, Any] | None:
    """The search's best trial of an arm: one seed, so it has no interval, and it flatters."""
    if row.best_value is None:
        return None
    return {
        "metric": metric,
        "best": number(row.best_value),
        "trial": row.best_number,
        "epochs": row.best_epochs,
        "collapsed": row.is_best_collapsed,
        "recipe": dict(row.config or {}),
    }


def _value(value: Value) -> dict[str, Any]:
    low, high = number(value.low), number(value.high)
    interval = None if low is None or high is None else [low, high]
    return {"estimate": number(value.estimate), "interval": interval}
