"""Where pretrained weights come from: local files and the caches of torchvision and timm.

A source is a `.safetensors`, `.pt` or `.pth` file, `torchvision:IMAGENET1K_V1`,
`torchvision:IMAGENET1K_V2` or a timm model such as `timm:resnet50d`. Named weights are read from
the caches of these libraries and never downloaded: a study uses the network only where its user
asks for it. Each source has its own normalisation, so that it cannot drift from the weights.
"""

import hashlib
import json
import pickle
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from torch import Tensor

from agecls.errors import WeightsError
from agecls.nets.families import Family
from agecls.nets.source_names import is_named

Channels = tuple[float, float, float]
"""One number per colour channel, red first, of images scaled to 0..1."""

IMAGENET_MEAN: Final[Channels] = (0.485, 0.456, 0.406)
IMAGENET_STD: Final[Channels] = (0.229, 0.224, 0.225)

BACKBONE_MARK: Final = {"agecls": "backbone"}
"""In the header of files that `save_backbone` wrote, which mean nothing without their JSON."""

_IMAGENET_TERMS: Final = "trained on ImageNet-1k, whose images are for non-commercial research"


@dataclass(frozen=True)
class Source:
    """Weights and what is known about them.

    Attributes:
        where: File or name, which opens error messages.
        tensors: By the source's names, without BN's counts of batches.
        mean: Per channel, of the images that the source was trained on.
        std: Likewise.
        licence: A note for model cards.
    """

    where: str
    tensors: dict[str, Tensor]
    mean: Channels
    std: Channels
    licence: str


def read_source(source: str, family: Family, depth: int) -> Source:
    """The weights that a name or path means for a net of this family and depth.

    Raises:
        WeightsError: The source is not there, is damaged or is not safe to load.
    """
    if not is_named(source):
        return _read_local(Path(source).expanduser())
    library, _, name = source.partition(":")
    return _read_torchvision(name, family, depth) if library == "torchvision" else _read_timm(name)


def without_counts(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All but BN's counts of batches, which old files lack and a fixed momentum does not read."""
    return {name: t for name, t in tensors.items() if not name.endswith("num_batches_tracked")}


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_local(path: Path) -> Source:
    """A file; its JSON, where there is one, has the normalisation and licence."""
    if path.suffix not in (".safetensors", ".pt", ".pth"):
        raise WeightsError(
            f"weights {str(path)!r} are not a source; expected a .safetensors, .pt or .pth file, "
            "torchvision:IMAGENET1K_V1, torchvision:IMAGENET1K_V2 or timm:NAME"
        )
    if not path.is_file():
        raise WeightsError(f"weights file {path} is not there; check the path")
    tensors, is_backbone = _read_tensors(path)
    card_path = path.with_suffix(".json")
    if card_path.is_file():
        mean, std, licence = _read_card(card_path, path)
        return Source(str(path), tensors, mean, std, licence)
    if is_backbone:
        raise WeightsError(
            f"{path}: a backbone of agecls needs {card_path.name} beside it, which holds its "
            "normalisation; copy it too"
        )
    licence = (
        f"unknown: {path.name} came without {card_path.name}, ImageNet's mean and std assumed"
    )
    return Source(str(path), tensors, IMAGENET_MEAN, IMAGENET_STD, licence)


def _read_tensors(path: Path) -> tuple[dict[str, Tensor], bool]:
    """Tensors by name without BN's counts, and whether `save_backbone` wrote them."""
    is_backbone = False
    content: Any
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                is_backbone = (file.metadata() or {}).items() >= BACKBONE_MARK.items()
                content = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        else:
            with warnings.catch_warnings():
                # about pickles of other tools, which then load or fail below
                warnings.simplefilter("ignore")
                content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if unsafe := re.search(r"GLOBAL (\S+)", str(error)):
            raise WeightsError(
                f"{path}: its pickle asks for `{unsafe[1]}`, which is not safe to load; expected "
                "tensors only. Save the state dict alone, best as .safetensors."
            ) from error
        raise WeightsError(f"{path} is damaged or no PyTorch file; get it again") from error
    # damage makes torch.load raise anything: KeyError, AssertionError, TypeError, RuntimeError
    except Exception as error:
        raise WeightsError(f"{path} is damaged or no weights file; get it again") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}; expected a state dict")
    for key, value in content.items():
        if not isinstance(value, Tensor):
            raise WeightsError(
                f"{path}: `{key}` is a {type(value).__name__}, not a tensor; expected a state "
                "dict, or one under `state_dict` or `model`"
            )
    # DistributedDataParallel puts `module.` before every name
    tensors = {str(key).removeprefix("module."): value for key, value in content.items()}
    return without_counts(tensors), is_backbone


def _read_card(card_path: Path, weights_path: Path) -> tuple[Channels, Channels, str]:
    """Mean, std and licence from the JSON beside a weights file."""
    try:
        card = json.loads(card_path.read_text("utf-8"))
        mean, std = channels(card["mean"]), channels(card["std"])
        licence = str(card["licence"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WeightsError(
            f"{card_path}: expected JSON with `mean` and `std`, three numbers each, and "
            f"`licence`, for {weights_path.name}; remove or mend it"
        ) from error
    if min(std) <= 0:
        raise WeightsError(f"{card_path}: `std` is {list(std)}; expected three numbers above 0")
    if card.get("sha256", "") not in ("", file_hash(weights_path)):
        raise WeightsError(
            f"{card_path} describes other weights than {weights_path.name}: the hashes differ; "
            "copy both from one run"
        )
    return mean, std, licence


def _read_torchvision(name: str, family: Family, depth: int) -> Source:
    """ImageNet weights from torch.hub's cache."""
    if not family.published:
        raise WeightsError(
            f"torchvision:{name} is no weights of a {family.name}; give timm:NAME or a local file"
        )
    # it takes as long as torch to import, and studies from scratch need none of it
    from torchvision import models

    published = {d: getattr(models, family.published.format(depth=d), None) for d in family.depths}
    entries = published.get(depth)
    if entries is None:
        *others, last = (str(d) for d, there in published.items() if there is not None)
        raise WeightsError(
            f"torchvision has no weights of depth {depth}, only of {', '.join(others)} and "
            f"{last}; change the depth or give a local file"
        )
    found = {entry.name: entry for entry in entries}
    if name not in found:
        expected = ", ".join(f"torchvision:{there}" for there in found)
        raise WeightsError(
            f"torchvision has no weights {name!r} of depth {depth}; expected {expected}"
        )
    url = found[name].url
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not path.is_file():
        command = f"from torchvision.models import {entries.__name__} as w; " + (
            f"w.{name}.get_state_dict(check_hash=True)"
        )
        raise WeightsError(
            f"weights torchvision:{name} are not on this machine: {path} is not there. Run "
            f'`python -c "{command}"`, or put {url} there by hand, or give another file with '
            "--weights PATH."
        )
    return Source(
        f"torchvision:{name}",
        _read_tensors(path)[0],
        IMAGENET_MEAN,
        IMAGENET_STD,
        f"torchvision, BSD-3-Clause; {_IMAGENET_TERMS}",
    )


def _read_timm(name: str) -> Source:
    """Weights of a timm model from the Hugging Face cache."""
    try:
        import timm
        from huggingface_hub import try_to_load_from_cache
    except ImportError as error:
        raise WeightsError(
            f"weights timm:{name} need timm, which is not installed; run `pip install timm`"
        ) from error
    try:
        entry = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        raise WeightsError(f"timm has no weights {name!r}: {error}") from error
    if entry is None or not entry.hf_hub_id:
        raise WeightsError(f"timm has no weights {name!r}; expected a name such as resnet50d")
    cached = try_to_load_from_cache(entry.hf_hub_id, "model.safetensors")
    if not isinstance(cached, str):
        raise WeightsError(
            f"weights timm:{name} are not on this machine: the Hugging Face cache has no "
            f"{entry.hf_hub_id}. Run "
            f"`python -c \"import timm; timm.create_model('{name}', pretrained=True)\"`, or get "
            f"model.safetensors from https://huggingface.co/{entry.hf_hub_id} and give it with "
            "--weights PATH."
        )
    return Source(
        f"timm:{name}",
        _read_tensors(Path(cached))[0],
        channels(entry.mean),
        channels(entry.std),
        f"timm {entry.hf_hub_id}, {entry.license or 'no licence given'}; {_IMAGENET_TERMS}",
    )


def channels(values: Iterable[float]) -> Channels:
    """Three numbers, or ValueError."""
    red, green, blue = map(float, values)
    return red, green, blue
