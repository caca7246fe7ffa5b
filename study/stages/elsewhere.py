"""Other faces, scored by the confirmed models: no training, and no look at the test split.

Each model's predictions for each set lie in `confirm/external/SET/` before the next model begins,
so that an interrupted scoring goes on where it was. What is compared with the study's own faces
comes from the predictions that the confirm stage left.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.classes import EIGHT, Classes
from agecls.data.loading import Reading, load_data
from agecls.data.whole_set import WholeSet, load_whole
from agecls.errors import AgeclsError
from agecls.files import write_whole
from agecls.use.saved import load
from study.analysis import forget
from study.errors import StudyError
from study.folder.folder import Folder
from study.folder.other_faces import described, scored_parts
from study.folder.parquet import write_table
from study.folder.provenance import Provenance, now
from study.folder.record import Record
from study.folder.tables import StudyTables
from study.running.terminal import progress
from study.stages.confirm_tables import predictions_frame
from study.stages.session import Session
from study.stages.told import elsewhere_lines
from study.trainables.sources import source_of


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """The stage.

    Attributes:
        faces: By name, where each set lies; sets that were scored before stay in the table.
        device: Where models run.
    """

    faces: Mapping[str, str]
    device: str

    def __call__(self, session: Session) -> bool:
        """Score every confirmed model on every set and write the tables; whether that is done.

        The study's own images tell duplicates.

        Raises:
            StudyError: The study has no confirmed models, or a name stands for other images.
            AgeclsError: A set cannot be read, or a model is damaged.
        """
        models = confirmed_models(session.tables)
        # nobody else writes in there meanwhile
        with Record(session.folder.confirm.path):
            for name, path in self.faces.items():
                whole = _open_set(session, name, path)
                if not self._score(session, name, whole, models):
                    return False
            lines = _write(session, models)
        session.provenance.write(session.folder)
        for line in lines:
            session.say(line)
        return True

    def _score(self, session: Session, name: str, whole: WholeSet, models: pd.DataFrame) -> bool:
        """Every model's predictions on the set, on disk; False where it was stopped before."""
        data = session.faces
        splits = [s for s in (data.train, data.val, data.test) if s is not None]
        known = {content for split in splits for content in split.frame["content"]}
        home = session.folder.confirm.external(name)
        with progress(f"Scoring {name}", session.console) as advance:
            for place, row in enumerate(models.to_dict("records")):
                advance(place, len(models))
                part = home.predictions(row["model"])
                if part.is_file():
                    continue
                if session.stop.due():
                    return False
                fold = None if pd.isna(row["fold"]) else int(row["fold"])
                kept = session.folder.confirmed_model(row["arm"], int(row["seed"]), fold)
                p = self._raw_probabilities(kept.path, whole.images.images)
                frame = predictions_frame(row["model"], name, whole.images, p, known)
                write_table(part, frame, "predictions", study_name=session.study.name)
            advance(len(models), len(models))
        return True

    def _raw_probabilities(self, folder: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What a kept model says before its temperature (N, classes), as tables hold it."""
        if not folder.is_dir():
            raise StudyError(
                f"{folder}: the confirmed model is not kept there (deleted, or confirmed by a "
                "version that kept none). Copy it back, or confirm a new study with --name."
            )
        classifier = load(folder, device=self.device)
        classifier.members[0].inference.temperature = None
        return classifier.probabilities(images)


def confirmed_models(tables: StudyTables) -> pd.DataFrame:
    """The confirm table's models that were trained to their end.

    Raises:
        StudyError: There is none.
    """
    table, folder = tables.confirm, tables.folder
    done = None if table is None else table[table["status"] == "completed"]
    if done is None or done.empty or not Folder(folder).table("predictions").is_file():
        raise StudyError(
            f"{folder}: no confirmed models, so nothing can score other faces. First run "
            f"python -m study.confirm {folder.name}"
        )
    return done


def known_confirmed(folder: Folder) -> Provenance:
    """The provenance, which says what was confirmed.

    Raises:
        StudyError: It does not.
    """
    found = Provenance.read(folder)
    if found is None or found.confirm is None:
        # a kill between the stage's tables and this file
        raise StudyError(
            f"{folder.provenance}: does not say what was confirmed. Give python "
            f"-m study.confirm {folder.path.name} once more, or restore the file from a copy."
        )
    return found


def _open_set(session: Session, name: str, path: str) -> WholeSet:
    """The set's images; its name stands for them from now on."""
    with progress(f"Reading {name}", session.console) as advance:
        whole = load_whole(
            path,
            size=session.study.size,
            classes=session.study.classes,
            max_bad_share=session.study.max_bad_share,
            progress=advance,
        )
    home = session.folder.confirm.external(name)
    known = described(home)
    if known is not None and known["fingerprint"] != whole.fingerprint:
        raise StudyError(
            f"{path}: `{name}` was scored on other images ({known['path']}, fingerprint "
            f"{known['fingerprint']}, now {whole.fingerprint}). Give these a name of their own: "
            "--external NAME=PATH"
        )
    home.path.mkdir(parents=True, exist_ok=True)
    found = {
        "faces": name,
        "path": path,
        "fingerprint": whole.fingerprint,
        "summary": whole.summary,
        "seen": _seen_by_arm(session, path),
        "command": shlex.join(session.command),
        "scored_at": now(),
    }
    write_whole(home.described, json.dumps(found, indent=1).encode())
    session.say(
        f"{name}: {whole.summary['images']:,} images ({whole.summary['layout']}), majority class "
        f"{whole.summary['majority']:.1%}"
    )
    return whole


def _seen_by_arm(session: Session, path: str) -> dict[str, bool | None]:
    """By arm, whether its models started from weights that were trained on the set."""
    assert session.provenance.confirm is not None
    return {
        choice["arm"]: was_trained_on(
            source_of(session.study, session.folder.path, choice["config"]), path
        )
        for choice in session.provenance.confirm.choices
    }


def was_trained_on(source: str | None, path: str) -> bool | None:
    """Whether weights come from training on a data root; None where nobody can tell.

    Args:
        source: A study's source of weights; None: none, which has seen nothing.
        path: The data root.
    """
    if source is None or source.startswith("torchvision:"):
        return False  # torchvision's ResNets are trained on ImageNet
    described = Path(source).with_suffix(".json")
    try:
        made_by = json.loads(described.read_text(encoding="utf-8"))["made_by"]
        of, size, seed = made_by["data"], int(made_by["size"]), int(made_by["recipe"]["seed"])
        classes = _classes_of(made_by)
        if Path(of["path"]).expanduser().resolve() == Path(path).expanduser().resolve():
            return True
        fingerprint = str(of["fingerprint"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    try:
        data = load_data(
            path, Reading(size=size, classes=classes or EIGHT, seed=seed, max_bad_share=1.0)
        )
        return data.fingerprint == fingerprint
    except AgeclsError:
        # in these classes it could not have been trained on: there is no train split in it
        return None if classes is None else False


def _classes_of(made_by: Mapping[str, Any]) -> Classes | None:
    """What the weights learned to tell apart; None: they are of a time that did not write it."""
    table = made_by.get("classes")
    if table is None:
        return None
    years = None if table["years"] is None else tuple((a, b) for a, b in table["years"])
    return Classes.asked(table["names"], years, table["ordered"])


def _write(session: Session, models: pd.DataFrame) -> list[str]:
    """What follows from all sets that were ever scored; returns lines for the terminal."""
    session.provenance.external = [
        {**known, "n_models": n_models}
        for home in session.folder.confirm.externals()
        if (known := described(home)) and (n_models := len(scored_parts(home, models["model"])))
    ]
    session.tables = forget(session.tables, "external")
    return elsewhere_lines(session.conclusions.tables)
