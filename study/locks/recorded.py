"""Whether a study's tables and study file are what its own record says they were."""

from collections.abc import Iterator
from typing import Final

import pandas as pd

from study.folder.columns import config_column
from study.folder.folder import Folder
from study.folder.provenance import Provenance
from study.folder.tables import StudyTables
from study.folder.tabulate import trials_frame
from study.plan.trials import plan_trials

_AS_RECORDED: Final = ("number", "arm", "origin", "seed", "status", "epochs_run")


def record_problems(tables: StudyTables) -> list[str]:
    """How a study differs from its record, a line each; another tool's has none.

    Raises:
        StudyError: The record or `study.json` is damaged.
    """
    return [*_asked(tables), *_appended(tables), *_trials(tables)]


def _asked(tables: StudyTables) -> Iterator[str]:
    """What has changed in the study file since the study began."""
    if not tables.known.get("data"):  # nothing that we wrote
        return
    folder = Folder(tables.folder)
    known = Provenance.read(folder)
    for change in known.changes(tables.study) if known else ():
        yield f"{folder.study_file}: changed since the study began: {change}"


def _appended(tables: StudyTables) -> Iterator[str]:
    """The first appended trial that is not of the designs which the study file says were added.

    They are not locked, and each of them is a look that makes later verdicts stricter.
    """
    folder, study = Folder(tables.folder), tables.study
    if not study.added:
        return
    plan = plan_trials(study)[study.trials - study.added :]
    recorded = {trial.number: trial for trial in folder.trials().values()}
    for planned in plan:
        trial = recorded.get(planned.number)
        if trial is None:
            continue
        is_drawn = planned.config is None or planned.config == trial.config
        if trial.origin != planned.origin or not is_drawn:
            yield (
                f"{folder.study_file}: changed since the study began: trial {trial.trial_id} is "
                f"not the one of [study] added and added_design; {folder.record.name} has "
                f"a {trial.origin} trial"
            )
            return


def _trials(tables: StudyTables) -> Iterator[str]:
    """Rows of the table of trials that do not follow from the record; scouts have their own.

    A study that was locked has a record. While a search runs its table is behind the record, so
    that trials may be missing in it, and one that is told as interrupted may have gone on.
    """
    folder, study = Folder(tables.folder), tables.study
    recorded, known = folder.trials(), tables.known
    written = tables.trials[tables.trials["origin"] != "scout"].set_index("trial_id")
    if not recorded:
        if known.get("lock") and len(written):
            yield (
                f"{folder.record}: holds no trial, though the study was locked and "
                f"{folder.table('trials').name} has {len(written):,}; copy it from where the "
                "study was run"
            )
        return  # another tool's
    names = [*_AS_RECORDED, study.metric, *(config_column(f.name) for f in study.factors)]
    expected = trials_frame(study, recorded.values()).set_index("trial_id")
    ids, is_over = set(written.index), bool(known.get("finished"))
    if not ids <= set(expected.index) or (is_over and len(ids) < len(expected)):
        yield (
            f"{folder.table('trials')}: holds {len(written):,} trials of the search; "
            f"{folder.record.name} has {len(expected):,}"
            + " others"
            * (len(written) == len(expected))
        )
        return
    if not is_over:
        written = written[written["status"] != "interrupted"]
    filled = {config_column(f.name) for f in study.of_role("fixed")}
    for name in names:
        differs = _differs(written[name], expected[name].reindex(written.index))
        if name in filled:  # in the table, by who reads it
            differs &= expected[name].reindex(written.index).notna()
        if differs.any():
            trial = differs.idxmax()
            yield (
                f"{folder.table('trials')}, trial {trial}: `{name}` is {written[name][trial]}; "
                f"{folder.record.name} has {expected[name][trial]}"
            )


def _differs(written: pd.Series, expected: pd.Series) -> pd.Series:
    is_there = written.notna() & expected.notna()
    is_one_missing = written.notna() != expected.notna()
    is_other = written.astype(object).where(is_there, 0) != expected.astype(object).where(
        is_there, 0
    )
    return (is_one_missing | is_other).fillna(True).astype(bool)
