"""The trainings that hardly learned, with their curves beside those of the arm's others."""

from dataclasses import dataclass
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from study.analysis import TrainingTables
from study.folder.folder import Folder
from study.folder.tables import StudyTables
from study.report.look import Mark, arm_marks
from study.report.panel import Panel, Table
from study.report.small_multiples import small_multiples
from study.report.traces import Options, about, in_pieces
from study.report.wording import Measure, count, inert, only_first

_LINES: Final[dict[bool, Options]] = {
    True: {"width": 1, "dash": "solid"},
    False: {"width": 3, "dash": "solid"},
}
"""By whether a training learned."""

_MOST_ARMS: Final = 8
_MOST_ROWS: Final = 30


@dataclass(frozen=True, kw_only=True)
class IdleData:
    """The figure's values.

    Attributes:
        curves: `arm, seed, fold, learned, epoch, value` of all trainings of arms of which some
            hardly learned; empty where the stage's record is not in the folder.
        idle: `arm, seed, fold, score` of those that hardly learned.
        arms: Of these, in reading order.
    """

    curves: pd.DataFrame
    idle: pd.DataFrame
    arms: tuple[str, ...]


def idle_data(tables: StudyTables, trained: TrainingTables) -> IdleData:
    """The curves that the stage's record holds."""
    each = trained.each
    idle = each[~each["learned"]]
    names = arm_marks(tables.study)
    arms = tuple(arm for arm in names if arm in set(idle["arm"]))
    rows = [
        {
            "arm": trial.arm, "seed": trial.seed, "fold": trial.fold, "epoch": epoch["epoch"],
            "value": epoch.get(tables.study.metric),
        }
        for trial in Folder(tables.folder).confirm.trials().values()
        for epoch in trial.epochs
        if trial.arm in arms
    ]  # fmt: skip
    curves = pd.DataFrame(rows, columns=["arm", "seed", "fold", "epoch", "value"])
    known = each[["arm", "seed", "fold", "learned"]]
    merged = curves.astype({"seed": int, "fold": int}).merge(known, on=["arm", "seed", "fold"])
    return IdleData(curves=merged, idle=idle, arms=arms)


def idle_figure(data: IdleData, measure: Measure, marks: dict[str, Mark]) -> go.Figure:
    """One small plot per arm on the same axes."""
    arms = data.arms[:_MOST_ARMS]
    grid = small_multiples(arms, columns=2, row_height=240)
    figure = grid.figure
    for i, arm in enumerate(arms):
        for learned, line in _LINES.items():
            some = data.curves[(data.curves["arm"] == arm) & (data.curves["learned"] == learned)]
            pieces = [part for _, part in some.groupby(["seed", "fold"], sort=False)]
            if not pieces:
                continue
            figure.add_scatter(
                x=in_pieces(part["epoch"].tolist() for part in pieces),
                y=in_pieces((part["value"] * measure.scale).round(4).tolist() for part in pieces),
                text=in_pieces(
                    [f"seed {seed}, fold {fold}"] * len(part)
                    for part in pieces
                    for seed, fold in [part[["seed", "fold"]].iloc[0]]
                ),
                mode="lines",
                opacity=0.5 if learned else 1.0,
                line=line | {"color": marks[arm].colour},
                hovertemplate=f"<b>{inert(arm)}</b>, %{{text}}<br>epoch %{{x}}<br>{measure.y}"
                "<extra></extra>",
                **about(arm),
                **grid.place(i),
            )
    last = grid.place(grid.n - 1)["row"]
    figure.update_xaxes(title_text="epoch", nticks=8, row=last)
    figure.update_xaxes(tickformat="d", showticklabels=True)
    figure.update_yaxes(title_text=measure.axis, col=1)
    return figure


def idle_panel(tables: StudyTables, trained: TrainingTables) -> Panel | None:
    """The figure with its words; None where all trainings learned."""
    data, measure = idle_data(tables, trained), tables.study.measure
    if data.idle.empty:
        return None
    rows = data.idle.to_dict("records")
    n = count(len(rows), "training")
    return Panel(
        reading="Thick lines hardly learned: see whether they never began, or were only slow.",
        note=f"n = {n} of {len(trained.each):,} that hardly learned. Thin: the same arm’s others."
        + only_first(_MOST_ARMS, len(data.arms), "arms with such nets have a plot")
        + only_first(_MOST_ROWS, len(rows), "trainings are listed"),
        alt=f"Curves of {n} that hardly learned, and of the others of their arms.",
        figure=None if data.curves.empty else idle_figure(data, measure, arm_marks(tables.study)),
        table=Table(
            columns=("arm", "seed", "fold", measure.label),
            rows=tuple(
                (row["arm"], str(row["seed"]), str(row["fold"]), measure.text(row["score"]))
                for row in rows[:_MOST_ROWS]
            ),
        ),
    )
