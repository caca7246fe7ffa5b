"""Learning curves, a small plot per arm: who is fast, who gets far, who never starts."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from study.folder.tables import StudyTables, reached_end
from study.report.look import MUTED, Mark, arm_marks
from study.report.panel import GAP, Panel, SomeArms, of_trials, sample
from study.report.small_multiples import small_multiples
from study.report.traces import in_pieces
from study.report.wording import ACCURACY, Measure, count, inert, percent

MOST_ARMS: Final = 12
MOST_CURVES: Final = 60
"""Per arm; more lines than this are a solid patch."""

_ROW_HEIGHT: Final = 230


@dataclass(frozen=True, kw_only=True)
class CurvesData(SomeArms):
    """Lines of the figure.

    Attributes:
        curves: One row per epoch of a drawn trial: `trial_id, arm, number, kind (completed,
            cut, collapsed, best), trial (its position in the table), epoch, value`, by arm,
            trial and epoch.
        n_trials: Trials with at least one epoch, per arm drawn.
        n_drawn: Of these the ones in `curves`.
        majority: Share of the commonest validation class, or None.
        measure: The metric.
    """

    curves: pd.DataFrame
    n_trials: int
    n_drawn: int
    majority: float | None
    measure: Measure


def curves_data(tables: StudyTables, *, majority: float | None) -> CurvesData:
    """The curves, at most MOST_CURVES per arm, each arm's best completed trial among them."""
    measure = tables.study.measure
    names = tuple(arm_marks(tables.study))
    arms = names[:MOST_ARMS]
    trials, epochs = tables.trials, tables.epochs
    epochs = epochs[epochs[measure.column].notna()]
    has_epoch = trials["trial_id"].isin(epochs["trial_id"].unique())
    trials = trials[trials["arm"].isin(arms) & has_epoch]
    full = trials[reached_end(trials, measure.column)]
    best = trials.index.to_series().isin(measure.best_of_arms(full))
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
        majority=majority if measure == ACCURACY else None,
        measure=measure,
    )


def curves_figure(data: CurvesData, marks: dict[str, Mark]) -> go.Figure:
    """One small plot per arm on the same axes."""
    grid = small_multiples(data.arms, columns=2, row_height=_ROW_HEIGHT)
    figure = grid.figure
    for i, arm in enumerate(data.arms):
        of_arm = data.curves[data.curves["arm"] == arm]
        for kind, line in _LINES.items():
            curves = of_arm[of_arm["kind"] == kind]
            if not curves.empty:
                trace = _lines(curves, arm, marks[arm], kind, line, data.measure)
                figure.add_trace(trace, **grid.place(i))
        if data.majority is not None:
            figure.add_hline(
                y=data.majority * data.measure.scale,
                line={"color": MUTED, "dash": "dash", "width": 1},
                **grid.place(i),
            )
    last = grid.place(grid.n - 1)["row"]
    # labels are named again last: committed pages have them there
    figure.update_xaxes(title_text="epoch", nticks=8, showticklabels=None, row=last)
    figure.update_xaxes(tickformat="d", showticklabels=True)
    figure.update_yaxes(title_text=data.measure.axis, col=1)
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
    note += data.beyond("have a plot")
    figure = curves_figure(data, arm_marks(tables.study))
    if tables.study.imported:
        figure.update_xaxes(
            title_text=inert(tables.study.imported.epoch), selector={"title.text": "epoch"}
        )
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
    each = [curve for _, curve in curves.groupby("trial_id", sort=False)]
    x = in_pieces(curve["epoch"].tolist() for curve in each)
    y = in_pieces(
        (curve["value"] * measure.scale).round(measure.rounded(4)).tolist() for curve in each
    )
    numbers = [f"Trial {n}" for c in each for n in [c["number"].iloc[0]] * (len(c) + 1)]
    trials = in_pieces((curve["trial"].tolist() for curve in each), GAP)
    sizes = in_pieces(([0] * (len(curve) - 1) + [6] for curve in each), 0)
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
            f"{measure.y}<extra></extra>"
        ),
    )


_KIND_TEXT: Final = {
    "cut": "ended before its plan",
    "completed": "completed",
    "collapsed": "collapsed",
    "best": "best of the arm",
}


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
