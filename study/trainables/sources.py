"""Where pretrained trials start: named weights, files, or backbones that the study trained first.

Workers get the contents of files, so that a node needs none of its own; named weights such as
`torchvision:IMAGENET1K_V1` are looked up in each node's cache. A study starts all its trials from
the same files: their hashes are in `study.json`, and other files are refused.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from agecls.errors import WeightsError
from agecls.nets.families import build_net, family_of
from agecls.nets.source_names import file_of, is_named, structure_name
from agecls.recipe import Recipe
from study.asked.factors import Config
from study.asked.study import Study
from study.folder.folder import Folder
from study.folder.provenance import Provenance
from study.running.steps import Backbones


def source_of(study: Study, folder: Path, config: Config) -> str | None:
    """Where a configuration's weights come from: a named source or a file; None for scratch."""
    if config["init"] != "pretrained":
        return None
    variant, depth = str(config["variant"]), int(config.get("depth", Recipe.depth))
    if study.weights is None:
        return str(Folder(folder).pretrained(structure_name(variant, depth)).absolute())
    if is_named(study.weights):
        return study.weights
    return str(file_of(study.weights, variant, depth).absolute())


def check_given(study: Study) -> None:
    """Refuse nets and files of weights that cannot be had, before anything is written.

    Raises:
        RecipeError: A library of named nets is not installed, has no such net, or this one takes
            no images of the study's size.
        WeightsError: A file is missing, damaged or not safe to load.
    """
    for variant, depth in study.structures:
        if not family_of(variant).variants:  # a library's, which only it can check
            build_net(variant, depth, size=study.size)
    if study.weights is None:
        return
    from agecls.nets.weight_sources import read_source  # loads PyTorch

    for variant, depth, source in _files(study, Path()):
        read_source(str(source), family_of(variant), depth)


def contents(study: Study, folder: Path, known: Provenance) -> Backbones:
    """Contents of every file of weights that the study may start from.

    Args:
        study: The resolved study.
        folder: The study's, where its own backbones lie.
        known: The open provenance, which is written.

    Raises:
        WeightsError: A file is missing, or not the one that the study began with.
    """
    found: dict[str, dict[str, bytes]] = {}
    hashes = known.weights
    for variant, depth, source in _files(study, folder):
        if not source.is_file():
            raise WeightsError(f"{source}: no such file; give pretrained weights with --weights")
        files = [source, *(p for p in [source.with_suffix(".json")] if p.is_file())]
        found[str(source)] = {file.name: file.read_bytes() for file in files}
        digest = hashlib.sha256(found[str(source)][source.name]).hexdigest()
        name = structure_name(variant, depth)
        if hashes.setdefault(name, digest) != digest:
            raise WeightsError(
                f"{source}: not the weights that the study began with (SHA-256 was "
                f"{hashes[name]} and is {digest}). Bring them back, or begin a "
                "new study with --name."
            )
    known.write(Folder(folder))
    return found


def _files(study: Study, folder: Path) -> Iterator[tuple[str, int, Path]]:
    """Variant, depth and path of every file that a trial may start from."""
    if "pretrained" not in study.factor("init").levels:
        return
    for variant, depth in study.structures:
        config: Config = {"init": "pretrained", "variant": variant, "depth": depth}
        source = Path(str(source_of(study, folder, config)))
        if source.is_absolute():  # others are names
            yield variant, depth, source
