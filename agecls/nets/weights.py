"""Pretrained weights: how they fit a variant, what stayed random, and how a backbone is kept.

A source that does not fit is an error, since a backbone left random would look like a poor
pretrained one. What may differ between source and model: the head, which is always new; the stem,
which is loaded whole or stays new; and names, where the family of the net knows them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save
from torch import Tensor

from agecls.errors import WeightsError
from agecls.files import write_whole
from agecls.nets.families import family_of
from agecls.nets.net import Net
from agecls.nets.weight_sources import (
    BACKBONE_MARK,
    Channels,
    Source,
    read_source,
    without_counts,
)

SCRATCH_MEAN: Final[Channels] = (0.5, 0.5, 0.5)
SCRATCH_STD: Final[Channels] = (0.5, 0.5, 0.5)
"""Normalisation where nothing is loaded, as the earlier study had it."""


@dataclass(frozen=True)
class LoadedWeights:
    """What a source gave a model; names are parameters and running statistics of BN.

    Attributes:
        source: As it was asked for.
        loaded: The model's names that were loaded from the same name.
        remapped: The model's names that were loaded from another name.
        new: The model's names that keep what they had, a random initialisation.
        dropped: The source's names that the model has no use for.
        random_share: Parameters in `new` as a fraction of the model's parameters.
        mean: Per channel, of the images that the source was trained on.
        std: Likewise.
        licence: A note for model cards.
    """

    source: str
    loaded: tuple[str, ...]
    remapped: tuple[str, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]
    random_share: float
    mean: Channels
    std: Channels
    licence: str


def load_pretrained(model: Net, source: str) -> LoadedWeights:
    """Load a backbone in place and say what was loaded; the model is untouched on error.

    Args:
        model: Already initialised: what does not come from the source stays as it is.
        source: A `.safetensors`, `.pt` or `.pth` file, `torchvision:NAME` or `timm:NAME`.

    Raises:
        WeightsError: The source is not there, damaged, unsafe to load or does not fit.
    """
    read = read_source(source, family_of(model.variant), model.depth)
    fitted = _fit(model, read)

    own = without_counts(model.state_dict())
    with torch.no_grad():
        for target, key in fitted.items():
            own[target].copy_(read.tensors[key])
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    used = set(fitted.values())
    return LoadedWeights(
        source=source,
        loaded=tuple(name for name in own if fitted.get(name) == name),
        remapped=tuple(name for name in own if fitted.get(name, name) != name),
        new=tuple(name for name in own if name not in fitted),
        dropped=tuple(key for key in read.tensors if key not in used),
        random_share=sum(n for name, n in sizes.items() if name not in fitted)
        / sum(sizes.values()),
        mean=read.mean,
        std=read.std,
        licence=read.licence,
    )


def save_backbone(
    model: Net,
    path: Path,
    *,
    made_by: dict[str, Any],
    mean: Channels,
    std: Channels,
    licence: str,
) -> None:
    """Write all but the head as safetensors, and beside it a JSON of what it is.

    Each file appears whole; the JSON holds the hash of the weights, so that one of another run is
    noticed.

    Args:
        model: The trained model.
        path: Ends in `.safetensors`; the JSON has the same stem.
        made_by: Provenance that JSON can hold: data, epochs, versions.
        mean: Normalisation that the model was trained with.
        std: Likewise.
        licence: What its users must know.

    Raises:
        WeightsError: The path has another suffix.
    """
    if path.suffix != ".safetensors":
        raise WeightsError(f"{path}: a backbone is written as .safetensors; change the suffix")
    head = family_of(model.variant).parts(model).head
    tensors = {
        # safetensors takes no channels_last tensors
        name: tensor.detach().cpu().contiguous()
        for name, tensor in without_counts(model.state_dict()).items()
        if not name.startswith(head)
    }
    content = save(tensors, BACKBONE_MARK)
    card = {
        "variant": model.variant,
        "depth": model.depth,
        "mean": list(mean),
        "std": list(std),
        "licence": licence,
        "sha256": hashlib.sha256(content).hexdigest(),
        "made_by": made_by,
    }
    write_whole(path, content)
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_whole(path.with_suffix(".json"), text.encode())


def _fit(model: Net, source: Source) -> dict[str, str]:
    """{name in the model: name in the source} of all that is to be loaded."""
    family = family_of(model.variant)
    own, theirs = without_counts(model.state_dict()), source.tensors
    names, new = family.code().remap(model.variant, own, theirs)
    parts = family.parts(model)
    has_stem = _shapes(own, parts.stem) == _shapes(theirs, parts.stem)
    may_differ = (*parts.head, *new) if has_stem else (*parts.head, *parts.stem, *new)

    asked = [key for key in theirs if not key.startswith(may_differ)]
    fitted = {names[key]: key for key in asked if names[key] in own}
    unknown = [key for key in asked if names[key] not in own]
    it = family.title(model.variant, model.depth)
    kind, alike = "depth", "of the same depth and width"
    if not family.depths:
        kind, alike = "net", "of the same net at the same image size"
    if 2 * len(fitted) < len(asked) or not fitted:
        first = f"the first of them is `{unknown[0]}`" if unknown else "it holds no backbone"
        raise WeightsError(
            f"{source.where}: only {len(fitted)} of its {len(asked)} names are in a {it}; "
            f"{first}. Give weights of a {family.name} with torchvision's or timm's names."
        )
    for target, key in fitted.items():
        if own[target].shape != theirs[key].shape:
            raise WeightsError(
                f"{source.where}: `{key}` has shape {tuple(theirs[key].shape)}, but a {it} needs "
                f"{tuple(own[target].shape)}; give weights {alike}"
            )
    for key in unknown:
        if key.startswith(parts.body):
            raise WeightsError(
                f"{source.where}: `{key}` is not in a {it}; give weights of the same {kind}"
            )
    for name in own:
        if name not in fitted and not name.startswith(may_differ):
            raise WeightsError(
                f"{source.where}: `{name}` of a {it} is missing; give weights of the same {kind}"
            )
    for key in fitted.values():
        if not bool(torch.isfinite(theirs[key]).all()):
            raise WeightsError(
                f"{source.where}: `{key}` holds NaN or infinite values; its training diverged, "
                "give other weights"
            )
    return fitted


def _shapes(tensors: Mapping[str, Tensor], prefixes: tuple[str, ...]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items() if name.startswith(prefixes)}
