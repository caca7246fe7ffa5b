"""One trial after another in one process, step by step: a step is an epoch.

The driver has an epoch on disk before it asks for the next one. Checkpoints are ours, not Ray's: a
trial continues from them whoever restarts it.
"""

import errno
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any, Final

import torch

from agecls.data.arrays import TrainingArrays, View
from agecls.errors import AgeclsError, CheckpointError, DivergedError
from agecls.nets.kernels.choice import fingerprint
from agecls.nets.kernels.convolution import choices_of
from agecls.nets.kernels.precision import formats_used
from agecls.recipe import Recipe
from agecls.training import checkpoints
from agecls.training.allocator import give_memory_back
from agecls.training.loop import EpochMetrics, TrainingState, fit, predict, start
from study.folder.storage import Storage
from study.running.peak import peak_mib, reset_peak
from study.running.steps import (
    FAILURE,
    KIND,
    METRICS,
    PREDICTIONS,
    Backbones,
    Images,
    one_line,
)

CHECKPOINT_SPACING: Final = 10
"""How many times its writing time passes before the next checkpoint: on a GPU an epoch may be
shorter than the writing. After a trial's first and last epoch there is one in any case."""

DISK_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Not the trial's fault, and no use to go on."""


class Trainer:
    """Trains a ResNet on faces already in memory, one trial after another in one process."""

    def __init__(
        self, data: TrainingArrays, backbones: Backbones, scored: Mapping[str, Images] | None
    ) -> None:
        """Have ready what all trials share.

        Args:
            data: Read-only.
            backbones: Files of weights, so that a node needs none of its own.
            scored: By split, images besides those that a trial is validated on whose
                probabilities each finished model reports; None: no probabilities at all.
        """
        self._data = data
        self._backbones = backbones
        self._scored = scored
        self._epochs: Iterator[dict[str, Any]] = iter(())

    def begin(self, config: Mapping[str, Any]) -> None:
        """Start or continue a trial.

        Args:
            config: `number`, `recipe` (a Recipe's dict), `epochs_done` (epochs that the record
                has), `trial_id`, `storage` (URI of the checkpoints), `weights` (source or None),
                `fold` (what it is validated on; None: the data's own val), `threads` and
                `wants_gpu`.
        """
        self.end()
        reset_peak_memory()
        torch.set_num_threads(config["threads"])
        self._epochs = self._run(config)

    def end(self) -> None:
        """Free what the trial held."""
        self._epochs = iter(())

    def _run(self, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Epochs that the record lacks: those that the checkpoint is ahead, then new ones.

        Where the checkpoint is behind the record, or damaged, epochs that the record has come
        again, the same on a CPU and nearly so on a GPU; the driver passes over them.
        """
        recipe = Recipe.from_dict(config["recipe"])
        storage = Storage(config["storage"])
        device = device_for(wants_gpu=config["wants_gpu"])
        data = self._data if config["fold"] is None else self._data.fold(config["fold"])
        with storage.local_copy(config["trial_id"]) as path:
            try:
                state = checkpoints.restore(path, recipe, data, device=device)
            except CheckpointError:
                with _on_this_node(self._backbones, config["weights"]) as weights:
                    state = start(recipe, data, device=device, weights=weights)
            for metrics in state.history[config["epochs_done"] :]:
                yield self._result(metrics, state, data)
            next_at = 0.0
            for metrics in fit(state, data):
                began = monotonic()
                if began >= next_at or metrics.epoch == recipe.epochs:
                    checkpoints.save(path, state)
                    storage.publish(path)
                    ended = monotonic()
                    next_at = ended + CHECKPOINT_SPACING * (ended - began)
                yield self._result(metrics, state, data)

    def _result(
        self, metrics: EpochMetrics, state: TrainingState, data: TrainingArrays
    ) -> dict[str, Any]:
        result = _result(metrics, state)
        if self._scored is not None and metrics.epoch == state.recipe.epochs:
            images: dict[str, Images | View[Images]] = {"val": data.val_images, **self._scored}
            result[PREDICTIONS] = {k: predict(state, v) for k, v in images.items()}
        return result

    def step(self) -> dict[str, Any]:
        """The next epoch's metrics, or why there is none.

        Errors are results, so that the process lives on for the next trial.
        """
        try:
            return next(self._epochs)
        except DivergedError as error:
            return _failure("diverged", str(error))
        except AgeclsError as error:
            return _failure("refused", str(error))
        except OSError as error:
            if error.errno in DISK_ERRORS:
                return _failure("disk", f"{error.strerror}: {error.filename}")
            return _failure("raised", one_line(error))
        except Exception as error:
            return _failure("raised", one_line(error))


def _failure(kind: str, reason: str) -> dict[str, Any]:
    # Not marked as done: Ray would end the trial without showing its result to the scheduler.
    return {FAILURE: reason, KIND: kind}


@contextmanager
def _on_this_node(backbones: Backbones, source: str | None) -> Iterator[str | None]:
    """The source as this node can load it: files come out of the object store."""
    if source is None or source not in backbones:
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="study-weights-") as folder:
        for name, content in backbones[source].items():
            (Path(folder) / name).write_bytes(
                content if isinstance(content, bytes) else content.data
            )
        yield str(Path(folder) / Path(source).name)


def _result(metrics: EpochMetrics, state: TrainingState) -> dict[str, Any]:
    """What Ray carries to the driver: metrics, where they were made, and the memory they took."""
    place = {
        "node": platform.node(),
        "device": device_name(state.device),
        "number_format": formats_used(state.model, state.device, state.recipe.precision),
        "kernels": _kernels(state),
        "peak_memory_mib": peak_memory_mib(state.device),
    }
    return {METRICS: {**asdict(metrics), **place}}


def _kernels(state: TrainingState) -> str | None:
    """By what kernels of ours it computes; None: by none, as on a GPU."""
    choices = choices_of(state.model)
    return fingerprint(choices) if choices else None


def device_for(*, wants_gpu: bool) -> str:
    """`cuda` if a GPU was asked for and PyTorch sees one; Ray's GPUs may be logical only."""
    return "cuda" if wants_gpu and torch.cuda.is_available() else "cpu"


def device_name(device: torch.device) -> str:
    """What a reader calls the device: the GPU's name, or `cpu`."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def reset_peak_memory() -> None:
    """Make `peak_memory_mib` count from now, so that a reused process reports each trial's own."""
    give_memory_back()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    reset_peak()


def peak_memory_mib(device: torch.device) -> float:
    """Peak memory of the device, or of this process on a CPU, in MiB; NaN where it is unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_mib()
