"""Colours and symbols of the report, each colour once for light and once for dark.

Figures are drawn in the light colours; the page swaps them for their partners where the reader
prefers dark, so a figure may use no colour that is not in `DARK`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from study.asked.study import Study, arm_name

INK: Final = "#1c2127"
MUTED: Final = "#55606b"
RULE: Final = "#d9dce0"
SURFACE: Final = "#ffffff"
SHADE: Final = "#8a929b"
MODEL: Final = "#3f4fa8"
"""What the analysis says of all arms together; no arm has it."""
GOOD: Final = "#0b6b4c"
DOUBT: Final = "#775a00"

VERDICT_COLOURS: Final = {"matters": GOOD, "unresolved": DOUBT, "negligible": MUTED}
"""Beside the sign and the word of a verdict, never instead of them."""

_ARMS: Final = {
    "#1d5fbf": "#7fb2ff",
    "#c2410c": "#ff9b66",
    "#0b7a57": "#53d3a8",
    "#8a3fa6": "#d6a0f2",
    "#856404": "#e4c455",
    "#0e7490": "#62cbe8",
    "#be2467": "#ff8fc2",
    "#4f5d6b": "#b6c0cb",
}
DARK: Final = {
    INK: "#e8eaed",
    MUTED: "#a6afba",
    RULE: "#333a44",
    SURFACE: "#181c22",
    SHADE: "#8b949e",
    MODEL: "#aab4ff",
    GOOD: "#6fdcb4",
    DOUBT: "#ecca5e",
} | _ARMS
"""Light colour -> dark colour; at least 4.5:1 for text and 3:1 for marks on their surface."""

_SYMBOLS: Final = {
    "circle": "M6 1a5 5 0 1 0 0 10A5 5 0 1 0 6 1Z",
    "square": "M1.5 1.5h9v9h-9Z",
    "diamond": "M6 .3 11.7 6 6 11.7.3 6Z",
    "triangle-up": "M6 1 11.5 10.5H.5Z",
    "triangle-down": "M6 11 11.5 1.5H.5Z",
    "hexagon": "M6 .5 10.8 3.2v5.6L6 11.5 1.2 8.8V3.2Z",
    "star": "M6 .3 7.6 4.2l4.2.3-3.2 2.7 1 4.1L6 9.1l-3.6 2.2 1-4.1L.2 4.5l4.2-.3Z",
}
"""Plotly's name of a symbol -> the same shape as an SVG path in a 12 x 12 box."""

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


@dataclass(frozen=True)
class Mark:
    """How an arm looks in every figure.

    Attributes:
        colour: Its light colour.
        symbol: Plotly's name of its symbol.
    """

    colour: str
    symbol: str

    @property
    def path(self) -> str:
        """The symbol as an SVG path in a 12 x 12 box."""
        return _SYMBOLS[self.symbol]


def arm_marks(study: Study) -> dict[str, Mark]:
    """A mark per arm in reading order."""
    return marks_of([arm_name(study, arm) for arm in study.arms])


def marks_of(names: Sequence[str]) -> dict[str, Mark]:
    """A mark per name; colour and symbol together are unique up to 56 names."""
    colours, symbols = list(_ARMS), list(_SYMBOLS)
    return {
        name: Mark(colours[i % len(colours)], symbols[i % len(symbols)])
        for i, name in enumerate(names)
    }


def interval_bar(
    middle: Sequence[float],
    *,
    low: Sequence[float],
    high: Sequence[float],
    colour: str,
    width: float = 2.0,
) -> dict[str, Any]:
    """Plotly's error bars from `low` to `high`, which need not lie evenly about `middle`."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [round(max(h - m, 0.0), 4) for m, h in zip(middle, high, strict=True)],
        "arrayminus": [round(max(m - b, 0.0), 4) for m, b in zip(middle, low, strict=True)],
        "color": colour,
        "thickness": width,
        "width": 0,
    }


def name_rows(figure: go.Figure, names: Sequence[str], *, above: float = 0.5) -> None:
    """Name the rows of a figure, the first on top, with `above` of a row left over it.

    Names that come from a study must be inert already.
    """
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=list(names),
        range=[len(names) - (1 - above), -above],
        showgrid=False,
        ticks="",
    )


def new_figure(*, height: int) -> go.Figure:
    """An empty figure in the report's look: no background, no legend, quiet axes."""
    axis: dict[str, Any] = {
        "gridcolor": RULE,
        "linecolor": MUTED,
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": RULE,
        "automargin": True,
        "title": {"font": {"color": MUTED, "size": 13}},
    }
    layout = go.Layout(
        template="none",
        height=height,
        margin={"l": 52, "r": 12, "t": 16, "b": 48},
        font={"family": FONT, "size": 13, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
        hoverlabel={
            "bgcolor": SURFACE,
            "bordercolor": MUTED,
            "font": {"color": INK, "family": FONT},
            "align": "left",
        },
        hovermode="closest",
        xaxis=axis | {"showgrid": False},
        yaxis=axis,
    )
    return go.Figure(layout=layout)
