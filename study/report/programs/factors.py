"""What a study says of each factor for programs: shares, levels, differences, pairs."""

from typing import Any

import pandas as pd

from study.asked.factors import Factor
from study.folder.tables import StudyTables
from study.report.programs.plain import Row, estimate, flag, number, whole, word

_OF_ARMS = "arm"
"""What the table of contrasts calls whole arms, which are no factor."""


def factors_told(tables: StudyTables) -> list[dict[str, Any]]:
    """One object a factor, in the study's order; one that is fixed has no answers."""
    importance = {row["factor"]: row for row in _rows(tables.importance)}
    return [_factor(f, importance.get(f.name), tables) for f in tables.study.factors]


def contrasts_of_arms(tables: StudyTables) -> list[dict[str, Any]]:
    """Differences that the search estimates between whole arms."""
    return _contrasts(_OF_ARMS, tables)


def pairs_told(tables: StudyTables) -> list[dict[str, Any]]:
    """One object a pair of factors that vary."""
    return [
        {
            "factors": [row["factor_a"], row["factor_b"]],
            "verdict": word(row["verdict"]),
            "share": estimate(row, "share"),
            "n_trials": whole(row["n_trials"]),
        }
        for row in _rows(tables.interactions)
    ]


def _factor(factor: Factor, row: Row | None, tables: StudyTables) -> dict[str, Any]:
    told: dict[str, Any] = {"factor": factor.name, "role": factor.role}
    told |= {"verdict": None, "share": None, "total_share": None, "sd": None, "p_value": None}
    told |= {"n_trials": None, "reason": None}
    if row is not None:
        told |= {
            "verdict": word(row["verdict"]),
            "share": estimate(row, "share"),
            "total_share": estimate(row, "total_share", "total_low", "total_high"),
            "sd": estimate(row, "sd", "sd_low", "sd_high"),
            "p_value": number(row["p_value"]),
            "n_trials": whole(row["n_trials"]),
            "reason": word(row["reason"]),
        }
    return {
        **told,
        "levels": _levels(factor.name, tables),
        "contrasts": _contrasts(factor.name, tables),
    }


def _levels(factor: str, tables: StudyTables) -> list[dict[str, Any]]:
    return [
        {
            "level": row["level"],
            **estimate(row),
            "n_trials": whole(row["n_trials"]),
            "extrapolated": flag(row["extrapolated"]),
        }
        for row in _rows(tables.marginals)
        if row["factor"] == factor
    ]


def _contrasts(factor: str, tables: StudyTables) -> list[dict[str, Any]]:
    return [
        {
            "levels": [row["level_a"], row["level_b"]],
            "kind": row["kind"],
            **estimate(row),
            "n_trials": whole(row["n_trials"]),
            "reason": word(row["reason"]),
        }
        for row in _rows(tables.contrasts)
        if row["factor"] == factor
    ]


def _rows(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    return [] if table is None else table.to_dict("records")
