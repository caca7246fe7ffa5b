"""Best so far, the best that random trials would have found, and what the best recipe is worth."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from study.analysis import Analysis
from study.analysis.search.best import DRAWN
from study.folder.tables import StudyTables
from study.report.look import Mark, arm_marks
from study.report.panel import Panel, SomeArms
from study.report.small_multiples import small_multiples
from study.report.traces import band, saying, scaled
from study.report.wording import Measure, count, inert, interval, listed, percent

MOST_ARMS: Final = 12
_ROW_HEIGHT: Final = 220


@dataclass(frozen=True, kw_only=True)
class BestData(SomeArms):
    """Lines of the figure.

    Attributes:
        so_far: As `Analysis.best`, of the arms drawn, `best` in the table's unit.
        expected: As `Analysis.expected_best`, of the arms drawn, in the table's unit.
        worth: As `Analysis.worth`, of the arms drawn, in the table's unit.
        n_trials: Trials of each arm drawn that reached their end.
        n_collapsed: Trials that collapsed in arms whose best recipe has a worth.
        pool: Which trials the expectation draws from: `design`, `completed`, or empty.
        measure: The metric.
    """

    so_far: pd.DataFrame
    expected: pd.DataFrame
    worth: pd.DataFrame
    n_trials: dict[str, int]
    n_collapsed: int
    pool: str
    measure: Measure


def best_data(analysis: Analysis, arms: tuple[str, ...], *, measure: Measure) -> BestData:
    """The lines of the first MOST_ARMS of these arms."""
    drawn = arms[:MOST_ARMS]
    so_far = analysis.best[analysis.best["arm"].isin(drawn)]
    expected = analysis.expected_best[analysis.expected_best["arm"].isin(drawn)]
    ends = ("estimate", "low", "high")
    worth = _in_units(analysis.worth[analysis.worth["arm"].isin(drawn)], ends, measure)
    trials = analysis.frames.trials
    trials = trials[trials["origin"] != "scout"]
    counts = trials["arm"][trials["outcome"] == "full"].value_counts()
    collapsed = trials["arm"][trials["outcome"] == "collapsed"]
    return BestData(
        so_far=_in_units(so_far, ("best",), measure),
        expected=_in_units(expected, ("expected", "low", "high"), measure),
        worth=worth.assign(**{n: worth[n].map(measure.possible) for n in ends}),
        arms=drawn,
        n_arms=len(arms),
        n_trials={arm: int(counts.get(arm, 0)) for arm in drawn},
        n_collapsed=int(collapsed.isin(worth["arm"]).sum()),
        pool=str(expected["pool"].iloc[0]) if len(expected) else "",
        measure=measure,
    )


def _in_units(frame: pd.DataFrame, names: tuple[str, ...], measure: Measure) -> pd.DataFrame:
    return frame.assign(**{n: frame[n].astype(float) / measure.per_unit for n in names})


def best_figure(data: BestData, marks: dict[str, Mark]) -> go.Figure:
    """A small plot per arm: steps of the search over the band of random draws."""
    grid = small_multiples(data.arms, columns=2, row_height=_ROW_HEIGHT)
    figure = grid.figure
    for i, arm in enumerate(data.arms):
        expected = data.expected[data.expected["arm"] == arm]
        steps = data.so_far[data.so_far["arm"] == arm]
        if not expected.empty:
            for trace in _expectation(expected, arm, marks[arm], data.measure):
                figure.add_trace(trace, **grid.place(i))
        if not steps.empty:
            figure.add_trace(_steps(steps, arm, marks[arm], data.measure), **grid.place(i))
            for row in data.worth[data.worth["arm"] == arm].to_dict("records"):
                end = float(steps["spent"].iloc[-1])
                figure.add_trace(_worth(row, end, marks[arm], data.measure), **grid.place(i))
        if grid.is_bottom(i):
            figure.update_xaxes(title_text="full trials spent", **grid.place(i))
    figure.update_xaxes(rangemode="tozero", nticks=6, tickangle=0)
    figure.update_yaxes(title_text=data.measure.axis, col=1)
    return figure


def best_panel(tables: StudyTables, analysis: Analysis) -> Panel:
    """The figure with its words, or why there is none."""
    marks = arm_marks(tables.study)
    data = best_data(analysis, tuple(marks), measure=tables.study.measure)
    if data.so_far.empty:
        return Panel(reading="No trial has reached its planned end yet.")
    n = listed([f"{arm} {data.n_trials[arm]:,}" for arm in data.arms])
    note = (
        f"n = {count(sum(data.n_trials.values()), 'full-length trial')} ({n}). Thick steps: the "
        "best of them so far, in the order in which trials began; a stopped trial costs the part "
        "that it ran. The best of many noisy looks flatters."
    )
    if data.pool:
        note += " " + _POOL[data.pool] + " Collapsed ones count as draws without a gain."
        note += (
            " The band holds the best of k in 95 of 100 draws: it is what luck does, and no "
            "error of the mean. Beyond half of the trials it would hang on the best one alone."
        )
    if len(data.worth):
        note += (
            " Open square: what one more training of the recipe that all trials together call "
            "best is worth, with the 95 % interval of its mean; being called best is partly luck, "
            f"so it is drawn {percent(DRAWN)} of the way to the mean of its arm's recipes "
            "(nothing of it was trained again: only fresh seeds are)."
        )
        if data.n_collapsed:
            note += f" It holds of a training that does not collapse, as {data.n_collapsed:,} of "
            note += f"{'this arm' if len(data.worth) == 1 else 'these arms'} did."
    note += data.beyond("have a plot")
    return Panel(
        reading=_reading(data),
        note=note,
        alt=_alt(data),
        figure=best_figure(data, marks),
    )


_POOL: Final = {
    "design": (
        "Dashed: mean of the best of k of the arm's design trials, drawn without replacement: "
        "what k recipes at random would have given."
    ),
    "completed": (
        "Dashed: mean of the best of k of the arm's full-length trials, drawn without "
        "replacement. The search chose these and stopped what began badly, so this is no random "
        "search and flatters."
    ),
}


def _expectation(
    expected: pd.DataFrame, arm: str, mark: Mark, measure: Measure
) -> list[go.Scatter]:
    k = expected["k"].tolist()
    low, middle, high = scaled(
        expected, ("low", "expected", "high"), measure.scale, measure.rounded(3)
    )
    n = int(expected["n_trials"].iloc[0])
    texts = [
        f"best of {row['k']:,} of {n:,}: "
        f"{interval(row['expected'], row['low'], row['high'], measure.text)}"
        for row in expected.to_dict("records")
    ]
    line = go.Scatter(
        x=k,
        y=middle,
        mode="lines",
        line={"color": mark.colour, "width": 1.8, "dash": "dash"},
        meta={"arm": arm},
        customdata=texts,
        hovertemplate=saying(inert(arm), "%{customdata}"),
    )
    return [band(k, low, high, mark.colour, opacity=0.16, meta={"arm": arm}), line]


def _steps(steps: pd.DataFrame, arm: str, mark: Mark, measure: Measure) -> go.Scatter:
    texts = [
        f"best so far {measure.text(best)} after {spent:.1f} trials' worth of training"
        for best, spent in zip(steps["best"], steps["spent"], strict=True)
    ]
    sizes = [7] * (len(steps) - 1) + [0]  # the last row only carries the line on
    return go.Scatter(
        x=steps["spent"].round(3).tolist(),
        y=(steps["best"] * measure.scale).round(measure.rounded(3)).tolist(),
        mode="lines+markers",
        line={"color": mark.colour, "width": 3, "shape": "hv"},
        marker={"symbol": mark.symbol, "size": sizes, "color": mark.colour, "opacity": 1},
        meta={"arm": arm},
        customdata=texts,
        hovertemplate=saying(inert(arm), "%{customdata}"),
    )


def _worth(row: dict[Hashable, Any], spent: float, mark: Mark, measure: Measure) -> go.Scatter:
    """A square with its interval at the end of the arm's steps."""
    low, middle, high = (
        round(row[end] * measure.scale, measure.rounded(3)) for end in ("low", "estimate", "high")
    )
    told = interval(row["estimate"], row["low"], row["high"], measure.text)
    return go.Scatter(
        x=[round(spent, 3)],
        y=[middle],
        mode="markers",
        marker={"symbol": "square-open", "size": 11, "color": mark.colour},
        error_y={
            "type": "data", "array": [high - middle], "arrayminus": [middle - low],
            "symmetric": False, "color": mark.colour,
        },
        meta={"arm": row["arm"]},
        customdata=[f"worth {told}, by {count(row['n_trials'], 'full-length trial')}"],
        hovertemplate=saying(inert(row["arm"]), "%{customdata}"),
    )  # fmt: skip


def _reading(data: BestData) -> str:
    """When the best of each arm last changed, which is for the better, and what it is worth."""
    parts = []
    for arm, steps in data.so_far.groupby("arm", sort=False):
        last, end = float(steps["spent"].iloc[-2]), float(steps["spent"].iloc[-1])
        parts.append(f"{arm} {percent(last / end)}" if end else str(arm))
    moved = "fell" if data.measure.is_minimised else "rose"
    found = f"The best last {moved} after this part of the arm's training: {listed(parts)}" + (
        "; the dashed lines say what draws at random would have found." if data.pool else "."
    )
    worth = [
        f"{row['arm']} {interval(row['estimate'], row['low'], row['high'], data.measure.text)}"
        for row in data.worth.to_dict("records")
    ]
    return found + (f" The best recipe is worth about: {listed(worth)}." if worth else "")


def _alt(data: BestData) -> str:
    parts = []
    for arm, steps in data.so_far.groupby("arm", sort=False):
        parts.append(
            f"{arm} from {data.measure.text(steps['best'].iloc[0])} to "
            f"{data.measure.text(steps['best'].iloc[-1])} within {steps['spent'].iloc[-1]:.1f} "
            "full trials' worth"
        )
    return f"Best {data.measure.label} so far per arm: {'; '.join(parts)}."
