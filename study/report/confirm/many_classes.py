"""Sets of so many classes that no figure has room for their names: what of them is shown."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import plotly.graph_objects as go

from agecls.classes import Classes
from study.analysis.confirm.confused import most_confused, order_by_confusion
from study.report.confirm.values import Value
from study.report.look import MODEL, SURFACE, Mark, name_rows, new_figure
from study.report.panel import Table
from study.report.small_multiples import small_multiples
from study.report.traces import about, estimate, filled, saying
from study.report.wording import Measure, inert, percent

MOST_NAMED: Final = 20
"""Classes up to which a figure names each one."""

MOST_DRAWN: Final = 200
"""Classes up to which the table of all pairs is drawn."""

MOST_ARMS: Final = 2
MOST_PAIRS: Final = 12
MOST_ROWS: Final = 15

_MOST_LETTERS: Final = 22
_SIDE: Final = 330
_RECALL: Final = Measure("val_recall")


def confusion_map(shares: Mapping[str, np.ndarray], classes: Classes) -> go.Figure:
    """A square per arm (N, N), darker where more of the row's class are named as the column's.

    Classes keep their order if they have one; else those that are confused stand side by side.
    """
    order = np.arange(len(classes))
    if not classes.is_ordered:
        order = order_by_confusion(_mean(list(shares.values())))
    names = [inert(classes.captions[k]) for k in order]
    grid = small_multiples(list(shares), columns=1, row_height=_SIDE)
    for i, (arm, whole) in enumerate(shares.items()):
        share = whole[np.ix_(order, order)]
        grid.figure.add_trace(
            go.Heatmap(
                z=np.sqrt(share).round(2).tolist(),  # a few per cent are to be seen beside 100
                x=names,
                y=names,
                zmin=0,
                zmax=1,
                colorscale=[[0, SURFACE], [1, MODEL]],
                showscale=False,
                customdata=np.nan_to_num(share * 100).round().astype(int).tolist(),
                hovertemplate=saying(
                    inert(arm), "%{y} taken for %{x}: %{customdata} % of the class"
                ),
                meta={"arm": arm},
            ),
            **grid.place(i),
        )
    look = {"type": "category", "showticklabels": False, "ticks": "", "showgrid": False}
    grid.figure.update_xaxes(**look, title_text="named", title_standoff=4)
    grid.figure.update_yaxes(**look, autorange="reversed", title_text="true", title_standoff=4)
    return grid.figure


def confused_table(
    shares: Mapping[str, np.ndarray], n_images: Sequence[int], classes: Classes
) -> Table:
    """The pairs of classes that most images are lost to, mean over arms, a column per arm."""
    counts = np.array(n_images)
    pairs = most_confused(_mean(list(shares.values())), counts, MOST_PAIRS)
    rows = [
        (
            f"{classes.names[true]} → {classes.names[named]}",
            *(percent(float(of_arm[true, named])) for of_arm in shares.values()),
            f"{counts[true]:,}",
        )
        for true, named in pairs
    ]
    return Table(columns=("True class → named", *shares, "Images"), rows=tuple(rows))


def lowest_first(values: Mapping[tuple[str, str], Value], classes: Classes) -> list[int]:
    """Places of the classes that have a value, by the mean of their arms, the lowest first."""
    means = {
        k: np.mean(found)
        for k, name in enumerate(classes.names)
        if (found := [value.estimate for (_, c), value in values.items() if c == name])
    }
    return sorted(means, key=lambda k: float(means[k]))


def lowest_figure(
    values: Mapping[tuple[str, str], Value],
    rows: Sequence[int],
    classes: Classes,
    marks: Mapping[str, Mark],
) -> go.Figure:
    """A row for each of these classes, the arms above each other in it."""
    arms = list(dict.fromkeys(arm for arm, _ in values))
    figure = new_figure(height=30 * len(rows) + 64)
    step = 0.7 / max(len(arms), 1)
    for i, arm in enumerate(arms):
        for y, k in enumerate(rows):
            value = values.get((arm, classes.names[k]))
            if value is None:
                continue
            figure.add_trace(
                estimate(
                    value.on_axis(100),
                    y + (i - (len(arms) - 1) / 2) * step,
                    filled(marks[arm], 8),
                    **about(arm),
                    hovertemplate=saying(
                        inert(arm), f"{inert(classes.captions[k])}: {value.text(_RECALL)}"
                    ),
                )
            )
    name_rows(figure, [inert(_short(classes.captions[k])) for k in rows], above=0.6)
    figure.update_xaxes(showgrid=True, range=[-3, 103], title_text="right within the class (%)")
    return figure


def recall_table(
    values: Mapping[tuple[str, str], Value],
    n_images: Mapping[str, int],
    rows: Sequence[int],
    classes: Classes,
) -> Table:
    """Every class with the value of each arm and its interval."""
    arms = list(dict.fromkeys(arm for arm, _ in values))
    return Table(
        columns=("Class", *(f"{arm} [95 % interval]" for arm in arms), "Images"),
        rows=tuple(
            (
                classes.captions[k],
                *(
                    value.text(_RECALL) if (value := values.get((arm, classes.names[k]))) else "–"
                    for arm in arms
                ),
                f"{n_images[classes.names[k]]:,}" if classes.names[k] in n_images else "–",
            )
            for k in rows
        ),
        fold=f"All {len(rows)} classes, the lowest first",
    )


def spread_of(n_images: Sequence[int]) -> str:
    """How many images the classes have, in words."""
    low, high = min(n_images), max(n_images)
    return f"{low:,} each" if low == high else f"{low:,} to {high:,} each"


def _mean(shares: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean(shares, axis=0))


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else name[: _MOST_LETTERS - 1] + "…"
