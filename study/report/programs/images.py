"""How many images, and independent groups of them, an answer to a claim rests on."""

from typing import Any, Final

import pandas as pd

from study.asked.study import Study
from study.folder.tables import StudyTables
from study.report.confirm.values import ConfirmedValues
from study.report.programs.plain import Row

Counts = dict[str, int | None]
"""`images` and `clusters`; None: nobody has counted."""

_COLUMNS: Final = {"images": "n_images", "clusters": "n_clusters"}


def split_of(split: str | None, stage: str, study: Study) -> str | None:
    """The split as tables name it; None where nobody knows what a function scores itself on."""
    return split if study.judged_on(stage, split) is not None else None


def judged_on(row: Row, tables: StudyTables, confirmed: ConfirmedValues | None) -> Counts:
    """From the table of the row's own stage; the search's are in the provenance."""
    if row["stage"] == "settle":
        return _settled(tables.settle)
    if row["stage"] == "confirm":
        return _confirmed(str(row["split"]), tables, confirmed)
    return _validated(tables)


def _settled(trainings: pd.DataFrame | None) -> Counts:
    """Those of every fold, once."""
    if trainings is None:
        return dict.fromkeys(_COLUMNS)
    folds = trainings[trainings["n_images"].notna()].groupby("fold").first()
    return {name: int(folds[column].sum()) or None for name, column in _COLUMNS.items()}


def _confirmed(split: str, tables: StudyTables, confirmed: ConfirmedValues | None) -> Counts:
    """Those of the split, or of the set of other faces, that the row names."""
    frames = []
    if tables.external is not None:
        frames.append(tables.external[tables.external["faces"] == split])
    if confirmed is not None:
        own = confirmed.frame
        frames.append(own[(own["split"] == split) & (own["images"] == "all")])
    found = next((frame.iloc[0] for frame in frames if len(frame)), None)
    if found is None:
        return dict.fromkeys(_COLUMNS)
    return {name: _counted(found[column]) for name, column in _COLUMNS.items()}


def _validated(tables: StudyTables) -> Counts:
    """Those that trials were validated on: all folds, or the split val."""
    study = tables.study
    if study.folds is not None and study.folds.search:
        folds = tables.known.table("folds")
        return {name: _counted(sum(folds.array(name)) or None) for name in _COLUMNS}
    summary = tables.known.table("data", "summary")
    return {name: _counted(summary.table(name).get("val")) for name in _COLUMNS}


def _counted(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)
