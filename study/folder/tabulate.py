"""From the durable record to the tables of trials and epochs."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from study.asked.factors import Study
from study.errors import RecordError
from study.folder.record import FILE_NAME, TrialRecord

EPOCH_COLUMNS = (
    "epoch",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "val_accuracy_top5",
    "val_accuracy_1off",
    "val_qwk",
    "val_mae",
    "val_macro_f1",
    "val_ece",
    "seconds",
)


def trials_frame(study: Study, trials: Iterable[TrialRecord]) -> pd.DataFrame:
    """One row per trial, in the order of their numbers; columns as in the contract.

    Raises:
        RecordError: An epoch lacks a metric, or holds one that is no number.
    """
    rows = []
    for trial in sorted(trials, key=lambda t: t.number):
        try:
            rows.append(_trial_row(study, trial))
        except (KeyError, TypeError, ValueError) as error:
            raise RecordError(
                f"{FILE_NAME}, trial {trial.trial_id}: its times or metrics are damaged "
                f"({error}). Restore the file from a copy."
            ) from error
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["trial_id", "status"])


def epochs_frame(trials: Iterable[TrialRecord]) -> pd.DataFrame:
    """One row per finished epoch, by trial number and epoch."""
    rows = [
        {"trial_id": trial.trial_id} | {name: epoch.get(name) for name in EPOCH_COLUMNS}
        for trial in sorted(trials, key=lambda t: t.number)
        for epoch in trial.epochs
    ]
    return pd.DataFrame(rows, columns=["trial_id", *EPOCH_COLUMNS])


def _trial_row(study: Study, trial: TrialRecord) -> dict[str, Any]:
    last = trial.epochs[-1] if trial.epochs else {}
    best = max(trial.epochs, key=lambda e: e["val_accuracy"], default={})
    seconds = [e["seconds"] for e in trial.epochs]
    status = trial.status
    ended_at = (trial.end or last).get("at")
    return {
        "trial_id": trial.trial_id,
        "number": trial.number,
        "arm": trial.arm,
        "origin": trial.origin,
        "status": "interrupted" if status == "running" else status,
        "collapsed": last.get("collapsed"),
        "seed": trial.seed,
        **{f"config/{f.name}": trial.config.get(f.name) for f in study.factors},
        "epochs_planned": trial.epochs_planned,
        "epochs_run": len(trial.epochs),
        "val_accuracy": last.get("val_accuracy"),
        "best_val_accuracy": best.get("val_accuracy"),
        "best_epoch": best.get("epoch"),
        "val_loss": last.get("val_loss"),
        "val_qwk": last.get("val_qwk"),
        "val_mae": last.get("val_mae"),
        "error": (trial.end or {}).get("error"),
        "started_at": pd.Timestamp(trial.started_at, unit="s", tz="UTC"),
        "ended_at": None if ended_at is None else pd.Timestamp(ended_at, unit="s", tz="UTC"),
        "train_seconds": sum(seconds),
        "images_per_second": _mean([e["images_per_second"] for e in trial.epochs]),
        "node": last.get("node"),
        "device": last.get("device"),
        "peak_memory_mib": max((e["peak_memory_mib"] for e in trial.epochs), default=None),
        "number_format": last.get("number_format"),
        "fold": trial.fold,
        "learned": last.get("learned"),
    }


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
