"""Where everything in a study's folder lies: the one owner of its names.

    NAME/      study.toml, study.json, lock.json, record.jsonl, journal.log, checkpoints/TRIAL.pt
               trials.parquet and the other tables, report.html, report.md, figures/
               models/ARM/              the search's best, and confirmed/seedN/ of fresh seeds
                                        (seedN-foldF/ where the study has folds)
               pretrained/              backbones that the study trained itself
    NAME/scout/                         record, journal and checkpoints of the scouts
    NAME/confirm/                       those of the confirm stage, choice.json
               predictions/TRIAL.parquet
               external/SET/            set.json, MODEL.parquet
    NAME/settle/                        those of settling, design.json
               predictions/TRIAL.parquet

Nothing heavy is loaded here: commands look for a study before they load pandas.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agecls.files import write_whole
from agecls.study_files import PRETRAINED, PROVENANCE, STUDY, table_file
from study.asked.study import Study
from study.asked.study_file import dump_study, load_study
from study.errors import RecordError
from study.folder.record import FILE_NAME, TrialRecord, read_trials

if TYPE_CHECKING:
    import pandas as pd

    from study.folder.columns import Kind

CHECKPOINTS: Final = "checkpoints"
SCOUT: Final = "scout"
CONFIRM: Final = "confirm"
SETTLE: Final = "settle"
"""Also what each stage's checkpoints lie in below `--storage`."""

_CONFIRMED: Final = "confirmed"
_WEIGHTS: Final = "model.safetensors"


@dataclass(frozen=True)
class Home:
    """Where one plan is run: its record, its journal and its checkpoints.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def record(self) -> Path:
        """The durable record of its trials."""
        return self.path / FILE_NAME

    @property
    def journal(self) -> Path:
        """The Optuna journal."""
        return self.path / "journal.log"

    @property
    def checkpoints(self) -> Path:
        """Where its checkpoints lie, unless `--storage` says otherwise."""
        return self.path / CHECKPOINTS

    def trials(self) -> dict[int, TrialRecord]:
        """Its trials so far, by number; none where nothing has begun.

        Raises:
            RecordError: The record is damaged.
        """
        return read_trials(self.record)


@dataclass(frozen=True)
class KeptModel:
    """A model kept for use.

    Attributes:
        path: Its folder.
    """

    path: Path

    @property
    def weights(self) -> Path:
        """Its tensors."""
        return self.path / _WEIGHTS

    @property
    def described(self) -> Path:
        """Classes, size, recipe, metrics and licence, as JSON."""
        return self.path / "model.json"


@dataclass(frozen=True)
class ExternalSet:
    """What is kept of one set of other faces.

    Attributes:
        path: Its folder, named as the set is.
    """

    path: Path

    @property
    def described(self) -> Path:
        """Where the set lies and what it holds, as JSON."""
        return self.path / "set.json"

    def predictions(self, model: str) -> Path:
        """What a confirmed model says of its images."""
        return self.path / f"{model}.parquet"


class ScoredHome(Home):
    """The folder of a stage that keeps what its models predict."""

    def predictions(self, trial_id: str) -> Path:
        """What the model of a trial of the stage says of images that it was not trained on."""
        return self.path / "predictions" / f"{trial_id}.parquet"


class SettleHome(ScoredHome):
    """The folder of the settling stage."""

    @property
    def design(self) -> Path:
        """The design, as JSON, drawn once before anything is trained on it."""
        return self.path / "design.json"


class ConfirmHome(ScoredHome):
    """The folder of the confirm stage."""

    @property
    def choice(self) -> Path:
        """What is confirmed, as JSON; it stays, whatever the search finds later."""
        return self.path / "choice.json"

    def chosen(self) -> list[dict[str, Any]] | None:
        """What `choice` says, a row an arm; None where nothing was chosen yet.

        Raises:
            RecordError: It is damaged.
        """
        if not self.choice.exists():
            return None
        try:
            rows: list[dict[str, Any]] = json.loads(self.choice.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RecordError(
                f"{self.choice}: not as this tool wrote it ({error}). Restore it from a copy"
            ) from None
        return rows

    def external(self, name: str) -> ExternalSet:
        """The set of other faces of this name."""
        return ExternalSet(self.path / "external" / name)

    def externals(self) -> Iterator[ExternalSet]:
        """Every set of other faces that was ever scored, by name."""
        found = (self.path / "external").glob("*/")
        yield from (ExternalSet(path) for path in sorted(found) if path.is_dir())


class Folder(Home):
    """A study's folder; the search is run in it, the other stages in homes inside."""

    @property
    def study_file(self) -> Path:
        """What was asked, resolved; a folder with this file is a study's."""
        return self.path / STUDY

    @property
    def provenance(self) -> Path:
        """Where its numbers come from; `study.folder.provenance` reads and writes it."""
        return self.path / PROVENANCE

    @property
    def lock(self) -> Path:
        """What was fixed before the first trial, with its hash; `study.locks` reads it."""
        return self.path / "lock.json"

    @property
    def report(self) -> Path:
        """The report, one HTML file."""
        return self.path / "report.html"

    @property
    def summary(self) -> Path:
        """The report to paste, in Markdown."""
        return self.path / "report.md"

    @property
    def figures(self) -> Path:
        """The report's figures, one file each."""
        return self.path / "figures"

    @property
    def tensorboard(self) -> Path:
        """Its trials in TensorBoard's form."""
        return self.path / "tensorboard"

    @property
    def mlflow(self) -> Path:
        """Its trials in MLflow's form."""
        return self.path / "mlflow.db"

    def table(self, kind: "Kind") -> Path:
        """The parquet file of a table."""
        return self.path / table_file(kind)

    def tables(self) -> Iterator[Path]:
        """The parquet file of every table that is there, whoever wrote it."""
        yield from self.path.glob("*.parquet")

    @property
    def scout(self) -> Home:
        """Where the scouts are run."""
        return Home(self.path / SCOUT)

    @property
    def confirm(self) -> ConfirmHome:
        """Where chosen configurations are trained on fresh seeds."""
        return ConfirmHome(self.path / CONFIRM)

    @property
    def settle(self) -> SettleHome:
        """Where trainings go that settle what is open."""
        return SettleHome(self.path / SETTLE)

    def pretrained(self, structure: str) -> Path:
        """The weights of a backbone that the study trained itself, by its structure's name."""
        return self.path / PRETRAINED / f"{structure}.safetensors"

    def best_model(self, arm: str) -> KeptModel:
        """The search's best model of an arm."""
        return KeptModel(self.path / "models" / arm)

    def confirmed_models(self, arm: str) -> Path:
        """The folder of an arm's models of fresh seeds."""
        return self.best_model(arm).path / _CONFIRMED

    def confirmed_model(self, arm: str, seed: int, fold: int | None = None) -> KeptModel:
        """The model of an arm and a fresh seed, trained without a fold where there are folds."""
        return KeptModel(self.confirmed_models(arm) / part_name(seed, fold))

    def n_confirmed(self, arm: str | None = None) -> int:
        """How many models of fresh seeds are kept, of an arm or, None, of all."""
        homes = self.path.glob("models/*") if arm is None else [self.best_model(arm).path]
        return sum(1 for home in homes for _ in home.glob(f"{_CONFIRMED}/*/{_WEIGHTS}"))

    def read_study(self) -> Study:
        """What was asked.

        Raises:
            StudyFileError: The file is damaged or missing.
        """
        return load_study(self.study_file)

    def write_study(self, study: Study) -> None:
        """Replace what was asked, whole or not at all."""
        write_whole(self.study_file, dump_study(study).encode())

    def write_table(self, kind: "Kind", frame: "pd.DataFrame", study: Study) -> None:
        """Replace a table, whole or not at all.

        Raises:
            TablesError: The frame holds what the table's columns must not.
        """
        from study.folder.columns import WITH_CONFIG
        from study.folder.parquet import write_table

        factors = study.factors if kind in WITH_CONFIG else ()
        metric = study.metric if study.is_free else None
        write_table(
            self.table(kind), frame, kind, study_name=study.name, factors=factors, metric=metric
        )

    def read_table(self, kind: "Kind", metric: str | None = None) -> "pd.DataFrame | None":
        """A table; None where the stage that writes it has not run.

        Args:
            kind: Which.
            metric: Of a free study, see `study.folder.columns.columns_of`.

        Raises:
            TablesError: The file is damaged.
        """
        from study.folder.parquet import read_table

        path = self.table(kind)
        return read_table(path, kind, metric=metric) if path.is_file() else None


def part_name(seed: int, fold: int | None) -> str:
    """What tells trainings of one recipe apart in names, such as `seed7` or `seed7-fold0`."""
    return f"seed{seed}" if fold is None else f"seed{seed}-fold{fold}"


def studies(out: Path) -> list[str]:
    """Names of the studies below a folder of results that have a table of trials."""
    return sorted(path.parent.name for path in out.glob(f"*/{table_file('trials')}"))
