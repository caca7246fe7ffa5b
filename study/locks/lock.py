"""A study's lock: what it asks, written down with its hash before the first trial.

    {"format": "agecls-study lock", "version": "1", "study": NAME, "locked_at": TIME,
     "claims": …, "box": …, "folds": …, "data": …, "plan": …,
     "sha256": HASH OF ALL ABOVE,
     "additions": [{"added_at": TIME, "after": HASH BEFORE, "claims": …, "sha256": HASH}, …]}

Claims that were added after the search form a chain: each addition holds the hash before it.
"""

import json
from typing import Any, Final

from agecls.files import write_whole
from study.asked.study import Study
from study.asked.study_text import claim_tables, lasting_tables
from study.errors import RecordError
from study.folder.folder import Folder
from study.locks.canonical import READ, VERSION, digest, stated

FORMAT: Final = "agecls-study lock"

PARTS: Final = ("claims", "box", "folds", "data", "plan")
"""What is locked; see docs/locks.md."""

HASH: Final = "sha256"
ADDITIONS: Final = "additions"

Lock = dict[str, Any]


def parts_of(
    study: Study, *, fingerprint: str, folds: str | None, version: str = VERSION
) -> dict[str, Any]:
    """What a lock holds of a study, numbers as texts.

    Args:
        study: The study file.
        fingerprint: Of its data.
        folds: Digest of which image is in which fold; None: the study asks for no folds.
        version: Of the canonical form.
    """
    tables = stated(lasting_tables(study), version=version)
    taken = {name: tables.pop(name, {}) for name in ("claims", "folds", "data", "classes")}
    classes = {"classes": taken["classes"]} if taken["classes"] else {}
    drawn = {} if study.folds is None or folds is None else {"digest": folds}
    box = {n: tables.pop(n) for n in ("factors", "scout", "include") if n in tables}
    return {
        "claims": taken["claims"],
        "box": box,
        "folds": {**taken["folds"], **drawn},
        "data": {**taken["data"], **classes, "fingerprint": fingerprint},
        "plan": tables,
    }


def new_lock(study: Study, *, fingerprint: str, folds: str | None, at: str) -> Lock:
    """The lock of a study that is about to begin; see `parts_of`."""
    lock: Lock = {"format": FORMAT, "version": VERSION, "study": study.name, "locked_at": at}
    lock |= parts_of(study, fingerprint=fingerprint, folds=folds)
    return {**lock, HASH: digest(lock), ADDITIONS: []}


def with_additions(lock: Lock, study: Study, *, at: str) -> Lock:
    """The lock with claims that were added to the study since; the same where none was."""
    claims = study.settle.claims if study.settle else ()
    added = stated(claim_tables(claims), version=lock["version"])
    there = added_claims(lock)
    new = {name: table for name, table in added.items() if name not in there}
    if not new:
        return lock
    addition = {"added_at": at, "after": last_hash(lock), "claims": new}
    return {**lock, ADDITIONS: [*lock[ADDITIONS], {**addition, HASH: digest(addition)}]}


def added_claims(lock: Lock) -> dict[str, Any]:
    """Every claim that was added after the search, by its name."""
    return {name: table for one in lock[ADDITIONS] for name, table in one["claims"].items()}


def states_of(lock: Lock) -> list[str]:
    """Every hash that it has had at its end, in order."""
    return [str(one[HASH]) for one in [lock, *lock[ADDITIONS]]]


def last_hash(lock: Lock) -> str:
    """The hash that covers everything in the lock."""
    return states_of(lock)[-1]


def read_lock(folder: Folder) -> Lock | None:
    """The lock as it stands, unchecked but for its form; None where there is none.

    Raises:
        RecordError: The file holds no lock.
    """
    path = folder.lock
    if not path.exists():
        return None
    try:
        lock = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
        is_lock = lock["format"] == FORMAT and _is_formed(lock)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RecordError(
            f"{path}: no lock that this tool wrote ({error}); restore it from a copy"
        ) from error
    if not is_lock:
        raise RecordError(f"{path}: no lock that this tool wrote; restore it from a copy")
    if lock["version"] not in READ:
        known = " and ".join(READ)
        raise RecordError(
            f"{path}: a lock of version {lock['version']}; this program reads {known}: update it"
        )
    return dict(lock)


def _once(pairs: list[tuple[str, Any]]) -> Lock:
    """An object of a lock; of a key that is there twice every reader could take another one.

    Raises:
        ValueError: A key is.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return found


def _is_formed(lock: Lock) -> bool:
    """Whether everything that is read of a lock is there."""
    parts = [lock[part] for part in PARTS] + [one["claims"] for one in lock[ADDITIONS]]
    texts = [lock[name] for name in ("version", "study", "locked_at", HASH)]
    texts += [one[name] for one in lock[ADDITIONS] for name in ("added_at", "after", HASH)]
    return all(isinstance(p, dict) for p in parts) and all(isinstance(t, str) for t in texts)


def write_lock(folder: Folder, lock: Lock) -> None:
    """Replace the lock, whole or not at all."""
    text = json.dumps(lock, indent=1, ensure_ascii=False) + "\n"
    write_whole(folder.lock, text.encode())
