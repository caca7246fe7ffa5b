"""What stages after the search keep of a training beside its record, and what they score it on.

Nets of our recipe are kept with what they say of every image. A function's training has one
score, which is on record, and whatever models it makes are its own.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.data.loading import FaceData
from study.analysis.search.chosen import Choice
from study.asked.study import Study
from study.errors import StudyError
from study.folder.folder import Folder
from study.folder.parquet import write_table
from study.folder.record import Record, TrialRecord
from study.folder.tables import as_table_of
from study.running.executor import Scoring
from study.running.search_state import Search
from study.stages import disk_space
from study.stages.confirm_tables import (
    model_name,
    models_table,
    predictions_frame,
    predictions_of,
)
from study.stages.session import Session


class Keeping(Protocol):
    """What is kept."""

    def check_room(self, session: Session, n_models: int) -> None:
        """Look whether what so many confirmed trainings leave fits in the study's folder.

        Raises:
            StorageError: There is no room for it.
        """

    def has_test(self, session: Session) -> bool:
        """Whether confirmed trainings are scored on a test split, each look at which counts."""

    def confirming(
        self, session: Session, search: Search, choices: Sequence[Choice]
    ) -> Scoring | None:
        """What the confirm stage asks of every finished training; None: nothing."""

    def settling(self, session: Session, record: Record) -> Scoring | None:
        """What the settle stage asks of every finished training; None: nothing."""

    def write_confirmed(self, study: Study, folder: Folder, done: Sequence[TrialRecord]) -> None:
        """Write what trainings said into the study's tables; `done` ran to their end, some do."""

    def check_settled(self, session: Session, record: Record) -> None:
        """Refuse to go on where claims can no longer be judged on what was trained before.

        Raises:
            StudyError: What trainings on record said is missing.
        """


class Predictions(Keeping):
    """Nets, and their probabilities of every image."""

    def check_room(self, session: Session, n_models: int) -> None:
        """They stay in the study's folder wherever the checkpoints go."""
        from study.stages.models import MODEL_BYTES  # loads PyTorch

        n = max(0, n_models - session.folder.n_confirmed())
        need, what = n * MODEL_BYTES, f"{n} confirmed models"
        disk_space.check_room(session.folder.path, need, what, "move the study's folder")

    def has_test(self, session: Session) -> bool:
        """Where the data have one."""
        return session.faces.test is not None

    def confirming(
        self, session: Session, search: Search, choices: Sequence[Choice]
    ) -> Scoring | None:
        """Keeps every finished model and its predictions."""
        from study.stages.models import ConfirmedModels  # loads PyTorch

        data, home = session.faces, session.folder.confirm
        kept = ConfirmedModels(
            study=session.study,
            folder=session.folder.path,
            data=data,
            folded=None if session.study.folds is None else session.folded,
            storage=disk_space.storage_of(session.study, home, session.storage),
            chosen={c.arm: c.trial_id for c in choices},
        )
        files = _known_contents(data)

        def keep(number: int, probabilities: Mapping[str, NDArray[np.float32]]) -> None:
            trial = search.record.trials[number]
            kept.keep(trial, probabilities)
            images = kept.scored_on(trial)
            # a file is in one fold only, so what is held out has no copy among what is trained on
            known = files | ({} if trial.fold is None else {"val": set()})
            frames = [
                predictions_frame(model_name(trial), split, images[split], p, known[split])
                for split, p in probabilities.items()
            ]
            write_table(
                home.predictions(trial.trial_id),
                pd.concat(frames, ignore_index=True),
                "predictions",
                study_name=session.study.name,
            )

        others = {} if data.test is None else {"test": data.test.images}
        return Scoring(images=others, keep=keep)

    def settling(self, session: Session, record: Record) -> Scoring | None:
        """Keeps what every finished model says of its fold."""

        def keep(number: int, probabilities: Mapping[str, NDArray[np.float32]]) -> None:
            trial = record.trials[number]
            assert trial.fold is not None
            images = session.folded.held_out(trial.fold)
            frame = predictions_frame(trial.trial_id, "val", images, probabilities["val"], set())
            path = session.folder.settle.predictions(trial.trial_id)
            write_table(path, frame, "predictions", study_name=session.study.name)

        return Scoring(images={}, keep=keep)

    def write_confirmed(self, study: Study, folder: Folder, done: Sequence[TrialRecord]) -> None:
        """One table of all of them."""
        folder.write_table("predictions", predictions_of(folder, done), study)

    def check_settled(self, session: Session, record: Record) -> None:
        """Each training's predictions have to lie there."""
        home = session.folder.settle
        done = [t.trial_id for t in record.trials.values() if t.status == "completed"]
        if missing := [name for name in done if not home.predictions(name).is_file()]:
            raise StudyError(
                f"{home.predictions(missing[0])}: missing, as are predictions of {len(missing)} "
                f"of {len(done)} trainings; copy them from where the study was settled. Tables "
                "and report stay as they are."
            )


class Nothing(Keeping):
    """Nothing beside the record."""

    def check_room(self, session: Session, n_models: int) -> None:
        """A record takes next to none."""

    def has_test(self, session: Session) -> bool:
        """A function scores on what it likes, and nobody looks at more."""
        return False

    def confirming(
        self, session: Session, search: Search, choices: Sequence[Choice]
    ) -> Scoring | None:
        """The metric is on record."""
        return None

    def settling(self, session: Session, record: Record) -> Scoring | None:
        """Likewise."""
        return None

    def write_confirmed(self, study: Study, folder: Folder, done: Sequence[TrialRecord]) -> None:
        """There is no more to say."""

    def check_settled(self, session: Session, record: Record) -> None:
        """The record has all of it."""


def keeping_of(study: Study) -> Keeping:
    """What is kept of a study's trainings."""
    return Nothing() if study.is_free else Predictions()


def write_facts(
    study: Study, folder: Folder, choices: Sequence[Choice], trials: Sequence[TrialRecord]
) -> pd.DataFrame:
    """Write which confirmed trainings there are, not yet scored, and what they said.

    Returns the table of them.

    Args:
        study: The study file.
        folder: The study's.
        choices: What was trained, by arm.
        trials: The stage's, all ended, by number.
    """
    if done := [trial for trial in trials if trial.status == "completed"]:
        keeping_of(study).write_confirmed(study, folder, done)
    models = models_table(study, choices, trials)
    folder.write_table("confirm", models, study)
    return as_table_of(study, "confirm", models)


def _known_contents(data: FaceData) -> dict[str, set[str]]:
    """By split, hashes of files that the splits before it hold."""
    train = set(data.train.frame["content"])
    return {"val": train, "test": train | set(data.val.frame["content"])}
