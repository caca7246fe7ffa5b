"""Whether a study is what its lock says: of every difference a line, none where all is as locked.

The lock is held against itself (its hashes), against `study.toml` (what is asked) and against
`study.json` (the data, the folds, and the hash that was written there too).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study.asked.study import Study
from study.asked.study_text import claim_tables
from study.errors import StudyError
from study.folder.folder import Folder
from study.folder.provenance import Known, as_it_stands
from study.locks.canonical import digest, stated
from study.locks.lock import (
    ADDITIONS,
    HASH,
    PARTS,
    Lock,
    added_claims,
    parts_of,
    read_lock,
    states_of,
)


@dataclass(frozen=True)
class Locked:
    """A study's lock, for those who tell of it.

    Attributes:
        lock: None: there is none, or it cannot be read.
        problems: How the study differs from it, or why nobody can tell; a line each.
    """

    lock: Lock | None
    problems: tuple[str, ...]


def lock_of(folder: Folder) -> Locked:
    """The lock of a study's folder, read once and held against the study."""
    try:
        lock = read_lock(folder)
        return Locked(lock, tuple(_problems(lock, folder)))
    except StudyError as error:
        return Locked(None, (str(error),))


def lock_problems(folder: Folder) -> list[str]:
    """How the study differs from its lock, a line each; none where it has no lock to differ from.

    Raises:
        StudyError: Nobody can tell, for the study file or the lock cannot be read.
    """
    return list(_problems(read_lock(folder), folder))


def _problems(lock: Lock | None, folder: Folder) -> Iterator[str]:
    known = as_it_stands(folder) or Known()
    written = known.get("lock")
    if lock is None:
        if written:
            yield f"{folder.lock}: missing, though {folder.provenance.name} has its hash {written}"
        return
    yield from hash_problems(lock, folder.lock)
    if not written:
        yield (
            f"{folder.provenance}: lacks the hash of {folder.lock.name}, {lock[HASH]}; copy it "
            f"from where the study was run, or go on without a lock: delete {folder.lock.name}"
        )
    elif written != lock[HASH]:
        yield f"{folder.provenance}: has the lock {written}; {folder.lock.name} is {lock[HASH]}"
    yield from _lost_states(lock, folder, known)
    yield from _study_problems(lock, folder, known)


def _lost_states(lock: Lock, folder: Folder, known: Known) -> Iterator[str]:
    """States that the lock has been in and that it no longer comes from."""
    for state in known.array("lock_states"):
        if state not in states_of(lock):
            yield (
                f"{folder.lock}: no longer has the state {state}, which {folder.provenance.name} "
                "has: a claim that was added after the search was changed or taken out again"
            )


def hash_problems(lock: Lock, path: Path) -> Iterator[str]:
    """Hashes in a lock that are not those of what they stand beside."""
    before = lock[HASH]
    if digest({k: v for k, v in lock.items() if k not in (HASH, ADDITIONS)}) != before:
        yield f"{path}: changed since it was locked: its {HASH} is not that of what it holds"
    for number, one in enumerate(lock[ADDITIONS], 1):
        is_whole = digest({k: v for k, v in one.items() if k != HASH}) == one[HASH]
        if not is_whole or one["after"] != before:
            yield f"{path}: addition {number} changed since it was locked"
        before = one[HASH]


def _study_problems(lock: Lock, folder: Folder, known: Known) -> Iterator[str]:
    study = folder.read_study()
    now = parts_of(
        study,
        fingerprint=known.fingerprint,
        folds=known.folds_digest,
        version=lock["version"],
    )
    file = folder.study_file.name
    # of a recipe's fields those that came since then stand at their default
    since = study.at_default - set(lock["box"].get("factors", {}))
    for name in since:
        del now["box"]["factors"][name]
    for part in PARTS:
        of_run = part in ("data", "folds")
        where = f"{file} or {folder.provenance.name}" if of_run else file
        yield from _differences(lock[part], now[part], part, where)
    claims = study.settle.claims if study.settle else ()
    added = stated(claim_tables(claims), version=lock["version"])
    for name, table in added_claims(lock).items():
        yield from _differences(table, added.get(name), f"added claim {name}", file)


def data_problems(lock: Lock, study: Study, *, fingerprint: str, folds: str | None) -> list[str]:
    """How faces that lie somewhere now differ from those that are locked; see `parts_of`."""
    now = parts_of(study, fingerprint=fingerprint, folds=folds, version=lock["version"])
    each = (_differences(lock[p], now[p], p, study.data) for p in ("data", "folds"))
    return [line for lines in each for line in lines]


def scouts_problem(folder: Folder, study: Study) -> str | None:
    """Whether ranges that scouts are said to have set follow from their record, or None."""
    from study.plan.scouts import find_ranges, scouted

    if study.scout is None or not study.scout.declared:
        return None
    declared = study.as_declared
    try:
        found = find_ranges(declared, folder.scout.trials().values())
    except StudyError as error:
        return str(error)
    if scouted(declared, found) == study:
        return None
    return (
        f"{folder.study_file}: the ranges of `lr` are not those that follow from "
        f"{folder.scout.record}"
    )


def _differences(locked: Any, now: Any, place: str, where: str) -> Iterator[str]:
    """Places where two values differ, in words."""
    if isinstance(locked, Mapping) and isinstance(now, Mapping):
        for key in {**locked, **now}:
            yield from _differences(locked.get(key), now.get(key), f"{place}: {key}", where)
    elif locked != now:
        yield f"{place}: {_shown(locked)} is locked, {_shown(now)} stands in {where}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
