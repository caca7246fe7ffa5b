"""Every claim's interval at each look, against the band in which it holds."""

import math
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from study.asked.claim import Claim
from study.report.grounds import clusters_settled_on
from study.report.look import DOUBT, GOOD, MUTED, SHADE, SURFACE, Mark, new_figure
from study.report.panel import Panel
from study.report.settle.facts import Facts
from study.report.traces import either, estimate, heading
from study.report.wording import (
    ACCURACY,
    SYMBOLS,
    Measure,
    count,
    in_points_of,
    inert,
    interval,
    only_first,
)

MOST_CLAIMS: Final = 16

_LINE: Final = 15
"""Pixels a look."""
_HEAD: Final = 2.2
"""Lines that a claim's text takes."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """One claim, look after look.

    Attributes:
        claim: The claim.
        looks: Rows of `looks` with an estimate, by blocks.
        verdict: After the last look.
        measure: The metric that it is judged on.
    """

    claim: Claim
    looks: tuple[dict[str, Any], ...]
    verdict: str
    measure: Measure = ACCURACY

    @property
    def text(self) -> str:
        """The claim, with its metric if that is its own."""
        return in_points_of(self.claim.text, self.measure)

    @property
    def said(self) -> str:
        """The last interval in words."""
        if not self.looks:
            return "no estimate"
        last, measure = self.looks[-1], self.measure
        low, high = (measure.effect(last[f"adjusted_{end}"]) for end in ("low", "high"))
        return f"{measure.effect(last['estimate'])}{measure.after_effect} [{low}, {high}]"


def courses(facts: Facts) -> list[Course]:
    """The claims that were asked."""
    found = []
    assert facts.tables.looks is not None
    for claim in facts.claims:
        rows = facts.tables.looks[facts.tables.looks["claim"] == claim.name]
        each = rows.sort_values("blocks").to_dict("records")
        drawn = tuple(row for row in each if not math.isnan(row["adjusted_low"]))
        verdict, measure = str(each[-1]["verdict"]), facts.tables.study.measure_of(claim)
        found.append(Course(claim=claim, looks=drawn, verdict=verdict, measure=measure))
    return found


def looks_figure(shown: list[Course], measure: Measure) -> go.Figure:
    """Below each claim a line a look, over the band in which the claim holds."""
    heights = [_HEAD + max(len(one.looks), 1) for one in shown]
    figure = new_figure(height=round(_LINE * sum(heights)) + 70)
    left, right = _ends(shown, measure)
    top, lines = 0.0, []
    for one, height in zip(shown, heights, strict=True):
        low, high = one.claim.region
        figure.add_shape(
            type="rect", y0=top + _HEAD - 0.6, y1=top + height - 0.4, layer="below", line_width=0,
            x0=left if low is None else low, x1=right if high is None else high,
            fillcolor=SHADE, opacity=0.22,
        )  # fmt: skip
        text = f"{SYMBOLS.get(one.verdict, '')} {inert(one.text)}"
        heading(figure, text, top + 0.55, align="left", bgcolor=SURFACE)
        for k, row in enumerate(one.looks):
            figure.add_trace(_mark(row, top + _HEAD + k, one.measure))
            lines.append((top + _HEAD + k, str(row["blocks"])))
        top += height
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    figure.update_layout(
        xaxis={
            "title_text": f"difference in {measure.effects}",
            "range": [left, right],
            "showgrid": True,
        },
        yaxis={
            "tickvals": [at for at, _ in lines],
            "ticktext": [text for _, text in lines],
            "tickfont": {"color": MUTED, "size": 11},
            "ticks": "",
            "showgrid": False,
            "range": [top - 0.2, -0.2],
        },
        margin={"l": 44},
    )
    return figure


def _ends(shown: list[Course], measure: Measure) -> tuple[float, float]:
    """Of the axis: what the last looks and the limits need; earlier bars may reach beyond."""
    ends = [0.0, *(end for one in shown for end in one.claim.region if end is not None)]
    for one in shown:
        ends += [row[f"adjusted_{end}"] for row in one.looks[-2:] for end in ("low", "high")]
    pad = 0.06 * max(max(ends) - min(ends), measure.per_point)
    return min(ends) - pad, max(ends) + pad


def looks_panel(facts: Facts) -> Panel | None:
    """The figure with its words; None before the first look."""
    if facts.tables.looks is None or facts.tables.looks.empty:
        return None
    found, measure = courses(facts), facts.tables.study.measure
    shown = found[:MOST_CLAIMS]
    settled = sum(one.verdict != "unresolved" for one in found)
    last = facts.tables.looks[facts.tables.looks["blocks"] == facts.tables.looks["blocks"].max()]
    tested = _tested_on(last, facts.tables.settle)
    note = (
        f"n = {count(int(last['n_trainings'].max()), 'training')}{tested} at the last "
        "look. Bars are intervals at the level of their look, which is strict at first so that "
        "looking often costs little; bars of first looks may reach beyond the frame. At the left: "
        "blocks finished."
    )
    note += only_first(len(shown), len(found), "claims are drawn")
    return Panel(
        reading=f"Intervals shrink block by block; {settled} of {count(len(found), 'claim')} "
        "settled. A claim is settled at the first look whose bar lies wholly inside its grey band "
        "or wholly outside: green from there on.",
        note=note,
        alt="Claims look by look. "
        + "; ".join(f"{one.text}: {one.verdict}, {one.said}" for one in shown)
        + ".",
        figure=looks_figure(shown, measure),
    )


def _tested_on(last: pd.DataFrame, settle: pd.DataFrame | None) -> str:
    """What they were tested on, where that is known."""
    most = last["n_clusters"].max()
    return "" if pd.isna(most) else f" on {clusters_settled_on(int(most), settle)}"


def _mark(row: dict[str, Any], y: float, measure: Measure) -> go.Scatter:
    is_open = row["verdict"] == "unresolved"
    mark = Mark(DOUBT if is_open else GOOD, "circle")
    ends = (row["estimate"], row["adjusted_low"], row["adjusted_high"])
    value = f"{interval(*ends, measure.effect)}{measure.after_effect}"
    return estimate(
        ends,
        y,
        either(mark, 8, is_hollow=is_open),
        hovertemplate=f"{count(int(row['blocks']), 'block')}: {value}<br>"
        f"{row['verdict']}; {count(int(row['n_trainings']), 'training')}<extra></extra>",
    )
