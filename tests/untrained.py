"""A trainer that trains nothing, so that a study of any size ends within seconds."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from agecls.training.loop import EpochMetrics
from study.running.trainer import METRICS

NUMBERS = {field.name: 0.5 for field in fields(EpochMetrics)}
PLACE = {"node": "here", "device": "cpu", "peak_memory_mib": 100.0}


def metrics(epoch: int) -> dict[str, Any]:
    """What an epoch leaves on record: the same of every trial."""
    return NUMBERS | {"epoch": epoch, "val_accuracy": 0.3, "collapsed": False, **PLACE}


class Untrained:
    """The trainer; tests override `step`."""

    def __init__(self, data: Any, backbones: Any, scored: Mapping[str, Any]) -> None:
        self.scored = scored

    def begin(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.epoch = config["epochs_done"]

    def step(self) -> dict[str, Any]:
        self.epoch += 1
        return {METRICS: metrics(self.epoch)}
