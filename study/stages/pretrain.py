"""The first stage: backbones that the study trains itself, on other faces than its own."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from rich.console import Console

from agecls.data.arrays import TrainingArrays, at_most
from agecls.data.loading import load_data
from agecls.files import write_whole
from agecls.nets.source_names import structure_name
from agecls.pretrain import BATCH_SIZE, backbone_recipe
from agecls.training.pretraining import Backbone, train_unasked
from study.asked.plans import PretrainPlan
from study.asked.study import Study
from study.running.steps import Place
from study.running.terminal import progress
from study.running.trainer import device_for
from study.stages.session import Session
from study.trainables.study_faces import reading_of


def pretrain(session: Session) -> bool:
    """Train the backbones that the study asks for and that are not there yet.

    Raises:
        SearchError: One cannot be trained.
    """
    study, known = session.study, session.provenance
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
    faces, fingerprint = _faces(study, plan, session.console)
    next(iter(missing)).parent.mkdir(exist_ok=True)
    asked = {
        f"pretraining {path.stem}": Backbone(
            recipe=recipe,
            out=path.absolute(),
            device="cpu",  # a worker has its own
            source={"path": plan.data, "fingerprint": fingerprint},
            licence="as the source set's",
        )
        for path, recipe in missing.items()
    }
    n_done, total = 0, len(asked)
    with progress("Pretraining backbones", session.console) as advance:
        advance(n_done, total)
        for name, (metrics, files) in session.executor.call(_train, faces, asked, session.stop):
            path = asked[name].out
            _keep(files, path)
            known.pretrained[path.stem] = metrics
            session.say(
                f"Pretrained {path.stem} on {plan.data}, {plan.epochs} epochs: "
                f"{100 * metrics['val_accuracy']:.1f} % validation accuracy there"
            )
            n_done += 1
            advance(n_done, total)
    known.write(session.folder)
    return n_done == total


def _faces(study: Study, plan: PretrainPlan, console: Console) -> tuple[TrainingArrays, str]:
    """What backbones are trained on, and the set's fingerprint."""
    with progress(f"Reading {study.classes.subject} to pretrain on", console) as advance:
        data = load_data(plan.data, replace(reading_of(study), deduplicate=True), progress=advance)
    some = at_most(plan.images, len(data.train.labels), seed=study.seed)
    return data.arrays().trained_on(some), data.fingerprint


def _train(
    data: TrainingArrays, backbone: Backbone, place: Place
) -> tuple[dict[str, float], dict[str, bytes]]:
    """On a worker: the metrics of a backbone, and its files by name, the weights last."""
    with tempfile.TemporaryDirectory(prefix="study-pretrain-") as elsewhere:
        # in place, where an interrupted run goes on, if this node reaches the study's folder
        out = backbone.out
        near = out if out.parent.is_dir() else Path(elsewhere) / out.name
        device = device_for(wants_gpu=place.wants_gpu)
        torch.set_num_threads(place.threads)
        best = train_unasked(replace(backbone, out=near, device=device), data)
        files = (near.with_suffix(".json"), near)
        return asdict(best), {file.name: file.read_bytes() for file in files}


def _keep(files: Mapping[str, bytes], path: Path) -> None:
    """Write a backbone's files beside `path`, unless a worker that reaches it has done so."""
    for name, content in files.items():
        if not path.with_name(name).exists():
            write_whole(path.with_name(name), content)
