"""A trainer that trains nothing, so that a study of any size ends within seconds."""

from collections.abc import Mapping, Sized
from dataclasses import dataclass, fields
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from agecls.nets.weights import SCRATCH_MEAN, SCRATCH_STD
from agecls.training.checkpoints import SavedModel
from agecls.training.loop import EpochMetrics
from study.running.in_process import InProcess
from study.running.steps import FAILURE, KIND, METRICS, PREDICTIONS
from study.stages import models

NUMBERS = {field.name: 0.5 for field in fields(EpochMetrics)}
PLACE = {"node": "here", "device": "cpu", "peak_memory_mib": 100.0}


def metrics(epoch: int) -> dict[str, Any]:
    """What an epoch leaves on record: the same of every trial."""
    return NUMBERS | {
        "epoch": epoch,
        "val_accuracy": 0.3,
        "collapsed": False,
        "learned": True,
        **PLACE,
    }


class Untrained:
    """The trainer; tests override `step`."""

    def __init__(self, data: Any, backbones: Any, scored: Mapping[str, Any] | None) -> None:
        self.data, self.scored = data, scored

    def begin(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.epoch = config["epochs_done"]

    def step(self) -> dict[str, Any]:
        self.epoch += 1
        return {METRICS: metrics(self.epoch)}

    def end(self) -> None:
        pass


class Guessing(Untrained):
    """Guesses in the place of predictions, and fails the trials of the numbers `failing`."""

    failing: tuple[int, ...] = ()

    def step(self) -> dict[str, Any]:
        if self.config["number"] in self.failing:
            return {FAILURE: "not today", KIND: "refused"}
        result, recipe = super().step(), self.config["recipe"]
        if self.scored is not None and self.epoch == recipe["epochs"]:
            fold = self.config["fold"]
            data = self.data if fold is None else self.data.fold(fold)
            images = {"val": data.val_images, **self.scored}
            result[PREDICTIONS] = {k: guess(recipe, v) for k, v in images.items()}
        return result


class Killed(BaseException):
    """Stands for a killed driver."""


@dataclass(frozen=True, kw_only=True)
class KilledBefore(InProcess):
    """An executor that is killed before its `epochs`-th epoch is recorded."""

    trainer: Any = Guessing
    epochs: int

    def run(self, job):
        record, n = job.search.finished_epoch, count()

        def finished_epoch(number, metrics):
            if next(n) == self.epochs:
                raise Killed
            return record(number, metrics)

        job.search.finished_epoch = finished_epoch
        super().run(job)


def guess(recipe: Mapping[str, Any], images: Sized) -> NDArray[np.float32]:
    """Probabilities (N, 8) that depend on a recipe's seed and variant alone."""
    rng = np.random.default_rng([recipe["seed"], len(images), recipe["variant"] == "org"])
    return rng.dirichlet(np.ones(8), size=len(images)).astype(np.float32)


def without_checkpoints(patch: pytest.MonkeyPatch) -> None:
    """Keep models of trainers that train nothing; `test_models` of the stages has real ones."""
    saved = SavedModel({"w": torch.ones(1)}, SCRATCH_MEAN, SCRATCH_STD)
    patch.setattr(models, "read_model", lambda path: saved)
