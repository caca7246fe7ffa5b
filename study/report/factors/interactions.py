"""Every pair of factors: whether one changes what the other does."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from study.analysis import Analysis
from study.folder.tables import StudyTables
from study.report.factors.importance import by_importance
from study.report.look import INK, SHADE, VERDICT_COLOURS, new_figure
from study.report.panel import Panel
from study.report.wording import (
    SYMBOLS,
    Measure,
    count,
    inert,
    interval,
    left_over,
    percent,
    some_of,
)

MOST_FACTORS: Final = 20
_CELL: Final = 38
_FULL: Final = 34.0
"""Diameter in pixels of the largest ring; areas are proportional to shares."""

_ROOMY: Final = 15.0
"""Diameter from which a ring has room for a sign."""


@dataclass(frozen=True, kw_only=True)
class InteractionsData:
    """Cells of the figure.

    Attributes:
        names: Factors in the order of importance, the rows and columns of the matrix.
        pairs: As `Analysis.interactions` with `x, y`, the places of a cell below the diagonal.
        n_pairs: Pairs of the analysis, of which `pairs` may be a part.
        n_full: Full-length trials in the fit.
        n_imputed: Stopped trials in it.
        measure: The metric.
    """

    names: tuple[str, ...]
    pairs: pd.DataFrame
    n_pairs: int
    n_full: int
    n_imputed: int
    measure: Measure


def interactions_data(analysis: Analysis, *, measure: Measure) -> InteractionsData | None:
    """What the figure shows; None where nothing could be fitted or no pair exists."""
    fit, pairs = analysis.fit.iloc[0], analysis.interactions
    if pd.isna(fit["n_full"]) or pairs.empty:
        return None
    factors = by_importance(analysis.importance)["factor"]
    paired = factors[factors.isin(pairs["factor_a"]) | factors.isin(pairs["factor_b"])]
    names = tuple(str(name) for name in paired.head(MOST_FACTORS))
    place = {name: i for i, name in enumerate(names)}
    drawn = pairs[pairs["factor_a"].isin(place) & pairs["factor_b"].isin(place)]
    ends = np.sort(np.column_stack([drawn[c].map(place) for c in ("factor_a", "factor_b")]))
    ends = ends.reshape(-1, 2)
    return InteractionsData(
        names=names,
        pairs=drawn.assign(x=ends[:, 0], y=ends[:, 1]).reset_index(drop=True),
        n_pairs=len(pairs),
        n_full=int(fit["n_full"]),
        n_imputed=int(fit["n_imputed"]),
        measure=measure,
    )


def interactions_figure(data: InteractionsData) -> go.Figure:
    """A ring as large as the share may be, filled as large as it is where the pair matters."""
    n = len(data.names)
    figure = new_figure(height=_CELL * n + 90)
    largest = max(float(data.pairs["high"].max()), 1e-9)
    for verdict, colour in VERDICT_COLOURS.items():
        pairs = data.pairs[data.pairs["verdict"] == verdict]
        if pairs.empty:
            continue
        if verdict == "matters":
            discs = _circles(pairs, pairs["share"], largest, colour, "circle")
            figure.add_trace(discs.update(hoverinfo="skip"))
        rings = _circles(pairs, pairs["high"], largest, colour, "circle-open")
        rings.update(
            customdata=[[_hover(row, data.measure)] for row in pairs.to_dict("records")],
            hovertemplate="%{customdata[0]}<extra></extra>",
        )
        if verdict == "unresolved":
            rings.update(
                mode="markers+text",
                text=SYMBOLS[verdict],
                textfont={"color": colour, "size": 11},
                # a sign inside a small ring could not be read
                textposition=[
                    "middle center" if size >= _ROOMY else "middle right"
                    for size in rings.marker.size
                ],
            )
        figure.add_trace(rings)
    for i in range(1, n):
        for line in ({"x0": -0.5, "x1": i + 0.5, "y0": i - 0.5, "y1": i - 0.5},
                     {"y0": n - 0.5, "y1": i - 0.5, "x0": i - 0.5, "x1": i - 0.5}):  # fmt: skip
            figure.add_shape(
                type="line", line={"color": SHADE, "width": 0.5}, opacity=0.45, layer="below",
                **line,
            )  # fmt: skip
    for i, name in enumerate(data.names[:-1]):
        figure.add_annotation(
            x=i, y=i, text=inert(name), showarrow=False, textangle=-35, xanchor="left",
            yanchor="bottom", xshift=-8, yshift=-8, font={"size": 12, "color": INK},
        )  # fmt: skip
    figure.update_layout(
        xaxis={"visible": False, "range": [-0.5, n + 0.8]},
        yaxis={
            "tickvals": list(range(1, n)),
            "ticktext": [inert(name) for name in data.names[1:]],
            "range": [n - 0.5, -0.9],
            "showgrid": False,
            "showline": False,
            "ticks": "",
        },
        margin={"l": 90, "t": 16, "b": 16},
    )
    return figure


def interactions_panel(tables: StudyTables, analysis: Analysis) -> Panel:
    """The figure with its words, or why there is none."""
    data = interactions_data(analysis, measure=tables.study.measure)
    if data is None:
        return Panel(reading=_why_none(analysis))
    stopped = count(data.n_imputed, "stopped one")
    note = (
        f"n = {count(data.n_full, 'full-length trial')}"
        + (f" and {stopped} with imputed ends" if data.n_imputed else "")
        + f"; {count(data.n_pairs, 'pair')}. Areas are shares of the variance over the box: ring: "
        "upper end of the 95 % interval; disc, only where a pair matters: the estimate. "
        f"{SYMBOLS['unresolved']}: unresolved, the interval starts at 0. A green ring with a "
        "disc: matters; a grey ring: negligible. Empty cells cannot vary together. Interactions "
        "of three factors count as noise."
    )
    if len(data.pairs) < data.n_pairs:
        note += f" Drawn: the pairs among the {len(data.names)} most important factors."
    return Panel(
        reading=_reading(analysis.interactions),
        note=note,
        alt=_alt(analysis.interactions),
        figure=interactions_figure(data),
        min_width=_CELL * len(data.names) + 150,
    )


def _why_none(analysis: Analysis) -> str:
    if len(analysis.importance) < 2:
        return "Fewer than two factors were varied."
    if analysis.interactions.empty:
        return "No two factors of this study can vary together."
    return f"Nothing can be said of any pair: {analysis.interactions['reason'].iloc[0]}."


def _circles(
    pairs: pd.DataFrame, shares: pd.Series, largest: float, colour: str, symbol: str
) -> go.Scatter:
    """A circle per pair, its area proportional to a share."""
    sizes = _FULL * np.sqrt(shares.to_numpy(dtype=float).clip(0) / largest)
    return go.Scatter(
        x=pairs["x"].tolist(),
        y=pairs["y"].tolist(),
        mode="markers",
        marker={
            "symbol": symbol,
            "size": np.maximum(sizes, 3.0).round(1).tolist(),
            "color": colour,
            "opacity": 0.85,
            "line": {"width": 1.5, "color": colour},
        },
    )


def _hover(row: dict[str, Any], measure: Measure) -> str:
    return "<br>".join(
        [
            f"<b>{inert(row['factor_a'])} × {inert(row['factor_b'])}</b>: {row['verdict']}",
            f"{_share(row)} of the variance, sd {measure.difference(row['sd'])}",
            f"n ≥ {count(int(row['n_trials']), 'full-length trial')} per quarter",
            inert(str(row["reason"])),
        ]
    )


def _share(row: dict[str, Any]) -> str:
    return interval(row["share"], row["low"], row["high"], percent)


def _reading(pairs: pd.DataFrame) -> str:
    """What the verdicts say, and no more."""
    mattering = pairs[pairs["verdict"] == "matters"].sort_values("share", ascending=False)
    counts = pairs["verdict"].value_counts()
    n_idle, n_open = int(counts.get("negligible", 0)), int(counts.get("unresolved", 0))
    if mattering.empty:
        return f"No pair is shown to matter: {left_over(n_idle, n_open, 'pair')}."
    names = some_of(
        [
            f"{r['factor_a']} × {r['factor_b']} ({_share(r)} of the variance)"
            for r in mattering.to_dict("records")
        ]
    )
    verb = "matters" if len(mattering) == 1 else "matter"
    rest = left_over(n_idle, n_open, "other pair")
    return f"{names} {verb}" + (f"; {rest}." if rest else ".")


def _alt(pairs: pd.DataFrame) -> str:
    top = pairs.sort_values("high", ascending=False).head(5)
    parts = [
        f"{r['factor_a']} × {r['factor_b']} {_share(r)}, {r['verdict']}"
        for r in top.to_dict("records")
    ]
    return f"Matrix of the shares of pairs. Largest upper ends: {'; '.join(parts)}."
