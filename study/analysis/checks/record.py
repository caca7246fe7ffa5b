"""Checks of the record: whether all of a study was made by one program and asked at once."""

from typing import Final

from study.analysis.checks.check import Finding, absent, check, passed, raised
from study.analysis.checks.recorded import are_claims_changed
from study.analysis.checks.seen import Seen
from study.quantities import count, listed


@check("R101", "issue", "Versions changed between sessions")
def _versions(seen: Seen) -> Finding:
    """Did every session run the same versions?"""
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


@check("R102", "issue", "Claims changed since the search began")
def _claims(seen: Seen) -> Finding:
    """Are the claims those that were on record before the search?"""
    is_changed = are_claims_changed(seen.tables)
    if is_changed is None:
        return absent("No hash of the claims was recorded when the search began.")
    if is_changed:
        return raised("The claims are not those on record when the search began.")
    return passed("The claims are those on record when the search began.")


@check("R103", "tip", "Program with uncommitted changes")
def _commit(seen: Seen) -> Finding:
    """Can the program that made these numbers be found again?"""
    known = seen.tables.known
    if "git_commit" not in known:
        return absent("What the program's commit was is not on record.")
    commit = known["git_commit"]
    if commit is None:
        return passed("The program was an installed package; its version is on record.")
    if str(commit).endswith("-dirty"):
        return raised("The program had changes that no commit holds.")
    return passed(f"The program was commit {str(commit)[:10]}.")


RECORD: Final = (_versions, _claims, _commit)
