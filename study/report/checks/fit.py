"""How well the model predicts trials that it has not seen: whether its numbers may be believed."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from study.analysis import Analysis
from study.folder.tables import StudyTables
from study.report.look import Mark, arm_marks, new_figure
from study.report.panel import Panel, Table, of_trials, sample
from study.report.traces import diagonal, either
from study.report.wording import Measure, count, inert, interval, percent

MOST_POINTS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class FitData:
    """Points of the figure.

    Attributes:
        points: As `Analysis.held_out` in the table's unit, perhaps a sample, with `number` and
            `is_inside`: whether the 95 % interval of the prediction holds what was seen.
        checks: The one row of `Analysis.fit`.
        measure: The metric.
    """

    points: pd.DataFrame
    checks: pd.Series
    measure: Measure


def fit_data(analysis: Analysis, *, measure: Measure) -> FitData:
    """The points, at most MOST_POINTS, those outside their interval among them."""
    held = analysis.held_out
    numbers = analysis.frames.trials["number"]
    points = held.assign(
        number=numbers.iloc[held["row"].to_numpy(dtype=int)].to_numpy() if len(held) else [],
        is_inside=(held["seen"] - held["predicted"]).abs() <= 1.96 * held["sd"],
        **{
            name: held[name].astype(float) / measure.per_unit
            for name in ("seen", "predicted", "sd")
        },
    )
    drawn = sample(points, MOST_POINTS, keep=~points["is_inside"].astype(bool))
    return FitData(
        points=drawn.reset_index(drop=True), checks=analysis.fit.iloc[0], measure=measure
    )


def fit_figure(data: FitData, marks: dict[str, Mark]) -> go.Figure:
    """Seen against predicted; hollow where the interval missed."""
    figure = new_figure(height=420)
    points, scale = data.points, data.measure.scale
    low = float(points[["seen", "predicted"]].min().min()) * scale
    high = float(points[["seen", "predicted"]].max().max()) * scale
    room = 0.04 * (high - low or 1.0)
    ends = [low - room, high + room]
    diagonal(figure, ends[0], ends[1], 1.5)
    for arm, mark in marks.items():
        for is_inside in (True, False):
            rows = points[(points["arm"] == arm) & (points["is_inside"] == is_inside)]
            if rows.empty:
                continue
            figure.add_scatter(
                x=(rows["predicted"] * scale).round(3).tolist(),
                y=(rows["seen"] * scale).round(3).tolist(),
                mode="markers",
                meta=of_trials(rows["row"].to_numpy(), arm),
                marker=either(mark, 8, is_hollow=not is_inside) | {"opacity": 0.8},
                customdata=[_hover(row, data.measure) for row in rows.to_dict("records")],
                hovertemplate="%{customdata}<extra></extra>",
            )
    figure.update_xaxes(
        title_text=f"predicted from all other trials{data.measure.unit}", range=ends,
        showgrid=True,
    )  # fmt: skip
    figure.update_yaxes(title_text=f"seen{data.measure.unit}", range=ends)
    return figure


def fit_panel(tables: StudyTables, analysis: Analysis) -> Panel:
    """The figure and the checks with their words, or why there is none."""
    measure = tables.study.measure
    data = fit_data(analysis, measure=measure)
    if data.points.empty:
        reason = "Too few full-length trials: no model was fitted, so there is none to check."
        return Panel(reading=reason)
    n = int(data.checks["n_full"])
    note = (
        f"n = {count(n, 'full-length trial')} in the box, each predicted from all others, with "
        "the scales as fitted to all. On the dashed line: predicted as seen. Hollow: outside the "
        "95 % interval of its prediction. Left out: trials that collapsed, failed or were stopped."
    )
    if len(data.points) < n:
        note += (
            f" Drawn: {len(data.points):,} of them at random, those outside their interval first."
        )
    return Panel(
        reading=_reading(data),
        note=note,
        alt=(
            f"Seen against predicted {measure.label} of {count(n, 'trial')}: R² "
            f"{data.checks['r2']:.2f}, {percent(data.checks['coverage'])} inside their interval."
        ),
        figure=fit_figure(data, arm_marks(tables.study)),
        table=_checks(data),
    )


def imputation_panel(tables: StudyTables, analysis: Analysis) -> Panel:
    """The check of the imputed ends of stopped trials, as a table."""
    check = analysis.imputation
    measure = tables.study.measure
    if check.empty:
        stopped = int(analysis.frames.rows("stopped").sum())
        reason = (
            f"{count(stopped, 'trial')} stopped early, but too few reached their end to learn "
            "where a curve leads; the stopped ones are left out of all effects."
            if stopped
            else "No trial in the box was stopped early, so no end had to be imputed."
        )
        return Panel(reading=reason)
    worst = check.loc[check["coverage"].idxmin()]
    rows = tuple(
        (
            percent(row["fraction"]),
            f"{row['n_stopped']:,}",
            _signed(measure, row["bias"]),
            measure.difference(row["rmse"]),
            percent(row["coverage"]),
            _signed(measure, row["naive_bias"]),
            f"{row['n_trials']:,}",
        )
        for row in check.to_dict("records")
    )
    return Panel(
        reading=(
            "Full-length trials, cut where others were stopped and predicted from there, lie in "
            f"their 95 % interval in {percent(worst['coverage'])} of cases"
            + (" at worst" if len(check) > 1 else "")
            + "; to take an early value for the end would miss by up to "
            f"{measure.difference(check['naive_bias'].abs().max())} on average."
        ),
        note=(
            "n: see the last column; cross-validated, five parts. The interval is the "
            "prediction's own. Left out: collapsed and failed trials."
        ),
        table=Table(
            columns=(
                "Stopped after, of the plan",
                "Trials stopped there",
                "Mean error",
                "Typical error (RMSE)",
                "Inside the 95 % interval",
                "Mean error of the early value",
                "n held out",
            ),
            rows=rows,
        ),
    )


def _hover(row: dict[str, Any], measure: Measure) -> str:
    value, reach = row["predicted"], 1.96 * row["sd"]
    predicted = interval(value, value - reach, value + reach, measure.text)
    return (
        f"<b>Trial {row['number']:.0f}</b>, {inert(row['arm'])}<br>predicted {predicted}<br>seen "
        f"{measure.text(row['seen'])}"
    )


def _signed(measure: Measure, points: float) -> str:
    text = measure.difference(abs(points))
    return text if float(text.split()[0]) == 0 else f"{'−' if points < 0 else '+'}{text}"


def _checks(data: FitData) -> Table:
    checks, measure = data.checks, data.measure
    rows = [
        ("Variance explained in held-out trials (R²)", f"{checks['r2']:.2f}", "1 is all of it"),
        (
            "Held-out trials inside their 95 % interval",
            percent(checks["coverage"]),
            "far below 95 %: intervals are too narrow",
        ),
        ("Typical error of a prediction (RMSE)", measure.difference(checks["rmse"]), ""),
        (
            "Noise between equal recipes, fitted",
            measure.difference(checks["noise_sd"]),
            "standard deviation of one trial",
        ),
        (
            "Noise between equal recipes, measured",
            "–" if pd.isna(checks["repeat_sd"]) else measure.difference(checks["repeat_sd"]),
            f"{int(checks['n_repeats']):,} degrees of freedom",
        ),
        (
            "Spread of the expected value over the box",
            measure.difference(checks["spread_sd"]),
            "standard deviation: what shares are shares of",
        ),
    ]
    return Table(columns=("Check", "Value", "Reads as"), rows=tuple(rows))


def _reading(data: FitData) -> str:
    r2, coverage = float(data.checks["r2"]), float(data.checks["coverage"])
    missed = "none" if r2 <= 0 else percent(r2)
    return (
        f"Of the variance between held-out trials the model foretells {missed}, and "
        f"{percent(coverage)} of them lie inside their 95 % interval."
    )
