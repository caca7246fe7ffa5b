"""The facts that the confirm stage leaves: `predictions` and `confirm`."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.data.loading import Labelled
from study.analysis.search.chosen import Choice
from study.asked.study import Study
from study.folder.folder import Folder, part_name
from study.folder.parquet import read_table
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


def models_table(
    study: Study, choices: Iterable[Choice], trials: Sequence[TrialRecord]
) -> pd.DataFrame:
    """Rows of `confirm`, which models of ours are still to be scored in.

    Args:
        study: The study file.
        choices: What was trained, by arm.
        trials: The stage's trials, all ended, by number.
    """
    chosen = {c.arm: c for c in choices}
    return pd.DataFrame([_model_row(study, t, chosen[t.arm]) for t in trials])


def score_of(study: Study, trial: TrialRecord) -> dict[str, float | None]:
    """What a training of a free study has come to; null where it did not end well."""
    is_done = trial.status == "completed"
    return {study.metric: float(trial.epochs[-1][study.metric]) if is_done else None}


def _model_row(study: Study, trial: TrialRecord, choice: Choice) -> dict[str, Any]:
    measure = study.measure
    return {
        "arm": trial.arm,
        "seed": trial.seed,
        "model": model_name(trial),
        "trial_id": choice.trial_id,
        "status": trial.status,
        "collapsed": trial.epochs[-1].get("collapsed") if trial.epochs else None,
        "epochs_planned": trial.epochs_planned,
        "epochs_run": len(trial.epochs),
        "search_value": measure.value_at(choice.value),
        "search_best_value": measure.value_at(choice.best_value),
        **(score_of(study, trial) if study.is_free else {}),
        "error": (trial.end or {}).get("error"),
        "fold": trial.fold,
    }
