"""What the confirm stage leaves: `predictions`, `confirm`, `confirmed` and `claims`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.classes import CLASSES
from agecls.data.loading import Split
from study.analysis import analyse
from study.analysis.models.confirmed import P_COLUMNS, Confirmed, score_confirmed
from study.analysis.models.decisions import Decisions
from study.analysis.search.chosen import Choice
from study.asked.factors import DropClaim, Study, arm_name
from study.folder.columns import Kind
from study.folder.record import TrialRecord
from study.folder.tables import StudyTables, read_study, read_table, write_table
from study.plan.streams import Stream, stream_seed


def model_name(trial: TrialRecord) -> str:
    """What tables call a confirmed model, such as `org-scratch-seed123`."""
    return f"{trial.arm}-seed{trial.seed}"


def predictions_frame(
    model: str, split: str, images: Split, p: NDArray[np.float32], known: set[str]
) -> pd.DataFrame:
    """Rows of `predictions`: one per image of a split, in the split's order."""
    frame = pd.DataFrame(
        {
            "model": model,
            "split": split,
            "image": images.frame["image_path"],
            "cluster": images.frame["cluster"],
            "true": [CLASSES[c] for c in images.labels],
            "predicted": [CLASSES[c] for c in p.argmax(axis=1)],
        }
    )
    frame[P_COLUMNS] = p
    frame["is_duplicate"] = images.frame["content"].isin(known)
    return frame


def write_tables(
    study: Study,
    folder: Path,
    parts: Path,
    choices: Iterable[Choice],
    trials: Sequence[TrialRecord],
) -> list[str]:
    """Write the stage's tables; returns lines for the terminal.

    Args:
        study: The study file.
        folder: The study's folder.
        parts: Folder of each model's predictions, `<trial_id>.parquet`.
        choices: What was trained, by arm.
        trials: The stage's trials, all ended, by number.
    """
    done = [t for t in trials if t.status == "completed"]
    chosen = {c.arm: c for c in choices}
    models = pd.DataFrame([_model_row(t, chosen[t.arm]) for t in trials])
    tables = read_study(folder)
    search_claims = analyse(study, tables.trials, tables.epochs, seed=study.seed).claims
    if not done:
        write_table(folder / "confirm.parquet", models, "confirm", study_name=study.name)
        return ["No model was trained to its end on a fresh seed: nothing is confirmed"]
    predictions = pd.concat(
        [read_table(parts / f"{t.trial_id}.parquet", "predictions") for t in done],
        ignore_index=True,
    )
    order = {arm_name(study, cell): place for place, cell in enumerate(study.arms)}
    trained = models[models["status"] == "completed"]
    trained = trained.sort_values("arm", key=lambda arm: arm.map(order), kind="stable")
    found = score_confirmed(trained, predictions, seed=stream_seed(study, Stream.CONFIRMED))
    decided = Decisions()(study, found.judged_on(), search_claims)
    known = [c for c in decided.columns if c in search_claims.columns]
    said = [search_claims[known], decided, _of_other_faces(study, tables)]
    claims = pd.concat([rows for rows in said if len(rows)] or said[:1], ignore_index=True)
    frames: dict[Kind, pd.DataFrame] = {
        "predictions": predictions,
        "confirmed": found.estimates,
        "claims": claims,
        "confirm": models.merge(found.models, on="model", how="left"),
    }
    for kind, frame in frames.items():
        write_table(folder / f"{kind}.parquet", frame, kind, study_name=study.name)
    return _lines(found, decided, chosen, tables)


def _of_other_faces(study: Study, tables: StudyTables) -> pd.DataFrame:
    """What other faces had said of claims; it stays until they are scored again."""
    if tables.claims is None:
        return pd.DataFrame()
    of_drops = {c.name for c in study.claims if isinstance(c, DropClaim)}
    is_kept = (tables.claims["stage"] == "confirm") & tables.claims["claim"].isin(of_drops)
    return tables.claims[is_kept]


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
    }


def _lines(
    found: Confirmed, decided: pd.DataFrame, chosen: Mapping[str, Choice], tables: StudyTables
) -> list[str]:
    """Confirmed accuracy of each arm beside the search's best, then each claim's verdict."""
    one = found.judged_on()
    lines = []
    for arm in one.arms:
        estimate = one.contrast({arm: 100.0}, "accuracy")
        if estimate is None:
            continue
        low, high = estimate.interval()
        lines.append(
            f"{arm}: {estimate.value:.1f} % {one.split} accuracy [{low:.1f}, {high:.1f}] over "
            f"{estimate.n_seeds} fresh seeds (the search's best trial: "
            f"{chosen[arm].best_value:.1f} % {tables.study.metric.replace('_', ' ')})"
        )
    for row in decided.to_dict("records"):
        lines.append(
            f"{row['verdict']}: {row['text']} ({row['estimate']:+.1f} points "
            f"[{row['low']:.1f}, {row['high']:.1f}])"
        )
    return lines
