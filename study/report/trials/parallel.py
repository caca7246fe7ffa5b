"""Parallel coordinates: each completed trial as one line through all its settings.

Drawn as plain lines rather than with Plotly's own trace, which needs WebGL: many remote desktops
and every browser without a graphics driver would show an empty frame.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from study.asked.factors import Factor
from study.folder.columns import config_column
from study.folder.tables import StudyTables, configurations, reached_end
from study.report.look import INK, MUTED, SURFACE, Mark, arm_marks, new_figure
from study.report.panel import GAP, Brush, Panel, brushes, of_trials, sample
from study.report.wording import Measure, count, describe, inert, level

MOST_LINES: Final = 1000
ABSENT: Final = "absent"

_FLOOR: Final = 0.16
"""Where an axis begins if some trial has no value on it; the absent ones lie at 0."""

_SPREAD: Final = 0.022
"""Lines through one level are spread by this much, so that they can be told apart."""


@dataclass(frozen=True)
class Axis:
    """One upright axis.

    Attributes:
        name: Of the factor, or of the metric.
        ticks: Position 0..1 and text.
        brush: How a range on it is selected.
    """

    name: str
    ticks: tuple[tuple[float, str], ...]
    brush: Brush


@dataclass(frozen=True, kw_only=True)
class ParallelData:
    """Lines of the figure.

    Attributes:
        axes: From left to right; the metric is the last one.
        positions: (lines, axes) float64, 0..1.
        lines: One row per line: `trial (its position in the table), number, arm, is_top (of the
            best tenth), text`.
        n_completed: Completed trials with a value, of which `lines` may be a sample.
        n_top: Trials in the best tenth.
        n_excluded: Other trials.
        measure: The metric.
    """

    axes: tuple[Axis, ...]
    positions: np.ndarray
    lines: pd.DataFrame
    n_completed: int
    n_top: int
    n_excluded: int
    measure: Measure


def parallel_data(tables: StudyTables) -> ParallelData:
    """Lines of completed trials, at most MOST_LINES, the best tenth first of all."""
    study, measure = tables.study, tables.study.measure
    trials = tables.trials
    completed = trials[reached_end(trials, measure.column)]
    n_top = math.ceil(len(completed) / 10)
    best_first = completed[measure.column].rank(method="first", ascending=measure.is_minimised)
    completed = completed.assign(is_top=best_first <= n_top)
    drawn = sample(completed, MOST_LINES, keep=completed["is_top"])
    spread = np.random.default_rng(0)
    axes, columns = [], []
    if len(study.arms) > 1:
        axis, at = _level_axis("arm", drawn["arm"], tuple(arm_marks(study)), spread)
        axes.append(axis)
        columns.append(at)
    for factor in study.of_role("tuned"):
        values = drawn[config_column(factor.name)]
        if values.nunique() + values.isna().any() < 2:
            continue
        axis, at = _factor_axis(factor, values, spread)
        axes.append(axis)
        columns.append(at)
    axis, at = _number_axis(measure.column, drawn[measure.column], is_log=False)
    ticks = tuple((p, measure.text(_between(drawn[measure.column], p))) for p, _ in axis.ticks)
    axes.append(replace(axis, name=measure.label, ticks=ticks))
    columns.append(at)
    tuned = [f.name for f in study.of_role("tuned")]
    lines = pd.DataFrame(
        {
            "trial": drawn.index,
            "number": drawn["number"],
            "arm": drawn["arm"],
            "is_top": drawn["is_top"],
            "text": [
                f"{measure.text(value)} · {describe(config, tuned)}"
                for value, config in zip(drawn[measure.column], configurations(drawn), strict=True)
            ],
        }
    )
    return ParallelData(
        axes=tuple(axes),
        positions=np.column_stack(columns),
        lines=lines.reset_index(drop=True),
        n_completed=len(completed),
        n_top=n_top,
        n_excluded=len(trials) - len(completed),
        measure=measure,
    )


def parallel_figure(data: ParallelData, marks: dict[str, Mark]) -> go.Figure:
    """Thin lines for all, thick ones for the best tenth, in the colour of their arm."""
    figure = new_figure(height=440)
    for is_top in (False, True):
        for arm, mark in marks.items():
            rows = np.flatnonzero((data.lines["arm"] == arm) & (data.lines["is_top"] == is_top))
            if len(rows):
                figure.add_trace(_lines(data, rows, arm, mark, is_top=is_top))
    last = len(data.axes) - 1
    line = {"type": "line", "y0": 0, "y1": 1, "line": {"color": MUTED, "width": 1}}
    below: dict[str, Any] = {**line, "layer": "below"}
    # all at once: each one added has Plotly copy those before it
    figure.layout.shapes = [{**below, "x0": i, "x1": i} for i in range(len(data.axes))]
    figure.layout.annotations = [
        {
            "x": i,
            "y": position,
            "text": inert(text),
            "showarrow": False,
            "xanchor": "right" if i == last else "left",
            "xshift": -5 if i == last else 5,
            "bgcolor": SURFACE,
            "opacity": 0.88,
            "borderpad": 1,
            "font": {"size": 12, "color": INK},
        }
        for i, axis in enumerate(data.axes)
        for position, text in axis.ticks
    ]
    figure.update_xaxes(
        tickvals=list(range(len(data.axes))),
        ticktext=[inert(axis.name).replace(" ", "<br>", 1) for axis in data.axes],
        side="top",
        ticks="",
        showline=False,
        range=[-0.15, last + 0.15],
    )
    figure.update_yaxes(visible=False, range=[-0.06, 1.06])
    brush = brushes(*(replace(axis.brush, at=i) for i, axis in enumerate(data.axes)))
    figure.update_layout(margin={"l": 12, "r": 12, "t": 48, "b": 12}, meta=brush)
    return figure


def parallel_panel(tables: StudyTables) -> Panel:
    """The figure with its words, or why there is none."""
    has_any = reached_end(tables.trials, tables.study.metric).any()
    data = parallel_data(tables) if has_any else None
    if data is None or not len(data.lines):
        return Panel(reading="No trial has been completed yet.")
    if len(data.axes) < 2:
        reason = "No setting differs between the completed trials."
        return Panel(reading=reason)
    note = (
        f"n = {count(data.n_completed, 'completed trial')}; thick: the best tenth, "
        f"{data.n_top:,} of them, all arms together. Left out: "
        f"{count(data.n_excluded, 'trial')} that did not run to the end of their plan."
    )
    if any(text == ABSENT for axis in data.axes for _, text in axis.ticks):
        note += f" “{ABSENT}”: the factor does not exist in that configuration."
    if len(data.lines) < data.n_completed:
        note += f" Drawn: {len(data.lines):,} of them, at random, the best tenth first."
    return Panel(
        reading=(
            "Follow the thick lines to where they bundle; a search also tries more often what "
            "went well before, so a crowd of thin lines is no evidence."
        ),
        note=note,
        alt=_alt(data),
        figure=parallel_figure(data, arm_marks(tables.study)),
        min_width=110 * len(data.axes) + 40,
    )


def _factor_axis(
    factor: Factor, values: pd.Series, spread: np.random.Generator
) -> tuple[Axis, np.ndarray]:
    if factor.is_numeric:
        return _number_axis(factor.name, values, is_log=factor.log)
    return _level_axis(factor.name, values, factor.levels, spread)


def _level_axis(
    name: str, values: pd.Series, levels: tuple[Any, ...], spread: np.random.Generator
) -> tuple[Axis, np.ndarray]:
    """Levels at even distances from the bottom up."""
    absent = values.isna().to_numpy()
    floor = _FLOOR if absent.any() else 0.0
    heights = (
        np.linspace(floor, 1, len(levels)) if len(levels) > 1 else np.array([(floor + 1) / 2])
    )
    place = dict(zip(levels, heights, strict=True))
    at = np.array([0.0 if a else place[v] for v, a in zip(values, absent, strict=True)])
    at = at + spread.uniform(-_SPREAD, _SPREAD, size=len(at))
    ticks = [(float(height), level(value)) for value, height in place.items()]
    brush = Brush(
        column=name,
        along="y",
        low=(float(heights[0]), 0),
        high=(float(heights[-1]), len(levels) - 1),
    )
    return Axis(name, tuple([(0.0, ABSENT), *ticks] if absent.any() else ticks), brush), at


def _number_axis(name: str, values: pd.Series, *, is_log: bool) -> tuple[Axis, np.ndarray]:
    """From the smallest to the largest value that occurs."""
    numbers = values.astype("float64").to_numpy()
    absent = np.isnan(numbers)
    floor = _FLOOR if absent.any() else 0.0
    scaled = np.log(numbers) if is_log else numbers
    low, high = np.nanmin(scaled), np.nanmax(scaled)
    width = high - low or 1.0
    at = np.where(absent, 0.0, floor + (scaled - low) / width * (1 - floor))
    ticks = [(0.0, ABSENT)] if absent.any() else []
    for share in (0.0, 0.5, 1.0) if high > low else (0.0,):
        value = low + share * width
        ticks.append(
            (floor + share * (1 - floor), level(float(np.exp(value) if is_log else value)))
        )
    brush = Brush(
        column=name,
        along="y",
        low=(floor, float(np.nanmin(numbers))),
        high=(1.0, float(np.nanmax(numbers))),
        log=is_log,
    )
    return Axis(name, tuple(ticks), brush), at


def _between(values: pd.Series, share: float) -> float:
    return float(values.min() + share * (values.max() - values.min()))


def _lines(
    data: ParallelData, rows: np.ndarray, arm: str, mark: Mark, *, is_top: bool
) -> go.Scatter:
    """All lines of one arm as one trace, parted by gaps."""
    n_axes = len(data.axes)
    y = np.full((len(rows), n_axes + 1), np.nan)
    y[:, :n_axes] = data.positions[rows].round(4)
    x = np.tile([*map(float, range(n_axes)), np.nan], len(rows))
    lines = data.lines.iloc[rows]
    texts = [f"<b>Trial {n}</b>, {inert(arm)}<br>{inert(text)}" for n, text in
             zip(lines["number"], lines["text"], strict=True)]  # fmt: skip
    return go.Scatter(
        x=x,
        y=y.ravel(),
        mode="lines",
        name=inert(arm),
        meta=of_trials(
            np.column_stack(
                [np.tile(lines["trial"], (n_axes, 1)).T, np.full(len(lines), GAP)]
            ).ravel(),
            arm,
        ),
        line={"color": mark.colour, "width": 3 if is_top else 1},
        opacity=0.95 if is_top else 0.35,
        # the page repeats it: written at each point these would be the largest part of the page
        text=[part for text in texts for part in (text, *[None] * n_axes)],
        hoverinfo="text",
    )


def _alt(data: ParallelData) -> str:
    top = data.lines[data.lines["is_top"]].head(3)
    best = "; ".join(f"trial {n}: {arm}, {text}" for n, arm, text in
                     zip(top["number"], top["arm"], top["text"], strict=True))  # fmt: skip
    names = ", ".join(axis.name for axis in data.axes)
    return f"Parallel coordinates over {names}. Among the best tenth: {best}."
