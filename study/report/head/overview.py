"""The head of the report: how far the study is, and its arms side by side, each at its best."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from study.asked.factors import Config
from study.asked.study import arm_name
from study.folder.columns import STATUSES
from study.folder.tables import StudyTables, configurations, reached_end
from study.quantities import duration
from study.report.confirm.values import ConfirmedValues, Value
from study.report.head.earlier import EarlierModel, earlier_model
from study.report.wording import Measure, count, describe, listed


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a study is.

    Attributes:
        is_finished: As its provenance says; without one, whether every planned trial ended.
        n_planned: Trials asked for.
        n_trials: Trials in the table, scouts apart.
        n_scouts: Scouts in the table, which come on top of what was asked for.
        by_status: Trials and scouts of each status, in the order of the contract.
        n_collapsed: Trials marked as collapsed, whatever their status.
        epochs_spent: Over all trials.
        seconds: What these took, trials side by side counted each; None: nobody measured it.
        n_fresh: Trainings on fresh seeds that were confirmed.
        n_settling: Trainings spent on verdicts.
    """

    is_finished: bool
    n_planned: int
    n_trials: int
    n_scouts: int
    by_status: dict[str, int]
    n_collapsed: int
    epochs_spent: int
    seconds: float | None = None
    n_fresh: int = 0
    n_settling: int = 0

    @property
    def sentence(self) -> str:
        """The counts in one sentence."""
        named = [f"{n:,} {status}" for status, n in self.by_status.items() if n]
        if not named:
            return f"No trial of the {self.n_planned:,} planned is in the table yet."
        collapsed = f"; {self.n_collapsed:,} of them collapsed" if self.n_collapsed else ""
        return f"{self._trials}: {listed(named)}{collapsed}. {self._cost}."

    @property
    def in_short(self) -> str:
        """What ran and what that cost, in half a line."""
        if not any(self.by_status.values()):
            return self.sentence
        time = "" if self.seconds is None else f", {duration(self.seconds)} of training"
        epochs = f"{count(self.epochs_spent, 'epoch')} trained"
        return f"{self._trials}, {epochs}{time}{self._later}"

    @property
    def _trials(self) -> str:
        of = "" if self.n_trials == self.n_planned else f" of {self.n_planned:,} planned"
        scouts = f" and {count(self.n_scouts, 'scout')}" if self.n_scouts else ""
        return f"{count(self.n_trials, 'trial')}{of}{scouts}"

    @property
    def _later(self) -> str:
        """Trainings of later stages; empty where none ended."""
        stages = ((self.n_fresh, "on fresh seeds"), (self.n_settling, "for verdicts"))
        later = [f"{count(n, 'training')} {why}" for n, why in stages if n]
        return f"; then {listed(later)}" if later else ""

    @property
    def _cost(self) -> str:
        """What was spent, in words."""
        epochs = f"{count(self.epochs_spent, 'epoch')} trained"
        if self.seconds is not None:
            epochs += f", which took {duration(self.seconds)}, trials side by side counted each"
        return f"{epochs}{self._later}"


@dataclass(frozen=True, kw_only=True)
class ArmRow:
    """One arm: its budget, its best completed trial, and what fresh seeds made of it.

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
        confirmed: Score of its confirmed models on the split that claims are judged on.
        chosen: Tuned factors of the configuration that was confirmed, in one line.
        confirmed_val: The same on val; None where that is the split, too.
        earlier: The model of an earlier study that corresponds.
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
    confirmed: Value | None = None
    chosen: str = ""
    confirmed_val: Value | None = None
    earlier: EarlierModel | None = None

    @property
    def fate(self) -> str:
        """What became of its trials, such as `9 completed, 2 stopped; 1 collapsed`."""
        named = [f"{n:,} {status}" for status, n in self.by_status.items() if n]
        collapsed = f"; {self.n_collapsed:,} collapsed" if self.n_collapsed else ""
        return ", ".join(named) + collapsed


def is_running(tables: StudyTables) -> bool:
    """Whether trials are still to come."""
    stated = tables.known.get("finished")
    return len(tables.trials) < tables.study.trials if stated is None else not stated


def is_open(tables: StudyTables) -> bool:
    """Whether a process works on the study now, as far as its provenance knows."""
    sessions = tables.known.tables("sessions")
    return is_running(tables) and bool(sessions) and sessions[-1].get("ended_at") is None


def progress_data(tables: StudyTables) -> Progress:
    """How far the study is."""
    trials = tables.trials
    n_scouts = int(trials["origin"].eq("scout").sum())
    return Progress(
        is_finished=not is_running(tables),
        n_planned=tables.study.trials,
        n_trials=len(trials) - n_scouts,
        n_scouts=n_scouts,
        by_status=_by_status(trials),
        n_collapsed=_collapsed(trials),
        epochs_spent=_epochs(trials),
        seconds=_seconds(trials),
        n_fresh=_ended(tables.confirm),
        n_settling=_ended(tables.settle),
    )


def arms_data(tables: StudyTables, *, confirmed: ConfirmedValues | None = None) -> list[ArmRow]:
    """A row per arm in reading order, also for arms without trials.

    The best trial is the completed one with the highest final value of the study's metric: the
    last epoch's, not the luckiest epoch's. Among equals the first one counts.
    """
    by_arm = dict(list(tables.trials.groupby("arm", sort=False)))
    rows = []
    for cell in tables.study.arms:
        name = arm_name(tables.study, cell)
        row = _arm_row(tables, name, by_arm.get(name, tables.trials.iloc[:0]))
        row = replace(row, earlier=earlier_model(tables, cell))
        if confirmed is not None:
            row = replace(
                row,
                confirmed=confirmed.get(name, split=confirmed.split),
                confirmed_val=(
                    confirmed.get(name, split="val") if confirmed.split != "val" else None
                ),
                chosen=_chosen(tables, name),
            )
        rows.append(row)
    return rows


def arms_n(rows: list[ArmRow]) -> str:
    """What the confirmed values rest on, such as `test: 1,504 images in 49 clusters`."""
    found = next((row for row in rows if row.confirmed is not None), None)
    if found is None or found.confirmed is None:
        return ""
    if not found.confirmed.images:
        return count(found.confirmed.n_seeds, "seed")
    parts = [found.confirmed.images]
    if found.confirmed_val is not None:
        parts = [f"test: {parts[0]}", f"val: {found.confirmed_val.images}"]
    return "; ".join(parts)


def budget_sentence(rows: list[ArmRow]) -> str:
    """Whether the arms had equal budgets, which decides whether their bests compare."""
    trials = [row.n_trials for row in rows]
    if any(row.confirmed is not None for row in rows):
        return (
            "Each arm’s chosen configuration, trained again on fresh seeds: these compare. The "
            "search’s best is the best of several looks, so it flatters."
        )
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


def _arm_row(tables: StudyTables, arm: str, trials: pd.DataFrame) -> ArmRow:
    study = tables.study
    budget = ArmRow(
        arm=arm,
        n_trials=len(trials),
        by_status=_by_status(trials),
        n_collapsed=_collapsed(trials),
        epochs_spent=_epochs(trials),
    )
    completed = trials[reached_end(trials, study.metric)]
    if completed.empty:
        return budget
    best = completed.iloc[[study.measure.best_of(completed[study.metric])]]
    row, config = best.iloc[0], configurations(best)[0]
    return replace(
        budget,
        best_number=int(row["number"]),
        best_value=float(row[study.metric]),
        best_epochs=None if pd.isna(row["epochs_run"]) else int(row["epochs_run"]),
        is_best_collapsed=row["collapsed"] is not pd.NA and bool(row["collapsed"]),
        config=config,
        settings=describe(config, [f.name for f in study.of_role("tuned")]),
    )


def _chosen(tables: StudyTables, arm: str) -> str:
    """Tuned factors of the trial whose configuration the confirm stage trained again."""
    models = tables.confirm if tables.confirm is not None else pd.DataFrame({"arm": []})
    named = models[models["arm"] == arm].get("trial_id", pd.Series(dtype=str)).dropna()
    rows = tables.trials[tables.trials["trial_id"].isin(named)]
    if rows.empty:
        return ""
    tuned = [f.name for f in tables.study.of_role("tuned")]
    return describe(configurations(rows.iloc[[0]])[0], tuned)


def best_searched(rows: Sequence[ArmRow], measure: Measure) -> ArmRow | None:
    """The arm whose best completed trial is the best of all; None: no trial was completed."""
    found = [row for row in rows if row.best_value is not None]
    values = pd.Series([row.best_value for row in found], dtype=float)
    return found[measure.best_of(values)] if found else None


def lead_sentence(rows: list[ArmRow], measure: Measure) -> str:
    """The highest value so far in words, or that there is none."""
    best = best_searched(rows, measure)
    if best is None:
        return "No trial has been completed, so there is nothing to compare yet."
    arm = f" in arm {best.arm}" if len(rows) > 1 else ""
    return (
        f"The {measure.best_word} final {measure.label} of a completed trial is "
        f"{measure.text(best.best_value)}{arm} (trial {best.best_number}: one seed, "
        "so without an interval)."
    )


def _by_status(trials: pd.DataFrame) -> dict[str, int]:
    counts = trials["status"].value_counts()
    return {status: int(counts.get(status, 0)) for status in STATUSES}


def _collapsed(trials: pd.DataFrame) -> int:
    return int(trials["collapsed"].fillna(False).sum())


def _epochs(trials: pd.DataFrame) -> int:
    return int(trials["epochs_run"].fillna(0).sum())


def _seconds(trials: pd.DataFrame) -> float | None:
    """What all trials took; None unless every one that trained says so."""
    spent = trials.loc[trials["epochs_run"].fillna(0) > 0, "train_seconds"]
    return None if spent.empty or spent.isna().any() else float(spent.sum())


def _ended(stage: pd.DataFrame | None) -> int:
    """Trainings of a stage after the search that ran to their end."""
    return 0 if stage is None else int((stage["status"] == "completed").sum())
