"""Analyse what a results folder holds, and put the answers beside it."""

from pathlib import Path
from typing import Final

import pandas as pd

from study.analysis.models.predicted import Predicted, describe_predictions
from study.analysis.search.answers import Analysis, analyse
from study.folder.columns import Kind
from study.folder.tables import StudyTables, read_study, write_table

_KINDS: Final[tuple[Kind, ...]] = ("importance", "interactions", "marginals")


def analyse_folder(folder: Path) -> Analysis:
    """Write `importance`, `interactions`, `marginals` and `claims`; returns the whole analysis.

    Claims that the confirm stage has judged stay as they are, behind those of the search.

    Raises:
        StudyError: The folder is not a study's, or a table in it is damaged.
        OSError: The folder cannot be written.
    """
    tables = read_study(folder)
    found = analyse(tables.study, tables.trials, tables.epochs, seed=tables.study.seed)
    for kind in _KINDS:
        write_table(
            folder / f"{kind}.parquet", found.table(kind), kind, study_name=tables.study.name
        )
    write_table(
        folder / "claims.parquet",
        _all_claims(found, tables),
        "claims",
        study_name=tables.study.name,
    )
    return found


def predicted_of(tables: StudyTables) -> Predicted | None:
    """What the confirmed models of a study say image by image; None without their predictions.

    Raises:
        TablesError: The table of predictions is damaged.
    """
    predictions = tables.predictions
    if tables.confirm is None or predictions is None:
        return None
    models = tables.confirm[tables.confirm["model"].notna()]
    return describe_predictions(models, predictions, seed=tables.study.seed)


def _all_claims(found: Analysis, tables: StudyTables) -> pd.DataFrame:
    of_search = found.table("claims")
    if tables.claims is None:
        return of_search
    confirmed = tables.claims[tables.claims["stage"] == "confirm"]
    if confirmed.empty:
        return of_search
    return pd.concat([of_search, confirmed[of_search.columns]], ignore_index=True)
