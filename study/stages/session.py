"""What every stage is handed of a command's sitting at a study; `study.stages.sitting` opens it.

A stage is called with the session and says whether it is over; `study.stages.jobs` puts them in
order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

from agecls.data.folded import FoldedFaces
from agecls.data.folds import Folds
from agecls.data.loading import FaceData
from agecls.errors import AgeclsError
from study.asked.study import Study
from study.errors import StudyError
from study.folder.folder import Folder, Home
from study.folder.provenance import Provenance
from study.folder.record import Record
from study.folder.storage import Storage
from study.folder.tables import StudyTables, read_study
from study.running.executor import Executor, Job, Scoring, Work
from study.running.interruption import StopRequest, stop_on_signals
from study.running.ray_session import Resources
from study.running.search_state import Search
from study.running.terminal import SearchDisplay
from study.stages import disk_space
from study.trainables.called import Calls, Function
from study.trainables.nets import Nets
from study.trainables.sources import contents, source_of
from study.trainables.study_faces import study_folds

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
        data: Its images; of a study of a function, the function.
        record: Of the search, held by this process; None where another tool wrote the tables.
        provenance: Open: whoever changes it writes it.
        over: Stages that have come to their end.
        interrupted: Why the stages ended before their end; None: they did not.
        failed: Whether they ended since they could not go on.
    """

    study: Study
    folder: Folder
    data: FaceData | Function
    record: Record | None
    provenance: Provenance
    over: list["Stage"] = field(default_factory=list)
    interrupted: str | None = None
    failed: bool = False
    _search: Search | None = None
    _tables: StudyTables | None = None
    _conclusions: "Conclusions | None" = None
    _folded: FoldedFaces | None = None
    _folds: Folds | None = None

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
    def faces(self) -> FaceData:
        """Its images.

        Raises:
            StudyError: It trains a function, which has its own.
        """
        if isinstance(self.data, Function):
            what = self.data.asked.function
            raise StudyError(f"{self.folder.path}: it trains {what}, which has no images of ours")
        return self.data

    @property
    def folded(self) -> FoldedFaces:
        """Train and val as the study's folds, the same in every stage; what they are is on record.

        Raises:
            DataLayoutError: The faces have too few clusters for them.
            StudyError: They are not those that the study began with.
        """
        if self._folded is None:
            folded = study_folds(self.study, self.faces)
            self._take(folded.summary)
            self._folded = folded
        return self._folded

    @property
    def folds(self) -> Folds:
        """The study's folds, of faces or of a function's examples; what they are is on record.

        Raises:
            DataLayoutError: As `folded`.
            StudyError: Likewise.
        """
        if not isinstance(self.data, Function):
            return self.folded.folds
        if self._folds is None:
            folds, summary = self.data.folds(self.study)
            self._take(summary)
            self._folds = folds
        return self._folds

    def _take(self, folds: dict[str, Any]) -> None:
        """Put what the folds hold on record, which must not change."""
        if problem := _unlike(self.provenance.folds, folds):
            whose = self.study.trainable.examples if self.study.trainable else self.study.data
            raise StudyError(
                f"{self.folder.path}: the folds of {whose} are no longer those that the study "
                f"began with ({problem}), so models would be tested on what they were trained on. "
                "Bring the data back as they were, or begin a new study with --name."
            )
        self.provenance.folds = folds
        self.say(folds["how"])

    def check_folds(self) -> None:
        """Refuse what cannot be parted as the study asks, or no longer as before.

        Raises:
            DataLayoutError: It has too few clusters.
            StudyError: It has changed.
        """
        if self.study.folds is not None:
            self.folds  # noqa: B018 - drawn and compared now

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
        return disk_space.prepare(self.study, home, self.storage, self.resources)

    def majority(self, search: Search) -> float | None:
        """Share of the commonest class among the images that the search's trials validate on.

        None where a function is trained, which need not tell classes.
        """
        if isinstance(self.data, Function):
            return None
        if _has_folds(search):
            return float(self.folded.summary["majority"])
        return float(self.data.summary["majority"]["val"])

    def _work(self, search: Search) -> Work:
        """What the search's trials train."""
        has_folds = _has_folds(search)
        if isinstance(self.data, Function):
            folds = self.folds if has_folds else None
            return Calls(function=self.data, metric=self.study.metric, folds=folds)
        faces = self.folded if has_folds else self.data
        return Nets(
            data=faces.arrays(),
            weights=lambda config: source_of(search.study, self.folder.path, config),
            backbones=contents(self.study, self.folder.path, self.provenance),
        )

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
        display = SearchDisplay(
            search, majority=self.majority(search), console=self.console, above=above
        )

        def show() -> None:
            display.tick()
            tick()

        job = Job(
            search=search,
            work=self._work(search),
            storage=disk_space.storage_of(self.study, home, self.storage),
            stop=self.stop,
            tick=show,
            scoring=scoring,
        )
        if _has_folds(search):
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
