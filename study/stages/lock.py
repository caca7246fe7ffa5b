"""The stage before all others: what is asked is locked before the first trial.

A study that was begun without a lock goes on without one.
"""

from study.errors import StudyError
from study.folder.provenance import now
from study.locks.lock import HASH, new_lock, read_lock, with_additions, write_lock
from study.locks.verify import lock_problems
from study.stages.session import Session


def lock(session: Session) -> bool:
    """Lock what is asked, or add to the lock the claims that were added since.

    Raises:
        StudyError: The study is not what its lock says.
    """
    folder = session.folder
    found = read_lock(folder)
    if found is None:
        if not _has_begun(session):
            _lock(session)
        return True
    if problems := lock_problems(folder):
        raise StudyError(
            f"{problems[0]}. Undo the change, or begin a new study with --name"
            + f" ({len(problems) - 1} more)" * (len(problems) > 1)
        )
    grown = with_additions(found, session.study, at=now())
    if grown is not found:
        write_lock(folder, grown)
        names = ", ".join(grown["additions"][-1]["claims"])
        session.say(f"Added to the lock, as claims that came after the search: {names}")
    return True


def _lock(session: Session) -> None:
    study, source = session.study, session.provenance
    made = new_lock(
        study,
        fingerprint=source.data.fingerprint,
        folds=source.folds.get("digest"),
        at=now(),
    )
    # the hash first: killed in between, a study that has not begun is locked anew
    source.lock = made[HASH]
    source.write(session.folder)
    write_lock(session.folder, made)
    session.say(f"Locked before the first trial: SHA-256 {made[HASH]}")


def _has_begun(session: Session) -> bool:
    """Whether anything was trained that what is asked could have been fitted to."""
    if session.record is None:  # another tool's tables
        return True
    folder = session.folder
    return bool(session.record.trials or folder.scout.trials() or folder.table("trials").exists())
