"""A model that a study kept, loaded for use: pictures in, calibrated class probabilities out.

A kept model is a folder with `model.safetensors` and `model.json`, the latter with recipe, size,
normalisation and, once it is measured, the temperature.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from torch import Tensor

from agecls.classes import Classes
from agecls.errors import AgeclsError, WeightsError
from agecls.nets.families import build_net
from agecls.nets.weight_sources import BACKBONE_MARK, channels
from agecls.recipe import Recipe
from agecls.training.batches import Rgb, image_tensor
from agecls.training.losses import build_loss
from agecls.use.inference import Inference
from agecls.use.predictions import CropFace, Predictions, Progress, frame_of, pixels_of

WEIGHTS_FILE: Final = "model.safetensors"

_PIXELS_AT_ONCE: Final = 2**20


@dataclass(frozen=True, eq=False)
class Member:
    """One kept model.

    Attributes:
        path: Its weights file.
        inference: On the device that it was loaded for.
        recipe: What it was trained with.
        size: Side of its images in pixels.
        mean: Normalisation per channel, of values in 0..1; part of `inference`.
        std: Likewise.
        classes: What it tells apart.
        described: All of `model.json`.
        sha256: Of the weights file.
    """

    path: Path
    inference: Inference
    recipe: Recipe
    size: int
    mean: Rgb
    std: Rgb
    classes: Classes
    described: dict[str, Any]
    sha256: str

    @property
    def temperature(self) -> float | None:
        """The stored temperature; None where the model was never calibrated."""
        return self.inference.temperature


@dataclass(frozen=True, eq=False)
class Classifier:
    """One kept model or the average of several: what `load` gives.

    Attributes:
        members: All with images of one size and the same classes.
        device: Where they are.
    """

    members: tuple[Member, ...]
    device: torch.device

    @property
    def classes(self) -> Classes:
        """What they tell apart."""
        return self.members[0].classes

    @property
    def size(self) -> int:
        """Side in pixels of the images that the networks see."""
        return self.members[0].size

    @property
    def flips(self) -> bool:
        """Whether it averages with mirrored pictures unless told otherwise: where it tells ages.

        A face has no preferred side, and faces told so gain (docs/models-in-use.md has how much);
        a letter or a road sign would be another one.
        """
        return self.classes.years is not None

    @property
    def is_calibrated(self) -> bool:
        """Whether every member has a temperature."""
        return all(member.temperature is not None for member in self.members)

    def predict(
        self,
        images: str | PathLike[str] | Sequence[Any] | NDArray[np.uint8],
        *,
        flip: bool | None = None,
        crop: CropFace | None = None,
        progress: Progress | None = None,
    ) -> Predictions:
        """A row per image; its columns are those of `agecls.use.predictions.frame_of`.

        Every picture is decoded as training pictures are: upright, its central square resampled.
        An image that cannot be used has its reason in `error` and nulls elsewhere.

        Args:
            images: Paths, PIL images, uint8 arrays (H, W, 3) in RGB, or one array (N, H, W, 3);
                one path alone is one image.
            flip: Average with the prediction for the mirrored image; None: as `flips`.
            crop: Cuts the face out of a picture's bytes; None: the pictures are crops already.
            progress: Told the number of images done and of all images.
        """
        if isinstance(images, str | PathLike):  # text is a sequence too, of letters
            images = [images]
        flip = self.flips if flip is None else flip
        at_once = self._at_once()
        parts = [np.empty((0, len(self.classes)), dtype=np.float32)]
        reasons: list[str | None] = []
        for first in range(0, len(images), at_once):
            some = images[first : first + at_once]
            pixels, errors = pixels_of(some, self.size, crop=crop)
            rows = np.full((len(some), len(self.classes)), np.nan, dtype=np.float32)
            usable = [error is None for error in errors]
            if len(pixels):
                rows[usable] = self.probabilities(pixels, flip=flip)
            parts.append(rows)
            reasons += errors
            if progress is not None:
                progress(len(reasons), len(images))
        return frame_of(images, np.concatenate(parts), reasons, self.classes)

    def probabilities(
        self, images: NDArray[np.uint8], *, flip: bool = False
    ) -> NDArray[np.float32]:
        """Probabilities (N, classes), the mean over members, of images (N, size, size, 3).

        In float32 on every device: TF32 would change the fourth decimal.

        Raises:
            AgeclsError: The images have another shape or type.
        """
        expected = (self.size, self.size, 3)
        if images.dtype != np.uint8 or images.shape[1:] != expected:
            raise AgeclsError(
                f"images are {images.dtype} of shape {images.shape}; expected uint8 (N, "
                f"{self.size}, {self.size}, 3). `predict` takes pictures of any size."
            )
        total = np.zeros((len(images), len(self.classes)), dtype=np.float64)
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            for rows in _slices(len(images), self._at_once()):
                batch = image_tensor(images[rows]).to(self.device)
                views = (batch, batch.flip(2)) if flip else (batch,)
                for member in self.members:
                    for view in views:
                        total[rows] += member.inference(view).cpu().numpy()
        return (total / (len(self.members) * (2 if flip else 1))).astype(np.float32)

    def _at_once(self) -> int:
        return max(1, _PIXELS_AT_ONCE // self.size**2)


def load(*paths: str | Path, device: str | torch.device = "cpu") -> Classifier:
    """The kept model at a path, or the average of all that the paths name.

    Args:
        paths: Each a folder with `model.safetensors` and `model.json`, such a weights file, or a
            folder of such folders, which means all of them.
        device: Such as `cpu` or `cuda`.

    Raises:
        WeightsError: There is no model, it is damaged or incomplete, or sizes or classes differ.
    """
    place = torch.device(device)
    files = [file for path in paths for file in model_files(Path(path).expanduser())]
    members = tuple(_load(file, place) for file in dict.fromkeys(files))
    if not members:
        raise WeightsError("no model is named; give the folder of a kept model")
    for member in members:
        if member.size != members[0].size:
            raise WeightsError(
                f"{member.path} takes images of {member.size} px, {members[0].path} of "
                f"{members[0].size} px; only models of one size can be averaged"
            )
        if member.classes != members[0].classes:
            raise WeightsError(
                f"{member.path} tells {', '.join(member.classes.names)} apart, {members[0].path} "
                f"{', '.join(members[0].classes.names)}; only models of one kind can be averaged"
            )
    return Classifier(members, place)


def model_files(path: Path) -> list[Path]:
    """The weights files that a path names, of one model or of all in a folder, sorted.

    Raises:
        WeightsError: There is none.
    """
    if path.is_file():
        return [path]
    if (path / WEIGHTS_FILE).is_file():
        return [path / WEIGHTS_FILE]
    below = sorted(path.glob(f"*/{WEIGHTS_FILE}"))
    if not below:
        state = "holds no kept model" if path.is_dir() else "does not exist"
        raise WeightsError(
            f"{path} {state}; expected a folder with {WEIGHTS_FILE} and model.json, such as "
            "results/NAME/models/ARM"
        )
    return below


def _load(path: Path, device: torch.device) -> Member:
    content, tensors = _read_weights(path)
    digest = hashlib.sha256(content).hexdigest()
    card = path.with_suffix(".json")
    described = _read_described(card, path)
    if described.get("sha256", digest) != digest:
        raise WeightsError(
            f"{card} describes other weights than {path.name}: the hashes differ; copy both from "
            "one study"
        )
    try:
        recipe = Recipe.from_dict(described["recipe"])
        size = int(described["size"])
        mean, std = channels(described["mean"]), channels(described["std"])
        temperature = described.get("temperature")
        if temperature is not None and not 0 < float(temperature) < float("inf"):
            raise ValueError(f"`temperature` is {temperature}; expected a number above 0")
        _check_metrics(described.get("metrics", {}))
        classes = _classes(described)
    except KeyError as error:
        raise WeightsError(f"{card}: {error} is missing; copy it from the study again") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise WeightsError(f"{card}: {error}") from error

    objective = build_loss(
        recipe.loss,
        class_counts=torch.ones(len(classes), device=device),
        label_smoothing=recipe.label_smoothing,
    )
    network = build_net(recipe.variant, recipe.depth, n_outputs=objective.n_outputs, size=size)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise WeightsError(f"{path} does not fit the recipe in {card.name}: {first}") from error
    inference = Inference(
        network,
        objective,
        mean=mean,
        std=std,
        temperature=None if temperature is None else float(temperature),
    )
    inference.requires_grad_(False).eval()
    inference.to(device).to(memory_format=torch.channels_last)
    return Member(
        path=path,
        inference=inference,
        recipe=recipe,
        size=size,
        mean=mean,
        std=std,
        classes=classes,
        described=described,
        sha256=digest,
    )


def _read_weights(path: Path) -> tuple[bytes, dict[str, Tensor]]:
    if path.suffix != ".safetensors":
        raise WeightsError(f"{path} is no kept model; expected a .safetensors file")
    try:
        content = path.read_bytes()
        with safe_open(path, framework="pt") as file:
            is_backbone = (file.metadata() or {}).items() >= BACKBONE_MARK.items()
        tensors = load_tensors(content)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged ({error}); copy it from the study again") from error
    if is_backbone:
        raise WeightsError(
            f"{path} is a backbone without a head, for a study's --weights; give a model that a "
            "study kept"
        )
    return content, tensors


def _read_described(card: Path, weights: Path) -> dict[str, Any]:
    try:
        described = json.loads(card.read_bytes())
    except FileNotFoundError as error:
        raise WeightsError(
            f"{weights} needs {card.name} beside it, which holds its recipe, size and "
            "normalisation; copy it too"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{card} is no JSON ({error}); copy it again") from error
    if not isinstance(described, dict):
        raise WeightsError(f"{card} holds a {type(described).__name__}; expected a JSON object")
    return described


def _check_metrics(metrics: Any) -> None:
    """Let numbers by name pass, which cards show; TypeError or ValueError for anything else."""
    if not isinstance(metrics, dict):
        raise TypeError(f"`metrics` is a {type(metrics).__name__}; expected numbers by name")
    for name, value in metrics.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"`metrics` holds {name} = {value!r}; expected a number")
        float(value)  # an OverflowError for a whole number of hundreds of digits


def _classes(described: Mapping[str, Any]) -> Classes:
    """What a model tells apart; TypeError or ValueError where that can be no classes.

    Models from before their years and order were written down have their names alone.
    """
    names, years = described["classes"], described.get("years")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"`classes` is {names!r}; expected a list of names")
    if "ordered" not in described:
        return Classes.from_names(names)
    ages = None if years is None else tuple((int(low), int(high)) for low, high in years)
    return Classes(tuple(names), ages, bool(described["ordered"]))


def _slices(n: int, step: int) -> Iterator[slice]:
    return (slice(first, first + step) for first in range(0, n, step))
