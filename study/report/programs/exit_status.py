"""A study's verdicts in lines, and as the exit status of a command."""

from collections.abc import Sequence
from typing import Final

from study.folder.tables import StudyTables
from study.measure import NARROW
from study.report.head.ledger import STAGE_NAMES, Entry
from study.report.programs.claims import verdict_of
from study.report.wording import NOT_YET

SUPPORTED: Final = 0
REFUTED: Final = 3
UNRESOLVED: Final = 4
NO_MATCH: Final = 5
"""The study is not what its record or its lock says, or these cannot be read."""


def status_of_verdicts(entries: Sequence[Entry], tables: StudyTables) -> int:
    """REFUTED if a claim is, else UNRESOLVED if one is open or there is none, else SUPPORTED."""
    verdicts = {verdict_of(entry, tables) for entry in entries}
    if "refuted" in verdicts:
        return REFUTED
    return SUPPORTED if verdicts == {"supported"} else UNRESOLVED


def verdict_lines(entries: Sequence[Entry], tables: StudyTables) -> list[str]:
    """A line a claim: verdict, name, estimate with its interval, and what it rests on."""
    if not entries:
        return ["no claim was declared"]
    width = max(len(entry.name) for entry in entries)
    return [_line(entry, width, verdict_of(entry, tables)) for entry in entries]


def _line(entry: Entry, width: int, verdict: str | None) -> str:
    parts = [f"{verdict or NOT_YET:12}", f"{entry.name:{width}}"]
    standing = entry.standing
    if standing is not None:
        behind = ", ".join(filter(None, (STAGE_NAMES[standing.stage], standing.n)))
        told = standing.value if standing.estimate is not None else standing.reason
        parts.append(f"{told} ({behind})".replace(NARROW, " "))
        parts += ["fragile"] * standing.is_fragile
    parts += ["added after the search"] * entry.is_added
    return "  ".join(parts)
