"""What it would take to settle what is unresolved, as a table."""

from typing import Any

import pandas as pd

from study.analysis import Analysis
from study.folder.tables import StudyTables
from study.report.panel import Panel, Table
from study.report.wording import Measure, count, percent


def power_panel(tables: StudyTables, analysis: Analysis) -> Panel:
    """The planning table with its words, or why there is none."""
    power = analysis.power
    if power.empty:
        reading = "No plan can be made before enough trials have reached their end."
        return Panel(reading=reading)
    measure = tables.study.measure
    units = analysis.claims.set_index("claim")["unit"].to_dict() if len(analysis.claims) else {}
    texts = {claim.name: claim.text for claim in tables.study.claims}
    own = {claim.name: tables.study.measure_of(claim) for claim in tables.study.claims}
    rows = tuple(
        _row(
            row,
            texts,
            str(units.get(row["name"], "points")),
            own.get(row["name"], measure) if row["kind"] == "claim" else measure,
        )
        for row in power.to_dict("records")
    )
    n_now = int(power["n_now"].max())
    return Panel(
        reading=_reading(power),
        note=(
            f"n = {count(n_now, 'full-length trial')} now. Planning figures, not results: they "
            "take today's estimate as the truth, let errors shrink with the root of the number "
            "of trials, and ask for 80 % power at 5 %, two-sided. “To tell”: how far the "
            "estimate lies from what would settle it; of a factor, the smallest effect of "
            "interest. Seeds are those of a confirmation, per arm."
        ),
        table=Table(
            columns=(
                "Unresolved",
                "Interval now",
                "To tell",
                "Design trials in all",
                "More of them",
                "Seeds per arm",
                "In words",
            ),
            rows=rows,
        ),
    )


def _row(
    row: dict[str, Any], texts: dict[str, str], unit: str, measure: Measure
) -> tuple[str, ...]:
    kind, name = str(row["kind"]), str(row["name"])
    named = {"claim": texts.get(name, name), "factor": f"factor {name}", "box": f"range {name}"}

    def size(value: float) -> str:
        if pd.isna(value):
            return "–"
        return percent(value) if unit == "share" else measure.difference(value)

    half = size(row["half_width"])
    return (
        named.get(kind, name),
        half if half == "–" else f"± {half}",
        size(row["distance"]),
        _whole(row["n_needed"]),
        _whole(row["more_trials"]),
        _whole(row["seeds_per_arm"]),
        str(row["advice"]),
    )


def _whole(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:,.0f}"


def _reading(power: pd.DataFrame) -> str:
    """How many open questions more trials would settle."""
    unresolved = power[power["kind"] != "box"]
    if unresolved.empty:
        return "Nothing is unresolved; the rows say what wider or narrower ranges would do."
    n_claims = int((unresolved["kind"] == "claim").sum())
    n_factors = len(unresolved) - n_claims
    far = int(unresolved["more_trials"].isna().sum())
    parts = [count(n, noun) for n, noun in ((n_claims, "claim"), (n_factors, "factor")) if n]
    is_are = "is" if len(unresolved) == 1 else "are"
    reach = (
        f", {far} of them out of reach of more trials or with nothing to plan from" if far else ""
    )
    return f"{' and '.join(parts)} {is_are} unresolved{reach}."
