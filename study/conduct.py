"""A study from data to report: the stages of the main job, in order."""

import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import ray
from rich.console import Console

from agecls.data import FaceData, TrainingArrays, load_data
from agecls.errors import WeightsError
from agecls.pretrain import pretrain
from study import models, provenance, tune_run
from study.confirmation import FOLDER as CONFIRM
from study.confirmation import Work, confirm
from study.errors import SearchError, StorageError, StudyError
from study.factors import Config, Level, Study, arm_name
from study.record import Record, TrialRecord
from study.report.page import write_report
from study.sampler import SETTINGS
from study.search import Search
from study.storage import Storage
from study.study_file import dump_study
from study.tables import write_table, write_whole
from study.tabulate import epochs_frame, trials_frame
from study.terminal import SearchDisplay, duration, progress
from study.tune_run import Resources, StopRequest

WRITE_EVERY = 60.0
"""Seconds between two writings of the tables while a search runs."""

CHECKPOINT_BYTES = 350_000_000
"""What a checkpoint takes at most: a ResNet-50's weights, their average and Adam's two moments,
25.6 million parameters of four bytes each; ResNet-101 is half as large again."""

PRETRAINED = "pretrained"
"""Folder of the backbones that the study trained itself, inside the study's folder."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a session of a study ended.

    Attributes:
        report: The report's path.
        interrupted: Why it stopped before its end; None if the study is finished.
        failed: Whether it stopped because it could not go on.
        summary: Lines for the terminal.
    """

    report: Path
    interrupted: str | None
    failed: bool
    summary: tuple[str, ...]


def conduct(
    study: Study,
    folder: Path,
    *,
    resources: Resources,
    time_budget: float | None,
    storage: str | None,
    command: Sequence[str],
    console: Console,
) -> Outcome:
    """Search, confirm, write tables, models and report; continues what `folder` already holds.

    Args:
        study: The resolved study; the one in `folder` if that is continued.
        folder: Made if absent.
        resources: What Ray may use.
        time_budget: Seconds after which no epoch starts; None: no limit.
        storage: Where checkpoints go: a URI that every node reaches; None: inside `folder`.
        command: The words of the command, for the provenance.
        console: Where progress goes.

    Raises:
        StudyError: Another process works on the folder, or it holds data of another study.
        AgeclsError: The data or the weights cannot be used.
    """
    stop = StopRequest(deadline=None if time_budget is None else time.time() + time_budget)
    with progress("Reading faces", console) as advance:
        data = load_data(
            study.data,
            size=study.size,
            seed=study.seed,
            deduplicate=study.deduplicate,
            progress=advance,
        )
    checkpoints = prepare(study, folder, storage, resources)
    is_over = failed = False
    with Record(folder) as record:
        source = open_provenance(study, folder, data, command)
        write_whole(folder / "study.toml", dump_study(study).encode())
        search = Search(study, record, folder)
        # Ray takes SIGTERM for itself when it starts, so our handlers come after it.
        with tune_run.ray_session(resources), tune_run.stop_on_signals(stop):
            _pretrain(study, folder, resources, stop, console, source)
            if not stop.due():
                try:
                    _search(search, data, folder, checkpoints, resources, stop, console)
                    if search.is_over and study.confirm_seeds > 0 and not stop.due():
                        write_tables(study, record.trials.values(), folder)
                        work = confirm_work(
                            study, folder, data, storage, resources, source, command, console
                        )
                        is_over = confirm(work, n_seeds=study.confirm_seeds, stop=stop)
                    else:
                        is_over = search.is_over and study.confirm_seeds == 0
                except SearchError as error:
                    stop.reason, failed = str(error), True
        interrupted = None if is_over else stop.reason or "the search did not end"
        models.keep_best(search, data, folder, checkpoints)
        close_provenance(folder, source, interrupted)
        write_tables(study, record.trials.values(), folder)
    return Outcome(
        report=write_report(folder),
        interrupted=interrupted,
        failed=failed,
        summary=_summary(search, data.summary["majority"]["val"]),
    )


def confirm_work(
    study: Study,
    folder: Path,
    data: FaceData,
    storage: str | None,
    resources: Resources,
    source: dict[str, Any],
    command: Sequence[str],
    console: Console,
) -> Work:
    """What the confirm stage works with; its checkpoints lie apart from the search's.

    Raises:
        StorageError: There is no room for them.
        WeightsError: A file of weights is missing.
    """
    place = None if storage is None else f"{storage.rstrip('/')}/{CONFIRM}"
    return Work(
        study=study,
        folder=folder,
        data=data,
        storage=prepare(study, folder / CONFIRM, place, resources),
        resources=resources,
        weights=lambda config: weight_source(study, folder, config),
        backbones=backbones(study, folder),
        source=source,
        command=shlex.join(command),
        console=console,
    )


def prepare(study: Study, folder: Path, storage: str | None, resources: Resources) -> Storage:
    """Make the study's folder and the place of its checkpoints, and look whether they can grow.

    Raises:
        StorageError: One of them cannot be written, or the disk is too small.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be written ({error.strerror}); choose another --out"
        ) from error
    if storage is None:
        kept = len(study.arms) * (1 + 1) + (resources.concurrency or os.cpu_count() or 1)
        need, free = kept * CHECKPOINT_BYTES, shutil.disk_usage(folder).free
        if free < need:
            raise StorageError(
                f"{folder}: {free / 1e9:.1f} GB are free, but checkpoints and models of "
                f"{len(study.arms)} arms may take {need / 1e9:.1f} GB. Free some, or give --out "
                "or --storage elsewhere."
            )
    place = Storage(storage or str((folder / "checkpoints").absolute()))
    place.prepare()
    return place


def write_tables(study: Study, trials: Iterable[TrialRecord], folder: Path) -> None:
    """Write `trials.parquet` and `epochs.parquet` from the record's trials."""
    rows = list(trials)
    write_table(
        folder / "trials.parquet",
        trials_frame(study, rows),
        "trials",
        study_name=study.name,
        factors=study.factors,
    )
    write_table(folder / "epochs.parquet", epochs_frame(rows), "epochs", study_name=study.name)


def open_provenance(
    study: Study, folder: Path, data: FaceData, command: Sequence[str]
) -> dict[str, Any]:
    """The study's provenance with a new session in it, on disk.

    Raises:
        StudyError: The folder was begun on other data.
    """
    found = provenance.read(folder)
    described = {
        "path": study.data,
        "fingerprint": data.fingerprint,
        "summary": data.summary,
    }
    if found is None:
        found = provenance.opening(study, command=command, data=described)
        found["sampler"] = {"name": "TPE (Optuna), one per arm", **SETTINGS}
    elif found["data"]["fingerprint"] != data.fingerprint:
        raise StudyError(
            f"{folder}: the study was begun on data with fingerprint "
            f"{found['data']['fingerprint']}, but {study.data} now has {data.fingerprint}. "
            "Bring the data back, or begin a new study with --name."
        )
    found["sessions"].append({"started_at": provenance.now(), "ended_at": None})
    found["finished"] = False
    provenance.write(folder, found)
    return found


def close_provenance(folder: Path, found: dict[str, Any], interrupted: str | None) -> None:
    """End the open session, on disk; `interrupted` says why, None that the study is finished."""
    found["ended_at"] = found["sessions"][-1]["ended_at"] = provenance.now()
    found["sessions"][-1]["interrupted"] = interrupted
    found["finished"] = interrupted is None
    provenance.write(folder, found)


def backbone_path(folder: Path, variant: Level, depth: Level) -> Path:
    """Where the study keeps a backbone that it trained itself."""
    return folder / PRETRAINED / f"{variant}-{depth}.safetensors"


def _pretrain(
    study: Study,
    folder: Path,
    resources: Resources,
    stop: StopRequest,
    console: Console,
    source: dict[str, Any],
) -> None:
    """Train the backbones that the study asks for and that are not there yet, side by side."""
    plan = study.pretrain
    if plan is None or study.weights is not None:
        return
    wanted = {
        backbone_path(folder, variant, depth): {"variant": variant, "depth": depth}
        for variant in study.factor("variant").levels
        for depth in study.factor("depth").levels
    }
    missing = [path for path in wanted if not path.exists()]
    if not missing:
        return
    with progress("Reading faces to pretrain on", console) as advance:
        data = load_data(plan.data, size=study.size, seed=study.seed, progress=advance)
    shared = ray.put(_subset(data.arrays(), plan.images, study.seed))
    task = cast(Any, ray.remote(cast(Any, pretrain))).options(
        num_cpus=resources.cpus_per_trial, num_gpus=resources.gpus_per_trial
    )
    (folder / PRETRAINED).mkdir(exist_ok=True)
    running = {
        task.remote(
            shared,
            out=path,
            epochs=plan.epochs,
            seed=study.seed,
            threads=max(1, int(resources.cpus_per_trial)),
            device="cuda" if resources.gpus_per_trial else "cpu",
            source={"path": plan.data, "fingerprint": data.fingerprint},
            **wanted[path],
        ): path.stem
        for path in missing
    }
    total = len(running)
    with progress("Pretraining backbones", console) as advance:
        while running and not stop.due():
            advance(total - len(running), total)
            ready, _ = ray.wait(list(running), timeout=1.0)
            for reference in ready:
                name = running.pop(reference)
                metrics = ray.get(reference)
                source.setdefault("pretrained", {})[name] = metrics
                console.print(
                    f"Pretrained {name} on {plan.data}, {plan.epochs} epochs: "
                    f"{100 * metrics['val_accuracy']:.1f} % validation accuracy there",
                    highlight=False,
                )
    for reference in running:
        ray.cancel(reference, force=True)
    provenance.write(folder, source)


def _subset(data: TrainingArrays, limit: int | None, seed: int) -> TrainingArrays:
    """The data with at most `limit` training images, drawn at random."""
    n = len(data.train_labels)
    if limit is None or limit >= n:
        return data
    chosen = np.sort(np.random.default_rng(seed).choice(n, size=limit, replace=False))
    return replace(
        data, train_images=data.train_images[chosen], train_labels=data.train_labels[chosen]
    )


def weight_source(study: Study, folder: Path, config: Config) -> str | None:
    """Where a configuration's weights come from: a named source or a file; None for scratch."""
    if config["init"] != "pretrained":
        return None
    variant, depth = config["variant"], config["depth"]
    if study.weights is None:
        return str(backbone_path(folder, variant, depth).absolute())
    if study.weights.startswith(("torchvision:", "timm:")):
        return study.weights
    named = Path(study.weights.format(variant=variant, depth=depth))
    return str(named.expanduser().absolute())


def backbones(study: Study, folder: Path) -> dict[str, dict[str, bytes]]:
    """Contents of every file of weights that the study may start from.

    Raises:
        WeightsError: A file is missing.
    """
    sources = {
        weight_source(study, folder, {"init": "pretrained", "variant": variant, "depth": depth})
        for variant in study.factor("variant").levels
        for depth in study.factor("depth").levels
        if "pretrained" in study.factor("init").levels
    }
    found = {}
    for source in sources - {None}:
        weights = Path(str(source))
        if not weights.is_absolute():
            continue  # a named source, which each node looks up in its own cache
        if not weights.is_file():
            raise WeightsError(f"{weights}: no such file; give pretrained weights with --weights")
        files = [weights, *(p for p in [weights.with_suffix(".json")] if p.is_file())]
        found[str(source)] = {file.name: file.read_bytes() for file in files}
    return found


def _search(
    search: Search,
    data: FaceData,
    folder: Path,
    storage: Storage,
    resources: Resources,
    stop: StopRequest,
    console: Console,
) -> None:
    display = SearchDisplay(search, majority=data.summary["majority"]["val"], console=console)
    written = time.monotonic()

    def tick() -> None:
        nonlocal written
        display.tick()
        if time.monotonic() - written >= WRITE_EVERY:
            write_tables(search.study, search.record.trials.values(), folder)
            written = time.monotonic()

    with display.shown():
        tune_run.run_search(
            search,
            data.arrays(),
            storage,
            resources=resources,
            stop=stop,
            weights=lambda config: weight_source(search.study, folder, config),
            backbones=backbones(search.study, folder),
            tick=tick,
        )


def _summary(search: Search, majority: float) -> tuple[str, ...]:
    """The end of the main job in a few lines: tuned accuracy per arm beside the majority class."""
    study, trials = search.study, list(search.record.trials.values())
    best = search.best_of_arms()
    lines = []
    for cell in study.arms:
        arm = arm_name(study, cell)
        n = sum(t.arm == arm and t.status == "completed" for t in trials)
        lines.append(
            f"{arm}: {100 * best[arm].epochs[-1]['val_accuracy']:.1f} % validation accuracy, "
            f"the best of {n} completed trials"
            if arm in best
            else f"{arm}: no trial completed"
        )
    lines.append(f"majority class: {100 * majority:.1f} %")
    seconds = sum(e["seconds"] for t in trials for e in t.epochs)
    lines.append(f"{len(trials)} trials, {duration(seconds)} of training in all")
    return tuple(lines)
