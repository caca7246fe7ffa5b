"""Rung survival: how many search trials each rung of ASHA let pass."""

from dataclasses import dataclass
from functools import partial

import pandas as pd
import plotly.graph_objects as go

from study.folder.tables import StudyTables
from study.plan.stopping import POWERS, rung_epoch
from study.report.look import MUTED, Mark, arm_marks, new_figure
from study.report.panel import Panel
from study.report.traces import filled, saying
from study.report.wording import count, inert, listed


@dataclass(frozen=True, kw_only=True)
class SurvivalData:
    """Lines of the figure.

    Attributes:
        left: Per arm and stage `arm, stage, n_left, n_trials`; stage 0 is the start, then one
            per rung, the last one the planned end.
        stages: Names of the stages.
        reduction: ASHA's eta.
        n_design: Trials that no rung may stop.
        n_excluded: Search trials that failed or were interrupted.
    """

    left: pd.DataFrame
    stages: tuple[str, ...]
    reduction: int
    n_design: int
    n_excluded: int


def survival_data(tables: StudyTables) -> SurvivalData:
    """How many search trials are left after each rung, counted.

    A trial that was stopped has passed every rung before the epoch at which it ended.
    """
    trials, eta = tables.trials, tables.study.reduction
    origin = trials["origin"].fillna("search")
    searched = trials[origin == "search"]
    judged = searched[searched["status"].isin(["completed", "stopped"])]
    planned = judged["epochs_planned"].astype("float64").fillna(tables.study.epochs).astype(int)
    run = judged["epochs_run"].astype("float64").fillna(0.0)
    is_completed = judged["status"] == "completed"
    records = []
    for arm in dict.fromkeys(arm_marks(tables.study)):
        here = judged["arm"] == arm
        if not here.any():
            continue
        n = int(here.sum())
        records.append({"arm": arm, "stage": 0, "n_left": n, "n_trials": n})
        for stage, power in enumerate(POWERS, start=1):
            rungs = planned.map(partial(rung_epoch, reduction=eta, power=power))
            passed = is_completed | (run > rungs)
            records.append(
                {"arm": arm, "stage": stage, "n_left": int(passed[here].sum()), "n_trials": n}
            )
    return SurvivalData(
        left=pd.DataFrame(records, columns=["arm", "stage", "n_left", "n_trials"]),
        stages=("start", *(f"past 1/{eta**power}" for power in POWERS)),
        reduction=eta,
        n_design=int(origin.isin(["design", "repeat"]).sum()),
        n_excluded=len(searched) - len(judged),
    )


def survival_figure(data: SurvivalData, marks: dict[str, Mark]) -> go.Figure:
    """A falling line per arm, beside the one that ASHA would keep to in the long run."""
    figure = new_figure(height=320)
    last = len(data.stages) - 1
    for stage in range(1, last + 1):
        level = 100 / data.reduction**stage
        figure.add_shape(
            type="line", x0=stage - 0.25, x1=stage + 0.25, y0=level, y1=level,
            line={"color": MUTED, "width": 1.5, "dash": "dash"},
        )  # fmt: skip
    for arm, left in data.left.groupby("arm", sort=False):
        mark, n = marks[str(arm)], int(left["n_trials"].iloc[0])
        figure.add_scatter(
            x=left["stage"].tolist(),
            y=(left["n_left"] / left["n_trials"] * 100).round(2).tolist(),
            mode="lines+markers",
            meta={"arm": arm},
            line={"color": mark.colour, "width": 2},
            marker=filled(mark, 10),
            customdata=[f"{k:,} of {n:,} left" for k in left["n_left"]],
            hovertemplate=saying(inert(str(arm)), "%{customdata}, %{y:.0f} %"),
        )
    figure.update_xaxes(
        tickvals=list(range(last + 1)), ticktext=list(data.stages), range=[-0.3, last + 0.3]
    )
    figure.update_xaxes(title_text="rung, as a part of each trial's own plan")
    figure.update_yaxes(title_text="search trials left", ticksuffix="%", range=[0, 105])
    return figure


def survival_panel(tables: StudyTables) -> Panel:
    """The figure with its words, or why there is none."""
    data = survival_data(tables)
    if data.left.empty:
        reading = "No trial that a rung may stop has ended yet."
        return Panel(reading=reading)
    n = int(data.left[data.left["stage"] == 0]["n_left"].sum())
    last = data.left[data.left["stage"] == len(data.stages) - 1]
    n_left = int(last["n_left"].sum())
    note = (
        f"n = {count(n, 'search trial')}, every one counted, so without an interval. Dashed: one "
        f"in {data.reduction} per rung, where a long search tends to; a short one stops fewer, "
        "since a rung decides nothing before it has seen some trials."
    )
    if data.n_design:
        note += f" Left out: {count(data.n_design, 'design trial')}, which no rung may stop."
    if data.n_excluded:
        note += f" Left out: {count(data.n_excluded, 'trial')}, failed or interrupted."
    parts = [
        f"{row['arm']} {row['n_left']:,} of {row['n_trials']:,}" for row in last.to_dict("records")
    ]
    return Panel(
        reading=(
            f"Of {count(n, 'trial')} that could be stopped, {n_left:,} "
            f"{'was' if n_left == 1 else 'were'} let through to the planned end."
        ),
        note=note,
        alt=f"Trials left after the last rung: {listed(parts)}.",
        figure=survival_figure(data, arm_marks(tables.study)),
    )
