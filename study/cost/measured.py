"""A training step, measured: what every estimate of a cost follows from."""

import time
from dataclasses import replace

import numpy as np
import torch

from agecls.classes import EIGHT
from agecls.data.arrays import TrainingArrays
from agecls.recipe import Recipe
from agecls.training.loop import fit, start
from study.asked.study import Study

MEASURED_STEPS = 3
"""Training steps that are timed for each structure, after a first one to warm up."""


def precision_to_measure(study: Study) -> str:
    """The slower of the study's number formats."""
    levels = study.factor("precision").levels
    return "float32" if "float32" in levels else str(levels[0])


def measured_recipe(study: Study, variant: str, depth: int) -> Recipe:
    """What is timed: a structure in the study's first batch size, for as long as one likes."""
    return Recipe(
        variant=variant,
        depth=depth,
        batch_size=int(study.factor("batch_size").levels[0]),
        precision=precision_to_measure(study),
        epochs=1000,
        lr=1e-3,
    )


def seconds_per_image(study: Study, variant: str, depth: int) -> float:
    """Seconds that one thread needs to train on one image, measured on random pixels."""
    batch = int(study.factor("batch_size").levels[0])
    data = random_faces(batch, study.size)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        recipe = measured_recipe(study, variant, depth)
        epochs = fit(start(replace(recipe, epochs=1 + MEASURED_STEPS), data), data)
        next(epochs)
        started = time.perf_counter()
        for _ in epochs:
            pass
        return (time.perf_counter() - started) / (MEASURED_STEPS * batch)
    finally:
        torch.set_num_threads(before)


def random_faces(n: int, size: int) -> TrainingArrays:
    """`n` training images of random pixels, all classes in turn, and one to validate."""
    images = np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    places = np.arange(n)
    return TrainingArrays(images, places % len(EIGHT), places, places[:1], EIGHT)
