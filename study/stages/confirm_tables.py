"""The facts that the confirm stage leaves: `predictions` and `confirm`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.data.loading import Labelled
from study.analysis.search.chosen import Choice
from study.asked.factors import Study
from study.folder.folder import Folder, part_name
from study.folder.parquet import as_table, read_table
from study.folder.record import TrialRecord


def model_name(trial: TrialRecord) -> str:
    """What tables call a model, such as `org-scratch-seed123` or `org-scratch-seed123-fold0`."""
    return f"{trial.arm}-{part_name(trial.seed, trial.fold)}"


def predictions_frame(
    model: str, split: str, images: Labelled, p: NDArray[np.float32], known: set[str]
) -> pd.DataFrame:
    """Rows of `predictions`: one per image of a split, in the split's order."""
    names = images.classes.names
    return pd.DataFrame(
        {
            "model": model,
            "split": split,
            "image": images.frame["image_path"],
            "cluster": images.frame["cluster"],
            "true": [names[c] for c in images.labels],
            "predicted": [names[c] for c in p.argmax(axis=1)],
            **dict(zip(images.classes.columns, p.T, strict=True)),
            "is_duplicate": images.frame["content"].isin(known),
        }
    )


def predictions_of(home: Folder, trials: Iterable[TrialRecord]) -> pd.DataFrame:
    """What the models of trials that ran to their end say, one after the other."""
    return pd.concat(
        [read_table(home.confirm.predictions(t.trial_id), "predictions") for t in trials],
        ignore_index=True,
    )


def write_facts(
    study: Study,
    folder: Path,
    choices: Iterable[Choice],
    trials: Sequence[TrialRecord],
) -> pd.DataFrame:
    """Write which models there are, not yet scored, and what they say of every image.

    Returns the table of models.

    Args:
        study: The study file.
        folder: The study's folder.
        choices: What was trained, by arm.
        trials: The stage's trials, all ended, by number.
    """
    home = Folder(folder)
    done = [t for t in trials if t.status == "completed"]
    if done:
        home.write_table("predictions", predictions_of(home, done), study)
    chosen = {c.arm: c for c in choices}
    models = pd.DataFrame([_model_row(t, chosen[t.arm]) for t in trials])
    home.write_table("confirm", models, study)
    return as_table(models, "confirm")


def _model_row(trial: TrialRecord, choice: Choice) -> dict[str, Any]:
    return {
        "arm": trial.arm,
        "seed": trial.seed,
        "model": model_name(trial),
        "trial_id": choice.trial_id,
        "status": trial.status,
        "collapsed": trial.epochs[-1]["collapsed"] if trial.epochs else None,
        "epochs_planned": trial.epochs_planned,
        "epochs_run": len(trial.epochs),
        "search_value": choice.value / 100,
        "search_best_value": choice.best_value / 100,
        "error": (trial.end or {}).get("error"),
        "fold": trial.fold,
    }
