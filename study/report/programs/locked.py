"""A study's lock for programs: whether it matches, its hash, and what was added since."""

from typing import Any

from study.locks.lock import ADDITIONS, HASH, Lock
from study.locks.verify import Locked


def lock_told(found: Locked) -> dict[str, Any]:
    """What is locked, and how the study differs from it."""
    lock = found.lock
    state = "does not match" if found.problems else "matches" if lock else "no lock"
    return {
        "state": state,
        "problems": list(found.problems),
        "sha256": lock[HASH] if lock else None,
        "locked_at": lock["locked_at"] if lock else None,
        "additions": [
            {"claims": list(one["claims"]), "added_at": one["added_at"], "sha256": one[HASH]}
            for one in _additions(lock)
        ],
    }


def added_at(found: Locked) -> dict[str, str]:
    """When each claim that the lock has as added was added, by its name."""
    return {name: one["added_at"] for one in _additions(found.lock) for name in one["claims"]}


def _additions(lock: Lock | None) -> list[Lock]:
    return lock[ADDITIONS] if lock else []
