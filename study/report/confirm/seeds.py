"""How much of a result is the seed: each fresh seed's own value, the same seeds in every arm."""

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from study.folder.tables import StudyTables
from study.report.confirm.values import ConfirmedValues, Value
from study.report.grounds import spread_over
from study.report.look import MUTED, Mark, arm_marks, new_figure
from study.report.panel import Panel
from study.report.traces import about, either, estimate, filled
from study.report.wording import Measure, count, inert, listed


@dataclass(frozen=True, kw_only=True)
class SeedsData:
    """The figure's values.

    Attributes:
        points: `arm, seed, value`: a model each, trained to its end.
        means: Per arm its mean with interval.
        measure: The metric on the split that claims are judged on.
        n_missing: Models that failed or were not finished.
    """

    points: pd.DataFrame
    means: dict[str, Value]
    measure: Measure
    n_missing: int


def seeds_data(tables: StudyTables, confirmed: ConfirmedValues) -> SeedsData:
    """Every confirmed model's value."""
    measure = confirmed.measure(confirmed.split)
    models = tables.confirm if tables.confirm is not None else pd.DataFrame()
    known = models[models["arm"].isin(confirmed.arms)] if len(models) else models
    with_value = known[known[measure.column].notna()] if len(known) else known
    return SeedsData(
        points=pd.DataFrame(
            {
                "arm": with_value["arm"],
                "seed": with_value["seed"].astype(int),
                "value": with_value[measure.column],
            }
        ).reset_index(drop=True)
        if len(with_value)
        else pd.DataFrame(columns=["arm", "seed", "value"]),
        means=confirmed.by_arm(split=confirmed.split),
        measure=measure,
        n_missing=len(models) - len(with_value),
    )


def seeds_figure(data: SeedsData, marks: dict[str, Mark]) -> go.Figure:
    """A column per arm; a line joins the models of one seed."""
    arms, scale = list(data.means), data.measure.scale
    place = {arm: x for x, arm in enumerate(arms)}
    figure = new_figure(height=420)
    x_of, y_of = [], []
    for _, of_seed in data.points.groupby("seed", sort=True):
        ordered = of_seed.assign(x=of_seed["arm"].map(place)).sort_values("x")
        x_of += [*ordered["x"].tolist(), None]
        y_of += [*(ordered["value"] * scale).round(4).tolist(), None]
    figure.add_scatter(
        x=x_of, y=y_of, mode="lines", hoverinfo="skip",
        line={"color": MUTED, "width": 1, "dash": "dot"},
    )  # fmt: skip
    for arm in arms:
        mark, value = marks[arm], data.means[arm]
        points = data.points[data.points["arm"] == arm]
        figure.add_scatter(
            x=[place[arm]] * len(points),
            y=(points["value"] * scale).round(4).tolist(),
            mode="markers",
            **about(arm),
            marker=either(mark, 9, is_hollow=True),
            customdata=points["seed"].tolist(),
            hovertemplate=f"<b>{inert(arm)}</b>, seed %{{customdata}}<br>{data.measure.y}"
            "<extra></extra>",
        )
        text = f"<b>{inert(arm)}</b>, mean<br>{value.text(data.measure)}<extra></extra>"
        mean = estimate(
            value.on_axis(scale), place[arm] + 0.16, filled(mark, 12), along="y", **about(arm),
            hovertemplate=text,
        )  # fmt: skip
        figure.add_trace(mean)
    figure.update_layout(
        xaxis={
            "tickvals": list(range(len(arms))),
            "ticktext": [inert(arm) for arm in arms],
            "range": [-0.5, len(arms) - 0.3],
        },
        yaxis_title_text=data.measure.label + data.measure.unit,
    )
    return figure


def seeds_panel(tables: StudyTables, confirmed: ConfirmedValues) -> Panel:
    """The figure with its words."""
    data = seeds_data(tables, confirmed)
    if data.points.empty:
        return Panel(reading="No value of a single model is on record.")
    n_seeds = data.points["seed"].nunique()
    same = "the first ones" if tables.study.confirm_adaptive else "the same"
    note = (
        f"n = {count(len(data.points), 'model')}: {count(n_seeds, 'seed')}, {same} for every "
        "arm. Hollow: one model. Dotted: the same seed in other arms. Filled: the arm’s mean, bar "
        f"95 % interval over {spread_over(tables.study)}."
    )
    if data.n_missing:
        note += f" Left out: {count(data.n_missing, 'model')} that did not reach the end."
    return Panel(
        reading="The spread of the hollow marks is what a single run can be off by; where dotted "
        "lines cross, one seed would have told the arms’ order the other way round.",
        note=note,
        alt=_alt(data),
        figure=seeds_figure(data, arm_marks(tables.study)),
        min_width=90 * len(data.means) if len(data.means) > 3 else 0,
    )


def _alt(data: SeedsData) -> str:
    parts = []
    for arm in data.means:
        values = data.points.loc[data.points["arm"] == arm, "value"]
        if len(values):
            ends = f"{data.measure.text(values.min())} to {data.measure.text(values.max())}"
            parts.append(f"{arm} from {ends}")
    return f"{data.measure.label} of every seed per arm: {listed(parts)}."
