"""The answer for programs: what the report's first screen says, and the numbers behind it.

It is read from the tables that say what follows, in the order and under the names that
`answer.schema.json` beside this module lists; docs/programs.md explains them.
"""

from pathlib import Path
from typing import Any, Final

from study.asked.plans import After
from study.errors import TablesError
from study.folder.columns import names_of
from study.folder.tables import StudyTables, read_concluded
from study.report.head.digest import Digest, digest_of
from study.report.head.overview import progress_data
from study.report.programs.arms import arms_told, best_told
from study.report.programs.claims import claims_told
from study.report.programs.factors import contrasts_of_arms, factors_told, pairs_told
from study.report.programs.locked import lock_told
from study.report.programs.plain import as_json
from study.report.programs.recipes import simplest_told

VERSION: Final = 1
"""Raised when a key goes or changes its meaning; added keys do not count."""


def answer_json(folder: Path, *, claim: str | None = None) -> str:
    """The answer as text: of the whole study, or of one claim by its name.

    Args:
        folder: The study's.
        claim: A claim's key in the study file; None: all that is known.

    Raises:
        TablesError: The study has no such claim.
        StudyError: The folder is not a study's, or a file in it is damaged.
        OSError: What follows from the tables is not written yet, and cannot be.
    """
    digest = digest_of(concluded(folder))
    if claim is None:
        return as_json(answer(digest))
    only = claim_named(digest, claim)
    return as_json(_head(digest) | {"claim": claims_told(digest, [only])[0]})


def answer(digest: Digest) -> dict[str, Any]:
    """The answer, keys in order; no value is NaN or infinite."""
    tables, confirmed, arms = digest.tables, digest.confirmed, digest.arms
    progress = progress_data(tables)
    return _head(digest) | {
        "finished": progress.is_finished,
        "answer": {"best": digest.answer.best, "claims": digest.answer.claims},
        "claims": claims_told(digest, digest.claims),
        "arms": arms_told(tables, arms, confirmed),
        "factors": factors_told(tables),
        "pairs": pairs_told(tables),
        "contrasts_of_arms": contrasts_of_arms(tables),
        "best": best_told(tables, arms),
        "simplest": simplest_told(digest),
        "warnings": list(digest.answer.warnings),
        "checks": _checks(tables),
        "provenance": _provenance(tables),
        "lock": lock_told(digest.lock),
        "after": _after(tables.study.after),
    }


def concluded(folder: Path) -> StudyTables:
    """The tables with what follows from them, which is worked out where it is not written.

    Raises:
        StudyError: As `answer_json`.
        OSError: Likewise.
    """
    found = read_concluded(folder)
    if found is not None:
        return found
    from study.analysis import conclude  # seconds, which most answers can do without

    return conclude(folder).tables


def claim_named(digest: Digest, name: str) -> Any:
    """The claim's entry in the ledger.

    Raises:
        TablesError: There is none; says which there are.
    """
    for entry in digest.claims:
        if entry.name == name:
            return entry
    there = ", ".join(entry.name for entry in digest.claims) or "none"
    raise TablesError(f"--claim {name}: {digest.name} has no such claim; there are {there}")


def _head(digest: Digest) -> dict[str, Any]:
    study = digest.tables.study
    return {
        "format": "agecls-study answer",
        "version": VERSION,
        "study": digest.name,
        "question": digest.question,
        "metric": study.metric,
        "direction": "minimize" if study.measure.is_minimised else "maximize",
    }


def _checks(tables: StudyTables) -> list[dict[str, Any]]:
    """What each check says; none where they were not run."""
    rows = [] if tables.checks is None else tables.checks.to_dict("records")
    return [{name: str(row[name]) for name in names_of("checks")} for row in rows]


def _after(after: After | None) -> dict[str, Any] | None:
    """The earlier study that this one goes on from."""
    if after is None:
        return None
    lists = ("factors", "narrowed", "claims")
    return {
        "study": after.study,
        "path": after.path,
        "sha256": after.sha256,
        "metric": after.metric,
        **{name: list(getattr(after, name)) for name in lists},
        "recipes": [dict(recipe) for recipe in after.recipes],
    }


def _provenance(tables: StudyTables) -> dict[str, Any]:
    """Where the numbers come from; what nobody wrote is null."""
    known, study = tables.known, tables.study
    names = ("command", "git_commit", "versions", "machine", "started_at", "ended_at")
    return {
        **{name: known.get(name) for name in names},
        "seed": study.seed,
        "trials": {"planned": study.trials, "in_table": len(tables.trials)},
        "data": {"path": study.data, "fingerprint": known.fingerprint or None},
        "claims_hash": known.get("claims_hash"),
        "test_reads": len(known.array("test_reads")),
    }
