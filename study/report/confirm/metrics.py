"""Every metric of the confirm stage side by side: an arm that wins on one may lose on another."""

from dataclasses import dataclass
from typing import Final

import plotly.graph_objects as go

from study.folder.tables import StudyTables
from study.report.confirm.values import ConfirmedValues, Value
from study.report.look import Mark, arm_marks, name_rows
from study.report.panel import Panel, SomeArms
from study.report.small_multiples import small_multiples
from study.report.traces import about, estimate, filled, saying
from study.report.wording import Measure, inert

METRICS: Final = {
    "accuracy": "exact class",
    "accuracy_top5": "among the top 5",
    "accuracy_1off": "at most one class off",
    "mae": "distance in classes",
    "qwk": "weighted kappa",
    "macro_f1": "macro F1",
    "nll": "loss, nats per image",
    "nll_tempered": "loss after temperature",
    "ece": "calibration error",
    "ece_tempered": "calibration error after temperature",
}
LOWER_IS_BETTER: Final = ("mae", "nll", "nll_tempered", "ece", "ece_tempered")
MOST_ARMS: Final = 12

_COLUMNS: Final = 3


@dataclass(frozen=True, kw_only=True)
class MetricsData(SomeArms):
    """The figure's values.

    Attributes:
        split: The split that they are of.
        metrics: Metrics that were measured there, in reading order.
        values: By metric and arm.
    """

    split: str
    metrics: tuple[str, ...]
    values: dict[tuple[str, str], Value]


def metrics_data(confirmed: ConfirmedValues) -> MetricsData:
    """All metrics on the split that claims are judged on."""
    arms = confirmed.arms[:MOST_ARMS]
    values = {
        (metric, arm): value
        for metric in METRICS
        for arm, value in confirmed.by_arm(split=confirmed.split, metric=metric).items()
        if arm in arms
    }
    there = {metric for metric, _ in values}
    return MetricsData(
        split=confirmed.split,
        metrics=tuple(metric for metric in METRICS if metric in there),
        arms=arms,
        n_arms=len(confirmed.arms),
        values=values,
    )


def metrics_figure(data: MetricsData, marks: dict[str, Mark]) -> go.Figure:
    """A small plot per metric, a row per arm."""
    titles = [
        METRICS[m] + _measure(m).unit + (" ↓" if m in LOWER_IS_BETTER else "")
        for m in data.metrics
    ]
    grid = small_multiples(
        titles, columns=_COLUMNS, row_height=26 * len(data.arms) + 62, share_x=False, gap=62
    )
    for i, metric in enumerate(data.metrics):
        measure = _measure(metric)
        for y, arm in enumerate(data.arms):
            value = data.values.get((metric, arm))
            if value is None:
                continue
            text = f"{METRICS[metric]} {value.text(measure)}"
            trace = estimate(
                value.on_axis(measure.scale), y, filled(marks[arm], 10), **about(arm),
                hovertemplate=saying(inert(arm), text),
            )  # fmt: skip
            grid.figure.add_trace(trace, **grid.place(i))
    name_rows(grid.figure, [inert(arm) for arm in data.arms], above=0.6)
    grid.figure.update_xaxes(showgrid=True, nticks=5)
    return grid.figure


def metrics_panel(tables: StudyTables, confirmed: ConfirmedValues) -> Panel:
    """The figure with its words."""
    data = metrics_data(confirmed)
    first = next(iter(data.values.values()))
    note = (
        f"n = {first.n} of the {data.split} split; mean over seeds, bars 95 % intervals over "
        "seeds and clusters of images. ↓: lower is better. Each plot has its own scale."
    )
    if data.split == "val":
        note += " After temperature: not shown, for the temperature was fitted to this split."
    note += data.beyond("are drawn")
    classes, apart = tables.study.classes, "apart."
    if classes.is_ordered:
        what = "classes" if classes.years is None else "ages"
        apart = f"apart; {what} are ordered, so that “at most one class off” forgives neighbours."
    return Panel(
        reading="Where the bars of two arms overlap widely in every plot, no metric tells them "
        f"{apart}",
        note=note,
        alt=_alt(data),
        figure=metrics_figure(data, arm_marks(tables.study)),
        min_width=640,
    )


def _measure(metric: str) -> Measure:
    return Measure(f"val_{metric.removesuffix('_tempered')}")


def _alt(data: MetricsData) -> str:
    parts = []
    for metric in data.metrics:
        of_arms = [
            f"{arm} {value.text(_measure(metric))}"
            for arm in data.arms
            if (value := data.values.get((metric, arm))) is not None
        ]
        parts.append(f"{METRICS[metric]}: {', '.join(of_arms)}")
    return f"Small plots of each metric per arm on the {data.split} split. {'; '.join(parts)}."
