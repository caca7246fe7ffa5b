"""A run on disk between two epochs: written whole or not at all, read without running code.

A checkpoint is torch's zip archive of tensors and plain values. Reading verifies the checksum of
every member, which `torch.load` itself does not, and never unpickles objects.
"""

import logging
import os
import pickle
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from agecls.ages import N_CLASSES
from agecls.batches import Rgb
from agecls.data import TrainingArrays
from agecls.errors import CheckpointError
from agecls.recipe import Recipe
from agecls.training import TrainingState, assemble
from agecls.weights import SCRATCH_MEAN, SCRATCH_STD, LoadedWeights

FORMAT: Final = 1
_TORCH: Final = str(torch.__version__)

_log = logging.getLogger(__name__)


def save(path: Path, state: TrainingState) -> None:
    """Write the state so that `path` holds the old checkpoint or this one at any instant.

    The bytes are on disk when this returns.

    Raises:
        OSError: The file could not be written, as on a full disk; `path` is as it was.
    """
    content = {
        "format": FORMAT,
        "torch": _TORCH,
        "recipe": state.recipe.to_dict(),
        "train_counts": list(state.train_counts),
        "weights": None if state.weights is None else asdict(state.weights),
        **state.state_dict(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    # the process's own name: a killed writer's leftover never meets another writer
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def restore(
    path: Path,
    recipe: Recipe,
    data: TrainingArrays,
    *,
    device: str | torch.device = "cpu",
) -> TrainingState:
    """The saved state, for `fit` to go on with; pretrained weights are not needed again.

    Raises:
        CheckpointError: There is no checkpoint, it is damaged, or it is of another recipe, data
            set or format.
    """
    content = _read(path)
    _refuse_another_run(path, content, recipe, data)
    if content["torch"] != _TORCH:
        _log.warning(
            "%s was written by torch %s and goes on with %s: its next epochs may differ in the "
            "last digits from an unbroken run's",
            path,
            content["torch"],
            _TORCH,
        )
    try:
        weights = content["weights"]
        loaded = None if weights is None else LoadedWeights(**weights)
        state = assemble(recipe, data, device=device, weights=loaded)
        state.load_state_dict(content)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} does not hold what its recipe needs ({error}); delete it to start over"
        ) from error
    return state


@dataclass(frozen=True)
class SavedModel:
    """The model that a run's metrics are of, apart from the run.

    Attributes:
        tensors: Its state dict, averaged weights if the recipe averages.
        mean: Normalisation that goes with it, per channel, of values in 0..1.
        std: Likewise.
    """

    tensors: dict[str, torch.Tensor]
    mean: Rgb
    std: Rgb


def read_model(path: Path) -> SavedModel:
    """The evaluated model of a checkpoint, without its optimizer.

    Raises:
        CheckpointError: There is no checkpoint, or it is damaged.
    """
    content = _read(path)
    tensors = dict(content["ema"] or content["model"])
    weights = content["weights"]
    if content["ema"]:
        # BN statistics are the model's; see `agecls.training.predict`.
        tensors |= {k: v for k, v in content["model"].items() if "running_" in k or "num_" in k}
    if weights is None:
        return SavedModel(tensors, SCRATCH_MEAN, SCRATCH_STD)
    return SavedModel(tensors, weights["mean"], weights["std"])


def _read(path: Path) -> dict[str, Any]:
    """The checked content of a checkpoint, all tensors on the CPU."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"checksum of {damaged} is wrong")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist; expected a checkpoint there") from error
    except (OSError, EOFError, RuntimeError, ValueError, LookupError, pickle.PickleError) as error:
        raise _damaged(path, error) from error
    except zipfile.BadZipFile as error:
        raise _damaged(path, error) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is not a checkpoint of format {FORMAT}; delete it to start over"
        )
    return content


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path} is damaged or no checkpoint ({error}); delete it to start over"
    )


def _refuse_another_run(
    path: Path, content: dict[str, Any], recipe: Recipe, data: TrainingArrays
) -> None:
    wanted = recipe.to_dict()
    for name in sorted(wanted.keys() | content["recipe"].keys()):
        was, now = content["recipe"].get(name), wanted.get(name)
        if was != now:
            raise CheckpointError(
                f"{path} is of another recipe: `{name}` was {was!r} and is {now!r}; "
                "delete it or train with its recipe"
            )
    counts = np.bincount(data.train_labels, minlength=N_CLASSES).tolist()
    if content["train_counts"] != counts:
        raise CheckpointError(
            f"{path} is of other data: it had {content['train_counts']} training images per "
            f"class and now there are {counts}; delete it or train with its data"
        )


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself durable, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
