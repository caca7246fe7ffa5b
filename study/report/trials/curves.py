"""Learning curves, a small plot per arm: who is fast, who gets far, who never starts."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from study.folder.tables import StudyTables, reached_end
from study.report.look import INK, MUTED, Mark, arm_marks, new_figure
from study.report.panel import GAP, Panel, of_trials, sample
from study.report.wording import Measure, count, inert, percent

MOST_ARMS: Final = 12
MOST_CURVES: Final = 60
"""Per arm; more lines than this are a solid patch."""

_ROW_HEIGHT: Final = 230


@dataclass(frozen=True, kw_only=True)
class CurvesData:
    """Lines of the figure.

    Attributes:
        curves: One row per epoch of a drawn trial: `trial_id, arm, number, kind (completed,
            cut, collapsed, best), trial (its position in the table), epoch, value`, by arm,
            trial and epoch.
        n_trials: Trials with at least one epoch, per arm drawn.
        n_drawn: Of these the ones in `curves`.
        arms: The arms drawn, in reading order.
        n_arms: All arms of the study.
        majority: Share of the commonest validation class, or None.
        measure: The metric.
    """

    curves: pd.DataFrame
    n_trials: int
    n_drawn: int
    arms: tuple[str, ...]
    n_arms: int
    majority: float | None
    measure: Measure


def curves_data(tables: StudyTables, *, majority: float | None) -> CurvesData:
    """The curves, at most MOST_CURVES per arm, each arm's best completed trial among them."""
    measure = Measure(tables.study.metric)
    names = tuple(arm_marks(tables.study))
    arms = names[:MOST_ARMS]
    trials, epochs = tables.trials, tables.epochs
    epochs = epochs[epochs[measure.column].notna()]
    has_epoch = trials["trial_id"].isin(epochs["trial_id"].unique())
    trials = trials[trials["arm"].isin(arms) & has_epoch]
    full = trials[reached_end(trials, measure.column)]
    best = trials.index.to_series().isin(full.groupby("arm")[measure.column].idxmax())
    kind = np.select(
        [best, trials["collapsed"].fillna(False).astype(bool), trials["status"] == "completed"],
        ["best", "collapsed", "completed"],
        default="cut",
    )
    trials = trials.assign(kind=kind)
    groups = [trials[trials["arm"] == arm] for arm in arms]
    picked = [sample(g, MOST_CURVES, keep=g["kind"] == "best") for g in groups]
    drawn = pd.concat(picked)[["trial_id", "arm", "number", "kind"]]
    drawn["trial"] = drawn.index
    drawn["order"] = np.arange(len(drawn))
    curves = drawn.merge(epochs[["trial_id", "epoch", measure.column]], on="trial_id")
    curves = curves.rename(columns={measure.column: "value"}).sort_values(["order", "epoch"])
    return CurvesData(
        curves=curves.drop(columns="order").reset_index(drop=True),
        n_trials=len(trials),
        n_drawn=len(drawn),
        arms=arms,
        n_arms=len(names),
        majority=majority if measure.column == "val_accuracy" else None,
        measure=measure,
    )


def curves_figure(data: CurvesData, marks: dict[str, Mark]) -> go.Figure:
    """One small plot per arm on the same axes."""
    columns = 1 if len(data.arms) == 1 else 2
    rows = -(-len(data.arms) // columns)
    height = _ROW_HEIGHT * rows + 90
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_xaxes="all",
        shared_yaxes="all",
        horizontal_spacing=0.04,
        vertical_spacing=66 / height,
        subplot_titles=[inert(arm) for arm in data.arms],
        figure=new_figure(height=height),
    )
    look = new_figure(height=height).layout
    figure.update_xaxes(look.xaxis, matches="x")
    figure.update_yaxes(look.yaxis, matches="y")
    figure.update_layout(xaxis_matches=None, yaxis_matches=None)  # the ones that others match
    figure.update_annotations(font={"size": 13, "color": INK})
    for place, arm in enumerate(data.arms):
        row, column = place // columns + 1, place % columns + 1
        of_arm = data.curves[data.curves["arm"] == arm]
        for kind, line in _LINES.items():
            curves = of_arm[of_arm["kind"] == kind]
            if not curves.empty:
                trace = _lines(curves, arm, marks[arm], kind, line, data.measure)
                figure.add_trace(trace, row=row, col=column)
        if data.majority is not None:
            figure.add_hline(
                y=data.majority * data.measure.scale,
                line={"color": MUTED, "dash": "dash", "width": 1},
                row=row,
                col=column,
            )
    figure.update_xaxes(title_text="epoch", row=rows, nticks=8)
    figure.update_xaxes(tickformat="d", showticklabels=True)
    figure.update_yaxes(title_text=_axis_title(data.measure), col=1)
    figure.update_layout(margin={"t": 34})
    return figure


def curves_panel(tables: StudyTables, *, majority: float | None) -> Panel:
    """The figure with its words, or why there is none."""
    if tables.study.metric not in tables.epochs.columns:
        reason = f"The table of epochs has no column {tables.study.metric}."
        return Panel(reading=reason)
    data = curves_data(tables, majority=majority)
    if data.curves.empty:
        return Panel(reading="No epoch has been measured yet.")
    reading = (
        "The thick line is the arm's best completed trial; see whether it still rises at its end, "
        "which would say that longer training could pay."
    )
    note = (
        f"n = {count(data.n_trials, 'trial')} with at least one epoch, other values of every "
        "factor mixed. Thin: completed. Ending in an open circle: stopped early, interrupted or "
        "failed there. Dotted: collapsed."
    )
    if data.majority is not None:
        note += f" Dashed level: commonest class, {percent(data.majority)}."
    if data.n_drawn < data.n_trials:
        note += (
            f" Drawn: {data.n_drawn:,} of them, at random, at most {MOST_CURVES} per arm, the "
            "best among them."
        )
    if data.n_arms > len(data.arms):
        note += f" Only the first {len(data.arms)} of {data.n_arms} arms have a plot."
    figure = curves_figure(data, arm_marks(tables.study))
    return Panel(reading=reading, note=note, alt=_alt(data), figure=figure)


_LINES: Final = {
    "cut": {"width": 1, "dash": "solid"},
    "completed": {"width": 1.2, "dash": "solid"},
    "collapsed": {"width": 1.2, "dash": "dot"},
    "best": {"width": 3.5, "dash": "solid"},
}
"""Line of each kind of curve, the last one drawn on top."""


def _lines(
    curves: pd.DataFrame,
    arm: str,
    mark: Mark,
    kind: str,
    line: dict[str, object],
    measure: Measure,
) -> go.Scatter:
    """All curves of one kind as one trace, parted by gaps."""
    x: list[float | None] = []
    y: list[float | None] = []
    numbers: list[str] = []
    trials: list[int] = []
    sizes: list[int] = []
    for _, curve in curves.groupby("trial_id", sort=False):
        values = (curve["value"] * measure.scale).round(4)
        x += [*curve["epoch"].tolist(), None]
        y += [*values.tolist(), None]
        numbers += [f"Trial {curve['number'].iloc[0]}"] * (len(curve) + 1)
        trials += [*curve["trial"].tolist(), GAP]
        sizes += [0] * (len(curve) - 1) + [6, 0]
    return go.Scatter(
        x=x,
        y=y,
        mode="lines+markers" if kind == "cut" else "lines",
        name=inert(arm),
        meta=of_trials(trials, arm),
        line=line | {"color": mark.colour},
        marker={
            "symbol": "circle-open",
            "color": mark.colour,
            "size": sizes,
            "opacity": 1,
            "line": {"width": 1.5},
        }
        if kind == "cut"
        else None,
        opacity=1.0 if kind == "best" else 0.45,
        customdata=numbers,
        hovertemplate=(
            f"<b>%{{customdata}}</b>, {_KIND_TEXT[kind]}<br>epoch %{{x}}: "
            f"%{{y:.{1 if measure.suffix else 3}f}}{measure.suffix}<extra></extra>"
        ),
    )


_KIND_TEXT: Final = {
    "cut": "ended before its plan",
    "completed": "completed",
    "collapsed": "collapsed",
    "best": "best of the arm",
}


def _axis_title(measure: Measure) -> str:
    short = measure.label.replace("validation accuracy", "val. accuracy")
    return short + (" (%)" if measure.suffix else "")


def _alt(data: CurvesData) -> str:
    parts = []
    for arm in data.arms:
        best = data.curves[(data.curves["arm"] == arm) & (data.curves["kind"] == "best")]
        if best.empty:
            parts.append(f"{arm}: no completed trial")
        else:
            first, last = best.iloc[0], best.iloc[-1]
            parts.append(
                f"{arm}: the best trial goes from {data.measure.text(first['value'])} at epoch "
                f"{first['epoch']} to {data.measure.text(last['value'])} at epoch {last['epoch']}"
            )
    return f"Curves of {data.measure.label} over epochs. {'; '.join(parts)}."
