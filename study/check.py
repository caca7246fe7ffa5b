"""The command `python -m study.check`: a study's verdicts as an exit status."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agecls.command import Parser, status_of
from agecls.errors import one_line
from study.errors import StudyError
from study.options import add_place, add_study, study_of

if TYPE_CHECKING:
    from study.asked.study import Study
    from study.folder.folder import Folder

EPILOG = """\
examples:
  python -m study.check faces-cpu                        every claim
  python -m study.check faces-cpu --claim bcd_beats_org  this one
  python -m study.check faces-cpu --data FACES           are these the faces that are locked?

A line a claim, the lock in a line, and on standard error a line for each thing that is not as the
record or the lock says. docs/programs.md has a workflow that fails when a claim is refuted.

exit status: 0 every claim is supported, 3 one is refuted, 4 one is unresolved, 5 the record or
the lock does not match or cannot be read (5 before 3 before 4), 1 failed, 2 wrong usage or no
such study or claim, 130 interrupted
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    p = Parser(
        "study.check",
        "Tell by the exit status whether a study's claims are supported, and whether it is still\n"
        "what was locked before its first trial.",
        EPILOG,
    )
    add_study(p)
    p.add_argument("--claim", metavar="ID", help="this claim alone")
    p.add_argument(
        "--data",
        metavar="PATH",
        help="faces, or a folder with the function's module, to hold against the lock",
    )
    add_place(p.add_argument_group("where it lies"))
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parser().parse_args(arguments)
    return status_of("study.check", lambda: _check(options))


def _check(options: argparse.Namespace) -> int:
    from study.report.head.digest import digest_of
    from study.report.programs.answer import claim_named, concluded
    from study.report.programs.exit_status import NO_MATCH, status_of_verdicts, verdict_lines

    folder = study_of(options)
    try:
        problems = _problems(folder, options.data)
        # what does not match is not concluded from
        digest = None if problems else digest_of(concluded(folder.path))
        lock = _lock_line(folder)
    except StudyError as error:  # what cannot be read cannot match
        problems, digest = [str(error)], None
    if digest is None:
        for problem in problems:
            sys.stderr.write(f"study.check: {one_line(problem)}\n")
        return NO_MATCH
    entries = [claim_named(digest, options.claim)] if options.claim else digest.claims
    lines = [*verdict_lines(entries, digest.tables), lock]
    if digest.tables.study.imported:
        lines.append(
            "imported: the search was over before anything was claimed, so no verdict is a test"
        )
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return status_of_verdicts(entries, digest.tables)


def _problems(folder: "Folder", data: str | None) -> list[str]:
    """What is not as the record or the lock says, a line each.

    Raises:
        StudyError: A file in the folder cannot be read.
        AgeclsError: The faces cannot be.
    """
    from study.folder.tables import read_without_epochs
    from study.locks.recorded import record_problems
    from study.locks.verify import lock_problems, scouts_problem

    tables = read_without_epochs(folder.path)
    of_scouts = scouts_problem(folder, tables.study)
    found = [*lock_problems(folder), *record_problems(tables)]
    found += [of_scouts] if of_scouts else []
    if data is None:
        return found
    look = _of_faces if tables.study.trainable is None else _of_module
    return [*found, *look(folder, tables.study, data)]


def _of_faces(folder: "Folder", study: "Study", data: str) -> list[str]:
    """How the faces at a path are not those that the study was begun on."""
    from dataclasses import replace

    from rich.console import Console

    from study.trainables.study_faces import study_faces, study_folds

    asked = replace(study, data=data)
    faces = study_faces(asked, Console(stderr=True, quiet=True))
    folds = None if study.folds is None else study_folds(asked, faces).summary["digest"]
    return _unlike(folder, asked, fingerprint=faces.fingerprint, folds=folds)


def _of_module(folder: "Folder", study: "Study", data: str) -> list[str]:
    """How the function's module in a folder is not what is trained; nothing is imported."""
    from dataclasses import replace

    from study.folder.provenance import Known, as_it_stands
    from study.trainables.found import check_in_folder, fingerprint

    assert study.trainable is not None
    there = replace(study.trainable, folder=str(Path(data).absolute()))
    check_in_folder(there)
    # which example is in which fold only its examples could tell
    folds = (as_it_stands(folder) or Known()).folds_digest
    asked = replace(study, data=data)
    return _unlike(folder, asked, fingerprint=fingerprint(there), folds=folds)


def _unlike(folder: "Folder", asked: "Study", *, fingerprint: str, folds: str | None) -> list[str]:
    """How what lies at `asked.data` is not what the study was begun on."""
    from study.folder.provenance import Known, as_it_stands
    from study.locks.lock import read_lock
    from study.locks.verify import data_problems

    lock = read_lock(folder)
    if lock is not None:
        return data_problems(lock, asked, fingerprint=fingerprint, folds=folds)
    begun = (as_it_stands(folder) or Known()).fingerprint
    if begun == fingerprint:
        return []
    return [f"{asked.data}: its fingerprint is {fingerprint}; the study has {begun or 'none'}"]


def _lock_line(folder: "Folder") -> str:
    from study.locks.lock import added_claims, last_hash, read_lock

    lock = read_lock(folder)
    if lock is None:
        return "no lock: the study was begun without one"
    added = added_claims(lock)
    later = f"; added later: {', '.join(added)}" if added else ""
    return f"lock {last_hash(lock)} of {lock['locked_at']}: matches{later}"


if __name__ == "__main__":
    sys.exit(main())
