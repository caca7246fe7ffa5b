"""The stage before the search: scouts are run, and what they find becomes the study's box.

It is run like a search whose whole plan is known: same record, same executor, same resume, in
`scout/` inside the study's folder. `study.toml` then has the ranges that were found and, in
`[scout]`, those that were declared; `study.json` says what each cell showed. Since the ranges
follow from the record, they are checked against it whenever the study goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from agecls.data.loading import FaceData
from study.asked.factors import Config, Study
from study.errors import SearchError, StudyError
from study.folder.folder import Folder
from study.folder.provenance import Provenance
from study.folder.record import Record, TrialRecord
from study.folder.storage import Storage
from study.plan.scouts import Found, find_ranges, scout_plan, scout_study, scouted
from study.running import tune_run
from study.running.interruption import StopRequest
from study.running.machine import Search
from study.running.ray_session import Resources
from study.running.terminal import SearchDisplay
from study.running.trainable import Backbones


@dataclass(frozen=True, kw_only=True)
class Scouting:
    """What the stage works with.

    Attributes:
        study: The resolved study.
        folder: The study's folder.
        data: Its images.
        storage: Where the stage's checkpoints go, apart from the search's.
        resources: What Ray may use.
        weights: From a configuration to the source of its weights.
        backbones: Contents of the sources that are files.
        source: The open provenance.
        console: Where progress goes.
    """

    study: Study
    folder: Path
    data: FaceData
    storage: Storage
    resources: Resources
    weights: Callable[[Config], str | None]
    backbones: Backbones
    source: Provenance
    console: Console

    def run(self, stop: StopRequest) -> Study:
        """Run what is missing; the study with the ranges found, or as it is where `stop` said so.

        Ray must be initialised. The findings are in `study.json` before this returns; the caller
        writes the study.

        Raises:
            SearchError: The scouts did not end, and nobody had asked for that.
        """
        home = Folder(self.folder).scout.path
        home.mkdir(exist_ok=True)
        with Record(home) as record:
            search = scout_search(self.study, record, home)
            if not search.is_over:
                self._train(search, stop)
            if not search.is_over and stop.due():
                return self.study
            if not search.is_over:
                raise SearchError(f"{home}: the scouts did not end; --resume goes on with them")
            found = find_ranges(self.study, record.trials.values())
        self.storage.keep_only(set())  # nobody goes on from a scout
        self.source.scout = [described(cell) for cell in found]
        self.source.write(Folder(self.folder))
        for cell in found:
            self.console.print(sentence(cell), highlight=False, markup=False)
        return scouted(self.study, found)

    def _train(self, search: Search, stop: StopRequest) -> None:
        display = SearchDisplay(
            search, majority=self.data.summary["majority"]["val"], console=self.console
        )
        self.console.print(
            f"Scouting where training diverges: {len(search.plan)} trials of "
            f"{search.study.epochs} epochs",
            highlight=False,
        )
        with display.shown():
            tune_run.run_search(
                search,
                self.data.arrays(),
                self.storage,
                resources=self.resources,
                stop=stop,
                weights=self.weights,
                backbones=self.backbones,
                tick=display.tick,
            )


def scout_search(study: Study, record: Record, home: Path) -> Search:
    """The state machine of the scouts; continues what `record` in `home` holds."""
    return Search(scout_study(study), record, home, plan=scout_plan(study))


def check_box(study: Study, folder: Path) -> None:
    """Refuse ranges that scouts are said to have found, but did not.

    Raises:
        StudyError: The study's file and the scouts' record say different things.
    """
    if study.scout is None or not study.scout.declared:
        return
    declared, home = study.as_declared, Folder(folder)
    if scouted(declared, find_ranges(declared, home.scout.trials().values())) != study:
        raise StudyError(
            f"{home.study_file}: the ranges of `lr` are not those that follow from "
            f"{home.scout.record}. Restore both from a copy, or begin a new study with --name."
        )


def scout_trials(folder: Path) -> list[TrialRecord]:
    """A study's scouts so far, as its tables list them: numbered up to -1, before the plan's 0.

    Their length is no level of the study, so `epochs` is left out of their configurations.
    """
    trials = Folder(folder).scout.trials().values()
    return [
        replace(
            trial,
            number=trial.number - len(trials),
            config={k: v for k, v in trial.config.items() if k != "epochs"},
        )
        for trial in trials
    ]


def described(cell: Found) -> dict[str, Any]:
    """A cell's findings for `study.json`."""
    return {
        "when": dict(cell.when),
        "declared": [cell.declared.low, cell.declared.high],
        "range": [cell.range.low, cell.range.high],
        "edge": cell.edge,
        "n_trials": cell.n_trials,
        "n_diverged": cell.n_diverged,
    }


def sentence(cell: Found) -> str:
    """A cell's findings for the terminal."""
    where = ", ".join(f"{name} {level}" for name, level in cell.when.items()) or "everywhere"
    if cell.edge is None:
        return (
            f"{where}: none of {cell.n_trials} scouts trained; the declared range stays, "
            f"{cell.declared.low:g} to {cell.declared.high:g}"
        )
    edge = f"{cell.n_diverged} diverged above" if cell.n_diverged else "no divergence met"
    return (
        f"{where}: rates from {cell.range.low:g} to {cell.range.high:g} ({edge}; "
        f"{cell.n_trials} scouts; declared {cell.declared.low:g} to {cell.declared.high:g})"
    )
