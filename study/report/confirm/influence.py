"""What each training moves: claims without it, and effects as all nets came."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from study.analysis import TrainingTables
from study.analysis.confirm.trained import fragile
from study.folder.tables import StudyTables
from study.report.look import MUTED, Mark, arm_marks, name_rows, new_figure
from study.report.panel import Panel, Table
from study.report.traces import about, either, saying
from study.report.wording import (
    ACCURACY,
    Measure,
    count,
    in_points_of,
    inert,
    interval,
    listed,
    signed,
)


def influence_figure(
    moved: pd.DataFrame,
    marks: dict[str, Mark],
    measure: Measure = ACCURACY,
    own: Mapping[str, Measure] | None = None,
) -> go.Figure:
    """A row per claim; a mark per training, where the estimate goes without it.

    Args:
        moved: As `analysis.confirm.trained.influence`.
        marks: Of arms.
        measure: The study's.
        own: By claim that is judged on a metric of its own, that one.
    """
    own = own or {}
    claims = list(dict.fromkeys(moved["claim"]))
    figure = new_figure(height=90 + 64 * len(claims))
    figure.add_vline(x=0, line={"color": MUTED, "width": 1}, layer="below")
    arms = [arm for arm in marks if arm in set(moved["arm"])]
    for at, arm in enumerate(arms):
        for turns in (False, True):
            is_meant = (moved["arm"] == arm) & ((moved["verdict"] != moved["stands"]) == turns)
            some = moved[is_meant].dropna(subset="shift")
            if some.empty:
                continue
            row = some["claim"].map({claim: n for n, claim in enumerate(claims)})
            fold = "" if some["fold"].isna().all() else ", fold %{customdata[1]}"
            title = f"Without {inert(arm)}</b>, seed %{{customdata[0]}}{fold}<b>"
            shift = f"%{{x:+.{measure.rounded(2)}f}}{measure.after_effect}"
            figure.add_scatter(
                x=some["shift"].round(measure.rounded(4)).tolist(),
                y=(row + 0.6 * ((at + 0.5) / len(arms) - 0.5)).round(4).tolist(),
                mode="markers",
                **about(arm),
                marker=either(marks[arm], 13 if turns else 8, is_hollow=not turns),
                customdata=some[["seed", "fold", "verdict"]].to_numpy().tolist(),
                hovertemplate=saying(title, f"{shift}<br>%{{customdata[2]}}"),
            )
    named = [in_points_of(claim, own.get(claim, measure)) for claim in claims]
    name_rows(figure, [inert(name) for name in named])
    figure.update_xaxes(title_text=f"shift without it ({measure.effects})")
    return figure


def influence_panel(tables: StudyTables, trained: TrainingTables) -> Panel | None:
    """The figure with its words; None where no claim is for confirmed arms to say."""
    moved = trained.influence
    if moved.empty:
        return None
    measure = tables.study.measure
    own = {c.name: c.measure for c in tables.study.claims if c.measure.is_named}
    hang = [claim for claim, is_fragile in fragile(moved).items() if is_fragile]
    reading = (
        f"Without one of its trainings the verdict on {listed(hang)} would be another."
        if hang
        else "No verdict that is settled would be another without any one training."
    )
    return Panel(
        reading=reading,
        note=f"n = {count(len(moved), 'shift')}: each training is left out once of every claim "
        f"that it speaks to. Large and filled: the verdict is then another.{_below(tables)}",
        alt=_alt(moved, measure, own),
        figure=influence_figure(moved, arm_marks(tables.study), measure, own),
        table=None if tables.study.is_free else _effects(trained, own),
    )


def _below(tables: StudyTables) -> str:
    """What the table says; a function's trainings that failed have no other effect to tell."""
    if tables.study.is_free:
        return ""
    return (
        " Below: effects in points with 95 % intervals, among nets that learned and of all nets "
        "as they came."
    )


def _effects(trained: TrainingTables, own: Mapping[str, Measure]) -> Table:
    return Table(
        columns=("claim", "difference", "nets that learned", "all nets as they came"),
        rows=tuple(_effect(row, own) for row in trained.effects.to_dict("records")),
    )


def _effect(row: dict[str, Any], own: Mapping[str, Measure]) -> tuple[str, str, str, str]:
    each = (
        interval(row[f"{of}estimate"], row[f"{of}low"], row[f"{of}high"], signed)
        for of in ("", "all_")
    )
    learned, everyone = each
    claim = in_points_of(str(row["claim"]), own.get(row["claim"], ACCURACY))
    return claim, f"{row['first']} less {row['second']}", learned, everyone


def _alt(moved: pd.DataFrame, measure: Measure, own: Mapping[str, Measure]) -> str:
    most = moved["shift"].abs().groupby(moved["claim"], sort=False).max().dropna()
    if most.empty:
        return "Without one of the trainings nothing can be told of any claim."
    parts = [
        f"{claim} by up to {one.effect(value, has_sign=False)}{one.after_effect}"
        for claim, value in most.items()
        for one in [own.get(str(claim), measure)]
    ]
    return f"Leaving out one training moves {listed(parts)}."
