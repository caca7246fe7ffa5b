"""A confirm stage that nobody ran: planted accuracies, real scores, intervals and verdicts."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from agecls.classes import EIGHT
from study.analysis import analyse
from study.analysis.confirm.confirmed import score_confirmed
from study.analysis.confirm.decisions import Decisions
from study.analysis.confirm.folded import FoldedSet
from study.analysis.confirm.trained import fragile, influence
from study.asked.study import Study, arm_name
from study.folder.parquet import write_table
from study.folder.tables import read_study
from tests.study.analysis.confirm.test_folded import of_folds

RISE = 0.03
"""How much the search's best trial lies above what fresh seeds give, in every arm."""


def confirm_study(
    folder: Path,
    accuracies: Mapping[str, float],
    *,
    n_seeds: int = 5,
    n_images: int = 600,
    has_test: bool = True,
    n_reads: int = 1,
    folds: int | None = None,
    idle: Collection[str] = (),
    seed: int = 0,
) -> None:
    """Write the stage's tables into a results folder, and the looks at test into study.json.

    Args:
        folder: Of a study with trials.
        accuracies: By arm, what its models truly reach.
        n_seeds: Fresh seeds per arm.
        n_images: Of val, and of test if there is one; six to a family, a tenth of test in train.
        has_test: Whether there is a test split.
        n_reads: Looks at it.
        folds: That families of val are cut into, a training each; None: no folds.
        idle: Models that name the commonest class.
        seed: Of all that is drawn.
    """
    tables = read_study(folder)
    study = tables.study
    splits = ("val", "test") if has_test else ("val",)
    models, predictions = _draw(study, accuracies, splits, n_seeds, n_images, seed)
    if folds:
        models, predictions = of_folds(models, predictions, folds)
    is_idle = predictions["model"].isin(idle)
    predictions.loc[is_idle, list(EIGHT.columns)] = [0.93] + 7 * [0.01]
    predictions.loc[is_idle, "predicted"] = EIGHT.names[0]
    scored = score_confirmed(models, predictions, classes=EIGHT, seed=seed, n_draws=400)
    searched = analyse(study, tables.trials, tables.epochs, seed=study.seed).table("claims")
    judged_on = scored.judged_on()
    decided = Decisions()(study, judged_on, searched)
    if isinstance(judged_on, FoldedSet):
        by_claim = fragile(influence(study, judged_on))
        decided["fragile"] = decided["claim"].map(by_claim).astype("boolean")
    known = decided.reindex(columns=searched.columns)
    claims = known if searched.empty else pd.concat([searched, known], ignore_index=True)
    models = models.merge(scored.models, on="model").assign(
        status="completed", epochs_planned=study.epochs, epochs_run=study.epochs
    )
    of_arm = models.groupby("arm")["val_accuracy"].transform("mean")
    models["search_value"] = of_arm + RISE / 2
    models["search_best_value"] = of_arm + RISE
    for kind, frame in (
        ("confirm", models),
        ("confirmed", scored.estimates),
        ("claims", claims),
        ("predictions", predictions),
    ):
        write_table(folder / f"{kind}.parquet", frame, kind, study_name=study.name)  # type: ignore[arg-type]
    path = folder / "study.json"
    known_before = json.loads(path.read_text())
    reads = [
        {
            "started_at": f"2026-01-0{3 + n}T00:00:00+00:00",
            "ended_at": f"2026-01-0{3 + n}T01:00:00+00:00",
            "command": "python -m study.confirm demo" + " --seeds 7" * n,
            "n_models": len(models),
            "n_new_models": len(models) if n == 0 else 0,
        }
        for n in range(n_reads if has_test else 0)
    ]
    path.write_text(json.dumps(known_before | {"test_reads": reads}))


def _draw(
    study: Study,
    accuracies: Mapping[str, float],
    splits: tuple[str, ...],
    n_seeds: int,
    n_images: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Models, and predictions that miss by one class more often than by two; too sure of them."""
    rng = np.random.default_rng(seed)
    family = np.arange(n_images) // 6
    shares = np.array([24, 24, 18, 15, 11, 5, 2, 1]) / 100
    labels = {split: rng.choice(8, size=n_images, p=shares) for split in splits}
    hardness = {split: rng.uniform(size=n_images) for split in splits}
    models, frames = [], []
    for cell in study.arms:
        arm = arm_name(study, cell)
        for k in range(n_seeds):
            name = f"{arm}-seed{k}"
            models.append({"model": name, "arm": arm, "seed": k, "trial_id": "t00001"})
            luck = rng.normal(0, 0.01)
            for split in splits:
                p = _probabilities(labels[split], hardness[split] < accuracies[arm] + luck, rng)
                frame = pd.DataFrame(
                    {
                        "model": name,
                        "split": split,
                        "image": [f"{split}/{i:05d}.jpg" for i in range(n_images)],
                        "cluster": family,
                        "true": [EIGHT.names[c] for c in labels[split]],
                        "predicted": [EIGHT.names[c] for c in p.argmax(axis=1)],
                        "is_duplicate": (np.arange(n_images) % 10 == 0) & (split == "test"),
                    }
                )
                frame[list(EIGHT.columns)] = p
                frames.append(frame)
    return pd.DataFrame(models), pd.concat(frames, ignore_index=True)


def _probabilities(labels: np.ndarray, is_hit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, 8): the largest at the true class where `is_hit`, else one or two classes away."""
    n = len(labels)
    step = rng.choice([-2, -1, 1, 2], size=n, p=[0.1, 0.4, 0.4, 0.1])
    away = np.where((labels + step < 0) | (labels + step > 7), labels - step, labels + step)
    top = np.where(is_hit, labels, away)
    logits = -0.6 * np.abs(np.arange(8) - top[:, None]) * rng.uniform(1, 4, size=(n, 1))
    logits += rng.normal(0, 0.05, size=(n, 8))
    logits[np.arange(n), top] = logits.max(axis=1) + 0.2
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)
