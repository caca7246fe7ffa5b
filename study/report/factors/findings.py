"""What the analysis concluded, as tables: shares of factors and pairs, marginals.

The numbers come from the study's parquet files as they are; nothing is computed here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from study.folder.tables import StudyTables
from study.report.wording import Measure, interval, percent


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a findings table.

    Attributes:
        cells: Texts, as many as the table has columns.
        verdict: A word of the contract; empty where the table gives none.
    """

    cells: tuple[str, ...]
    verdict: str = ""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """One table of results.

    Attributes:
        title: The question that it answers.
        columns: Headings; a last one for the verdict is added where rows have one.
        rows: In the file's order.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def findings_data(tables: StudyTables) -> list[Findings]:
    """A table for each parquet file of the analysis that the folder holds but claims."""
    found = []
    for frame, build in (
        (tables.importance, _importance),
        (tables.interactions, _interactions),
        (tables.marginals, _marginals),
    ):
        if frame is not None and not frame.empty:
            found.append(build(frame, tables.study.measure))
    return found


def is_analysed(tables: StudyTables) -> bool:
    """Whether the analysis has been run on this study."""
    return tables.importance is not None or tables.claims is not None


def _share_columns(measure: Measure) -> tuple[str, ...]:
    return (
        "Share of the variance [95 % interval]",
        f"Standard deviation in {measure.effects}",
        "Why",
    )


def _importance(frame: pd.DataFrame, measure: Measure) -> Findings:
    return Findings(
        title="Which factors matter?",
        columns=("Factor", *_share_columns(measure)),
        rows=_shares(frame, measure, lambda row: row["factor"]),
    )


def _interactions(frame: pd.DataFrame, measure: Measure) -> Findings:
    return Findings(
        title="Which factors matter together?",
        columns=("Pair", *_share_columns(measure)),
        rows=_shares(frame, measure, lambda row: f"{row['factor_a']} × {row['factor_b']}"),
    )


def _marginals(frame: pd.DataFrame, measure: Measure) -> Findings:
    rows = []
    for row in frame.to_dict("records"):
        flag = " (extrapolated)" if row["extrapolated"] is True else ""
        n = _whole(row["n_trials"], "trials") or "–"
        estimate = _interval(row["estimate"], row, measure.effect)
        rows.append(Row(cells=(row["factor"], row["level"] + flag, estimate, n)))
    return Findings(
        title="How does each level do, all else averaged out?",
        columns=("Factor", "Level", f"Estimate in {measure.effects} [95 % interval]", "n"),
        rows=tuple(rows),
    )


def _shares(frame: pd.DataFrame, measure: Measure, name: Callable[[Any], str]) -> tuple[Row, ...]:
    return tuple(
        Row(
            cells=(
                name(row),
                _interval(row["share"], row, percent),
                "–" if pd.isna(row["sd"]) else measure.effect(row["sd"], has_sign=False),
                _word(row["reason"]),
            ),
            verdict=_word(row["verdict"]),
        )
        for row in frame.to_dict("records")
    )


def _interval(estimate: float, row: Any, text: Callable[[float], str]) -> str:
    """Estimate and interval, or the contract's "withheld" where they are null."""
    if pd.isna(estimate):
        return "withheld: too few trials to support it"
    return interval(estimate, row["low"], row["high"], text)


def _whole(value: object, noun: str) -> str:
    return "" if pd.isna(value) or not value else f"{value:,} {noun}"


def _word(value: object) -> str:
    return "–" if pd.isna(value) else str(value)
