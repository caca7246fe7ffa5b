"""Many small plots as one figure, in the report's look."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from study.report.look import INK, new_figure
from study.report.wording import inert


@dataclass(frozen=True, kw_only=True)
class Grid:
    """An empty figure of small plots, filled row by row.

    Attributes:
        figure: The figure.
        columns: Plots beside each other.
        n: Plots.
    """

    figure: go.Figure
    columns: int
    n: int

    def place(self, i: int) -> dict[str, int]:
        """Row and column (from 1) of the i-th plot, as Plotly's `add_trace` takes them."""
        return {"row": i // self.columns + 1, "col": i % self.columns + 1}

    def is_bottom(self, i: int) -> bool:
        """Whether no plot lies below the i-th."""
        return i + self.columns >= self.n


def small_multiples(
    titles: Sequence[str],
    *,
    columns: int,
    row_height: int,
    share_x: bool = True,
    gap: int = 66,
) -> Grid:
    """One small plot per title, all with the same y axis and, with `share_x`, the same x axis.

    Args:
        titles: Shown letter by letter.
        columns: At most so many beside each other.
        row_height: Pixels.
        share_x: Whether all plots have the same x axis.
        gap: Pixels between rows, for titles and ticks.
    """
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    height = row_height * rows + 90
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_xaxes="all" if share_x else False,
        shared_yaxes="all",
        horizontal_spacing=0.04,
        vertical_spacing=gap / height if rows > 1 else 0.0,
        subplot_titles=[inert(title) for title in titles],
        figure=new_figure(height=height),
    )
    look = new_figure(height=height).layout.to_plotly_json()
    figure.update_xaxes(look["xaxis"], showticklabels=True)
    figure.update_yaxes(look["yaxis"], matches="y")
    figure.update_layout(yaxis_matches=None, margin={"t": 34})  # the one that others match
    if share_x:
        figure.update_xaxes(matches="x")
        figure.update_layout(xaxis_matches=None)
    figure.update_annotations(font={"size": 13, "color": INK})
    return Grid(figure=figure, columns=columns, n=len(titles))


def log_ticks(low: float, high: float, *, most: int = 4) -> list[float]:
    """Round numbers for a logarithmic axis from `low` to `high`, both above 0."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    slack = 1.02  # an end that rounding moved is still an end
    found: list[float] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        numbers = [float(f"{s}e{power}") for power in range(first, last + 1) for s in steps]
        found = [v for v in numbers if low / slack <= v <= high * slack]
        if len(found) <= most:
            return found
    return found[:: -(-len(found) // most)]
