"""The best model of each arm, kept for use: weights and what a user must know of them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from agecls.ages import CLASSES, NAMES
from agecls.checkpoints import read_model
from agecls.data import FaceData
from study.record import TrialRecord
from study.search import Search
from study.space import recipe_of
from study.storage import Storage
from study.tables import write_whole

FOLDER = "models"


def keep_best(search: Search, data: FaceData, folder: Path, storage: Storage) -> None:
    """Write `models/ARM/model.safetensors` and `model.json` for each arm with a finished trial.

    The best trial is the one with the highest final validation value: flattered by the search,
    which `model.json` says; the confirm stage measures it afresh.
    """
    for arm, trial in search.best_of_arms().items():
        target = folder / FOLDER / arm
        if _is_kept(target, trial):
            continue
        with storage.local_copy(trial.trial_id) as checkpoint:
            if not checkpoint.exists():
                continue
            model = read_model(checkpoint)
        target.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.contiguous() for name, tensor in model.tensors.items()}
        weights = save(tensors)
        write_whole(target / "model.safetensors", weights)
        described = _describe(search, trial, data, mean=model.mean, std=model.std)
        # a kill between the two files must not pair weights with another trial's recipe
        described["sha256"] = hashlib.sha256(weights).hexdigest()
        write_whole(target / "model.json", json.dumps(described, indent=1).encode())


def _is_kept(target: Path, trial: TrialRecord) -> bool:
    try:
        described = json.loads((target / "model.json").read_text(encoding="utf-8"))
        return bool(described["trial_id"] == trial.trial_id)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False  # not there, or damaged: written again


def _describe(
    search: Search,
    trial: TrialRecord,
    data: FaceData,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> dict[str, Any]:
    last = trial.epochs[-1]
    return {
        "study": search.study.name,
        "trial_id": trial.trial_id,
        "arm": trial.arm,
        "recipe": recipe_of(search.study, trial.config, trial.seed).to_dict(),
        "classes": list(CLASSES),
        "class_names": list(NAMES),
        "size": data.size,
        "mean": list(mean),
        "std": list(std),
        "metrics": {key: value for key, value in last.items() if key.startswith("val_")},
        "metrics_note": "of the split on which the trial was chosen among others: optimistic",
        "data_fingerprint": data.fingerprint,
        "torch": torch.__version__,
        "licence": "The weights inherit the terms of the training images and of the pretrained "
        "weights; see the study's report.",
    }
