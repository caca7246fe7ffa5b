"""Where pretrained trials start: named weights, files, or backbones that the study trains first.

Workers get the contents of files, so that a node needs none of its own; named weights such as
`torchvision:IMAGENET1K_V1` are looked up in each node's cache. A study starts all its trials from
the same files: their hashes are in `study.json`, and other files are refused.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import ray
import torch
from rich.console import Console

from agecls.data.arrays import TrainingArrays, at_most
from agecls.data.loading import load_data
from agecls.errors import WeightsError
from agecls.files import write_whole
from agecls.nets.families import build_net, family_of
from agecls.nets.source_names import file_of, is_named, structure_name
from agecls.nets.weight_sources import read_source
from agecls.pretrain import BATCH_SIZE, backbone_recipe
from agecls.recipe import Recipe
from agecls.training.pretraining import Backbone, train_unasked
from study.asked.factors import Config, PretrainPlan, Study
from study.errors import SearchError
from study.folder.folder import Folder
from study.folder.provenance import Provenance
from study.running.interruption import StopRequest
from study.running.ray_session import Resources
from study.running.terminal import progress
from study.running.trainable import Backbones, device_for
from study.running.tune_run import reason_of


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


def train_missing(
    study: Study,
    folder: Path,
    resources: Resources,
    stop: StopRequest,
    console: Console,
    known: Provenance,
) -> None:
    """Train the backbones that the study asks for and that are not there yet, side by side.

    Raises:
        SearchError: One cannot be trained.
    """
    plan = study.pretrain
    if plan is None or study.weights is not None:
        return
    missing = {
        path: backbone_recipe(
            variant, depth, epochs=plan.epochs, batch_size=BATCH_SIZE, seed=study.seed
        )
        for variant, depth in study.structures
        if not (path := Folder(folder).pretrained(structure_name(variant, depth))).exists()
    }
    if not missing:
        return
    shared, fingerprint = _share_faces(study, plan, console)
    task = cast(Any, ray.remote(cast(Any, _train))).options(
        num_cpus=resources.cpus_per_trial, num_gpus=resources.gpus_per_trial
    )
    next(iter(missing)).parent.mkdir(exist_ok=True)
    running = {
        task.remote(
            shared,
            Backbone(
                recipe=recipe,
                out=path.absolute(),
                device="cuda" if resources.gpus_per_trial else "cpu",
                source={"path": plan.data, "fingerprint": fingerprint},
                licence="as the source set's",
            ),
            threads=max(1, int(resources.cpus_per_trial)),
        ): path
        for path, recipe in missing.items()
    }
    total = len(running)
    with progress("Pretraining backbones", console) as advance:
        while running and not stop.due():
            advance(total - len(running), total)
            ready, _ = ray.wait(list(running), timeout=1.0)
            for reference in ready:
                path = running.pop(reference)
                metrics = _fetch(reference, path)
                known.pretrained[path.stem] = metrics
                console.print(
                    f"Pretrained {path.stem} on {plan.data}, {plan.epochs} epochs: "
                    f"{100 * metrics['val_accuracy']:.1f} % validation accuracy there",
                    highlight=False,
                )
    for reference in running:
        ray.cancel(reference, force=True)
    known.write(Folder(folder))


def _share_faces(study: Study, plan: PretrainPlan, console: Console) -> tuple[Any, str]:
    """Ray's reference to what backbones are trained on, and the set's fingerprint.

    Nothing else of the set stays in memory.
    """
    with progress("Reading faces to pretrain on", console) as advance:
        data = load_data(
            plan.data,
            size=study.size,
            classes=study.classes,
            seed=study.seed,
            max_bad_share=study.max_bad_share,
            progress=advance,
        )
    some = at_most(plan.images, len(data.train.labels), seed=study.seed)
    return ray.put(data.arrays().trained_on(some)), data.fingerprint


def _train(
    data: TrainingArrays, backbone: Backbone, *, threads: int
) -> tuple[dict[str, float], dict[str, bytes]]:
    """On a worker: the metrics of a backbone, and its files by name, the weights last."""
    with tempfile.TemporaryDirectory(prefix="study-pretrain-") as elsewhere:
        # in place, where an interrupted run goes on, if this node reaches the study's folder
        out = backbone.out
        place = out if out.parent.is_dir() else Path(elsewhere) / out.name
        device = device_for(wants_gpu=backbone.device == "cuda")
        torch.set_num_threads(threads)
        best = train_unasked(replace(backbone, out=place, device=device), data)
        files = (place.with_suffix(".json"), place)
        return asdict(best), {file.name: file.read_bytes() for file in files}


def _fetch(reference: Any, path: Path) -> dict[str, float]:
    """The metrics of a finished backbone, whose files are then at `path`."""
    try:
        metrics, files = ray.get(reference)
    except ray.exceptions.RayError as error:
        raise SearchError(
            f"pretraining {path.stem} failed: {reason_of(error)[0]}. Mend that; --resume goes on "
            "from its last epoch."
        ) from error
    for name, content in files.items():
        if not path.with_name(name).exists():
            write_whole(path.with_name(name), content)
    return dict(metrics)


def _files(study: Study, folder: Path) -> Iterator[tuple[str, int, Path]]:
    """Variant, depth and path of every file that a trial may start from."""
    if "pretrained" not in study.factor("init").levels:
        return
    for variant, depth in study.structures:
        config: Config = {"init": "pretrained", "variant": variant, "depth": depth}
        source = Path(str(source_of(study, folder, config)))
        if source.is_absolute():  # others are names
            yield variant, depth, source
