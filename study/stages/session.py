"""A study from data to report: the stages of the main job, in order."""

import shlex
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from agecls.data.loading import FaceData
from agecls.errors import AgeclsError, ToldError
from study.asked.factors import Study, arm_name
from study.errors import SearchError, StorageError, StudyError
from study.folder.folder import CONFIRM, SCOUT, Folder
from study.folder.provenance import Faces, Provenance
from study.folder.record import Record, TrialRecord
from study.folder.storage import Storage, below
from study.folder.tabulate import epochs_frame, trials_frame
from study.measure import Measure
from study.plan.sampler import SAMPLER
from study.report.page import write_report
from study.running import ray_session, tune_run
from study.running.interruption import StopRequest, stop_on_signals
from study.running.live_report import LiveReport
from study.running.machine import Search
from study.running.ray_session import Resources
from study.running.terminal import SearchDisplay, duration
from study.stages import models, pretrain
from study.stages.confirm import BEGIN_ANEW, Work, confirm
from study.stages.scout import Scouting, check_box, scout_trials
from study.stages.study_faces import study_faces

WRITE_EVERY = 60.0
"""Seconds between two writings of the tables while a search runs."""

CHECKPOINT_BYTES = 350_000_000
"""What a checkpoint takes at most: a ResNet-50's weights, their average and Adam's two moments,
25.6 million parameters of four bytes each; ResNet-101 is half as large again."""


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
    stop = StopRequest.after(time_budget)
    data = study_faces(study, console)
    pretrain.check_given(study)
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    is_over = failed = False
    # The record first, which one process holds: nobody else's checkpoints are tidied then.
    with Record(folder) as record, _removed_if_refused(folder, absent):
        checkpoints = prepare(study, folder, storage, resources)
        if not Folder(folder).study_file.exists():
            Folder(folder).write_study(study)
        check_box(study, folder)
        source = open_provenance(study, folder, data, command)
        Folder(folder).write_study(study)
        search = Search(study, record, folder)
        # Ray takes SIGTERM for itself when it starts, so our handlers come after it.
        with ray_session.ray_session(resources), stop_on_signals(stop):
            # not before: Ray may be unable to serve what is asked
            source.write(Folder(folder))
            try:
                pretrain.train_missing(study, folder, resources, stop, console, source)
                if study.is_to_be_scouted and not stop.due():
                    study = _scouted(
                        study, folder, data, storage, resources, stop, source, console
                    )
                    search = Search(study, record, folder)
                if not stop.due():
                    _search(search, data, folder, checkpoints, resources, stop, console, source)
                    if search.is_over and study.confirm_seeds > 0 and not stop.due():
                        write_tables(study, record.trials.values(), folder)
                        _check_found(search, folder)
                        work = confirm_work(
                            study,
                            folder,
                            data,
                            storage,
                            resources,
                            source,
                            command,
                            console,
                            n_seeds=study.confirm_seeds,
                        )
                        is_over = confirm(work, n_seeds=study.confirm_seeds, stop=stop)
                    else:
                        is_over = search.is_over and study.confirm_seeds == 0
            except (StudyError, AgeclsError) as error:
                stop.reason, failed = str(error), True
        interrupted = None if is_over else stop.reason or "the search did not end"
        # Tables first: a full disk or a lost checkpoint must cost a model, not what was measured.
        write_tables(study, record.trials.values(), folder)
        checkpoints.prepare()  # nobody writes any more: what dead writers left goes
        problems = models.keep_best(search, data, folder, checkpoints)
        source.get_up(interrupted)
        source.write(Folder(folder))
    return Outcome(
        report=write_report(folder),
        interrupted=interrupted,
        failed=failed,
        summary=(*_summary(search, data.summary["majority"]["val"]), *problems),
    )


@contextmanager
def _removed_if_refused(folder: Path, absent: Sequence[Path]) -> Iterator[None]:
    """Leave no folder of a study that was refused before it began.

    Its name would be taken then, and there would be nothing to report.

    Args:
        folder: The study's, whose record we hold.
        absent: What was not there before we made it: the folder, its parent and so on. Whatever
            was there stays.
    """
    try:
        yield
    except ToldError:
        if folder in absent and not Folder(folder).provenance.exists():
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # somebody else's study is in it by now
                for parent in absent[1:]:
                    parent.rmdir()
        raise


def _check_found(search: Search, folder: Path) -> None:
    """Refuse to confirm a search that found nothing.

    Raises:
        SearchError: No trial ran to its end.
    """
    if not search.best_of_arms():
        raise SearchError(
            f"{folder}: no trial ran to its end, so there is nothing to confirm. {BEGIN_ANEW}"
        )


def _scouted(
    study: Study,
    folder: Path,
    data: FaceData,
    storage: str | None,
    resources: Resources,
    stop: StopRequest,
    source: Provenance,
    console: Console,
) -> Study:
    """The study with the ranges that scouts find, on disk; as it is where they were stopped."""
    place = None if storage is None else below(storage, SCOUT)
    found = Scouting(
        study=study,
        folder=folder,
        data=data,
        storage=prepare(study, Folder(folder).scout.path, place, resources),
        resources=resources,
        weights=lambda config: pretrain.source_of(study, folder, config),
        backbones=pretrain.contents(study, folder, source),
        source=source,
        console=console,
    ).run(stop)
    Folder(folder).write_study(found)
    return found


def confirm_work(
    study: Study,
    folder: Path,
    data: FaceData,
    storage: str | None,
    resources: Resources,
    source: Provenance,
    command: Sequence[str],
    console: Console,
    *,
    n_seeds: int,
) -> Work:
    """What the confirm stage works with; its checkpoints lie apart from the search's.

    Its models, one per arm and seed, stay in the study's folder wherever the checkpoints go.

    Raises:
        StorageError: There is no room for them.
        WeightsError: A file of weights is missing, or another one than before.
    """
    place = None if storage is None else below(storage, CONFIRM)
    n_models = max(0, n_seeds * len(study.arms) - Folder(folder).n_confirmed())
    what = f"{n_models} confirmed models"
    _check_room(folder, n_models * models.MODEL_BYTES, what, "move the study's folder")
    return Work(
        study=study,
        folder=folder,
        data=data,
        storage=prepare(study, Folder(folder).confirm.path, place, resources),
        resources=resources,
        weights=lambda config: pretrain.source_of(study, folder, config),
        backbones=pretrain.contents(study, folder, source),
        source=source,
        command=shlex.join(command),
        console=console,
    )


def make_folder(folder: Path) -> None:
    """Make a folder that can be written.

    Raises:
        StorageError: It cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be written ({error.strerror}); choose another --out"
        ) from error


def prepare(study: Study, folder: Path, storage: str | None, resources: Resources) -> Storage:
    """Make a folder and the place of its checkpoints, and look whether they can grow.

    Below `storage` each study has a folder of its own name.

    Raises:
        StorageError: One of them cannot be written, or the disk is too small.
    """
    make_folder(folder)
    if storage is None:
        kept = len(study.arms) * (1 + 1) + resources.at_a_time_here()
        what = f"checkpoints and models of {len(study.arms)} arms"
        _check_room(folder, kept * CHECKPOINT_BYTES, what, "give --out or --storage elsewhere")
        place = Storage(str(Folder(folder).checkpoints.absolute()))
    else:
        place = Storage(below(storage, study.name))
    place.prepare()
    return place


def _check_room(folder: Path, need: int, what: str, way_out: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < need:
        raise StorageError(
            f"{folder}: {free / 1e9:.1f} GB are free, but {what} may take {need / 1e9:.1f} GB. "
            f"Free some, or {way_out}."
        )


def write_tables(study: Study, trials: Iterable[TrialRecord], folder: Path) -> None:
    """Write `trials.parquet` and `epochs.parquet` from the record's trials and the scouts."""
    rows = [*scout_trials(folder), *trials]
    Folder(folder).write_table("trials", trials_frame(study, rows), study)
    Folder(folder).write_table("epochs", epochs_frame(rows), study)


def open_provenance(
    study: Study, folder: Path, data: FaceData, command: Sequence[str]
) -> Provenance:
    """The study's provenance with a new session in it, to be written when that begins.

    Raises:
        StudyError: The folder was begun on other data, or its study file was changed by hand.
    """
    home = Folder(folder)
    found, on_disk = Provenance.read(home), home.read_study()
    if found is None:
        faces = Faces(path=study.data, fingerprint=data.fingerprint, summary=data.summary)
        found = Provenance.opening(on_disk, command=command, data=faces, sampler=SAMPLER)
    elif found.data.fingerprint != data.fingerprint:
        raise StudyError(
            f"{folder}: the study was begun on data with fingerprint "
            f"{found.data.fingerprint}, but {study.data} now has {data.fingerprint}. "
            "Bring the data back, or begin a new study with --name."
        )
    elif changes := found.changes(on_disk):
        raise StudyError(
            f"{home.study_file}: it has changed since the study began ({'; '.join(changes)}). "
            "Undo the change, or begin a new study with --name."
        )
    found.sit_down()
    return found


def _search(
    search: Search,
    data: FaceData,
    folder: Path,
    storage: Storage,
    resources: Resources,
    stop: StopRequest,
    console: Console,
    source: Provenance,
) -> None:
    display = SearchDisplay(search, majority=data.summary["majority"]["val"], console=console)
    written = time.monotonic()

    def tick() -> None:
        nonlocal written
        display.tick()
        # a report that is being written reads the tables: they change before it or after it
        if time.monotonic() - written >= WRITE_EVERY and not live.is_writing:
            write_tables(search.study, search.record.trials.values(), folder)
            live.write_if_due()
            written = time.monotonic()

    with LiveReport(folder) as live, display.shown():
        tune_run.run_search(
            search,
            data.arrays(),
            storage,
            resources=resources,
            stop=stop,
            weights=lambda config: pretrain.source_of(search.study, folder, config),
            backbones=pretrain.contents(search.study, folder, source),
            tick=tick,
        )


def _summary(search: Search, majority: float) -> tuple[str, ...]:
    """The end of the main job in a few lines: each arm's best, beside the majority class."""
    measure = Measure(search.study.metric)
    study, trials = search.study, list(search.record.trials.values())
    best = search.best_of_arms()
    lines = []
    for cell in study.arms:
        arm = arm_name(study, cell)
        n = sum(t.arm == arm and t.status == "completed" for t in trials)
        lines.append(
            f"{arm}: {measure.plain(best[arm].epochs[-1][measure.column])} {measure.label}, "
            f"the best of {n} completed trials"
            if arm in best
            else f"{arm}: no trial completed"
        )
    if measure == Measure("val_accuracy"):
        lines.append(f"majority class: {measure.plain(majority)}")
    seconds = sum(e["seconds"] for t in trials for e in t.epochs)
    lines.append(f"{len(trials)} trials, {duration(seconds)} of training in all")
    return tuple(lines)
