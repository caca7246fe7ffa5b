"""How often stopping early throws away a good trial, and what it saves."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from study.analysis import Analysis
from study.folder.tables import StudyTables
from study.report.look import MUTED, Mark, arm_marks, name_rows, new_figure
from study.report.panel import Panel, Table
from study.report.traces import estimate, filled, saying
from study.report.wording import Measure, capital, inert, interval, listed, percent


@dataclass(frozen=True, kw_only=True)
class StoppingData:
    """Rows of the figure.

    Attributes:
        stops: As `Analysis.stops`, arms in reading order.
        reduction: ASHA's eta.
        measure: The metric.
    """

    stops: pd.DataFrame
    reduction: int
    measure: Measure


def stopping_data(analysis: Analysis, arms: tuple[str, ...], *, measure: Measure) -> StoppingData:
    """The replayed stops of these arms."""
    stops = analysis.stops.set_index("arm")
    return StoppingData(
        stops=stops.reindex([arm for arm in arms if arm in stops.index]).reset_index(),
        reduction=analysis.frames.study.reduction,
        measure=measure,
    )


def stopping_figure(data: StoppingData, marks: dict[str, Mark]) -> go.Figure:
    """An interval per arm, beside what stopping blindly would get wrong."""
    figure = new_figure(height=44 * len(data.stops) + 80)
    for y, row in enumerate(data.stops.to_dict("records")):
        if pd.isna(row["wrong_share"]):
            continue
        mark, blind = marks[row["arm"]], round(row["blind_share"] * 100, 2)
        figure.add_shape(
            type="line", x0=blind, x1=blind, y0=y - 0.32, y1=y + 0.32,
            line={"color": MUTED, "width": 2},
        )  # fmt: skip
        text = (
            f"{_wrong(row)} of the stops are wrong<br>{row['n_wrong']:.1f} of "
            f"{row['n_stopped']:.1f} stops among {row['n_trials']:,} trials"
        )
        ends = row["wrong_share"] * 100, row["wrong_low"] * 100, row["wrong_high"] * 100
        trace = estimate(
            ends, y, filled(mark, 11), digits=2, meta={"arm": row["arm"]},
            hovertemplate=saying(inert(row["arm"]), text),
        )  # fmt: skip
        figure.add_trace(trace)
    figure.update_xaxes(
        title_text="stops that would have been wrong",
        ticksuffix="%",
        range=[-2, 102],
        showgrid=True,
    )
    name_rows(figure, [inert(arm) for arm in data.stops["arm"]])
    return figure


def stopping_panel(tables: StudyTables, analysis: Analysis) -> Panel:
    """The figure with its words, or why there is none."""
    marks = arm_marks(tables.study)
    measure = tables.study.measure
    data = stopping_data(analysis, tuple(marks), measure=measure)
    if data.stops["wrong_share"].notna().sum() == 0:
        return Panel(reading=_why_none(data, tables.study.way_to_more))
    parts = [
        f"{row['arm']} {_wrong(row)}"
        for row in data.stops.to_dict("records")
        if not pd.isna(row["wrong_share"])
    ]
    n = int(data.stops["n_trials"].sum())
    return Panel(
        reading=_reading(data),
        note=(
            f"n = {n:,} design trials that were never stopped, replayed through ASHA in 10 "
            f"random orders. A stop is wrong if the trial ends among the best 1/{data.reduction} "
            "of its arm and planned length. Bars: 95 % intervals. Upright strokes: what "
            "stopping blindly would get wrong. Search trials are left out: "
            "those that survived agree with the stopping by construction. Arms with fewer than 4 "
            "such trials have no row."
        ),
        alt=f"Share of replayed stops that would have been wrong: {listed(parts)}.",
        figure=stopping_figure(data, marks),
        table=_table(data),
    )


def _wrong(row: dict[str, Any]) -> str:
    return interval(row["wrong_share"], row["wrong_low"], row["wrong_high"], percent)


def _table(data: StoppingData) -> Table:
    rows = [
        (
            row["arm"],
            f"{row['n_trials']:,}",
            f"{row['n_stopped']:.1f}",
            percent(row["cost_saved"]),
            percent(row["best_stopped"]),
            data.measure.difference(row["mean_lost"]),
        )
        for row in data.stops.to_dict("records")
    ]
    return Table(
        columns=(
            "Arm",
            "Design trials",
            "Stopped, on average",
            "Epochs saved",
            "Orders that lose the best",
            "Mean loss of the best",
        ),
        rows=tuple(rows),
    )


def _why_none(data: StoppingData, way_to_more: str) -> str:
    if data.stops.empty:
        return (
            "It cannot be told: no arm has 4 full-length trials that were drawn by design, and "
            "survivors of the stopping agree with it by construction. "
            f"{capital(way_to_more)}."
        )
    return "Replayed through ASHA, no design trial would have been stopped."


def _reading(data: StoppingData) -> str:
    """Which arms' stops are better than blind ones, as far as intervals say."""
    stops = data.stops[data.stops["wrong_share"].notna()]
    better = stops[stops["wrong_high"] < stops["blind_share"]]["arm"].tolist()
    saved = stops["cost_saved"]
    cost = f"Stopping saves {percent(float(saved.min()))}"
    if len(saved) > 1:
        cost += f" to {percent(float(saved.max()))}"
    cost += " of the epochs"
    if not better:
        return f"{cost}; in no arm are its choices shown to be better than stopping blindly."
    return f"{cost}; its choices are shown to be better than blind ones in {listed(better)}."
