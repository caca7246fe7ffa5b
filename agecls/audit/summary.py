"""An audit's summary on the terminal."""

from collections.abc import Iterator, Sequence
from typing import Final

from agecls.audit.checks import Level, checks
from agecls.audit.findings import Findings
from agecls.audit.wording import class_counts, counted, place_name, share, totals

MARKS: Final[dict[Level, str]] = {"problem": "!", "note": "~", "fine": " ", "unknown": "?"}
"""Sign before a check where there is no colour."""


def summary_lines(findings: Findings) -> Iterator[tuple[str, str]]:
    """Lines of the terminal's summary, each with a kind: title, text, or a check's level."""
    n_bad = int(findings.quarantine["is_bad"].sum())
    yield (
        "title",
        f"{findings.root}: {counted(len(findings.images), 'usable image')}, {n_bad:,} unusable "
        f"({findings.layout})",
    )
    yield "text", ""
    for line in _columns(class_table(findings)):
        yield "text", line
    yield "text", ""
    for check in checks(findings):
        yield check.level, f"{MARKS[check.level]} {check.title}: {check.text}"


def class_table(findings: Findings) -> list[list[str]]:
    """Header and rows of text: classes, then images, persons, families, clusters by split."""
    counts = class_counts(findings)
    rows = [["class", *(place_name(split) for split in counts)]]
    whole = counts.sum()
    for letter in counts.index:
        numbers = [(int(counts.at[letter, split]), int(whole[split])) for split in counts]
        rows.append([letter, *(f"{n:,} ({share(n / total)})" for n, total in numbers)])
    rows += [[name, *numbers] for name, numbers in totals(findings)]
    return rows


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join(["  " + first.ljust(widths[0]), *cells])
