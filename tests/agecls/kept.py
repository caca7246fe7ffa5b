"""Models as a study keeps them, of one short training, for tests of what comes after a study."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save

from agecls.classes import EIGHT
from agecls.recipe import Recipe
from agecls.training.loop import TrainingState, fit, start
from tests.agecls.tiny import shades

RECIPE = Recipe(variant="bcd", depth=18, epochs=1, batch_size=16, lr=0.02, ema=0.9)
SIZE = 32


def trained(loss: str = "cross_entropy", *, seed: int = 0) -> TrainingState:
    """A state after a few steps on shades of grey, so that BN's statistics are not the default."""
    data = shades(48, 16, size=SIZE)
    state = start(replace(RECIPE, loss=loss, seed=seed), data)
    list(fit(state, data))
    return state


def keep(state: TrainingState, folder: Path, **changes: object) -> Path:
    """Write `model.safetensors` and `model.json`, as a study does; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.contiguous() for name, t in state.evaluated.state_dict().items()}
    weights = save(tensors)
    (folder / "model.safetensors").write_bytes(weights)
    described = {
        "study": "tiny",
        "trial_id": "t00001",
        "arm": folder.name,
        "recipe": state.recipe.to_dict(),
        "classes": list(EIGHT.names),
        "class_names": list(EIGHT.captions),
        "size": SIZE,
        "mean": list(state.mean),
        "std": list(state.std),
        "metrics": {"val_accuracy": 0.5, "val_loss": 1.25},
        "data_fingerprint": "f00d",
        "torch": str(torch.__version__),
        "licence": "The weights inherit the terms of the training images.",
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    (folder / "model.json").write_text(json.dumps(described | changes))
    return folder
