"""A study's lock for programs: whether it matches, its hash, and what was added since."""

from pathlib import Path
from typing import Any

from study.errors import StudyError
from study.folder.folder import Folder
from study.folder.tables import StudyTables
from study.locks.lock import ADDITIONS, HASH, Lock, read_lock
from study.locks.verify import lock_problems


def lock_told(tables: StudyTables) -> dict[str, Any]:
    """What is locked, and how the study differs from it."""
    folder = Folder(tables.folder)
    try:
        lock, problems = read_lock(folder), lock_problems(folder)
    except StudyError as error:
        lock, problems = None, [str(error)]
    state = "does not match" if problems else "matches" if lock else "no lock"
    return {
        "state": state,
        "problems": problems,
        "sha256": lock[HASH] if lock else None,
        "locked_at": lock["locked_at"] if lock else None,
        "additions": [
            {"claims": list(one["claims"]), "added_at": one["added_at"], "sha256": one[HASH]}
            for one in _additions(lock)
        ],
    }


def added_at(folder: Path) -> dict[str, str]:
    """When each claim that the lock has as added was added, by its name."""
    try:
        lock = read_lock(Folder(folder))
    except StudyError:  # which `lock_told` tells
        return {}
    return {name: one["added_at"] for one in _additions(lock) for name in one["claims"]}


def _additions(lock: Lock | None) -> list[Lock]:
    return lock[ADDITIONS] if lock else []
