"""The stage before the search: scouts are run, and what they find becomes the study's box.

It is run like a search whose whole plan is known: same record, same executor, same resume, in
`scout/` inside the study's folder. `study.toml` then has the ranges that were found and, in
`[scout]`, those that were declared; `study.json` says what each cell showed. Since the ranges
follow from the record, they are checked against it whenever the study goes on.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from study.asked.study import Study
from study.errors import SearchError, StudyError
from study.folder.folder import Folder
from study.folder.record import Record, TrialRecord
from study.plan.scouts import Found, find_ranges, scout_plan, scout_study, scouted
from study.running.search_state import Search
from study.stages.session import Session


def scout(session: Session) -> bool:
    """Run what is missing; `session.study` then has the ranges found, on disk.

    Raises:
        SearchError: The scouts did not end, and nobody had asked for that.
    """
    study, home = session.study, session.folder.scout
    if not study.is_to_be_scouted:
        return True
    if session.stop.due():
        return False
    storage = session.prepare(home)
    with Record(home.path) as record:
        search = scout_search(study, record, home.path)
        if not search.is_over:
            session.say(
                f"Scouting where training diverges: {len(search.plan)} trials of "
                f"{search.study.epochs} epochs"
            )
        if not session.train(search, home):
            if session.stop.due():
                return False
            raise SearchError(f"{home.path}: the scouts did not end; --resume goes on with them")
        found = find_ranges(study, record.trials.values())
    storage.keep_only(set())  # nobody goes on from a scout
    session.provenance.scout = [described(cell) for cell in found]
    session.provenance.write(session.folder)
    for cell in found:
        session.say(sentence(cell))
    session.study = scouted(study, found)
    session.folder.write_study(session.study)
    return True


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
