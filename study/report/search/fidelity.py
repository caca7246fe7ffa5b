"""Whether a trial's early rank is its rank at the end, per rung and arm."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from study.analysis import Analysis
from study.folder.tables import StudyTables
from study.report.look import INK, MUTED, Mark, arm_marks, name_rows, new_figure
from study.report.panel import Panel
from study.report.traces import either, estimate
from study.report.wording import capital, inert, interval, listed

POOLED: Final = "all"
"""What the analysis calls the row over all arms."""


@dataclass(frozen=True, kw_only=True)
class FidelityData:
    """Rows of the figure.

    Attributes:
        rungs: As `Analysis.rungs` without those that have no correlation, arms in reading order,
            the pooled row last, the later rung first.
        arms: Rows of the figure from above.
        reduction: ASHA's eta.
    """

    rungs: pd.DataFrame
    arms: tuple[str, ...]
    reduction: int


def fidelity_data(analysis: Analysis, arms: tuple[str, ...]) -> FidelityData:
    """The rank correlations of these arms and over all of them."""
    rungs = analysis.rungs[analysis.rungs["rank_correlation"].notna()]
    # a study of one arm calls that arm `all` and has no pooled row
    order = dict.fromkeys([*arms, POOLED])
    rungs = rungs[rungs["arm"].isin(order)]
    rank = rungs["arm"].map({arm: i for i, arm in enumerate(order)})
    ordered = rungs.assign(_rank=rank).sort_values(["_rank", "rung"], kind="stable")
    present = set(rungs["arm"])
    return FidelityData(
        rungs=ordered.drop(columns="_rank").reset_index(drop=True),
        arms=tuple(arm for arm in order if arm in present),
        reduction=analysis.frames.study.reduction,
    )


def fidelity_figure(data: FidelityData, marks: dict[str, Mark]) -> go.Figure:
    """A row per arm with an interval per rung: filled the later one, hollow the earlier."""
    figure = new_figure(height=52 * len(data.arms) + 80)
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    for y, arm in enumerate(data.arms):
        mark = marks.get(arm, Mark(INK, "circle"))
        for row in data.rungs[data.rungs["arm"] == arm].to_dict("records"):
            is_late = row["rung"] == 1
            text = (
                f"<b>{inert(_named(arm, marks))}</b>, after 1/{data.reduction ** row['rung']} of "
                f"the plan<br>{_correlation(row)}, n = {row['n_trials']:,}<extra></extra>"
            )
            trace = estimate(
                (row["rank_correlation"], row["low"], row["high"]),
                y + (-0.16 if is_late else 0.16),
                either(mark, 11, is_hollow=not is_late),
                digits=3,
                meta={"arm": arm} if arm in marks else None,
                hovertemplate=text,
            )
            figure.add_trace(trace)
    figure.update_xaxes(
        title_text="rank correlation with the end", range=[-1.03, 1.03], showgrid=True
    )
    name_rows(figure, [inert(_named(arm, marks)) for arm in data.arms])
    return figure


def fidelity_panel(tables: StudyTables, analysis: Analysis) -> Panel:
    """The figure with its words, or why there is none."""
    marks = arm_marks(tables.study)
    data = fidelity_data(analysis, tuple(marks))
    if data.rungs.empty:
        reason = (
            "It cannot be told: no arm has 4 full-length trials drawn by design whose early "
            f"values differ. {capital(tables.study.way_to_more)}."
        )
        return Panel(reading=reason)
    late = data.rungs[data.rungs["rung"] == 1]
    n = int(late[late["arm"].isin(marks)]["n_trials"].sum()) or int(late["n_trials"].max())
    parts = [
        f"{_named(row['arm'], marks)} after 1/{data.reduction ** row['rung']}: {_correlation(row)}"
        for row in data.rungs.to_dict("records")
    ]
    return Panel(
        reading=_reading(data, marks),
        note=(
            f"n = {n:,} design trials that were never stopped. Filled: after 1/{data.reduction} "
            f"of the plan; hollow: after 1/{data.reduction**2}. Bars: 95 % intervals. 1: the "
            "early order is the last one; 0: it says nothing. Ranked within equal planned "
            "lengths. Search trials are left out: survivors agree by construction."
        ),
        alt=f"Rank correlation of early values with the end: {'; '.join(parts)}.",
        figure=fidelity_figure(data, marks),
    )


def _correlation(row: dict[str, Any]) -> str:
    return interval(row["rank_correlation"], row["low"], row["high"], "{:.2f}".format)


def _named(arm: str, marks: dict[str, Mark]) -> str:
    return arm if arm in marks else "all arms, within each"


def _reading(data: FidelityData, marks: dict[str, Mark]) -> str:
    """Where the early order is shown to say something."""
    parts = []
    of_arms = data.rungs[data.rungs["arm"].isin(marks)]
    only_pooled = of_arms.empty  # where each arm has too few trials for a correlation of its own
    for rung, rows in (data.rungs if only_pooled else of_arms).groupby("rung"):
        shown = rows[rows["low"] > 0]["arm"].tolist()
        when = f"after 1/{data.reduction ** int(rung)} of the plan"
        if not shown:
            who = "all arms together do not show" if only_pooled else "no arm shows"
            parts.append(f"{when} {who} that the early order goes with the last one")
            continue
        where = "in every arm" if len(shown) == len(rows) else f"in {listed(shown)} only"
        where = "over all arms together" if only_pooled else where
        parts.append(f"{when} the early order is shown to go with the last one {where}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "."
