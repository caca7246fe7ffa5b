"""A study is locked before its first trial; later its lock only grows."""

from study.asked.study import Study
from study.errors import StudyError
from study.folder.folder import Folder
from study.folder.provenance import Provenance, now
from study.locks.lock import (
    ADDITIONS,
    HASH,
    new_lock,
    read_lock,
    states_of,
    with_additions,
    write_lock,
)
from study.locks.verify import lock_problems


def fix(study: Study, folder: Folder, source: Provenance, *, has_begun: bool) -> str | None:
    """Lock what is asked, or add claims that were added since; what was done, in a line.

    A study that was begun without a lock stays without one.

    Args:
        study: What is asked.
        folder: The study's.
        source: Its open provenance, which knows data and folds, and is written.
        has_begun: Whether anything was trained that what is asked could have been fitted to.

    Raises:
        StudyError: The study is not what its lock says.
    """
    found = read_lock(folder)
    if found is None:
        return None if has_begun else _lock(study, folder, source)
    if problems := lock_problems(folder):
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        raise StudyError(
            f"{problems[0]}{more}. Undo the change, or begin a new study with --name."
        )
    grown = with_additions(found, study, at=now())
    if grown is not found:
        write_lock(folder, grown)
    states = states_of(grown) if grown[ADDITIONS] else []
    if source.lock_states != states:
        # after the lock: killed in between, it is made up for here
        source.lock_states = states
        source.write(folder)
    if grown is found:
        return None
    names = ", ".join(grown[ADDITIONS][-1]["claims"])
    return f"Added to the lock, as claims that came after the search: {names}"


def _lock(study: Study, folder: Folder, source: Provenance) -> str:
    folds = source.folds.get("digest")
    made = new_lock(study, fingerprint=source.data.fingerprint, folds=folds, at=now())
    # the hash first: killed in between, a study that has not begun is locked anew
    source.lock = made[HASH]
    source.write(folder)
    write_lock(folder, made)
    return f"Locked before the first trial: SHA-256 {made[HASH]}"
