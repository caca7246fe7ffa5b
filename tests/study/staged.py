"""Studies whose stages run without Ray: small nets are trained for real, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
from rich.console import Console

from agecls.data.loading import FaceData
from study.asked.study import Study, complete
from study.asked.study_file import dump_study
from study.folder import parquet
from study.folder.folder import Folder
from study.folder.parquet import write_table
from study.folder.provenance import Faces, Provenance
from study.plan.trials import plan_trials
from study.running.in_process import InProcess
from study.running.ray_session import Resources
from study.stages.confirm import Confirm
from study.stages.session import Session


def write_search(study: Study, folder: Path, **values: object) -> None:
    """A finished search's tables: every arm's trials at the values of its tuned factors."""
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(dump_study(study))
    rows = []
    for planned in plan_trials(study):
        config = complete(study, {**planned.cell, **values})
        rows.append(
            {
                "trial_id": f"t{planned.number:05d}",
                "number": planned.number,
                "arm": planned.arm,
                "origin": "design",
                "status": "completed",
                "collapsed": False,
                "seed": planned.seed,
                "epochs_planned": config["epochs"],
                "epochs_run": config["epochs"],
                "val_accuracy": 0.3,
                **{f"config/{k}": v for k, v in config.items()},
            }
        )
    write_table(
        folder / "trials.parquet", pd.DataFrame(rows), "trials", study_name=study.name,
        factors=study.factors,
    )  # fmt: skip
    epochs = pd.DataFrame(columns=["trial_id", "epoch"])
    write_table(folder / "epochs.parquet", epochs, "epochs", study_name=study.name)


@contextmanager
def reads() -> Iterator[list[Path]]:
    """Every parquet file that is read within the block, each time that it is."""
    found, opened = [], parquet._open

    def counted(path: Path) -> Any:
        found.append(path)
        return opened(path)

    with patch.object(parquet, "_open", counted):
        yield found


def session_at(
    study: Study, folder: Path, data: FaceData, **means: Any
) -> tuple[Session, StringIO]:
    """A session that goes on from what is on disk, and what it will have printed.

    Its executor is this process, unless `means` has another one.
    """
    text = StringIO()
    values: dict[str, Any] = {
        "provenance": Provenance.read(Folder(folder))
        or Provenance(data=Faces(fingerprint="print")),
        "executor": InProcess(),
        "resources": Resources(),
        "command": ["study.confirm", "it"],
    }
    session = Session(
        study=study,
        folder=Folder(folder),
        data=data,
        record=None,
        console=Console(file=text, width=300),
        **values | means,
    )
    return session, text


def confirm_here(study: Study, folder: Path, data: FaceData, *, n_seeds: int) -> str:
    """Run the confirm stage to its end in this process; what it printed."""
    session, text = session_at(study, folder, data)
    assert Confirm(n_seeds=n_seeds)(session)
    return text.getvalue()
