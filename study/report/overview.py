"""The head of the report: how far the study is, and its arms side by side, each at its best."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.columns import STATUSES
from study.factors import Config, Study, arm_name
from study.report.wording import Measure, count, describe, listed
from study.tables import StudyTables, configurations


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a study is.

    Attributes:
        is_finished: As its provenance says; without one, whether every planned trial ended.
        n_planned: Trials asked for.
        n_trials: Trials in the table.
        by_status: Trials of each status, in the order of the contract.
        n_collapsed: Trials marked as collapsed, whatever their status.
        epochs_spent: Over all trials.
    """

    is_finished: bool
    n_planned: int
    n_trials: int
    by_status: dict[str, int]
    n_collapsed: int
    epochs_spent: int

    @property
    def sentence(self) -> str:
        """The counts in one sentence."""
        named = [f"{n:,} {status}" for status, n in self.by_status.items() if n]
        if not named:
            return f"No trial of the {self.n_planned:,} planned is in the table yet."
        collapsed = f"; {self.n_collapsed:,} collapsed" if self.n_collapsed else ""
        of = "" if self.n_trials == self.n_planned else f" of {self.n_planned:,} planned"
        epochs = count(self.epochs_spent, "epoch")
        return (
            f"{count(self.n_trials, 'trial')}{of}: {listed(named)}{collapsed}. {epochs} trained."
        )


@dataclass(frozen=True, kw_only=True)
class ArmRow:
    """One arm: its budget and its best completed trial.

    Attributes:
        arm: Its name.
        n_trials: Trials in the table.
        by_status: Trials of each status.
        n_collapsed: Trials marked as collapsed.
        epochs_spent: Over all its trials.
        best_number: Number of the completed trial with the highest final value; None: none.
        best_value: That value, as in the table.
        best_epochs: Epochs of that trial.
        is_best_collapsed: Whether even that trial collapsed.
        config: Its configuration.
        settings: Its tuned factors in one line.
    """

    arm: str
    n_trials: int
    by_status: dict[str, int]
    n_collapsed: int
    epochs_spent: int
    best_number: int | None = None
    best_value: float | None = None
    best_epochs: int | None = None
    is_best_collapsed: bool = False
    config: Config | None = None
    settings: str = ""


def is_running(tables: StudyTables) -> bool:
    """Whether trials are still to come."""
    stated = (tables.provenance or {}).get("finished")
    return len(tables.trials) < tables.study.trials if stated is None else not stated


def progress_data(tables: StudyTables) -> Progress:
    """How far the study is."""
    trials = tables.trials
    return Progress(
        is_finished=not is_running(tables),
        n_planned=tables.study.trials,
        n_trials=len(trials),
        by_status=_by_status(trials),
        n_collapsed=_collapsed(trials),
        epochs_spent=_epochs(trials),
    )


def arms_data(tables: StudyTables) -> list[ArmRow]:
    """A row per arm in reading order, also for arms without trials.

    The best trial is the completed one with the highest final value of the study's metric: the
    last epoch's, not the luckiest epoch's. Among equals the first one counts.
    """
    study = tables.study
    by_arm = dict(list(tables.trials.groupby("arm", sort=False)))
    names = [arm_name(study, arm) for arm in study.arms]
    return [_arm_row(study, name, by_arm.get(name, tables.trials.iloc[:0])) for name in names]


def budget_sentence(rows: list[ArmRow]) -> str:
    """Whether the arms had equal budgets, which decides whether their bests compare."""
    trials = [row.n_trials for row in rows]
    optimism = "The best of several trials is an optimistic figure: luck is part of being best."
    if len(rows) < 2:
        return optimism
    if len(set(trials)) == 1:
        return (
            f"{optimism} It compares arms here because each had the same number of trials, "
            f"{trials[0]:,}."
        )
    return (
        f"{optimism} Budgets differ, from {min(trials):,} to {max(trials):,} trials per arm, and "
        "more trials flatter an arm: these bests do not yet compare."
    )


def _arm_row(study: Study, arm: str, trials: pd.DataFrame) -> ArmRow:
    budget = ArmRow(
        arm=arm,
        n_trials=len(trials),
        by_status=_by_status(trials),
        n_collapsed=_collapsed(trials),
        epochs_spent=_epochs(trials),
    )
    completed = trials[(trials["status"] == "completed") & trials[study.metric].notna()]
    if completed.empty:
        return budget
    best = completed.iloc[[int(np.argmax(completed[study.metric].to_numpy(dtype=float)))]]
    row, config = best.iloc[0], configurations(best)[0]
    tuned = [f.name for f in study.of_role("tuned")]
    return ArmRow(
        arm=arm,
        n_trials=budget.n_trials,
        by_status=budget.by_status,
        n_collapsed=budget.n_collapsed,
        epochs_spent=budget.epochs_spent,
        best_number=int(row["number"]),
        best_value=float(row[study.metric]),
        best_epochs=None if pd.isna(row["epochs_run"]) else int(row["epochs_run"]),
        is_best_collapsed=row["collapsed"] is not pd.NA and bool(row["collapsed"]),
        config=config,
        settings=describe(config, tuned),
    )


def lead_sentence(rows: list[ArmRow], measure: Measure) -> str:
    """The highest value so far in words, or that there is none."""
    best = max(
        (row for row in rows if row.best_value is not None),
        key=lambda row: row.best_value or 0.0,
        default=None,
    )
    if best is None:
        return "No trial has been completed, so there is nothing to compare yet."
    arm = f" in arm {best.arm}" if len(rows) > 1 else ""
    return (
        f"The highest final {measure.label} of a completed trial is "
        f"{measure.text(best.best_value)}{arm} (trial {best.best_number})."
    )


def _by_status(trials: pd.DataFrame) -> dict[str, int]:
    counts = trials["status"].value_counts()
    return {status: int(counts.get(status, 0)) for status in STATUSES}


def _collapsed(trials: pd.DataFrame) -> int:
    return int(trials["collapsed"].fillna(False).sum())


def _epochs(trials: pd.DataFrame) -> int:
    return int(trials["epochs_run"].fillna(0).sum())
