"""Checks of the record: whether all of a study was made by one program and asked at once."""

from typing import Final

from study.analysis.checks.check import Check, Finding, absent, passed, raised
from study.analysis.checks.recorded import are_claims_changed
from study.analysis.checks.seen import Seen
from study.quantities import count, listed


def _versions(seen: Seen) -> Finding:
    known = seen.tables.known
    told = [v for one in known.tables("sessions") if (v := one.table("versions"))]
    first = known.table("versions")
    if not told or not first:
        return absent("Which versions each session ran was not recorded.")
    changed = [
        f"{package} {was} to {later}"
        for package, was in first.items()
        if (later := next((v[package] for v in told if v.get(package, was) != was), None))
    ]
    if changed:
        sessions = count(len(known.array("sessions")), "session")
        return raised(f"Changed between {sessions}: {listed(changed)}.")
    return passed(f"One set of versions in {count(len(told), 'session')}.")


def _claims(seen: Seen) -> Finding:
    is_changed = are_claims_changed(seen.tables)
    if is_changed is None:
        return absent("No hash of the claims was recorded when the search began.")
    if is_changed:
        return raised("The claims are not those on record when the search began.")
    return passed("The claims are those on record when the search began.")


def _commit(seen: Seen) -> Finding:
    known = seen.tables.known
    if "git_commit" not in known:
        return absent("What the program's commit was is not on record.")
    commit = known["git_commit"]
    if commit is None:
        return passed("The program was an installed package; its version is on record.")
    if str(commit).endswith("-dirty"):
        return raised("The program had changes that no commit holds.")
    return passed(f"The program was commit {str(commit)[:10]}.")


RECORD: Final = (
    Check(
        code="R101",
        title="Versions changed between sessions",
        question="Did every session run the same versions?",
        severity="issue",
        look=_versions,
    ),
    Check(
        code="R102",
        title="Claims changed since the search began",
        question="Are the claims those that were on record before the search?",
        severity="issue",
        look=_claims,
    ),
    Check(
        code="R103",
        title="Program with uncommitted changes",
        question="Can the program that made these numbers be found again?",
        severity="tip",
        look=_commit,
    ),
)
