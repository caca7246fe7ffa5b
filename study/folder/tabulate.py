"""From the durable record to the tables of trials and epochs, which say no more than it does."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import pandas as pd
from pandas.api.types import is_numeric_dtype

from study.asked.free import is_taken
from study.asked.study import Study
from study.errors import RecordError, TablesError
from study.folder.columns import names_of
from study.folder.folder import Folder, Home
from study.folder.record import FILE_NAME, TrialRecord

EPOCH_COLUMNS: Final = tuple(name for name in names_of("epochs") if name != "trial_id")
"""What an epoch's line of the record says under the same names."""

MOST_REPORTED: Final = 100
"""Names beside its metric that a function gets columns for; further ones stay in the record."""


def epoch_columns(study: Study, trials: Iterable[TrialRecord]) -> tuple[str, ...]:
    """What the table of epochs holds of each: the metrics of our recipe, or a function's."""
    if not study.is_free:
        return EPOCH_COLUMNS
    return ("epoch", study.metric, "seconds", *_reported(study, trials))


def _reported(study: Study, trials: Iterable[TrialRecord]) -> list[str]:
    """What a function reports beside the study's metric, the first trial's names first."""
    every = dict.fromkeys(n for t in sorted(trials, key=_number) for e in t.epochs for n in e)
    return [n for n in every if n != study.metric and not is_taken(n)][:MOST_REPORTED]


def reported_in(frame: pd.DataFrame, metric: str) -> list[str]:
    """Names of what trials of a free study have told of themselves beside its metric.

    Args:
        frame: Its trials or epochs.
        metric: The study's.
    """
    free = (n for n in frame.columns if n != metric and not is_taken(n))
    return [n for n in free if is_numeric_dtype(frame[n]) and frame[n].notna().any()]


def trials_frame(study: Study, trials: Iterable[TrialRecord]) -> pd.DataFrame:
    """One row per trial, in the order of their numbers; columns as in the contract.

    Raises:
        RecordError: An epoch lacks a metric, or holds one that is no number.
    """
    rows, trials = [], sorted(trials, key=_number)
    measured = [study.metric, *_reported(study, trials)] if study.is_free else None
    for trial in trials:
        try:
            rows.append(_trial_row(study, trial, measured))
        except (KeyError, TypeError, ValueError) as error:
            raise RecordError(
                f"{FILE_NAME}, trial {trial.trial_id}: its times or metrics are damaged "
                f"({error}). Restore the file from a copy."
            ) from error
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["trial_id", "status"])


def epochs_frame(
    trials: Iterable[TrialRecord], columns: Sequence[str] = EPOCH_COLUMNS
) -> pd.DataFrame:
    """One row per finished epoch, by trial number and epoch; see `epoch_columns`."""
    rows = [
        {"trial_id": trial.trial_id} | {name: epoch.get(name) for name in columns}
        for trial in sorted(trials, key=_number)
        for epoch in trial.epochs
    ]
    return pd.DataFrame(rows, columns=["trial_id", *columns])


Recorded = Literal["trials", "confirm", "settle"]
"""Tables that a stage writes from its record, as a whole."""

_WAY_OUT: Final[Mapping[Recorded, str]] = {
    "trials": "Copy it from where the study was run, or begin a new study with --name; "
    "study.report, study.confirm and study.settle need none.",
    "confirm": "Copy the folder confirm/ from where the study was confirmed, or move the table "
    "elsewhere to confirm anew.",
    "settle": "Copy the folder settle/ from where the study was settled.",
}


def check_on_disk(folder: Folder, kind: Recorded) -> None:
    """As `check_on_record`, of the table as it lies there, before anything else is read.

    A damaged table beside a record is made again from it.

    Raises:
        RecordError: As `check_on_record`.
        TablesError: The table is damaged, and there is no record to make it from.
    """
    try:
        table = folder.read_table(kind)  # before the record, which is the first to grow
    except TablesError:
        if not folder.record.exists():
            raise
        return
    check_on_record(folder, kind, table)


def check_on_record(folder: Folder, kind: Recorded, table: pd.DataFrame | None) -> None:
    """Refuse to go on where a table says more than the record that it would be written from.

    A folder may have been copied without its record, or the record may have lost its end: what it
    does not hold would be trained again, and take the place of what the table says.

    Raises:
        RecordError: A trial of the table, or an epoch of one, is not on record.
    """
    for rows, home in () if table is None else _recorded(folder, kind, table):
        told = _epochs(rows[["arm", "seed", "fold", "epochs_run"]].itertuples(index=False))
        on_record = ((t.arm, t.seed, t.fold, len(t.epochs)) for t in home.trials().values())
        if lacking := told - _epochs(on_record):
            raise RecordError(
                f"{folder.table(kind)}: of its {len(rows)} trials {home.record} lacks "
                f"{len(lacking)}, or their last epochs, which would be trained again and written "
                f"over. {_WAY_OUT[kind]}"
            )


def _recorded(
    folder: Folder, kind: Recorded, table: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, Home]]:
    """A table's rows, with the home of the record that they come from."""
    if kind != "trials":
        yield table, folder.confirm if kind == "confirm" else folder.settle
        return
    is_scout = table["origin"].eq("scout").fillna(False).astype(bool)
    yield table[~is_scout], folder
    yield table[is_scout], folder.scout


def _epochs(trials: Iterable[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    """How many trials and finished epochs there are of each arm, seed and fold, in one number.

    Args:
        trials: Arm, seed, fold and epochs of each; null where a table does not say.
    """
    found: Counter[tuple[Any, ...]] = Counter()
    for trial in trials:
        *which, epochs = (None if pd.isna(value) else value for value in trial)
        found[tuple(which)] += 1 + (epochs or 0)
    return found


def _number(trial: TrialRecord) -> int:
    return trial.number


def _trial_row(study: Study, trial: TrialRecord, measured: Sequence[str] | None) -> dict[str, Any]:
    """A trial's row; `measured` names what its epochs hold in the place of our recipe's."""
    last = trial.epochs[-1] if trial.epochs else {}
    seconds = [e["seconds"] for e in trial.epochs]
    status = trial.status
    ended_at = (trial.end or last).get("at")
    return {
        "trial_id": trial.trial_id,
        "number": trial.number,
        "arm": trial.arm,
        "origin": trial.origin,
        "status": "interrupted" if status == "running" else status,
        "seed": trial.seed,
        **{f"config/{f.name}": trial.config.get(f.name) for f in study.factors},
        "epochs_planned": trial.epochs_planned,
        "epochs_run": len(trial.epochs),
        **(_of_a_recipe(trial) if measured is None else {n: last.get(n) for n in measured}),
        "error": (trial.end or {}).get("error"),
        "started_at": pd.Timestamp(trial.started_at, unit="s", tz="UTC"),
        "ended_at": None if ended_at is None else pd.Timestamp(ended_at, unit="s", tz="UTC"),
        "train_seconds": sum(seconds),
        "node": last.get("node"),
        "device": last.get("device"),
        "peak_memory_mib": max((e["peak_memory_mib"] for e in trial.epochs), default=None),
        "fold": trial.fold,
    }


def _of_a_recipe(trial: TrialRecord) -> dict[str, Any]:
    """What only trainings of our recipe say of themselves."""
    last = trial.epochs[-1] if trial.epochs else {}
    best = max(trial.epochs, key=lambda e: e["val_accuracy"], default={})
    return {
        "collapsed": last.get("collapsed"),
        "val_accuracy": last.get("val_accuracy"),
        "best_val_accuracy": best.get("val_accuracy"),
        "best_epoch": best.get("epoch"),
        "val_loss": last.get("val_loss"),
        "val_qwk": last.get("val_qwk"),
        "val_mae": last.get("val_mae"),
        "images_per_second": _mean([e["images_per_second"] for e in trial.epochs]),
        "number_format": last.get("number_format"),
        "learned": last.get("learned"),
        "kernels": last.get("kernels"),
    }


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
