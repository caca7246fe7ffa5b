"""What each command has done: which stages in which order, and what comes before and after.

Stages that load PyTorch or the analysis are imported where a job has them, and the report where it
is written: together they take two seconds, for which the first trial would wait.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agecls.data.loading import FaceData
from study.analysis.to_settle import check_settle
from study.asked.study import Study
from study.errors import StudyFileError
from study.folder.folder import Folder
from study.folder.provenance import Provenance, as_it_stands
from study.folder.storage import Storage
from study.folder.tables import read_study
from study.folder.tabulate import check_on_disk, check_on_record
from study.locks.fixing import fix
from study.measure import NARROW
from study.running.interruption import stop_on_signals
from study.stages import disk_space
from study.stages.scout import check_box, scout
from study.stages.search import search, summary, write_search
from study.stages.session import Means, Session, Stage
from study.stages.sitting import begun, check_same, held, opened
from study.trainables.called import Function
from study.trainables.sources import check_given, contents
from study.trainables.study_faces import study_faces

if TYPE_CHECKING:
    from study.stages.elsewhere import Elsewhere
    from study.stages.settle import Settle


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a job ended.

    Attributes:
        report: The report's path; None: it is not written anew.
        interrupted: Why it stopped before its end; None if it is finished.
        failed: Whether it stopped because it could not go on.
        summary: Lines for the terminal.
    """

    report: Path | None
    interrupted: str | None
    failed: bool = False
    summary: Sequence[str] = ()


def main_job(study: Study, folder: Folder, means: Means) -> Outcome:
    """Search, confirm, write tables, models and report; continues what `folder` already holds.

    Args:
        study: The resolved study; the one in `folder` if that is continued.
        folder: Made if absent.
        means: What to work with.

    Raises:
        StudyError: Another process works on the folder, it holds data of another study, or a table
            in it says more than its record.
        AgeclsError: The data or the weights cannot be used.
    """
    stages: list[Stage] = [lock, _pretrain, scout, search]
    check_on_disk(folder, "trials")
    if study.confirm_seeds > 0:
        check_on_disk(folder, "confirm")
        stages.append(_confirm)
    if study.settle is not None:
        check_on_disk(folder, "settle")
        check_settle(study, folder)
        stages.append(_settle)
    if study.after is not None:
        means.say(study.after.sentence)
    data = _data(study, folder, means)
    if study.trainable is None:
        check_given(study)
    # The record first, which one process holds: nobody else's checkpoints are tidied then.
    with begun(folder) as record:
        checkpoints = disk_space.prepare(study, folder, means.storage, means.resources)
        if not folder.study_file.exists():
            folder.write_study(study)
        check_box(study, folder.path)
        with opened(study, folder, data, record, means) as session:
            folder.write_study(study)
            session.search  # noqa: B018 - refuses another study's record before Ray starts
            session.check_folds()
            session.run(stages)
            # Tables first: a full disk or a lost checkpoint must cost a model, not what was
            # measured. The search has written them if it is over, and others have read them.
            if search not in session.over:
                write_search(session)
            checkpoints.prepare()  # nobody writes any more: what dead writers left goes
            found = session.search
            problems = _keep_best(session, checkpoints)
    return _outcome(session, *summary(found, session.majority(found)), *problems)


def _data(study: Study, folder: Folder, means: Means) -> FaceData | Function:
    """What a study is about: its images, or its function.

    Raises:
        StudyError: The function has changed, or cannot be called as a trial calls it.
        AgeclsError: The data or the weights cannot be used.
    """
    if study.trainable is not None:
        function = Function.of(study, near=folder.path)
        # before it is imported: another module of that name may do anything
        if known := Provenance.read(folder):
            check_same(known, study, folder, function)
        function.check()
        return function
    return study_faces(study, means.console)


def _keep_best(session: Session, checkpoints: Storage) -> list[str]:
    """Keep each arm's best model; a function keeps its own. A line for each that cannot be had."""
    if isinstance(session.data, Function):
        return []
    from study.stages import models

    return models.keep_best(session.search, session.data, session.folder.path, checkpoints)


def refuse_function(study: Study, what: str) -> None:
    """Refuse a stage that scores what models predict, of which a function tells nothing.

    Raises:
        StudyFileError: The study trains a function.
    """
    if study.trainable is not None:
        raise StudyFileError(
            f"{study.name}: it trains {study.trainable.function}, and {what} asks for what our "
            "own nets predict; without it study.confirm takes functions too"
        )


def lock(session: Session) -> bool:
    """The stage before all others: what is asked is locked before anything is trained."""
    folder, record = session.folder, session.record
    # another tool's tables have no record of ours
    has_begun = record is None or bool(record.trials) or folder.table("trials").exists()
    has_begun = has_begun or bool(folder.scout.trials())
    if line := fix(session.study, folder, session.provenance, has_begun=has_begun):
        session.say(line)
    return True


def _pretrain(session: Session) -> bool:
    if session.study.pretrain is None:
        return True
    from study.stages.pretrain import pretrain

    return pretrain(session)


def _confirm(session: Session) -> bool:
    from study.stages.confirm import Confirm

    return Confirm(n_seeds=session.study.confirm_seeds)(session)


def _settle(session: Session) -> bool:
    from study.stages.settle import Settle

    asked = session.study.settle
    assert asked is not None
    return Settle(trainings=asked.trainings, time_budget=asked.time_budget)(session)


def confirm_job(study: Study, folder: Folder, means: Means, *, n_seeds: int) -> Outcome:
    """Confirm on at least `n_seeds` fresh seeds, look at the test split, write the report.

    Raises:
        StudyError: Another process works on the folder, there is no room, or the stage's table
            says more than its record.
        AgeclsError: The data or the weights cannot be used.
    """
    from study.stages.confirm import Confirm, check_models

    with _after_the_search(study, folder, means, "confirm") as session:
        session.check_folds()
        check_models(session, n_seeds)
        _check_weights(session)
        session.run([lock, Confirm(n_seeds=n_seeds, look_again=True)])
    return _outcome(session)


def settle_job(study: Study, folder: Folder, means: Means, stage: "Settle") -> Outcome:
    """Spend trainings where verdicts are missing and write the report.

    Raises:
        StudyError: Another process works on the folder, there is no room, or the stage's table
            says more than its record.
        AgeclsError: The data or the weights cannot be used.
    """
    with _after_the_search(study, folder, means, "settle") as session:
        _check_weights(session)
        session.run([lock, stage])
    return _outcome(session)


def _check_weights(session: Session) -> None:
    """Refuse weights that are not those that the study began with; a function has none of ours.

    Raises:
        WeightsError: They are gone, or others.
    """
    if session.study.trainable is None:
        contents(session.study, session.folder.path, session.provenance)


@contextmanager
def _after_the_search(
    study: Study, folder: Folder, means: Means, stage: Literal["confirm", "settle"]
) -> Iterator[Session]:
    """A session on what a search left, whose trials a stage goes on from."""
    with held(folder) as record:
        tables = read_study(folder.path)  # refuses damage before Ray starts
        written = tables.confirm if stage == "confirm" else tables.settle
        check_on_record(folder, stage, written)
        data = _data(study, folder, means)
        with opened(study, folder, data, record, means) as session:
            session.tables = tables
            if not session.is_searched:
                ended = f"{session.n_ended} of {study.trials}"
                so = "choosing" if stage == "confirm" else "recipes follow"
                session.say(f"The search is not over: {so} from {ended} trials.")
            yield session


def elsewhere_job(study: Study, folder: Folder, means: Means, stage: "Elsewhere") -> Outcome:
    """Score the confirmed models on other faces and write the report; no executor is needed.

    Raises:
        StudyError: The study has no confirmed models, or another process works on it.
        AgeclsError: The data cannot be used.
    """
    from study.stages.elsewhere import confirmed_models, known_confirmed

    refuse_function(study, "study.confirm --external")
    # study.json is read and written again: nobody else changes it meanwhile
    with held(folder) as record, stop_on_signals(means.stop):
        tables = read_study(folder.path)
        confirmed_models(tables)  # refuses a study that has none before faces are read
        data = study_faces(study, means.console)
        session = Session(
            study=study,
            folder=folder,
            data=data,
            record=record,
            provenance=known_confirmed(folder),
            **vars(means),
        )
        session.tables = tables
        is_over = stage(session)
    if is_over:
        return Outcome(report=_report(session), interrupted=None)
    return Outcome(report=None, interrupted=means.stop.reason or "interrupted")


def _outcome(session: Session, *summary: str) -> Outcome:
    """How the session's stages ended, the report written."""
    report = _report(session)
    return Outcome(
        report=report,
        interrupted=session.interrupted,
        failed=session.failed,
        summary=(*summary, *_recipe(session)),
    )


def _recipe(session: Session) -> list[str]:
    """The recipe to use, in a line."""
    from study.report.head.digest import recipe_line_of

    told = recipe_line_of(session.conclusions.tables)
    return [told.replace(NARROW, " ")] if told else []


def _report(session: Session) -> Path:
    """Write the report, which tells of the session too; its path."""
    from study.report.page import write_page

    return write_page(session.conclusions.known_as(as_it_stands(session.folder)))
