"""A study whose confirm stage runs without Ray: a plain loop that trains small nets for real."""

from dataclasses import asdict
from io import StringIO
from pathlib import Path

import pandas as pd
from rich.console import Console

from agecls.data.loading import FaceData
from agecls.training import checkpoints
from agecls.training.loop import fit, predict, start
from study.asked.factors import Study, complete
from study.asked.study_file import dump_study
from study.folder.folder import Folder
from study.folder.parquet import write_table
from study.folder.provenance import Faces, Provenance
from study.folder.storage import Storage
from study.plan.space import recipe_of
from study.plan.trials import plan_trials
from study.running.interruption import StopRequest
from study.running.ray_session import Resources
from study.stages import confirm as stage
from study.stages.confirm import Work, confirm


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


def confirm_here(study: Study, folder: Path, data: FaceData, *, n_seeds: int, monkeypatch) -> str:
    """Run the confirm stage to its end in this process; what it printed."""
    monkeypatch.setattr(stage.tune_run, "run_search", _train_all)
    text = StringIO()
    storage = Storage(str(Folder(folder).confirm.checkpoints))
    storage.prepare()
    source = Provenance.read(Folder(folder)) or Provenance(
        data=Faces(fingerprint=data.fingerprint)
    )
    work = Work(
        study=study,
        folder=folder,
        data=data,
        storage=storage,
        resources=Resources(),
        weights=lambda config: None,
        backbones={},
        source=source,
        command="study.confirm it",
        console=Console(file=text, width=200),
    )
    assert confirm(work, n_seeds=n_seeds, stop=StopRequest())
    return text.getvalue()


def _train_all(search, data, storage, *, scoring, stop, weights, tick, **rest):
    while (asked := search.next()) is not None:
        recipe = recipe_of(search.study, asked.config, asked.seed)
        state = start(recipe, data, weights=weights(asked.config))
        for metrics in fit(state, data):
            if metrics.epoch == recipe.epochs:
                with storage.local_copy(asked.trial_id) as path:
                    checkpoints.save(path, state)
                    storage.publish(path)
                found = {k: predict(state, images) for k, images in scoring.images.items()}
                scoring.keep(asked.number, found)
            search.finished_epoch(asked.number, asdict(metrics))
        tick()
