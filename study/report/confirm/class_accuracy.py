"""Accuracy within each age class: a good total may hide a class that is never named."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import plotly.graph_objects as go

from agecls.classes import EIGHT, Classes
from study.analysis import Predicted
from study.folder.tables import StudyTables
from study.report.confirm import many_classes
from study.report.confirm.values import ConfirmedValues, Value
from study.report.look import Mark, arm_marks, interval_bar, new_figure
from study.report.panel import Panel, SomeArms
from study.report.traces import about, filled, saying
from study.report.wording import Measure, count, inert, percent

MOST_ARMS: Final = 6
_RECALL: Final = Measure("val_recall")


@dataclass(frozen=True, kw_only=True)
class ClassAccuracyData(SomeArms):
    """The figure's values.

    Attributes:
        split: The split that they are of.
        classes: Those of the predictions; the eight where there are none to tell.
        values: By arm and class name.
        n_images: Images of each class, where the predictions are there to count.
    """

    split: str
    classes: Classes
    values: dict[tuple[str, str], Value]
    n_images: dict[str, int]


def class_accuracy_data(
    confirmed: ConfirmedValues, predicted: Predicted | None
) -> ClassAccuracyData:
    """Accuracy within every class on the split that claims are judged on."""
    split, arms = confirmed.split, confirmed.arms[:MOST_ARMS]
    n_images: dict[str, int] = {}
    classes = EIGHT if predicted is None else predicted.classes
    if predicted is not None:
        rows = predicted.confusion[predicted.confusion["split"] == split]
        n_images = {row["true"]: int(row["n_images"]) for row in rows.to_dict("records")}
    return ClassAccuracyData(
        split=split,
        arms=arms,
        n_arms=len(confirmed.arms),
        classes=classes,
        values={
            (arm, letter): value
            for arm in arms
            for letter in classes.names
            if (value := confirmed.get(arm, split=split, metric="recall", class_=letter))
        },
        n_images=n_images,
    )


def class_accuracy_figure(data: ClassAccuracyData, marks: dict[str, Mark]) -> go.Figure:
    """A column per class, arms side by side in it."""
    figure = new_figure(height=420)
    step = 0.72 / max(len(data.arms), 1)
    for i, arm in enumerate(data.arms):
        found = {
            k: data.values[arm, c]
            for k, c in enumerate(data.classes.names)
            if (arm, c) in data.values
        }
        ends = [value.on_axis(100) for value in found.values()]
        y, low, high = ([end[part] for end in ends] for part in range(3))
        figure.add_scatter(
            x=[k + (i - (len(data.arms) - 1) / 2) * step for k in found],
            y=y,
            mode="markers",
            **about(arm),
            marker=filled(marks[arm], 9),
            error_y=interval_bar(y, low=low, high=high, colour=marks[arm].colour, width=1.6),
            customdata=[
                f"{inert(data.classes.captions[k])}: {v.text(_RECALL)}" for k, v in found.items()
            ],
            hovertemplate=saying(inert(arm), "%{customdata}"),
        )
    figure.update_layout(
        xaxis={
            "tickvals": list(range(len(data.classes))),
            "ticktext": [_tick(k, data) for k in range(len(data.classes))],
            "range": [-0.6, len(data.classes) - 0.4],
        },
        yaxis={"title_text": "right within the class (%)", "range": [-3, 103]},
    )
    return figure


def class_accuracy_panel(
    tables: StudyTables, confirmed: ConfirmedValues, predicted: Predicted | None
) -> Panel:
    """The figure with its words, or why there is none."""
    data = class_accuracy_data(confirmed, predicted)
    if not data.values:
        reason = f"No accuracy within classes was measured on {data.split}."
        return Panel(reading=reason)
    first = next(iter(data.values.values()))
    note = (
        f"n = {count(first.n_seeds, 'seed')} on the {data.split} split; images of each class "
        "below its name where predictions are in the folder. Bars: 95 % intervals over seeds and "
        "clusters of the class’s images."
    )
    marks = arm_marks(tables.study)
    if len(data.classes) > many_classes.MOST_NAMED:
        return _of_many(data, marks, first.n_seeds)
    lacking = [
        c for c in data.classes.names if not any((arm, c) in data.values for arm in data.arms)
    ]
    if lacking:
        note += f" Left out: {', '.join(lacking)}, with too few images for an interval."
    if any(value.low == value.high for value in data.values.values()):
        note += (
            " Without a bar: all images of the class right, or none, on every seed; so few images "
            "do not tell how far the truth may lie from that."
        )
    note += data.beyond("are drawn")
    rare = "images" if data.classes.years is None else "images or families"
    return Panel(
        reading=f"Long bars are classes with few {rare}; a mark at the bottom is a class that the "
        "arm’s models hardly ever name.",
        note=note,
        alt=_alt(data, data.classes.names),
        figure=class_accuracy_figure(data, marks),
        min_width=620,
    )


def _of_many(data: ClassAccuracyData, marks: dict[str, Mark], n_seeds: int) -> Panel:
    """The classes that are right least often as a figure, all of them as a folded table."""
    classes = data.classes
    rows = many_classes.lowest_first(data.values, classes)
    shown = rows[: many_classes.MOST_ROWS]
    note = (
        f"n = {count(n_seeds, 'seed')} on the {data.split} split. The {len(shown)} lowest of "
        f"{len(rows):,} classes: the lowest of so many are partly so by chance. Bars: 95 % "
        "intervals over seeds and clusters of the class’s images, one at a time."
    )
    if len(rows) < len(classes):
        note += f" {len(classes) - len(rows)} classes have too few images for an interval."
    note += data.beyond("are drawn")
    return Panel(
        reading="Long bars are classes with few images; a mark at the left end is a class that "
        "the arm’s models hardly ever name.",
        note=note,
        alt=_alt(data, [classes.names[k] for k in shown]),
        figure=many_classes.lowest_figure(data.values, shown, classes, marks),
        table=many_classes.recall_table(data.values, data.n_images, rows, classes),
    )


def _tick(k: int, data: ClassAccuracyData) -> str:
    name = data.classes.names[k]
    n = data.n_images.get(name)
    return f"<b>{inert(name)}</b> {data.classes.ranges[k]}" + (f"<br>n = {n:,}" if n else "")


def _alt(data: ClassAccuracyData, names: Sequence[str]) -> str:
    parts = []
    for arm in data.arms:
        values = [
            f"{c} {percent(value.estimate)}"
            for c in names
            if (value := data.values.get((arm, c))) is not None
        ]
        parts.append(f"{arm}: {', '.join(values)}")
    return f"Accuracy within each class on {data.split}. {'; '.join(parts)}."
