"""A run on disk between two epochs: written whole or not at all, read without running code.

A checkpoint is torch's zip archive of tensors and plain values, with a hash of the whole file as
the archive's comment. `torch.load` itself notices no wrong bit, and the checksums of the archive
miss some in its directory. Reading never unpickles objects.
"""

import hashlib
import logging
import os
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import torch

from agecls.data.arrays import TrainingArrays
from agecls.errors import CheckpointError
from agecls.files import whole_file
from agecls.nets.weights import LoadedWeights
from agecls.recipe import Recipe
from agecls.training.batches import Rgb
from agecls.training.state import TrainingState, assemble, normalisation_of

FORMAT: Final = 2
READABLE: Final = (1, 2)
"""Formats whose models can be read; 1 had the optimizer's state in another layout."""
_TORCH: Final = str(torch.__version__)
_LENGTH_BYTES: Final = 2
_HASH_BYTES: Final = 32
_CHUNK: Final = 2**20
_PARTS: Final = {"recipe": dict, "torch": str, "train_counts": list, "model": dict}
_MISFITS: Final = (KeyError, TypeError, ValueError, RuntimeError, AttributeError, IndexError)
"""What parts of another shape than ours end in."""

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
    try:
        with whole_file(path) as file:
            torch.save(content, file)
            _seal(file)
    except (OSError, RuntimeError) as error:
        # torch turns a full disk into a RuntimeError of its own
        cause = error.__context__ if isinstance(error, RuntimeError) else error
        if isinstance(cause, OSError):
            raise OSError(cause.errno, cause.strerror, str(path)) from error
        raise


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
    if content["format"] != FORMAT:
        raise CheckpointError(
            f"{path} is a checkpoint of format {content['format']}, from which training cannot go "
            f"on (this is {FORMAT}); delete it to start over"
        )
    try:
        _refuse_another_run(path, content, recipe, data)
    except RuntimeError as error:  # a tensor in the place of a value has no truth
        raise CheckpointError(f"{path} holds no recipe of ours; delete it") from error
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
    except _MISFITS as error:
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
    try:
        tensors = dict(content["ema"] or content["model"])
        weights = content["weights"]
        if content["ema"]:
            # BN statistics are the model's; see `agecls.training.loop.predict`.
            parts = content["model"].items()
            tensors |= {k: v for k, v in parts if "running_" in k or "num_" in k}
        loaded = None if weights is None else LoadedWeights(**weights)
        mean, std = normalisation_of(Recipe.from_dict(content["recipe"]), loaded)
    except _MISFITS as error:
        raise CheckpointError(
            f"{path} does not hold a model ({error}); delete it to start over"
        ) from error
    return SavedModel(tensors, mean, std)


def _read(path: Path) -> dict[str, Any]:
    """The checked content of a checkpoint, all tensors on the CPU."""
    try:
        with path.open("rb") as file:
            is_whole = _is_sealed(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles of other tools, refused below
            content = torch.load(path, map_location="cpu", weights_only=True) if is_whole else None
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist; expected a checkpoint there") from error
    except OSError:
        raise
    # what is no file of torch's makes torch.load raise anything
    except Exception as error:
        raise CheckpointError(f"{path} is no checkpoint ({error}); delete it") from error
    if not is_whole:
        raise CheckpointError(
            f"{path} is damaged or no checkpoint (its hash is wrong); delete it to start over"
        )
    # a tensor in the place of the format has no truth, so its type is looked at first
    is_known = isinstance(content, dict) and isinstance(content.get("format"), int)
    if not isinstance(content, dict) or not is_known or content["format"] not in READABLE:
        raise CheckpointError(
            f"{path} is not a checkpoint of format {FORMAT}; delete it to start over"
        )
    for name, kind in _PARTS.items():
        if not isinstance(content.get(name), kind):
            raise CheckpointError(
                f"{path} holds no `{name}` that can be used; delete it to start over"
            )
    return content


def _seal(file: BinaryIO) -> None:
    """Append the hash as the comment of the zip archive, whose length is its last two bytes."""
    end = file.seek(0, os.SEEK_END) - _LENGTH_BYTES
    digest = _hash(file, end)
    file.seek(end)
    file.write(_HASH_BYTES.to_bytes(_LENGTH_BYTES, "little") + digest)


def _is_sealed(file: BinaryIO) -> bool:
    """Whether the file ends in the hash of what stands before it."""
    end = file.seek(0, os.SEEK_END) - _LENGTH_BYTES - _HASH_BYTES
    expected = _HASH_BYTES.to_bytes(_LENGTH_BYTES, "little") + _hash(file, max(0, end))
    return file.read() == expected


def _hash(file: BinaryIO, end: int) -> bytes:
    """SHA-256 of the file's first `end` bytes, after which it is left."""
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(min(_CHUNK, end - file.tell())):
        digest.update(chunk)
    return digest.digest()


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
    counts = data.train_counts.tolist()
    if content["train_counts"] != counts:
        raise CheckpointError(
            f"{path} is of other data: it had {content['train_counts']} training images per "
            f"class and now there are {counts}; delete it or train with its data"
        )
