"""The mean over the box at each level or value of a factor, with how much data stands behind."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from study.analysis import Analysis
from study.analysis.maths.box import Axis, level_key
from study.analysis.search.frames import Frames
from study.analysis.search.marginals import describe
from study.folder.tables import StudyTables
from study.report.factors.importance import by_importance
from study.report.look import MODEL, MUTED, SHADE, interval_bar
from study.report.panel import Panel
from study.report.small_multiples import small_multiples
from study.report.traces import band, log_axis, scaled
from study.report.wording import Measure, count, inert, interval, some_of

MOST_PLOTS: Final = 18
BINS: Final = 18


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One small plot: a factor, or a factor where one of its ranges applies.

    Attributes:
        factor: Its name.
        where: Condition of the range; empty if there is only one.
        verdict: Of the factor.
        is_log: Whether its axis is logarithmic.
        rows: Of `Analysis.marginals`, with `x`: the value, or the number of the level.
        edges: Of the bins of the data, on the axis' scale (log taken).
        counts: Full-length trials in each bin.
    """

    factor: str
    where: str
    verdict: str
    is_log: bool
    rows: pd.DataFrame
    edges: np.ndarray
    counts: np.ndarray

    @property
    def is_numeric(self) -> bool:
        """Whether the factor is a number."""
        return bool(self.rows["value"].notna().all())

    @property
    def title(self) -> str:
        """Factor, and the condition as short as it can be told."""
        return f"{self.factor}, {self.where}" if self.where else self.factor


@dataclass(frozen=True, kw_only=True)
class MarginalsData:
    """Plots of the figure.

    Attributes:
        plots: In the order of importance.
        n_plots: All that there are, of which `plots` may be the first.
        n_full: Full-length trials in the box.
        measure: The metric.
    """

    plots: tuple[Plot, ...]
    n_plots: int
    n_full: int
    measure: Measure


def marginals_data(analysis: Analysis, *, measure: Measure) -> MarginalsData:
    """The plots, at most MOST_PLOTS."""
    frames, marginals = analysis.frames, analysis.marginals
    verdicts = by_importance(analysis.importance).set_index("factor")["verdict"]
    plots = []
    for factor, verdict in verdicts.items():
        of_factor = marginals[marginals["factor"] == factor]
        if of_factor.empty:
            continue
        axis = frames.box.index(str(factor))
        for where, rows in of_factor.groupby("where", sort=False):
            plots.append(_plot(frames, axis, str(where), str(verdict), rows))
    return MarginalsData(
        plots=tuple(plots[:MOST_PLOTS]),
        n_plots=len(plots),
        n_full=int(frames.rows("full").sum()),
        measure=measure,
    )


def marginals_figure(data: MarginalsData) -> go.Figure:
    """Small plots on one y axis; dashed and grey where the model extrapolates."""
    grid = small_multiples(
        [_short(plot) for plot in data.plots], columns=3, row_height=190, share_x=False
    )
    figure, scale = grid.figure, data.measure.scale / data.measure.per_unit
    rows = pd.concat([plot.rows for plot in data.plots])
    # a band where nothing was tried may be as wide as the prior: it must not flatten the rest
    seen = rows[~rows["extrapolated"].astype(bool)]
    seen = rows if seen.empty else seen
    low, high = (
        min(float(seen["low"].min()), float(rows["estimate"].min())) * scale,
        max(float(seen["high"].max()), float(rows["estimate"].max())) * scale,
    )
    room = 0.06 * (high - low or 1.0)
    floor = low - 4.2 * room
    for i, plot in enumerate(data.plots):
        place = grid.place(i)
        for trace in (
            _density(plot, floor, 3.4 * room),
            *(_curve(plot, data.measure) if plot.is_numeric else _levels(plot, data.measure)),
        ):
            figure.add_trace(trace, **place)
        if plot.is_numeric:
            figure.update_xaxes(range=_padded(plot), nticks=5, **place)
            if plot.is_log:
                log_axis(figure, plot.rows["x"], **place)
        else:
            figure.update_xaxes(
                tickvals=plot.rows["x"].tolist(),
                ticktext=[inert(name) for name in plot.rows["level"]],
                range=[-0.5, len(plot.rows) - 0.5],
                tickangle=0,
                **place,
            )
    figure.update_yaxes(range=[floor, high + room])
    figure.update_yaxes(title_text=data.measure.axis, col=1)
    return figure


def marginals_panel(tables: StudyTables, analysis: Analysis) -> Panel:
    """The figure with its words, or why there is none."""
    data = marginals_data(analysis, measure=tables.study.measure)
    if not data.plots:
        reason = (
            f"Nothing can be said: {analysis.importance['reason'].iloc[0]}."
            if len(analysis.importance)
            else "No factor was varied."
        )
        return Panel(reading=reason)
    n_grey = sum(bool(p.rows["extrapolated"].any()) for p in data.plots)
    note = (
        f"n = {count(data.n_full, 'full-length trial')} in the box, stopped ones imputed. Line or "
        "point: mean over all other factors, each level equally likely, as the model has it; "
        "band or bar: its 95 % interval. Grey steps below: where those trials lie."
    )
    if n_grey:
        note += (
            " Dashed and grey: extrapolated, fewer than 8 full-length trials in that third or "
            "level, or hardly more known than before the study."
        )
    if any(plot.where for plot in data.plots):
        note += " A factor whose range depends on others has a plot for each range."
    if len(data.plots) < data.n_plots:
        note += f" Drawn: the first {len(data.plots)} of {data.n_plots} plots by importance."
    return Panel(
        reading=_reading(data),
        note=note,
        alt=_alt(data),
        figure=marginals_figure(data),
        min_width=720 if len(data.plots) > 2 else 0,
    )


def _plot(frames: Frames, index: int, where: str, verdict: str, rows: pd.DataFrame) -> Plot:
    axis = frames.box.axes[index]
    full = frames.rows("full")
    column = frames.configs[axis.name]
    if not axis.is_numeric:
        keys = [level_key(v) for v in axis.factor.levels]
        found = [level_key(v) for v in column[full & column.notna().to_numpy()]]
        return Plot(
            factor=axis.name,
            where=where,
            verdict=verdict,
            is_log=False,
            rows=rows.assign(x=np.arange(len(rows), dtype=float)),
            edges=np.arange(len(keys) + 1) - 0.5,
            counts=np.array([found.count(key) for key in keys]),
        )
    here = full & _where(frames, axis, where)
    values = pd.to_numeric(column[here], errors="coerce").dropna().to_numpy(dtype=float)
    ends = rows["value"].astype(float)
    low, high = float(ends.min()), float(ends.max())
    if axis.factor.log:
        values, low, high = np.log10(values), float(np.log10(low)), float(np.log10(high))
    if axis.steps:
        width = (high - low) / max(axis.steps - 1, 1)
        edges = low + width * (np.arange(axis.steps + 1) - 0.5)
    else:
        edges = np.linspace(low, high, BINS + 1)
    # rounding may put an end's value just outside
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    return Plot(
        factor=axis.name,
        where=where,
        verdict=verdict,
        is_log=axis.factor.log,
        rows=rows.assign(x=rows["value"].astype(float)),
        edges=edges,
        counts=counts,
    )


def _where(frames: Frames, axis: Axis, where: str) -> np.ndarray:
    """Trials to which the range with this condition applies."""
    for stretch in axis.intervals:
        if describe(frames.box, stretch.condition) == where:
            return np.asarray(stretch.condition.holds(frames.x))
    return np.ones(len(frames.x), dtype=bool)


def _short(plot: Plot) -> str:
    """A title that fits above a small plot: of a condition only the levels."""
    if not plot.where:
        return plot.factor
    levels = [part.split(" = ", 1)[-1] for part in plot.where.split(", ")]
    return f"{plot.factor}: {', '.join(levels)}"


def _padded(plot: Plot) -> list[float]:
    """Range of the axis, a little wider than the data's bins."""
    low, high = float(plot.edges[0]), float(plot.edges[-1])
    return [low - 0.03 * (high - low), high + 0.03 * (high - low)]


def _density(plot: Plot, floor: float, tallest: float) -> go.Scatter:
    """Steps as high as the counts, standing on the floor of the plot."""
    heights = floor + tallest * plot.counts / max(int(plot.counts.max(initial=0)), 1)
    x = np.repeat(plot.edges, 2)
    y = np.concatenate([[floor], np.repeat(heights, 2), [floor]])
    return go.Scatter(
        x=(10.0**x if plot.is_log else x).tolist(),
        y=y.round(3).tolist(),
        mode="lines",
        line={"width": 0, "color": SHADE},
        fill="toself",
        fillcolor=SHADE,
        opacity=0.45,
        hoverinfo="skip",
    )


def _curve(plot: Plot, measure: Measure) -> list[go.Scatter]:
    """Band and line of a number, in one piece per stretch that is or is not extrapolated."""
    traces = []
    rows, scale = plot.rows, measure.scale / measure.per_unit
    grey = rows["extrapolated"].astype(bool).to_numpy()
    starts = [0, *(np.flatnonzero(grey[1:] != grey[:-1]) + 1).tolist(), len(rows)]
    for start, stop in pairwise(starts):
        # one point more on a grey side, so that the pieces meet
        first = start - 1 if start and grey[start] else start
        last = stop + 1 if stop < len(rows) and grey[start] else stop
        piece, is_grey = rows.iloc[first:last], bool(grey[start])
        colour = MUTED if is_grey else MODEL
        x = piece["x"].tolist()
        low, middle, high = scaled(piece, ("low", "estimate", "high"), scale, 3)
        fill = SHADE if is_grey else MODEL
        traces.append(band(x, low, high, colour, opacity=0.22, fillcolor=fill))
        traces.append(
            go.Scatter(
                x=x,
                y=middle,
                mode="lines",
                line={"color": colour, "width": 2.2, "dash": "dash" if is_grey else "solid"},
                customdata=[[_hover(plot, r, measure)] for r in piece.to_dict("records")],
                hovertemplate="%{customdata[0]}<extra></extra>",
            )
        )
    return traces


def _levels(plot: Plot, measure: Measure) -> list[go.Scatter]:
    """Points with bars; hollow and grey where extrapolated."""
    traces, scale = [], measure.scale / measure.per_unit
    for is_grey in (False, True):
        rows = plot.rows[plot.rows["extrapolated"].astype(bool) == is_grey]
        if rows.empty:
            continue
        colour = MUTED if is_grey else MODEL
        middle, low, high = (rows[n].astype(float) * scale for n in ("estimate", "low", "high"))
        traces.append(
            go.Scatter(
                x=rows["x"].tolist(),
                y=middle.round(3).tolist(),
                mode="markers",
                marker={
                    "symbol": "circle-open" if is_grey else "circle",
                    "color": colour,
                    "size": 7,
                    "line": {"width": 2 if is_grey else 0, "color": colour},
                },
                error_y=interval_bar(
                    middle.tolist(), low=low.tolist(), high=high.tolist(), colour=colour
                ),
                customdata=[[_hover(plot, r, measure)] for r in rows.to_dict("records")],
                hovertemplate="%{customdata[0]}<extra></extra>",
            )
        )
    return traces


def _hover(plot: Plot, row: dict[str, Any], measure: Measure) -> str:
    part = "third of the range" if plot.is_numeric else "level"
    lines = [
        f"<b>{inert(plot.factor)} {inert(str(row['level']))}</b>",
        interval(row["estimate"], row["low"], row["high"], measure.of_points),
        f"n = {count(int(row['n_trials']), 'full-length trial')} at this {part}",
    ]
    if plot.where:
        lines.insert(1, inert(plot.where))
    if row["extrapolated"]:
        lines.append("extrapolated")
    return "<br>".join(lines)


def _reading(data: MarginalsData) -> str:
    """Where to look, by verdict; no best level is named, which is a claim's business."""
    mattering = list(dict.fromkeys(p.factor for p in data.plots if p.verdict == "matters"))
    if not mattering:
        return (
            "No factor is shown to matter, so no slope here is a finding; see how wide the bands "
            "are."
        )
    only = "only for" if len(mattering) < len({p.factor for p in data.plots}) else "for"
    return (
        f"A slope or a difference is a finding {only} {some_of(mattering, 6)}; a flat curve in a "
        "wide band is no evidence of no effect."
    )


def _alt(data: MarginalsData) -> str:
    parts = []
    for plot in data.plots[:8]:
        first, last = plot.rows.iloc[0], plot.rows.iloc[-1]
        parts.append(
            f"{plot.title} from {data.measure.of_points(first['estimate'])} at {first['level']} "
            f"to {data.measure.of_points(last['estimate'])} at {last['level']}"
        )
    return f"Mean over the box at each setting: {'; '.join(parts)}."
