"""The model to use, and the command that uses it."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from agecls.classes import Classes
from study.folder.folder import Folder
from study.folder.tables import StudyTables
from study.report.head.answer import best_arm
from study.report.head.overview import ArmRow
from study.report.wording import count


@dataclass(frozen=True, kw_only=True)
class BestModel:
    """The best arm's model.

    Attributes:
        arm: The arm.
        command: A line for the shell that names pictures' ages with it.
        note: Which model it is.
    """

    arm: str
    command: str
    note: str


def best_model(tables: StudyTables, arms: list[ArmRow]) -> BestModel | None:
    """The best arm's confirmed models, else the search's best; None where no file is there."""
    best = best_arm(arms, tables.study.measure)
    if best is None:
        return None
    folder = Folder(tables.folder)
    kept = folder.best_model(best.arm)
    if n_confirmed := folder.n_confirmed(best.arm):
        note = f"the mean of its {count(n_confirmed, 'model')} from fresh seeds"
        return _model(best.arm, folder.confirmed_models(best.arm), note, tables.study.classes)
    if kept.weights.is_file():
        return _model(
            best.arm, kept.path, "the search's best trial, with its own seed", tables.study.classes
        )
    return None


def _model(arm: str, folder: Path, note: str, classes: Classes) -> BestModel:
    named = "classes" if classes.years is None else "ages"
    command = f"python -m agecls.predict {shlex.quote(str(folder))} PICTURES --out {named}.parquet"
    return BestModel(arm=arm, command=command, note=note)
