"""Models kept for use: each arm's best of the search, and every confirmed one.

`models/ARM/` holds the search's best, `models/ARM/confirmed/seedN/` those of fresh seeds with the
temperature that calibrates them; `agecls.predict models/ARM/confirmed` averages all seeds.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from agecls.classes import Classes
from agecls.data.folded import FoldedFaces
from agecls.data.loading import FaceData, Labelled
from agecls.errors import CheckpointError
from agecls.files import write_whole
from agecls.metrics import score
from agecls.training.checkpoints import SavedModel, read_model
from study.analysis.confirm.scoring import metrics_of, temperature
from study.asked.study import Study
from study.folder.folder import Folder, KeptModel
from study.folder.record import TrialRecord
from study.folder.storage import Storage
from study.plan.space import recipe_of
from study.running.search_state import Search

MODEL_BYTES: Final = 100_000_000
"""What a kept model takes at most: a ResNet-50's 23.5 million parameters of four bytes each;
ResNet-101 is nearly twice as large."""


_CHOSEN_ON: Final = {
    False: "of the split on which the trial was chosen among others: optimistic",
    True: "of the trial's own fold, chosen among others' values on theirs: optimistic, and a fold "
    "that is easy flatters further",
}
"""What to know of the search's best, by whether its trials took folds."""


def keep_best(search: Search, data: FaceData, folder: Path, storage: Storage) -> list[str]:
    """Write `models/ARM/model.safetensors` and `model.json` for each arm with a finished trial.

    Returns a line for each arm whose model cannot be had, since its checkpoint is lost.

    The best trial is the one with the highest final validation value: flattered by the search,
    which `model.json` says; the confirm stage measures it afresh.
    """
    problems = []
    for arm, trial in search.best_of_arms().items():
        target = Folder(folder).best_model(arm)
        if _is_kept(target, trial):
            continue
        try:
            with storage.local_copy(trial.trial_id) as checkpoint:
                model = read_model(checkpoint)
        except (CheckpointError, OSError) as error:
            problems.append(f"{arm}: no model of its best trial {trial.trial_id} ({error})")
            continue
        last = trial.epochs[-1]
        about = {
            "stage": "search",
            "trial_id": trial.trial_id,
            **_on_fold(trial),
            "metrics": {k: v for k, v in last.items() if k.startswith("val_") and v is not None},
            "metrics_note": _CHOSEN_ON[trial.fold is not None],
        }
        _write(target, model, _describe(search.study, trial, data, model) | about)
    return problems


@dataclass(frozen=True, kw_only=True)
class ConfirmedModels:
    """The writer of a confirm stage's models.

    Attributes:
        study: The resolved study.
        folder: Its folder.
        data: Its images.
        folded: Those of train and val as folds, where trials take folds.
        storage: Where the stage's checkpoints lie.
        chosen: By arm, the search trial whose configuration is confirmed.
    """

    study: Study
    folder: Path
    data: FaceData
    storage: Storage
    chosen: Mapping[str, str]
    folded: FoldedFaces | None = None

    def scored_on(self, trial: TrialRecord) -> dict[str, Labelled]:
        """By split, the images that a trial's model is scored on; `val` is its fold's."""
        val: Labelled = self.data.val
        if trial.fold is not None:
            assert self.folded is not None
            val = self.folded.held_out(trial.fold)
        return {"val": val} | ({} if self.data.test is None else {"test": self.data.test})

    def keep(self, trial: TrialRecord, probabilities: Mapping[str, NDArray[np.float32]]) -> None:
        """Write the model of a trial's checkpoint, with its temperature and its metrics.

        Args:
            trial: Trained to its end, its checkpoint still there.
            probabilities: By split, what the model says of its images (N, 8).

        Raises:
            CheckpointError: The checkpoint is gone or damaged.
            OSError: The disk is full.
        """
        with self.storage.local_copy(trial.trial_id) as checkpoint:
            model = read_model(checkpoint)
        labels = {split: images.labels for split, images in self.scored_on(trial).items()}
        about = {
            "stage": "confirm",
            "seed": trial.seed,
            **_on_fold(trial),
            "trial_id": self.chosen[trial.arm],
            "temperature": temperature(labels["val"], probabilities["val"].astype(np.float64)),
            "metrics": {
                f"{split}_{name}": value
                for split, p in probabilities.items()
                for name, value in _metrics(labels[split], p, self.data.classes).items()
            },
            "metrics_note": "of this model before its temperature; the intervals over all seeds "
            "are in confirmed.parquet",
        }
        target = Folder(self.folder).confirmed_model(trial.arm, trial.seed, trial.fold)
        _write(target, model, _describe(self.study, trial, self.data, model) | about)


def _on_fold(trial: TrialRecord) -> dict[str, int]:
    """Which fold a model was trained without, on which its `val` metrics are."""
    return {} if trial.fold is None else {"fold": trial.fold}


def _metrics(
    labels: NDArray[np.int64], p: NDArray[np.float32], classes: Classes
) -> dict[str, float]:
    found = score(labels, p, is_ordered=classes.is_ordered)
    values = {name: getattr(found, name) for name in metrics_of(classes) if name != "nll"}
    return {"loss": found.nll} | values


def _write(target: KeptModel, model: SavedModel, described: dict[str, Any]) -> None:
    target.path.mkdir(parents=True, exist_ok=True)
    weights = save({name: tensor.contiguous() for name, tensor in model.tensors.items()})
    write_whole(target.weights, weights)
    # a kill between the two files must not pair weights with another trial's recipe
    described["sha256"] = hashlib.sha256(weights).hexdigest()
    write_whole(target.described, json.dumps(described, indent=1).encode())


def _is_kept(target: KeptModel, trial: TrialRecord) -> bool:
    try:
        described = json.loads(target.described.read_text(encoding="utf-8"))
        return bool(described["trial_id"] == trial.trial_id)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False  # not there, or damaged: written again


def _describe(
    study: Study, trial: TrialRecord, data: FaceData, model: SavedModel
) -> dict[str, Any]:
    """What is true of every kept model."""
    return {
        "study": study.name,
        "arm": trial.arm,
        "recipe": recipe_of(study, trial.config, trial.root).to_dict(),
        "classes": list(data.classes.names),
        "class_names": list(data.classes.captions),
        "years": data.classes.years and [list(pair) for pair in data.classes.years],
        "ordered": data.classes.is_ordered,
        "size": data.size,
        "mean": list(model.mean),
        "std": list(model.std),
        "data_fingerprint": data.fingerprint,
        "torch": torch.__version__,
        "licence": "The weights inherit the terms of the training images and of the pretrained "
        "weights; see the study's report.",
    }
