"""A backbone trained on a source set, from which a study's `pretrained` arms start."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from agecls.data import TrainingArrays
from agecls.recipe import Recipe
from agecls.training import fit, start
from agecls.weights import save_backbone


def pretrain(
    data: TrainingArrays,
    *,
    out: Path,
    variant: str,
    depth: int,
    epochs: int,
    seed: int,
    threads: int,
    device: str,
    source: dict[str, Any],
) -> dict[str, float]:
    """Train a backbone on age classes and write it; returns the last epoch's metrics.

    Args:
        data: The source set.
        out: Ends in `.safetensors`; a JSON of how it was made lies beside it.
        variant: Structure, see `agecls.resnet`.
        depth: Layers.
        epochs: Length of the schedule.
        seed: Root of the run's random streams.
        threads: CPU threads.
        device: Such as `cpu` or `cuda`.
        source: Path and fingerprint of the source set, for the record.
    """
    torch.set_num_threads(threads)
    recipe = Recipe(
        variant=variant, depth=depth, zero_gamma=True, epochs=epochs, batch_size=32, seed=seed
    )
    state = start(recipe, data, device=device)
    for metrics in fit(state, data):
        last = asdict(metrics)
    save_backbone(
        state.evaluated,
        out,
        made_by={"recipe": recipe.to_dict(), "data": source, "metrics": last},
        mean=state.mean,
        std=state.std,
        licence="as the source set's",
    )
    return last
