"""The claims' estimates, confirmed beside searched: the winner's curse of claims made visible."""

from dataclasses import dataclass
from typing import Final

import plotly.graph_objects as go

from study.report.head.ledger import STAGE_NAMES, Entry, Standing
from study.report.look import MODEL, MUTED, SHADE, SURFACE, Mark, interval_bar, new_figure
from study.report.panel import Panel
from study.report.traces import either, heading
from study.report.wording import SYMBOLS, in_points_of, inert

MOST_CLAIMS: Final = 24

_ROW: Final = 58


@dataclass(frozen=True, kw_only=True)
class Row:
    """One claim of the figure.

    Attributes:
        text: The claim, with its metric if that is its own.
        verdict: The one that counts.
        low: Where its limit of interest begins, points; None: minus infinity.
        high: Where it ends; None: infinity.
        standings: Answers with an interval in points, the confirm stage's first.
    """

    text: str
    verdict: str
    low: float | None
    high: float | None
    standings: tuple[Standing, ...]


def claims_rows(entries: list[Entry]) -> list[Row]:
    """The claims in points that have an interval."""
    rows = []
    for entry in entries:
        drawn = tuple(
            one
            for one in entry.standings
            if not one.is_share and None not in (one.estimate, one.low, one.high)
        )
        if drawn and entry.claim is not None:
            low, high = entry.claim.region
            text = in_points_of(entry.text, entry.claim.measure)
            rows.append(Row(text=text, verdict=entry.verdict, low=low, high=high, standings=drawn))
    return rows


def claims_figure(rows: list[Row]) -> go.Figure:
    """A band per claim where it would hold; filled confirmed, hollow searched."""
    figure = new_figure(height=_ROW * len(rows) + 70)
    ends = [end for row in rows for one in row.standings for end in (one.low, one.high)]
    ends += [limit for row in rows for limit in (row.low, row.high) if limit is not None]
    left, right = (end(v for v in ends if v is not None) for end in (min, max))
    measure = rows[0].standings[0].measure
    pad = 0.06 * max(right - left, measure.per_point)
    left, right = min(left, 0.0) - pad, max(right, 0.0) + pad
    for y, row in enumerate(rows):
        figure.add_shape(
            type="rect", y0=y - 0.3, y1=y + 0.34, layer="below", line_width=0,
            x0=left if row.low is None else row.low, x1=right if row.high is None else row.high,
            fillcolor=SHADE, opacity=0.22,
        )  # fmt: skip
        text = f"{SYMBOLS.get(row.verdict, '')} {inert(row.text)}"
        heading(figure, text, y - 0.42, align="left", bgcolor=SURFACE)
        n = len(row.standings)
        for k, one in enumerate(row.standings):
            at = y + 0.02 + (k - (n - 1) / 2) * min(0.24, 0.5 / n)
            figure.add_trace(_mark(one, at))
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    figure.update_layout(
        xaxis={
            "title_text": f"difference in {measure.effects}, 95 % interval",
            "range": [left, right],
            "showgrid": True,
        },
        yaxis={"visible": False, "range": [len(rows) - 0.5, -0.72]},
        margin={"l": 12},
    )
    return figure


def claims_panel(entries: list[Entry]) -> Panel | None:
    """The figure with its words; None where no claim has an interval in points."""
    rows = claims_rows(entries)
    if not rows:
        return None
    shown = rows[:MOST_CLAIMS]
    stages = {one.stage for row in shown for one in row.standings}
    reading = (
        "A claim holds where its whole interval lies in its grey band, and fails where it lies "
        "outside; an interval across the band’s end leaves it open."
    )
    if stages != {"search"}:
        filled = {
            "settle": "Filled squares: settling.",
            "confirm": "Filled circles: fresh seeds."
            if "settle" in stages
            else "Filled: fresh seeds.",
        }
        reading += "".join(f" {words}" for stage, words in filled.items() if stage in stages)
        reading += (
            " Hollow: what the search alone had said; where it lies further "
            "out, the search had flattered the difference."
        )
    else:
        reading += " All intervals are the search’s: no fresh seed has been trained."
    left_out = len(entries) - len(shown)
    confirmed = {one.n for row in shown for one in row.standings if one.stage == "confirm"}
    note = f"n of fresh seeds: {'; '.join(sorted(confirmed))}. " if confirmed else ""
    note += "n of the search: full-length trials, at each claim above."
    if left_out:
        note += (
            f" Left out: {left_out} of {len(entries)} claims, which are about shares of variance "
            "or have no estimate."
        )
    return Panel(
        reading=reading,
        note=note,
        alt=f"Differences in {shown[0].standings[0].measure.effects} per claim: "
        + "; ".join(
            f"{row.text}: " + ", ".join(f"{one.stage} {one.value}" for one in row.standings)
            for row in shown
        )
        + ".",
        figure=claims_figure(shown),
    )


def _mark(one: Standing, y: float) -> go.Scatter:
    x, low, high = (
        [round(value, one.measure.rounded(4))]
        for value in (one.estimate, one.low, one.high)
        if value is not None
    )
    is_searched = one.stage == "search"
    size, width = (9, 1.2) if is_searched else (11, 2.4)
    symbol = "square" if one.stage == "settle" else "circle"
    return go.Scatter(
        x=x,
        y=[y],
        mode="markers",
        marker=either(Mark(MODEL, symbol), size, is_hollow=is_searched),
        error_x=interval_bar(x, low=low, high=high, colour=MODEL, width=width),
        hovertemplate=f"{STAGE_NAMES[one.stage]}: {inert(one.value)}<br>{inert(one.n)}"
        "<extra></extra>",
    )
