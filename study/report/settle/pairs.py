"""Pairs of factors whose effects turned out to depend on each other, as a table."""

from typing import Any

import pandas as pd

from study.quantities import capital
from study.report.panel import Panel, Table
from study.report.settle.facts import Facts
from study.report.wording import Measure, count, interval

MOST: int = 12


def pairs_panel(facts: Facts) -> Panel | None:
    """The table with its words; None where no pair could be estimated."""
    pairs = facts.tables.pairs
    if pairs is None or pairs.empty:
        return None
    rows, measure = pairs.to_dict("records"), facts.tables.study.measure
    matter = [row for row in rows if row["matters"] is True]
    shown = matter or rows[:MOST]
    if matter:
        reading = (
            f"{count(len(matter), 'pair')} of {len(rows)} matter: what one factor does there "
            "depends on the other, so that its claim holds on average over both and not alike in "
            "each."
        )
    else:
        reading = (
            f"None of {count(len(rows), 'pair')} is shown to matter: claims hold alike in all "
            "rows, as far as can be told."
        )
    return Panel(
        reading=reading,
        note="Half of how much more the first factor does under one level of the second than "
        f"under the other, 95 % interval; p after Holm’s step-down over {len(rows)} pairs. Pairs "
        "in the last column look the same in this design.",
        table=Table(
            columns=("Pair", f"{capital(measure.effects)} [95 %]", "p, adjusted", "Or one of"),
            rows=tuple(_row(row, measure) for row in shown),
        ),
    )


def _row(row: dict[str, Any], measure: Measure) -> tuple[str, ...]:
    return (
        f"{row['factor_a']} x {row['factor_b']}",
        interval(row["estimate"], row["low"], row["high"], measure.effect),
        f"{row['p_adjusted']:.2g}",
        "–" if pd.isna(row["aliases"]) else str(row["aliases"]),
    )
