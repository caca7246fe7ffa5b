"""Several studies in one report: which claims moved, on the same axes, and what was asked anew."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pandas as pd

from agecls.files import write_whole
from study.analysis import conclude
from study.analysis.moved import Answered, moved_claims
from study.asked.study_file import study_diff
from study.report.compare.figures import arms_panel, claims_panel, shares_panel
from study.report.head.digest import Digest, digest_of
from study.report.head.ledger import STAGE_NAMES, Entry
from study.report.html import render_page
from study.report.panel import Row
from study.report.wording import NARROW, NOT_YET, count, listed, signed

MOST_STUDIES: Final = 8
"""Colours that can be told apart."""

_LONGEST_NAME: Final = 40

FIGURES: Final = (
    Row("claims-compared", "How does each study answer each claim?", claims_panel),
    Row("arms-compared", "How good is each arm in each study?", arms_panel),
    Row("shares-compared", "Does the same factor matter in each study?", shares_panel),
)
"""In reading order."""


class Together(StrEnum):
    """What all studies say of a claim; their value is what a reader is told."""

    SUPPORTED = "supported in each"
    REFUTED = "refuted in each"
    APART = "answered differently"
    OPEN = "not settled in each"
    NOT_ASKED = "not asked in each"


@dataclass(frozen=True, kw_only=True)
class Move:
    """A claim in the first study and in another one.

    Attributes:
        text: The claim.
        pair: The two studies.
        sentence: What moved, or why nothing can be said.
        has_moved: Whether the estimates differ by more than their intervals allow.
        verdicts: The two verdicts where they differ, as `supported → unresolved`; else empty.
    """

    text: str
    pair: str
    sentence: str
    has_moved: bool
    verdicts: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What several studies say together.

    Attributes:
        studies: Each in short, under the name that the comparison calls it.
        moves: Every claim that the first study shares with another one.
        together: How many claims hold in every study; empty where none is asked in all.
        lead: How many moved.
        caveats: What a reader must know.
        changes: Per study after the first what its study file has otherwise.
        facts: Rows of facts: a name, and each study's text.
    """

    studies: dict[str, Digest]
    moves: list[Move]
    together: str
    lead: str
    caveats: list[str]
    changes: dict[str, list[str]]
    facts: list[tuple[str, list[str]]]

    @property
    def claims(self) -> list[tuple[str, Together, list[Entry | None]]]:
        """Each claim's text, what the studies say together, and its entry in every one."""
        return [
            (text, _together(entries), entries)
            for text, entries in _entries(list(self.studies.values()))
        ]


def write_comparison(folders: Sequence[Path], path: Path) -> Path:
    """Analyse the folders, write one report that compares them and return its path.

    Raises:
        StudyError: A folder is not a study's, or a file in it is damaged.
        OSError: The report cannot be written.
    """
    digests = [digest_of(conclude(folder).tables) for folder in folders]
    path.parent.mkdir(parents=True, exist_ok=True)
    page = render_comparison(compare(digests))
    write_whole(path, page.encode(errors="backslashreplace"))
    return path


def compare(digests: Sequence[Digest]) -> Comparison:
    """The studies side by side, each held against the first."""
    studies = dict(zip(_names(digests), digests, strict=True))
    first, *others = studies.items()
    moves = [move for other in others for move in _moves(first, other)]
    return Comparison(
        studies=studies,
        moves=moves,
        together=_holding([_together(entries) for _, entries in _entries(digests)]),
        lead=_lead(moves),
        caveats=_caveats(studies),
        changes={
            name: study_diff(first[1].tables.study, digest.tables.study) for name, digest in others
        },
        facts=_facts(studies),
    )


def render_comparison(comparison: Comparison) -> str:
    """The comparison as one HTML file."""
    panels = list(filter(None, (row.placed(comparison.studies) for row in FIGURES)))
    return render_page(
        "comparison.html.jinja",
        panels,
        comparison=comparison,
        names=list(comparison.studies),
        panels=panels,
        stages=STAGE_NAMES,
    )


def _names(digests: Sequence[Digest]) -> list[str]:
    """Folder names, or paths where two folders have the same name."""
    names = [digest.name for digest in digests]
    if len(set(names)) < len(names):
        names = [str(digest.tables.folder) for digest in digests]
    return names


def _entries(digests: Sequence[Digest]) -> list[tuple[str, list[Entry | None]]]:
    """Each claim's text, and its entry in every study."""
    texts: dict[str, str] = {}
    for digest in digests:
        for entry in digest.claims:
            texts.setdefault(entry.name, entry.text)
    by_study = [{e.name: e for e in digest.claims} for digest in digests]
    return [(text, [known.get(name) for known in by_study]) for name, text in texts.items()]


def _together(entries: Sequence[Entry | None]) -> Together:
    asked = [entry for entry in entries if entry is not None]
    if len(asked) < len(entries):
        return Together.NOT_ASKED
    if not all(entry.is_settled for entry in asked):
        return Together.OPEN
    if len({entry.verdict for entry in asked}) > 1:
        return Together.APART
    return Together.SUPPORTED if asked[0].verdict == "supported" else Together.REFUTED


def _holding(answers: Sequence[Together]) -> str:
    found = Counter(answers)
    n = found.total() - found.pop(Together.NOT_ASKED, 0)
    parts = [f"{found[one]} {one}" for one in Together if one in found]
    return f"Of {count(n, 'claim')} asked in each study: {', '.join(parts)}." if n else ""


def _moves(first: tuple[str, Digest], second: tuple[str, Digest]) -> list[Move]:
    answered = [
        Answered(
            name=name,
            study=digest.tables.study,
            claims=digest.tables.claims if digest.tables.claims is not None else pd.DataFrame(),
        )
        for name, digest in (first, second)
    ]
    if any(one.claims.empty for one in answered):
        return []
    texts = {entry.name: entry.text for entry in first[1].claims}
    return [
        _move(row, texts[row["claim"]])
        for row in moved_claims(answered[0], answered[1]).to_dict("records")
    ]


def _move(row: dict[str, Any], text: str) -> Move:
    verdicts = [row["first_verdict"] or NOT_YET, row["second_verdict"] or NOT_YET]
    changed = f"{verdicts[0]} → {verdicts[1]}" if verdicts[0] != verdicts[1] else ""
    if pd.isna(row["difference"]):
        sentence, has_moved = f"not comparable: {row['reason']}", False
    else:
        is_share = row["unit"] == "share"
        ends = [row[name] * (100 if is_share else 1) for name in ("difference", "low", "high")]
        unit = f"{NARROW}% of the variance" if is_share else f" {row['unit']}"
        has_moved = bool(row["moved"])
        verb = "moved by" if has_moved else "did not move beyond the intervals:"
        sentence = (
            f"{verb} {signed(ends[0])}{unit} [{signed(ends[1])}, {signed(ends[2])}] "
            f"({row['stage']} stage)"
        )
    return Move(
        text=text,
        pair=f"{row['first']} → {row['second']}",
        sentence=sentence,
        has_moved=has_moved,
        verdicts=changed,
    )


def _lead(moves: Sequence[Move]) -> str:
    comparable = [move for move in moves if not move.sentence.startswith("not comparable")]
    if not moves:
        return "The studies have no claim in common that both have been analysed for."
    if not comparable:
        n = count(len(moves), "claim")
        return f"Of {n} in common none can be compared; each one says why."
    moved = sum(move.has_moved for move in moves)
    changed = sum(bool(move.verdicts) for move in moves)
    verb = "has" if moved == 1 else "have"
    head = "No claim has" if not moved else f"{count(moved, 'claim')} {verb}"
    text = (
        f"{head} moved beyond the intervals, of {count(len(comparable), 'comparison')} that can "
        "be made"
    )
    turned = f"; {count(changed, 'verdict')} changed" if changed else "; no verdict changed"
    return text + turned + "."


def _caveats(studies: dict[str, Digest]) -> list[str]:
    found = [
        "A claim has moved where the 95 % interval of the difference of its two estimates lies "
        "off 0, the studies taken as independent and the comparisons not adjusted for their "
        "number. A changed verdict alone is no move: an estimate that crosses a limit by little "
        "changes it.",
    ]
    prints = {name: digest.tables.known.fingerprint for name, digest in studies.items()}
    known = {value for value in prints.values() if value}
    if len(known) > 1:
        found.append("The studies are on different images: differences are of data and methods.")
    elif len(known) == 1 and all(prints.values()):
        found.append(
            "The studies are on the same images. What these share cancels in the difference, so "
            "that the intervals here are too wide rather than too narrow."
        )
    else:
        found.append("Whether the studies are on the same images is not on record.")
    sizes = {digest.tables.study.size for digest in studies.values()}
    if len(sizes) > 1:
        found.append(
            f"Image sizes differ: {listed([str(size) for size in sorted(sizes)])} pixels."
        )
    return found


def _facts(studies: dict[str, Digest]) -> list[tuple[str, list[str]]]:
    digests = list(studies.values())
    known = [digest.tables.known for digest in digests]
    rows = [
        ("Question", [digest.question for digest in digests]),
        ("Trials", [f"{len(digest.tables.trials):,}" for digest in digests]),
        ("Longest schedule", [count(d.tables.study.epochs, "epoch") for d in digests]),
        ("Confirmed", [_confirmed(digest) for digest in digests]),
        ("Data", [digest.tables.study.data for digest in digests]),
        ("Data fingerprint", [one.fingerprint or "–" for one in known]),
        ("Image size", [f"{digest.tables.study.size} pixels" for digest in digests]),
        ("Begun", [str(one.get("started_at") or "–") for one in known]),
        ("Commit", [str(one.get("git_commit") or "–")[:10] for one in known]),
        ("Command", [str(one.get("command") or "–") for one in known]),
    ]
    return rows


def _confirmed(digest: Digest) -> str:
    seeds = [row.confirmed.n_seeds for row in digest.arms if row.confirmed is not None]
    if not (digest.confirmed and seeds):
        return "no"
    where = digest.tables.study.judged_on("confirm", digest.confirmed.split)
    return f"{count(max(seeds), 'seed')}, {where}"


def default_path(folders: Sequence[Path], out: Path) -> Path:
    """Where a comparison goes if nobody says: `OUT/A-vs-B.html`."""
    names = [folder.resolve().name[:_LONGEST_NAME] for folder in folders]
    return out / f"{'-vs-'.join(names)}.html"
