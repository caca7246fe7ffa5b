"""The first stage: backbones that the study trains itself, on other faces than its own."""

import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import ray
import torch
from rich.console import Console

from agecls.data.arrays import TrainingArrays, at_most
from agecls.data.loading import load_data
from agecls.files import write_whole
from agecls.nets.source_names import structure_name
from agecls.pretrain import BATCH_SIZE, backbone_recipe
from agecls.training.pretraining import Backbone, train_unasked
from study.asked.factors import PretrainPlan, Study
from study.errors import SearchError
from study.running.terminal import progress
from study.running.trainer import device_for
from study.running.tune_run import reason_of
from study.stages.session import Session


def pretrain(session: Session) -> bool:
    """Train the backbones that the study asks for and that are not there yet, side by side.

    On Ray, which must run, whatever executor trains trials.

    Raises:
        SearchError: One cannot be trained.
    """
    study, resources, known = session.study, session.resources, session.provenance
    plan = study.pretrain
    if plan is None or study.weights is not None:
        return True
    missing = {
        path: backbone_recipe(
            variant, depth, epochs=plan.epochs, batch_size=BATCH_SIZE, seed=study.seed
        )
        for variant, depth in study.structures
        if not (path := session.folder.pretrained(structure_name(variant, depth))).exists()
    }
    if not missing:
        return True
    shared, fingerprint = _share_faces(study, plan, session.console)
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
    with progress("Pretraining backbones", session.console) as advance:
        while running and not session.stop.due():
            advance(total - len(running), total)
            ready, _ = ray.wait(list(running), timeout=1.0)
            for reference in ready:
                path = running.pop(reference)
                metrics = _fetch(reference, path)
                known.pretrained[path.stem] = metrics
                session.say(
                    f"Pretrained {path.stem} on {plan.data}, {plan.epochs} epochs: "
                    f"{100 * metrics['val_accuracy']:.1f} % validation accuracy there"
                )
    for reference in running:
        ray.cancel(reference, force=True)
    known.write(session.folder)
    return not running


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
