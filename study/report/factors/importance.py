"""Shares of the factors with what noise would show, and other people's numbers beside them."""

import math
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from study.analysis import Analysis
from study.analysis.search.others import COLUMNS as OTHERS_COLUMNS
from study.analysis.search.others import FANOVA, PED_ANOVA
from study.folder.tables import StudyTables
from study.report.head.overview import is_open
from study.report.look import (
    INK,
    MUTED,
    RULE,
    SHADE,
    VERDICT_COLOURS,
    interval_bar,
    name_rows,
    new_figure,
)
from study.report.panel import Panel
from study.report.wording import (
    SYMBOLS,
    Measure,
    count,
    inert,
    interval,
    left_over,
    only_first,
    percent,
    some_of,
)

MOST_FACTORS: Final = 30
ORDER: Final = ("matters", "unresolved", "negligible")
_ROW: Final = 40
_TICKS: Final = (0.0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, kw_only=True)
class ImportanceData:
    """Rows of the figure.

    Attributes:
        factors: As `Analysis.importance`, those that matter first, then by total share.
        others: As `Analysis.others`, perhaps empty.
        n_full: Full-length trials in the fit.
        n_imputed: Stopped trials in it, their ends imputed.
        n_left_out: All other trials.
        n_factors: Factors of the analysis, of which `factors` may be the first.
        measure: The metric.
    """

    factors: pd.DataFrame
    others: pd.DataFrame
    n_full: int
    n_imputed: int
    n_left_out: int
    n_factors: int
    measure: Measure


def by_importance(importance: pd.DataFrame) -> pd.DataFrame:
    """Factors in the order in which every figure of the analysis names them."""
    rank = importance["verdict"].map(ORDER.index)
    share = importance.get("total_share", 0.0)
    ordered = importance.assign(_rank=rank, _share=share).sort_values(
        ["_rank", "_share"], ascending=[True, False], kind="stable"
    )
    return ordered.drop(columns=["_rank", "_share"]).reset_index(drop=True)


def importance_data(
    analysis: Analysis, others: pd.DataFrame, *, measure: Measure
) -> ImportanceData | None:
    """What the figure shows; None where nothing could be fitted."""
    fit = analysis.fit.iloc[0]
    if pd.isna(fit["n_full"]):
        return None
    n_full, n_imputed = int(fit["n_full"]), int(fit["n_imputed"])
    factors = by_importance(analysis.importance)
    return ImportanceData(
        factors=factors.head(MOST_FACTORS),
        others=others,
        n_full=n_full,
        n_imputed=n_imputed,
        n_left_out=len(analysis.frames.trials) - n_full - n_imputed,
        n_factors=len(factors),
        measure=measure,
    )


def importance_figure(data: ImportanceData) -> go.Figure:
    """A row per factor: null band, main share, total share, verdict, and others' shares."""
    factors = data.factors
    methods = list(dict.fromkeys(data.others["method"]))
    figure = new_figure(height=_ROW * len(factors) + (128 if methods else 76))
    ours, words, theirs = _domains(len(methods))
    end = _place(float(factors[["high", "total_high", "null_share"]].max().max()))
    ticks = [tick for tick in _TICKS if _place(tick) <= 1.03 * end]
    for y, band in enumerate(factors["null_share"]):
        figure.add_shape(
            type="rect", x0=0, x1=_place(band), y0=y - 0.42, y1=y + 0.42, xref="x", yref="y",
            fillcolor=SHADE, opacity=0.25, line_width=0, layer="below",
        )  # fmt: skip
    figure.add_trace(_total_shares(factors))
    for verdict in ORDER:
        rows = factors[factors["verdict"] == verdict]
        if not rows.empty:
            figure.add_trace(_main_shares(rows, verdict, data.measure))
    for y, verdict in enumerate(factors["verdict"]):
        figure.add_annotation(
            x=words, xref="paper", y=y, yref="y", text=f"{SYMBOLS[verdict]} {verdict}",
            showarrow=False, xanchor="left", font={"color": VERDICT_COLOURS[verdict], "size": 13},
        )  # fmt: skip
    figure.update_layout(
        xaxis={
            "domain": ours,
            "range": [-0.03 * end, 1.03 * end],
            "tickvals": [_place(tick) for tick in ticks],
            "ticktext": [f"{tick:.0%}" for tick in ticks],
            "showgrid": True,
        },
        xaxis_title_text="share of the variance (root scale)",
        margin={"l": 90, "t": 68 if methods else 16},
    )
    name_rows(figure, [inert(name) for name in factors["factor"]])
    for i, (method, domain) in enumerate(zip(methods, theirs, strict=True), start=2):
        _add_others(figure, data, method, domain, axis=i)
    if methods:
        _head(
            figure,
            ours,
            "<b>This study</b><br>share, 95 % interval;<br>grey: what no effect shows",
        )
    return figure


def importance_panel(tables: StudyTables, analysis: Analysis) -> Panel:
    """The figure with its words, or why there is none."""
    measure = tables.study.measure
    if analysis.importance.empty:
        return Panel(reading="No factor was varied.")
    # a report that is rewritten while the search runs has no seconds to spare for a forest
    others = pd.DataFrame(columns=OTHERS_COLUMNS) if is_open(tables) else analysis.others
    data = importance_data(analysis, others, measure=measure)
    if data is None:
        reason = str(analysis.importance["reason"].iloc[0])
        return Panel(reading=f"Nothing can be said of any factor: {reason}.")
    return Panel(
        reading=_reading(by_importance(analysis.importance)),
        note=_note(data),
        alt=_alt(data),
        figure=importance_figure(data),
        min_width=760 if len(data.others) else 420,
    )


def _domains(n_methods: int) -> tuple[list[float], float, list[list[float]]]:
    """Of our plot, where the words stand, and of others' plots, in parts of the width."""
    if not n_methods:
        return [0.0, 0.8], 0.82, []
    start, width = 0.66, 0.34 / n_methods
    theirs = [[start + i * width, start + (i + 1) * width - 0.02] for i in range(n_methods)]
    return [0.0, 0.48], 0.495, theirs


def _place(share: float) -> float:
    """Where a share stands on the axis: its root, so that small ones can be told apart."""
    return round(math.sqrt(max(share, 0.0)), 4)


def _places(rows: pd.DataFrame, *names: str) -> list[list[float]]:
    return [[_place(share) for share in rows[name]] for name in names]


def _total_shares(factors: pd.DataFrame) -> go.Scatter:
    """Thin marks above the main ones."""
    middle, low, high = _places(factors, "total_share", "total_low", "total_high")
    return go.Scatter(
        x=middle,
        y=[y - 0.27 for y in range(len(factors))],
        mode="markers",
        marker={"symbol": "line-ns", "size": 9, "line": {"width": 2, "color": MUTED}},
        error_x=interval_bar(middle, low=low, high=high, colour=MUTED, width=1),
        hoverinfo="skip",
    )


def _main_shares(rows: pd.DataFrame, verdict: str, measure: Measure) -> go.Scatter:
    """Estimate and interval of the factors with one verdict."""
    colour = VERDICT_COLOURS[verdict]
    middle, low, high = _places(rows, "share", "low", "high")
    return go.Scatter(
        x=middle,
        y=rows.index.tolist(),
        mode="text" if verdict == "unresolved" else "markers",
        text=f"<b>{SYMBOLS[verdict]}</b>" if verdict == "unresolved" else None,
        textfont={"color": colour, "size": 16},
        cliponaxis=False,
        marker={
            "symbol": "circle" if verdict == "matters" else "circle-open",
            "size": 11,
            "color": colour,
            "line": {"width": 0 if verdict == "matters" else 2},
        },
        error_x=interval_bar(middle, low=low, high=high, colour=colour, width=2.5),
        customdata=[[_hover(row, measure)] for row in rows.to_dict("records")],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )


def _hover(row: dict[str, Any], measure: Measure) -> str:
    own = interval(row["share"], row["low"], row["high"], percent)
    total = interval(row["total_share"], row["total_low"], row["total_high"], percent)
    return "<br>".join(
        [
            f"<b>{inert(row['factor'])}</b>: {row['verdict']}",
            f"main effect {own} of the variance,",
            f"sd {interval(row['sd'], row['sd_low'], row['sd_high'], measure.difference)}",
            f"with its interactions {total}",
            f"without any effect: up to {percent(row['null_share'])}",
            f"n ≥ {count(int(row['n_trials']), 'full-length trial')} per level or third",
            inert(str(row["reason"])),
        ]
    )


def _add_others(
    figure: go.Figure, data: ImportanceData, method: str, domain: list[float], *, axis: int
) -> None:
    """Bars of one method that is not ours, in grey."""
    found = data.others[data.others["method"] == method]
    shares = found.set_index("factor")["share"].reindex(data.factors["factor"])
    figure.add_trace(
        go.Bar(
            x=[round(v * 100, 3) for v in shares.fillna(0.0)],
            y=list(range(len(shares))),
            orientation="h",
            width=0.5,
            xaxis=f"x{axis}",
            yaxis="y",
            marker={"color": SHADE, "line": {"width": 0}},
            customdata=[
                "has no place in this method" if pd.isna(v) else f"{method}: {percent(v)}"
                for v in shares
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    look = new_figure(height=100).layout.xaxis
    figure.update_layout({f"xaxis{axis}": look})
    figure.layout[f"xaxis{axis}"].update(
        domain=domain, anchor="y", rangemode="tozero", ticksuffix="%", nticks=4, gridcolor=RULE
    )
    _head(figure, domain, f"<b>{method}</b><br>{_QUESTION.get(method, '')}", colour=MUTED)


_QUESTION: Final = {
    "fANOVA": "share of a forest's<br>prediction",
    "PED-ANOVA": "where the best 10 %<br>of the trials lie",
}


def _head(figure: go.Figure, domain: list[float], text: str, *, colour: str = INK) -> None:
    figure.add_annotation(
        x=domain[0], xref="paper", xanchor="left", y=1, yref="paper", yanchor="bottom", yshift=6,
        text=text, align="left", showarrow=False, font={"size": 12, "color": colour},
    )  # fmt: skip


def _reading(factors: pd.DataFrame) -> str:
    """What the verdicts say, and no more."""
    mattering = factors[factors["verdict"] == "matters"]
    n_idle = int((factors["verdict"] == "negligible").sum())
    n_open = len(factors) - len(mattering) - n_idle
    if mattering.empty:
        rest = left_over(n_idle, n_open, "factor")
        return f"No factor is shown to matter: {rest}, and their order here means nothing."
    shares = [
        f"{row['factor']} "
        f"({interval(row['total_share'], row['total_low'], row['total_high'], percent)})"
        for row in mattering.to_dict("records")
    ]
    verb = "matters" if len(mattering) == 1 else "matter"
    rest = left_over(n_idle, n_open, "other factor")
    return f"{some_of(shares, 5)} {verb} (shares of the variance, interactions included)" + (
        f"; {rest}." if rest else "."
    )


def _note(data: ImportanceData) -> str:
    stopped = count(data.n_imputed, "stopped one")
    note = (
        f"n = {count(data.n_full, 'full-length trial')}"
        + (f" and {stopped} with imputed ends" if data.n_imputed else "")
        + ". Point or question mark and thick line: a factor's own share of the variance of the "
        "final value over the box, with its 95 % interval. Thin line above: with all its "
        "interactions. Grey band: where 19 of 20 factors without any effect would lie in a study "
        "like this one."
    )
    for method, answers in (("fANOVA", FANOVA), ("PED-ANOVA", PED_ANOVA)):
        found = data.others[data.others["method"] == method]
        if not found.empty:
            n = int(found["n_trials"].iloc[0])
            note += f" {method} says another thing: {_before_name(answers)}; n = {n:,}."
    if len(data.others):
        note += " Neither has an interval that holds for a search like this."
    if data.n_left_out:
        note += (
            f" Left out: {count(data.n_left_out, 'trial')} that collapsed, failed, scouted, lie "
            "outside the box or cannot be imputed."
        )
    note += only_first(len(data.factors), data.n_factors, "factors are drawn")
    return note


def _before_name(answers: str) -> str:
    """The question without the method's name in brackets at its end."""
    return answers.rsplit(" (", 1)[0]


def _alt(data: ImportanceData) -> str:
    parts = [
        f"{row['factor']} {interval(row['share'], row['low'], row['high'], percent)}, "
        f"{row['verdict']}"
        for row in data.factors.to_dict("records")
    ]
    return f"Shares of the variance with 95 % intervals: {'; '.join(parts)}."
