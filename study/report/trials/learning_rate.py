"""Accuracy against the learning rate, per arm: where training works and where it collapses."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from study.asked.factors import Factor
from study.asked.study import Study
from study.folder.columns import config_column
from study.folder.tables import StudyTables, configurations, reached_end
from study.report.look import MUTED, SHADE, SURFACE, Mark, arm_marks, new_figure
from study.report.panel import Brush, Panel, brushes, of_trials, sample
from study.report.wording import ACCURACY, Measure, count, describe, inert, listed, percent

MOST_POINTS: Final = 2000
FACTOR: Final = "lr"

ENDINGS: Final = ("full", "cut", "collapsed")
"""How a point is drawn: completed, ended before its plan (last value), or collapsed."""


@dataclass(frozen=True, kw_only=True)
class LearningRateData:
    """Points of the figure.

    Attributes:
        points: `trial (its position in the table), number, arm, rate, value (as in the table),
            ending (of ENDINGS), text, epochs`.
        n_drawable: Trials with a rate and a value, of which `points` may be a sample.
        n_without_value: Trials left out for want of a value: they failed, or have no epoch yet.
        majority: Share of the commonest validation class, or None where unknown or no accuracy.
        measure: The metric.
    """

    points: pd.DataFrame
    n_drawable: int
    n_without_value: int
    majority: float | None
    measure: Measure


def has_rate(study: Study) -> bool:
    """Whether the figure belongs to a study: it is of our recipe, or has a number of that name."""
    has_number = any(f.name == FACTOR and f.is_numeric for f in study.factors)
    return not study.is_free or has_number


def learning_rate_data(tables: StudyTables, *, majority: float | None) -> LearningRateData:
    """The points, at most MOST_POINTS; each arm's best completed trial is always among them."""
    measure = tables.study.measure
    trials = tables.trials
    rate = trials[config_column(FACTOR)].astype("float64")
    has_rate = rate > 0
    with_value = trials[has_rate & trials[measure.column].notna()]
    full = reached_end(with_value, measure.column)
    collapsed = with_value["collapsed"].fillna(False).astype(bool)
    best = measure.best_of_arms(with_value[full])
    drawn = sample(with_value, MOST_POINTS, keep=with_value.index.to_series().isin(best))
    names = [f.name for f in tables.study.of_role("tuned")]
    ending = np.select([collapsed, full], ["collapsed", "full"], default="cut")
    points = pd.DataFrame(
        {
            "trial": drawn.index,
            "number": drawn["number"],
            "arm": drawn["arm"],
            "rate": rate[drawn.index],
            "value": drawn[measure.column],
            "ending": pd.Series(ending, index=with_value.index)[drawn.index],
            "text": [describe(c, names) for c in configurations(drawn)],
            "epochs": drawn["epochs_run"],
        }
    ).reset_index(drop=True)
    return LearningRateData(
        points=points,
        n_drawable=len(with_value),
        n_without_value=int((has_rate & trials[measure.column].isna()).sum()),
        majority=majority if measure == ACCURACY else None,
        measure=measure,
    )


def learning_rate_figure(data: LearningRateData, marks: dict[str, Mark]) -> go.Figure:
    """One symbol and colour per arm; hollow where cut short, a cross where collapsed."""
    figure = new_figure(height=460)
    measure = data.measure
    for arm, mark in marks.items():
        for ending in ENDINGS:
            points = data.points[(data.points["arm"] == arm) & (data.points["ending"] == ending)]
            if points.empty:
                continue
            symbol = {"full": mark.symbol, "cut": f"{mark.symbol}-open", "collapsed": "x-thin"}
            is_cross = ending == "collapsed"
            figure.add_scatter(
                x=points["rate"].to_numpy(),
                y=points["value"].to_numpy() * measure.scale,
                mode="markers",
                name=inert(arm),
                meta=of_trials(points["trial"], arm),
                marker={
                    "symbol": symbol[ending],
                    "color": mark.colour,
                    "size": 9,
                    "opacity": 0.9,
                    "line": {"width": 2 if is_cross or ending == "cut" else 0}
                    | ({"color": mark.colour} if is_cross else {}),
                },
                customdata=[
                    [f"Trial {number}, {inert(arm)}", _ENDING_TEXT[ending], inert(text), epochs]
                    for number, text, epochs in zip(
                        points["number"], points["text"], _words(points["epochs"]), strict=True
                    )
                ],
                hovertemplate=(
                    f"<b>%{{customdata[0]}}</b><br>{measure.y} at rate %{{x:.3g}}<br>"
                    "%{customdata[1]}%{customdata[3]}"
                    "<br>%{customdata[2]}<extra></extra>"
                ),
            )
    figure.update_xaxes(type="log", title_text="learning rate (log scale)")
    powers = _powers_of_ten(data.points["rate"])
    if len(powers) > 1:  # over less than that, Plotly's own ticks say more
        figure.update_xaxes(tickvals=powers, ticktext=[f"{power:g}" for power in powers])
    figure.update_yaxes(title_text=measure.label + measure.unit)
    if data.majority is not None:
        _shade_collapse(figure, data, data.majority)
    low, high = float(data.points["rate"].min()), float(data.points["rate"].max())
    brush = Brush(
        column=FACTOR,
        along="x",
        low=(math.log10(low), low),
        high=(math.log10(high), high),
        log=True,
    )
    figure.update_layout(meta=brushes(brush))
    return figure


def learning_rate_panel(tables: StudyTables, *, majority: float | None) -> Panel:
    """The figure with its words, or why the study cannot have it."""
    factor = next((f for f in tables.study.factors if f.name == FACTOR), None)
    reason = _why_none(factor)
    if reason:
        return Panel(reading=reason)
    data = learning_rate_data(tables, majority=majority)
    if data.points.empty:
        return Panel(reading="No trial has a value to draw yet.")
    figure = learning_rate_figure(data, arm_marks(tables.study))
    reading = "Look for the range of rates in which an arm's filled points stay high"
    if data.majority is not None:
        reading += (
            "; in the shaded band a model does no better than naming the commonest class, "
            f"{percent(data.majority)}, every time"
        )
    return Panel(
        reading=reading + ".",
        note=_note(data),
        alt=_alt(data),
        figure=figure,
    )


_ENDING_TEXT: Final = {
    "full": "completed",
    "cut": "ended before its plan: last value",
    "collapsed": "collapsed",
}


def _why_none(factor: Factor | None) -> str | None:
    if factor is None:
        return "The learning rate is not a factor of this study."
    if factor.role == "fixed":
        return f"The learning rate was fixed at {factor.levels[0]} in this study."
    return None


def _powers_of_ten(rates: pd.Series) -> list[float]:
    low, high = np.log10([rates.min(), rates.max()])
    exponents = range(int(np.ceil(low - 0.05)), int(np.floor(high + 0.05)) + 1)
    return [float(f"1e{exponent}") for exponent in exponents]


def _words(epochs: pd.Series) -> list[str]:
    return ["" if pd.isna(n) else f", {count(int(n), 'epoch')}" for n in epochs]


def _note(data: LearningRateData) -> str:
    endings = data.points["ending"].value_counts()
    words = {
        "full": "completed (filled)",
        "cut": "stopped early or interrupted (hollow, at their last value)",
        "collapsed": "collapsed (cross)",
    }
    kinds = listed([f"{endings[e]:,} {words[e]}" for e in ENDINGS if e in endings])
    note = f"n = {count(data.n_drawable, 'trial')}"
    if len(data.points) < data.n_drawable:
        note += f", of which {len(data.points):,} are drawn, at random, each arm's best among them"
    note += f": {kinds}."
    if data.n_without_value:
        note += f" Left out: {count(data.n_without_value, 'trial')} without a value."
    return note


def _alt(data: LearningRateData) -> str:
    parts = []
    for arm, points in data.points.groupby("arm", sort=False):
        low, high = points["value"].min(), points["value"].max()
        n = int((points["ending"] == "collapsed").sum())
        collapsed = f", {n} collapsed" if n else ""
        parts.append(
            f"{arm} from {data.measure.text(low)} to {data.measure.text(high)} at rates "
            f"{points['rate'].min():.2g} to {points['rate'].max():.2g}{collapsed}"
        )
    return f"Scatter of {data.measure.label} against learning rate: {listed(parts)}."


def _shade_collapse(figure: go.Figure, data: LearningRateData, majority: float) -> None:
    top = majority * data.measure.scale
    values = data.points["value"] * data.measure.scale
    bottom = max(0.0, min(values.min(), top) - 3)
    figure.add_hrect(y0=bottom, y1=top, fillcolor=SHADE, opacity=0.16, line_width=0, layer="below")
    figure.add_hline(y=top, line={"color": MUTED, "dash": "dash", "width": 1.5})
    figure.add_annotation(
        x=0,
        xref="paper",
        xanchor="left",
        y=top,
        yanchor="bottom",
        text=f"commonest class {percent(majority)}",
        showarrow=False,
        bgcolor=SURFACE,
        opacity=0.88,
        font={"color": MUTED, "size": 12},
    )
    figure.update_yaxes(range=[bottom, min(100.0, max(values.max(), top) + 4)])
