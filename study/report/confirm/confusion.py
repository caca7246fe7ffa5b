"""Which ages are taken for which: confusion tables of the confirmed models."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from agecls.classes import Classes
from study.analysis import Predicted
from study.report.confirm import many_classes
from study.report.look import MODEL, SURFACE
from study.report.panel import Panel, SomeArms
from study.report.small_multiples import small_multiples
from study.report.traces import cells
from study.report.wording import count, inert, percent, some_of

MOST_ARMS: Final = 6

_CELL: Final = 34


@dataclass(frozen=True, kw_only=True)
class ConfusionData(SomeArms):
    """The figure's tables.

    Attributes:
        split: The split that they are of.
        classes: That the models tell apart.
        shares: Per arm (N, N): of the row's true class, the share named as the column's class;
            NaN in rows without images.
        n_images: Images of each true class.
        n_seeds: Models per arm.
    """

    split: str
    classes: Classes
    shares: dict[str, np.ndarray]
    n_images: dict[str, int]
    n_seeds: int


def confusion_data(predicted: Predicted, *, split: str) -> ConfusionData | None:
    """The tables on a split; None where it has no predictions."""
    most = many_classes.MOST_ARMS if _are_many(predicted.classes) else MOST_ARMS
    rows = predicted.confusion[predicted.confusion["split"] == split]
    if rows.empty:
        return None
    all_arms = tuple(dict.fromkeys(rows["arm"]))
    arms = all_arms[:most]
    of_class = rows.drop_duplicates("true").set_index("true")["n_images"]
    return ConfusionData(
        split=split,
        arms=arms,
        n_arms=len(all_arms),
        classes=predicted.classes,
        shares={arm: _square(rows[rows["arm"] == arm], predicted.classes) for arm in arms},
        n_images={c: int(of_class.get(c, 0)) for c in predicted.classes.names},
        n_seeds=int(rows["n_seeds"].max()),
    )


def confusion_figure(data: ConfusionData) -> go.Figure:
    """A table per arm, darker where more of the true class are named so."""
    if _are_many(data.classes):
        return many_classes.confusion_map(data.shares, data.classes)
    letters = [inert(name) for name in data.classes.names]
    captions = [inert(caption) for caption in data.classes.captions]
    grid = small_multiples(data.arms, columns=2, row_height=_CELL * len(letters) + 70)
    for i, arm in enumerate(data.arms):
        share = data.shares[arm] * 100
        is_known = ~np.isnan(share)
        grid.figure.add_trace(
            cells(
                share.round(2),
                np.where(is_known, [[_cell(v) for v in row] for row in share], ""),
                span=100,
                customdata=[
                    [f"{captions[t]} taken for {captions[p]}" for p in range(len(letters))]
                    for t in range(len(letters))
                ],
                hovertemplate=f"<b>{inert(arm)}</b><br>%{{customdata}}<br>%{{z:.1f}} % of the "
                "class<extra></extra>",
                meta={"arm": arm},
            ),
            **grid.place(i),
        )
        for k in range(len(letters)):
            grid.figure.add_shape(
                type="rect", x0=k - 0.5, x1=k + 0.5, y0=k - 0.5, y1=k + 0.5,
                line={"color": MODEL, "width": 1}, **grid.place(i),
            )  # fmt: skip
    ticks = {"tickvals": list(range(len(letters))), "ticktext": letters, "ticks": ""}
    grid.figure.update_xaxes(**ticks, title_text="named", title_standoff=4)
    grid.figure.update_yaxes(
        **ticks, range=[len(letters) - 0.5, -0.5], showgrid=False, zeroline=False
    )
    grid.figure.update_yaxes(title_text="true", col=1)
    grid.figure.update_layout(hoverlabel={"bgcolor": SURFACE})
    return grid.figure


def confusion_panel(predicted: Predicted, *, split: str) -> Panel:
    """The figure with its words, or why there is none."""
    data = confusion_data(predicted, split=split)
    if data is None:
        reason = f"No predictions of confirmed models on {split} are in this folder."
        return Panel(reading=reason)
    return _of_many(data) if _are_many(data.classes) else _of_few(data)


def _of_few(data: ConfusionData) -> Panel:
    ages = ", ".join(data.classes.captions)
    absent = [c for c, n in data.n_images.items() if not n]
    note = (
        f"Per cent of the true class’s {data.split} images, mean over "
        f"{count(data.n_seeds, 'seed')} per arm; images by class: "
        f"{', '.join(f'{c} {n:,}' for c, n in data.n_images.items() if n)}. Framed: right. "
        f"Classes: {ages}. The figure above has intervals of the framed cells."
    )
    if absent:
        note += f" No images of {', '.join(absent)}."
    note += data.beyond("have a table")
    beside = "a neighbour named" if data.classes.is_ordered else "another class named"
    return Panel(
        reading=f"Rows are true classes. Weight beside the frame is {beside}; a dark column is a "
        "class that is named too often.",
        note=note,
        alt=_alt(data),
        figure=confusion_figure(data),
        min_width=620 if len(data.arms) > 1 else 0,
    )


def _of_many(data: ConfusionData) -> Panel:
    """The worst pairs as a table, and all of them as a figure without names."""
    n_images = list(data.n_images.values())
    n_pairs = len(n_images) * (len(n_images) - 1)
    is_drawn = len(data.classes) <= many_classes.MOST_DRAWN
    table = many_classes.confused_table(data.shares, n_images, data.classes)
    reading = "No image is taken for one of another class."
    if table.rows:
        reading = "Most images are lost to the pairs in the table."
    if is_drawn:
        reading += (
            " In the figure rows are true classes and the diagonal is right; a dark column is a "
            "class that is named too often"
        )
        reading += "." if data.classes.is_ordered else ", a block classes that are confused."
    note = (
        f"Per cent of the true class’s {data.split} images "
        f"({many_classes.spread_of([n for n in n_images if n])}), mean over "
        f"{count(data.n_seeds, 'seed')} per arm. Of {n_pairs:,} pairs some of the worst are so by "
        "chance."
    )
    if is_drawn and not data.classes.is_ordered:
        note += (
            " Classes stand beside those that they are confused with; point at a cell for both."
        )
    if absent := [c for c, n in data.n_images.items() if not n]:
        note += f" No images of {some_of(absent, many_classes.MOST_NAMED)}."
    note += data.beyond("have a table")
    return Panel(
        reading=reading,
        note=note,
        alt="Squares of true against named class, too many to be read one by one; the table has "
        "the pairs that most images are lost to.",
        figure=confusion_figure(data) if is_drawn else None,
        table=table if table.rows else None,
    )


def _are_many(classes: Classes) -> bool:
    return len(classes) > many_classes.MOST_NAMED


def _square(rows: pd.DataFrame, classes: Classes) -> np.ndarray:
    table = rows.pivot(index="true", columns="predicted", values="share")
    # no row of a pair: never named so
    whole = table.fillna(0.0).reindex(columns=list(classes.names), fill_value=0.0)
    whole = whole.reindex(index=list(classes.names))
    return np.asarray(whole.to_numpy(dtype=float))


def _cell(value: float) -> str:
    return "" if np.isnan(value) or value < 0.5 else f"{value:.0f}"


def _alt(data: ConfusionData) -> str:
    parts = []
    for arm in data.arms:
        hits = [
            f"{letter} {percent(float(share))}"
            for letter, share in zip(
                data.classes.names, np.diagonal(data.shares[arm]), strict=True
            )
            if not np.isnan(share)
        ]
        parts.append(f"{arm}: right in {', '.join(hits)}")
    return f"Tables of true against named class on {data.split}. {'; '.join(parts)}."
