"""The search itself, its tables while and after it runs, and what is said of it."""

import time
from collections.abc import Iterable

from study.asked.study import Study, arm_name
from study.folder.folder import Folder
from study.folder.record import TrialRecord
from study.folder.tabulate import epoch_columns, epochs_frame, trials_frame
from study.measure import Measure
from study.quantities import some_of
from study.running.live_report import LiveReport
from study.running.search_state import UNLIKE, Search
from study.running.terminal import duration
from study.stages.scout import scout_trials
from study.stages.session import Session
from study.trainables.steps import UNREAD

WRITE_EVERY = 60.0
"""Seconds between two writings of the tables while a search runs."""


def search(session: Session) -> bool:
    """Run what is missing of the search; its tables are written when it is over, and before."""
    written = time.monotonic()

    def tick() -> None:
        nonlocal written
        # a report that is being written reads the tables: they change before it or after it
        if time.monotonic() - written >= WRITE_EVERY and not live.is_writing:
            write_search(session)
            live.write_if_due()
            written = time.monotonic()

    with LiveReport(session.folder.path) as live:
        is_over = session.train(session.search, session.folder, tick=tick)
    if is_over:
        write_search(session)
    return is_over


def write_search(session: Session) -> None:
    """Write the tables of the search as far as it has come."""
    trials = session.search.record.trials.values()
    write_tables(session.study, trials, session.folder)


def write_tables(study: Study, trials: Iterable[TrialRecord], folder: Folder) -> None:
    """Write `trials.parquet` and `epochs.parquet` from the record's trials and the scouts."""
    rows = [*scout_trials(folder.path), *trials]
    folder.write_table("trials", trials_frame(study, rows), study)
    folder.write_table("epochs", epochs_frame(rows, epoch_columns(study, rows)), study)


def summary(search: Search, majority: float | None) -> tuple[str, ...]:
    """The end of the main job in a few lines: each arm's best, beside the majority class.

    Args:
        search: As far as it has come.
        majority: The validation share of the commonest class; None where there are none.
    """
    measure = search.study.measure
    study, trials = search.study, list(search.record.trials.values())
    best = search.best_of_arms()
    lines = []
    for cell in study.arms:
        arm = arm_name(study, cell)
        n = sum(t.arm == arm and t.status == "completed" for t in trials)
        lines.append(
            f"{arm}: {measure.plain(best[arm].epochs[-1][measure.column])}{measure.name_after}, "
            f"the best of {n} completed trials"
            if arm in best
            else f"{arm}: no trial completed"
        )
    if unlike := [t.trial_id for t in trials if any(UNLIKE in epoch for epoch in t.epochs)]:
        lines.append(
            f"{some_of(unlike)} began again and told another {measure.label} than before: what is "
            "trained does not repeat itself from one seed, so a curve there is of two trainings"
        )
    if measure == Measure("val_accuracy") and majority is not None:
        lines.append(f"majority class: {measure.plain(majority)}")
    lines += unread(study, trials)
    seconds = sum(e["seconds"] for t in trials for e in t.epochs)
    lines.append(f"{len(trials)} trials, {duration(seconds)} of training in all")
    return tuple(lines)


def unread(study: Study, trials: Iterable[TrialRecord]) -> list[str]:
    """A line on factors that vary, though the function never looks at them, if there are any.

    Args:
        study: The study.
        trials: Of its record.
    """
    last = [t for t in trials if t.status == "completed" and UNREAD in t.epochs[-1]]
    ignored = [
        factor.name
        for factor in study.factors
        if factor.role != "fixed"
        and (having := [t for t in last if factor.name in t.config])
        and all(factor.name in t.epochs[-1][UNREAD] for t in having)
    ]
    if not ignored or study.trainable is None:
        return []
    names = ", ".join(f'config["{name}"]' for name in ignored)
    return [f"{study.trainable.function} never looked at {names}, so that it changes nothing"]
