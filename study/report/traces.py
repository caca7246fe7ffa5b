"""Marks, bars, bands and lines as every figure draws them."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from study.report.look import INK, MODEL, MUTED, SURFACE, Mark, interval_bar
from study.report.small_multiples import log_ticks
from study.report.wording import inert

Ends = tuple[float, float, float]
"""Estimate, low and high on a figure's axis."""

Options = dict[str, Any]
"""What Plotly takes by name."""


def about(arm: str) -> Options:
    """Name and `meta` of a trace about one arm."""
    return {"name": inert(arm), "meta": {"arm": arm}}


def filled(mark: Mark, size: float) -> Options:
    """An arm's symbol."""
    return {"symbol": mark.symbol, "color": mark.colour, "size": size}


def either(mark: Mark, size: float, *, is_hollow: bool) -> Options:
    """An arm's symbol in a figure where some are hollow: by convention what weighs less."""
    symbol = f"{mark.symbol}-open" if is_hollow else mark.symbol
    outline = {"width": 2 if is_hollow else 0}
    return {"symbol": symbol, "color": mark.colour, "size": size, "line": outline}


def saying(title: str, text: str) -> str:
    """The `hovertemplate` of a mark: its title, inert already, above a text of Plotly's."""
    return f"<b>{title}</b><br>{text}<extra></extra>"


def scaled(
    rows: pd.DataFrame, names: Sequence[str], scale: float, digits: int
) -> tuple[list[float], ...]:
    """Columns as they stand on an axis: times a scale, rounded."""
    return tuple((rows[name].astype(float) * scale).round(digits).tolist() for name in names)


def estimate(
    ends: Ends, at: float, marker: Options, *, along: Literal["x", "y"] = "x", digits: int = 4,
    **look: Any,
) -> go.Scatter:  # fmt: skip
    """One mark with its interval.

    Args:
        ends: Where it stands along its axis.
        at: Where it stands on the other axis.
        marker: From `filled` or `either`.
        along: The axis of its interval.
        digits: Of its place.
        **look: What else the trace has, such as a `hovertemplate`.
    """
    middle, low, high = ends
    across = "y" if along == "x" else "x"
    bar = interval_bar([middle], low=[low], high=[high], colour=marker["color"])
    place = {along: [round(middle, digits)], across: [at], f"error_{along}": bar}
    return go.Scatter(mode="markers", marker=marker, **place, **look)


def band(
    x: list[float], low: list[float], high: list[float], colour: str, *, opacity: float,
    **look: Any,
) -> go.Scatter:  # fmt: skip
    """The stretch between two curves, about which a reader is told nothing when pointing at it.

    Args:
        x: Of both curves.
        low: The lower one.
        high: The upper one.
        colour: Of the band.
        opacity: 0..1.
        **look: What else the trace has; a `fillcolor` takes the place of `colour` inside.
    """
    return go.Scatter(
        x=x + x[::-1], y=high + low[::-1], mode="lines", fill="toself",
        line={"width": 0, "color": colour}, opacity=opacity, hoverinfo="skip",
        **{"fillcolor": colour, **look},
    )  # fmt: skip


def cells(
    z: Any, text: Any, *, span: float, low: float = 0, gap: int = 1, **look: Any
) -> go.Heatmap:
    """A table of numbers, coloured by them up to half, so that what stands in it can be read.

    Args:
        z: (rows, columns).
        text: What stands in each.
        span: From the lowest number to the highest.
        low: The lowest.
        gap: Between cells, in pixels.
        **look: What else the trace has, such as a `hovertemplate`.
    """
    n_rows, n_columns = np.shape(z)
    return go.Heatmap(
        z=z, x=list(range(n_columns)), y=list(range(n_rows)), zmin=low, zmax=low + 2 * span,
        colorscale=[[0, SURFACE], [1, MODEL]], showscale=False, xgap=gap, ygap=gap,
        text=text, texttemplate="%{text}", textfont={"size": 11, "color": INK}, **look,
    )  # fmt: skip


def diagonal(figure: go.Figure, low: float, high: float, width: float, **place: int) -> None:
    """The dashed line on which both axes agree."""
    figure.add_shape(
        type="line", x0=low, y0=low, x1=high, y1=high, layer="below",
        line={"color": MUTED, "width": width, "dash": "dash"}, **place,
    )  # fmt: skip


def log_axis(figure: go.Figure, values: pd.Series, **place: int) -> None:
    """Make the x axis logarithmic, with a few round numbers on it."""
    ticks = log_ticks(float(values.min()), float(values.max()))
    text = [f"{tick:g}" for tick in ticks]
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=text, tickangle=0, **place)


def heading(figure: go.Figure, text: str, y: float, **look: Any) -> None:
    """A text at the left end above a row; what comes from a study must be inert already."""
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", y=y, yanchor="middle", showarrow=False, text=text,
        **look,
    )  # fmt: skip


def in_pieces(pieces: Iterable[Sequence[Any]], gap: Any = None) -> list[Any]:
    """Lines as one list, each followed by the gap that parts it from the next."""
    return [value for piece in pieces for value in (*piece, gap)]
