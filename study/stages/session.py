"""One sitting of a command at a study: opened and closed in one place, handed to each stage.

A stage is called with the session and says whether it is over; `study.stages.jobs` puts them in
order.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

from agecls.data.folded import FoldedFaces
from agecls.data.loading import FaceData
from agecls.errors import AgeclsError, ToldError
from study.asked.factors import Study
from study.errors import StudyError
from study.folder.folder import Folder, Home
from study.folder.provenance import Faces, Provenance
from study.folder.record import Record
from study.folder.storage import Storage
from study.folder.tables import StudyTables, read_study
from study.plan.sampler import SAMPLER
from study.running.executor import Executor, Job, Scoring
from study.running.interruption import StopRequest, stop_on_signals
from study.running.ray_session import Resources
from study.running.search_state import Search
from study.running.terminal import SearchDisplay
from study.stages import room
from study.stages.sources import contents, source_of
from study.stages.study_faces import study_folds

if TYPE_CHECKING:
    from study.analysis import Conclusions


@dataclass(kw_only=True)
class Means:
    """What a command works with, whatever the study.

    Attributes:
        resources: What may be used, and what one trial takes.
        executor: Runs trials.
        command: The command's words, for the provenance.
        console: Where progress goes.
        storage: Where checkpoints go: a URI that every node reaches; None: inside the folder.
        stop: Says when to wind down.
    """

    resources: Resources
    executor: Executor
    command: Sequence[str]
    console: Console
    storage: str | None = None
    stop: StopRequest = field(default_factory=StopRequest)

    def say(self, line: str) -> None:
        """Print a line as it is."""
        self.console.print(line, highlight=False, markup=False)


@dataclass(kw_only=True)
class Session(Means):
    """What every stage works with.

    Attributes:
        study: The resolved study; scouts replace its ranges.
        folder: Its folder.
        data: Its images.
        record: Of the search, held by this process; None where another tool wrote the tables.
        provenance: Open: whoever changes it writes it.
        over: Stages that have come to their end.
        interrupted: Why the stages ended before their end; None: they did not.
        failed: Whether they ended since they could not go on.
    """

    study: Study
    folder: Folder
    data: FaceData
    record: Record | None
    provenance: Provenance
    over: list["Stage"] = field(default_factory=list)
    interrupted: str | None = None
    failed: bool = False
    _search: Search | None = None
    _tables: StudyTables | None = None
    _conclusions: "Conclusions | None" = None
    _folded: FoldedFaces | None = None

    @property
    def search(self) -> Search:
        """The state machine of the search, brought to the state of the record.

        Raises:
            RecordError: A trial in the record is not one that the study plans.
        """
        assert self.record is not None
        if self._search is None or self._search.study is not self.study:
            self._search = Search(self.study, self.record, self.folder.path)
        return self._search

    @property
    def tables(self) -> StudyTables:
        """What lies in the folder, each table read once; a stage that writes some says so here.

        Raises:
            StudyError: The folder has no tables yet, or a file in it is damaged.
        """
        if self._tables is None:
            self._tables = read_study(self.folder.path)
        return self._tables

    @tables.setter
    def tables(self, tables: StudyTables) -> None:
        self._tables, self._conclusions = tables, None

    @property
    def conclusions(self) -> "Conclusions":
        """What follows from the tables, which is written when it is first asked for.

        Raises:
            StudyError: As `tables`.
            OSError: The folder cannot be written.
        """
        if self._conclusions is None:
            from study.analysis import conclude_from  # a second, and the search needs none of it

            self._conclusions = conclude_from(self.tables)
            self._tables = self._conclusions.tables
        return self._conclusions

    @property
    def folded(self) -> FoldedFaces:
        """Train and val as the study's folds, the same in every stage; what they are is on record.

        Raises:
            DataLayoutError: The faces have too few clusters for them.
            StudyError: They are not those that the study began with.
        """
        if self._folded is None:
            folded = study_folds(self.study, self.data)
            if problem := _unlike(self.provenance.folds, folded.summary):
                raise StudyError(
                    f"{self.folder.path}: the folds of {self.study.data} are no longer those that "
                    f"the study began with ({problem}), so models would be tested on what they "
                    "were trained on. Bring the data back as they were, or begin a new study with "
                    "--name."
                )
            self.provenance.folds = folded.summary
            self.say(folded.summary["how"])
            self._folded = folded
        return self._folded

    def check_folds(self) -> None:
        """Refuse faces that cannot be parted as the study asks, or no longer as before.

        Raises:
            DataLayoutError: They have too few clusters.
            StudyError: They have changed.
        """
        if self.study.folds is not None:
            self.folded  # noqa: B018 - drawn and compared now

    @property
    def n_ended(self) -> int:
        """Trials of the search that have ended; all of them where another tool ran it."""
        if self.record is None:
            return self.study.trials
        return sum(t.status != "running" for t in self.record.trials.values())

    @property
    def is_searched(self) -> bool:
        """Whether the search is over."""
        return self.n_ended >= self.study.trials

    def prepare(self, home: Home) -> Storage:
        """Make a stage's home and the place of its checkpoints.

        Raises:
            StorageError: They cannot be written, or the disk is too small.
        """
        return room.prepare(self.study, home, self.storage, self.resources)

    def majority(self, search: Search) -> float:
        """Share of the commonest class among the images that the search's trials validate on."""
        if _has_folds(search):
            return float(self.folded.summary["majority"])
        return float(self.data.summary["majority"]["val"])

    def train(
        self,
        search: Search,
        home: Home,
        *,
        scoring: Scoring | None = None,
        tick: Callable[[], None] = lambda: None,
        above: str = "",
    ) -> bool:
        """Run the plan of `search`, shown on the console; whether it is over.

        Args:
            search: The state machine, which may be over already.
            home: Where it is run, prepared.
            scoring: What finished models predict; None: nothing.
            tick: Called after every event.
            above: Stands above what the terminal shows.

        Raises:
            StudyError: It cannot go on.
            WeightsError: A file of weights is missing, or another one than before.
        """
        if search.is_over or self.stop.due():
            return search.is_over
        has_folds = _has_folds(search)
        faces = self.folded if has_folds else self.data
        display = SearchDisplay(
            search, majority=self.majority(search), console=self.console, above=above
        )

        def show() -> None:
            display.tick()
            tick()

        job = Job(
            search=search,
            data=faces.arrays(),
            storage=room.storage_of(self.study, home, self.storage),
            weights=lambda config: source_of(search.study, self.folder.path, config),
            backbones=contents(self.study, self.folder.path, self.provenance),
            stop=self.stop,
            tick=show,
            scoring=scoring,
        )
        if has_folds:
            self.provenance.write(self.folder)  # before anything depends on them
        with display.shown():
            self.executor.run(job)
        return search.is_over

    def run(self, stages: Sequence["Stage"]) -> None:
        """Run the stages in order, each if the one before it is over.

        What a stage cannot go on from is kept as the reason, so that the caller may still write
        what was measured.

        Raises:
            StudyError: The executor cannot be used; nothing is on record then.
        """
        # Ray takes SIGTERM for itself when it starts, so our handlers come after it.
        with self.executor.ready(), stop_on_signals(self.stop):
            # not before: Ray may be unable to serve what is asked
            self.provenance.write(self.folder)
            try:
                for stage in stages:
                    if not stage(self):
                        break
                    self.over.append(stage)
            except (StudyError, AgeclsError) as error:
                self.stop.reason, self.failed = str(error), True
        is_over = len(self.over) == len(stages)
        self.interrupted = None if is_over else self.stop.reason or "the trials did not end"


class Stage(Protocol):
    """A part of a job."""

    def __call__(self, session: Session) -> bool:
        """Do what is missing, unless `session.stop` is due; whether the stage is over.

        Raises:
            StudyError: It cannot go on.
            AgeclsError: Likewise.
        """


@contextmanager
def opened(
    study: Study, folder: Folder, data: FaceData, record: Record | None, means: Means
) -> Iterator[Session]:
    """A session whose end is on record when the block ends; `Session.run` begins it there.

    Raises:
        StudyError: The folder was begun on other data, or its study file was changed by hand.
    """
    session = Session(
        study=study,
        folder=folder,
        data=data,
        record=record,
        provenance=_provenance(study, folder, data, means.command),
        **vars(means),
    )
    session.provenance.sit_down()
    yield session
    unfinished = None if session.is_searched else "the search is not over"
    session.provenance.get_up(session.interrupted or unfinished)
    session.provenance.write(folder)


@contextmanager
def begun(folder: Folder) -> Iterator[Record]:
    """The open record of a study, which one process holds; its folder is made if absent.

    A study that is refused before it began leaves no folder: its name would be taken then, and
    there would be nothing to report. Whatever was there before stays.

    Raises:
        StorageError: The folder cannot be written.
        RecordError: Another process works on the study.
    """
    home = folder.path
    absent = [path for path in (home, *home.parents) if not path.exists()]
    room.make_folder(home)
    with Record(home) as record:
        try:
            yield record
        except ToldError:
            if home in absent and not folder.provenance.exists():
                shutil.rmtree(home, ignore_errors=True)
                with suppress(OSError):  # somebody else's study is in it by now
                    for parent in absent[1:]:
                        parent.rmdir()
            raise


@contextmanager
def held(folder: Folder) -> Iterator[Record | None]:
    """The study's open record, which one process holds; None where another tool wrote the tables.

    Raises:
        RecordError: Another process works on the study.
    """
    if not folder.record.exists():
        yield None
        return
    with Record(folder.path) as record:
        yield record


def _has_folds(search: Search) -> bool:
    return any(trial.fold is not None for trial in search.plan)


def _unlike(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """How the folds are not those on record, in words, or None; none may be on record yet."""
    if not before or before.get("digest") == now["digest"]:
        return None
    for key, what in {"k": "folds", "by": "parted by", "images": "images"}.items():
        if before.get(key) != now[key]:
            return f"{what}: {before.get(key)} became {now[key]}"
    return "the same sizes, other images in them"


def _provenance(
    study: Study, folder: Folder, data: FaceData, command: Sequence[str]
) -> Provenance:
    """The study's, checked; a new one where the study begins."""
    found, on_disk = Provenance.read(folder), folder.read_study()
    if found is None:
        faces = Faces(path=study.data, fingerprint=data.fingerprint, summary=data.summary)
        return Provenance.opening(on_disk, command=command, data=faces, sampler=SAMPLER)
    if found.data.fingerprint != data.fingerprint:
        raise StudyError(
            f"{folder.path}: the study was begun on data with fingerprint "
            f"{found.data.fingerprint}, but {study.data} now has {data.fingerprint}. "
            "Bring the data back, or begin a new study with --name."
        )
    if changes := found.changes(on_disk):
        raise StudyError(
            f"{folder.study_file}: it has changed since the study began ({'; '.join(changes)}). "
            "Undo the change, or begin a new study with --name."
        )
    return found
