"""A study's folder, read: what was asked and what was measured, held against each other.

A table that someone else wrote may lack what the study implies, which is filled in. A level that
the study does not have is refused.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar, get_args

import numpy as np
import pandas as pd

from study.asked.factors import Config, Level, holds
from study.asked.study import Study, arm_name
from study.errors import TablesError
from study.folder.column_checks import refuse_first
from study.folder.columns import CONFIG_PREFIX, WITH_CONFIG, Kind, config_column, names_of
from study.folder.folder import Folder
from study.folder.parquet import as_table, read_table
from study.folder.provenance import Known, as_it_stands

_FACTS: Final[tuple[Kind, ...]] = (
    "trials", "epochs", "confirm", "predictions", "external", "settle",
)  # fmt: skip
_WRITTEN_LAST: Final[tuple[Kind, ...]] = (
    "importance", "interactions", "marginals", "contrasts", "simplest", "checks",
)  # fmt: skip
"""Conclusions that are written after all others, some of which stand among facts."""

_OF_LATER_STAGES: Final = tuple(
    kind for kind in get_args(Kind) if kind not in ("trials", "epochs", "predictions")
)
"""Of which a study may have any; predictions, which are large, are read once asked for."""

Answer = TypeVar("Answer")


def configurations(trials: pd.DataFrame) -> list[dict[str, Level]]:
    """Each trial's levels as plain values; a factor that is null in the row is absent."""
    names = [c for c in trials.columns if c.startswith(CONFIG_PREFIX)]
    rows: list[dict[str, Level]] = [{} for _ in range(len(trials))]
    for name in names:
        column = trials[name]
        for row, value, absent in zip(rows, column.tolist(), column.isna(), strict=True):
            if not absent:
                row[name.removeprefix(CONFIG_PREFIX)] = value
    return rows


def _by_config(
    trials: pd.DataFrame, names: Iterable[str], of: Callable[[Config], Answer]
) -> list[Answer]:
    """What is said of each trial's levels of these factors; asked once of equal ones."""
    named = trials[[config_column(name) for name in names]]
    if named.shape[1] == 0:
        return [of({})] * len(trials)
    group = named.groupby(list(named.columns), dropna=False, sort=False).ngroup()
    firsts = ~group.duplicated()
    said = dict(zip(group[firsts], map(of, configurations(named[firsts])), strict=True))
    return [said[number] for number in group]


def reached_end(trials: pd.DataFrame, metric: str) -> pd.Series:
    """Which trials (a column of bools) came to the end of their schedule with a value.

    Scouts never count: theirs is cut short to see where training diverges.
    """
    is_scout = trials["origin"].eq("scout").fillna(False).astype(bool)
    return (trials["status"] == "completed") & trials[metric].notna() & ~is_scout


@dataclass(frozen=True, kw_only=True)
class StudyTables:
    """A results folder, read: what was asked and what was measured.

    Attributes:
        folder: Where it lies.
        study: The resolved study.
        trials: One row per trial, with `arm` and every factor's column.
        epochs: One row per epoch of a trial; trials that still run appear only here.
        provenance: `study.json`, or None where another tool wrote the folder.
        confirm: And the rest: the table, or None where that stage has not run.
    """

    folder: Path
    study: Study
    trials: pd.DataFrame
    epochs: pd.DataFrame
    provenance: dict[str, Any] | None = None
    confirm: pd.DataFrame | None = None
    confirmed: pd.DataFrame | None = None
    importance: pd.DataFrame | None = None
    interactions: pd.DataFrame | None = None
    marginals: pd.DataFrame | None = None
    contrasts: pd.DataFrame | None = None
    simplest: pd.DataFrame | None = None
    claims: pd.DataFrame | None = None
    checks: pd.DataFrame | None = None
    external: pd.DataFrame | None = None
    settle: pd.DataFrame | None = None
    looks: pd.DataFrame | None = None
    pairs: pd.DataFrame | None = None

    @property
    def known(self) -> Known:
        """`study.json`, to be read without trust; empty where there is none."""
        return Known(self.provenance or {})

    @cached_property
    def predictions(self) -> pd.DataFrame | None:
        """A row per model and image of the confirm stage, read when it is first asked for.

        Raises:
            TablesError: The file is damaged.
        """
        return Folder(self.folder).read_table("predictions")

    def having(self, **changed: Any) -> Self:
        """The same study with these in the place of what it has."""
        other = replace(self, **changed)
        if "predictions" in self.__dict__:  # not to be read again
            other.__dict__["predictions"] = self.predictions
        return other


def check_is_study(folder: Path) -> None:
    """Look whether a folder is a study's, without reading what is in it.

    Raises:
        TablesError: It is not.
    """
    if not folder.is_dir():
        raise TablesError(f"{folder}: no such folder; name a folder that study.run wrote")
    home = Folder(folder)
    needed = [home.study_file, home.table("trials"), home.table("epochs")]
    missing = [path.name for path in needed if not path.is_file()]
    if missing:
        names = ", ".join(path.name for path in needed)
        raise TablesError(f"{folder}: {missing[0]} is missing; a study's folder holds {names}")


def read_study(folder: Path) -> StudyTables:
    """Everything in a results folder; predictions, which are large, once they are asked for.

    Raises:
        TablesError: The folder is not a study's, or a file in it is damaged or does not fit the
            study.
        StudyError: `study.toml` is not a valid study.
    """
    check_is_study(folder)
    home = Folder(folder)
    tables = read_without_epochs(folder)
    metric = _metric_of_its_own(tables.study)
    return tables.having(epochs=read_table(home.table("epochs"), "epochs", metric=metric))


def read_concluded(folder: Path) -> StudyTables | None:
    """As `read_study`, without epochs, which are most of what is read; None: conclude first.

    That is where a conclusion is missing, or older than the facts that it is drawn from.

    Raises:
        TablesError: As `read_study`.
        StudyError: Likewise.
    """
    check_is_study(folder)
    home = Folder(folder)
    told = [home.table(kind) for kind in _WRITTEN_LAST]
    if not all(path.is_file() for path in (home.table("claims"), *told)):
        return None
    facts = [home.study_file, home.provenance, *(home.table(kind) for kind in _FACTS)]
    newest = max(path.stat().st_mtime_ns for path in facts if path.is_file())
    if min(path.stat().st_mtime_ns for path in told) < newest:
        return None
    return read_without_epochs(folder)


def read_without_epochs(folder: Path) -> StudyTables:
    """As `read_study`, with an empty table of epochs."""
    home = Folder(folder)
    study = home.read_study()
    metric = _metric_of_its_own(study)
    trials = read_table(home.table("trials"), "trials", factors=study.factors, metric=metric)
    others: dict[str, Any] = {kind: home.read_table(kind, metric) for kind in _OF_LATER_STAGES}
    return StudyTables(
        folder=home.path,
        study=study,
        trials=_complete(home, trials, study),
        epochs=pd.DataFrame(columns=names_of("epochs")),
        provenance=as_it_stands(home),
        **others,
    )


def as_table_of(study: Study, kind: Kind, frame: pd.DataFrame) -> pd.DataFrame:
    """A frame that was written as a study's table, as it is read again."""
    factors = study.factors if kind in WITH_CONFIG else ()
    return as_table(frame, kind, factors, _metric_of_its_own(study))


def _metric_of_its_own(study: Study) -> str | None:
    """The metric's column where it may be none of ours."""
    return study.metric if study.is_free else None


def _complete(home: Folder, trials: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Trials with what the study implies: fixed levels, numbers and arm names."""
    path, trials = home.table("trials"), trials.copy()
    for factor in study.factors:
        name = config_column(factor.name)
        if factor.role == "fixed" and trials[name].isna().all():
            exists = _by_config(trials, factor.when, partial(holds, factor.when))
            trials.loc[exists, name] = factor.levels[0]
        if factor.levels:
            problem = ~(trials[name].isna() | trials[name].isin(factor.levels))
            expected = f"a level of {home.study_file}: "
            expected += ", ".join(map(str, factor.levels))
            refuse_first(path, name, trials[name], problem, expected)
        if factor.is_numeric:
            values = trials[name].astype("float64")
            problem = ~np.isfinite(values) | ((values <= 0) & factor.log)
            expected = "a finite number" + " above 0, for its scale is logarithmic" * factor.log
            refuse_first(path, name, trials[name], problem & values.notna(), expected)
        if factor.role == "arm":
            refuse_first(path, name, trials[name], trials[name].isna(), "the arm's level")
    crossed = [factor.name for factor in study.of_role("arm")]
    arms = _by_config(trials, crossed, partial(arm_name, study))
    expected = "the arm of the row's own configuration"
    stated = trials["arm"]
    refuse_first(path, "arm", stated, stated.notna() & (stated != pd.Series(arms)), expected)
    trials["arm"] = pd.Series(arms, dtype=stated.dtype)
    if trials["number"].isna().any():
        trials["number"] = pd.Series(range(len(trials)), dtype="Int64")
    completed = trials["status"] == "completed"
    if study.metric not in trials.columns or (
        completed.any() and trials.loc[completed, study.metric].isna().all()
    ):
        raise TablesError(
            f"{path}: column `{study.metric}`, the study's metric, has no value in any "
            "completed trial"
        )
    return trials
