"""Where training collapses: the probability along the learning rate, per arm."""

from dataclasses import dataclass
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from study.analysis import Analysis
from study.folder.tables import StudyTables
from study.report.look import INK, Mark, arm_marks, new_figure
from study.report.panel import Panel, SomeArms
from study.report.small_multiples import small_multiples
from study.report.traces import band, estimate, filled, log_axis, saying, scaled
from study.report.wording import count, inert, interval, listed, percent

MOST_ARMS: Final = 12
_DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


@dataclass(frozen=True, kw_only=True)
class CollapseData(SomeArms):
    """Curves of the figure.

    Attributes:
        curves: As `Analysis.collapse` of the arms drawn, with `name`: what of the condition the
            arm does not say by itself.
        factor: Name of the number along which the probability is given.
        is_along: Whether the study varies that number; else there is one row per arm.
        n_trials: Trials seen to collapse or not.
        n_collapsed: Of these the collapsed.
    """

    curves: pd.DataFrame
    factor: str
    is_along: bool
    n_trials: int
    n_collapsed: int


def collapse_data(analysis: Analysis, arms: tuple[str, ...]) -> CollapseData:
    """The curves of the first MOST_ARMS of these arms."""
    outcome = analysis.frames.trials["outcome"]
    roles = {f.name for f in analysis.frames.study.of_role("arm")}
    curves = analysis.collapse[analysis.collapse["arm"].isin(arms[:MOST_ARMS])]
    names = [
        ", ".join(
            part.split(" = ", 1)[-1]
            for part in where.split(", ")
            if part.split(" = ", 1)[0] not in roles
        )
        for where in curves["where"]
    ]
    return CollapseData(
        curves=curves.assign(name=names),
        arms=tuple(arm for arm in arms[:MOST_ARMS] if arm in set(curves["arm"])),
        n_arms=len(arms),
        factor=str(curves["factor"].iloc[0]) if len(curves) else "",
        is_along=bool(curves["value"].notna().any()),
        n_trials=int(outcome.isin(["full", "stopped", "collapsed"]).sum()),
        n_collapsed=int((outcome == "collapsed").sum()),
    )


def collapse_figure(data: CollapseData, marks: dict[str, Mark], *, is_log: bool) -> go.Figure:
    """A small plot per arm along the rate, or one row per arm where the rate is fixed."""
    if not data.is_along:
        return _rows(data, marks)
    grid = small_multiples(data.arms, columns=2, row_height=200)
    figure = grid.figure
    for i, arm in enumerate(data.arms):
        of_arm = data.curves[data.curves["arm"] == arm]
        for dash, (name, curve) in zip(
            _DASHES * len(of_arm), of_arm.groupby("name", sort=False), strict=False
        ):
            for trace in _curve(curve, arm, str(name), marks[arm].colour, dash):
                figure.add_trace(trace, **grid.place(i))
        if grid.is_bottom(i):
            title = inert(_RATE.get(data.factor, data.factor))
            figure.update_xaxes(title_text=title, **grid.place(i))
    if is_log:
        log_axis(figure, data.curves["value"])
    figure.update_yaxes(range=[-4, 104], tickvals=[0, 25, 50, 75, 100])
    figure.update_yaxes(title_text="collapse (%)", col=1)
    return figure


def collapse_panel(tables: StudyTables, analysis: Analysis) -> Panel:
    """The figure with its words, or why there is none."""
    marks = arm_marks(tables.study)
    data = collapse_data(analysis, tuple(marks))
    if data.curves.empty:
        return Panel(reading="No trial has shown yet how it trains.")
    if not data.n_collapsed:
        reading = f"None of {count(data.n_trials, 'trial')} collapsed or diverged."
        return Panel(reading=reading)
    factor = next((f for f in tables.study.factors if f.name == data.factor), None)
    note = (
        f"n = {count(data.n_trials, 'trial')}, {data.n_collapsed:,} of them collapsed to one "
        "class or diverged; stopped ones, range scouts and those outside the box count too. "
        "Lines: logistic regression on arm, optimizer and the like; bands: 95 % intervals. Where "
        "few trials went, the line is carried by the others."
    )
    note += data.beyond("have a plot")
    return Panel(
        reading=_reading(data),
        note=note,
        alt=_alt(data),
        figure=collapse_figure(data, marks, is_log=bool(factor and factor.log)),
        min_width=520 if data.is_along and len(data.arms) > 1 else 0,
    )


_RATE: Final = {"lr": "learning rate"}


def _curve(curve: pd.DataFrame, arm: str, name: str, colour: str, dash: str) -> list[go.Scatter]:
    x = curve["value"].tolist()
    low, middle, high = scaled(curve, ("low", "probability", "high"), 100, 2)
    texts = [
        f"{interval(r['probability'], r['low'], r['high'], percent)} at {r['value']:.3g}"
        for r in curve.to_dict("records")
    ]
    n, collapsed = int(curve["n_trials"].iloc[0]), int(curve["n_collapsed"].iloc[0])
    head = f"<b>{inert(arm)}</b>" + (f", {inert(name)}" if name else "")
    return [
        band(x, low, high, colour, opacity=0.14, meta={"arm": arm}),
        go.Scatter(
            x=x,
            y=middle,
            # named where it begins, by a text that is hidden with it
            mode="lines+text" if name else "lines",
            text=[inert(name)] + [""] * (len(x) - 1) if name else None,
            textposition="top right",
            textfont={"size": 12, "color": INK},
            line={"color": colour, "width": 2.2, "dash": dash},
            meta={"arm": arm},
            customdata=texts,
            hovertemplate=(
                f"{head}<br>%{{customdata}}<br>{collapsed:,} of {n:,} trials collapsed"
                "<extra></extra>"
            ),
        ),
    ]


def _rows(data: CollapseData, marks: dict[str, Mark]) -> go.Figure:
    """One interval per arm."""
    figure = new_figure(height=44 * len(data.arms) + 90)
    for y, row in enumerate(data.curves.to_dict("records")):
        ends = row["probability"], row["low"], row["high"]
        text = (
            f"{interval(*ends, percent)}<br>{row['n_collapsed']:,} of {row['n_trials']:,} trials "
            "collapsed"
        )
        trace = estimate(
            tuple(end * 100 for end in ends), y, filled(marks[row["arm"]], 11),
            meta={"arm": row["arm"]}, hovertemplate=saying(inert(row["arm"]), text),
        )  # fmt: skip
        figure.add_trace(trace)
    figure.update_xaxes(title_text="probability of a collapse", ticksuffix="%", showgrid=True)
    figure.update_yaxes(
        tickvals=list(range(len(data.curves))),
        ticktext=[inert(arm) for arm in data.curves["arm"]],
        range=[len(data.curves) - 0.5, -0.5],
        showgrid=False,
    )
    return figure


def _reading(data: CollapseData) -> str:
    per_arm = data.curves.drop_duplicates(["arm", "where"]).groupby("arm", sort=False)
    counts = per_arm[["n_collapsed", "n_trials"]].sum()
    parts = [
        f"{int(row.n_collapsed):,} of {int(row.n_trials):,} in {arm}"
        for arm, row in counts.iterrows()
    ]
    where = f" along the {_RATE.get(data.factor, data.factor)}" if data.is_along else ""
    return (
        f"Of the trials in the ranges drawn, these collapsed: {listed(parts)}; see where{where} "
        "the curve leaves the bottom and how wide its band is there."
    )


def _alt(data: CollapseData) -> str:
    parts = []
    for (arm, name), curve in data.curves.groupby(["arm", "name"], sort=False):
        first, last = curve.iloc[0], curve.iloc[-1]
        label = f"{arm} ({name})" if name else str(arm)
        if data.is_along:
            parts.append(
                f"{label} from {percent(first['probability'])} at {first['value']:.2g} to "
                f"{percent(last['probability'])} at {last['value']:.2g}"
            )
        else:
            parts.append(f"{label} {percent(first['probability'])}")
    return f"Probability that training collapses: {'; '.join(parts)}."
