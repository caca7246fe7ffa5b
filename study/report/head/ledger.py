"""The ledger of claims: what was believed before the search, and what each stage says of it.

What settling settled counts, else the confirm stage's word where it gave one; the search's stands
beside it, so that a reader sees how much the search had flattered.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import pandas as pd

from study.asked.claim import Claim
from study.asked.plans import After
from study.asked.study import Study
from study.folder.tables import StudyTables
from study.report.grounds import clusters_settled_on
from study.report.head.verdict_words import Found, claim_sentence
from study.report.wording import (
    NARROW,
    NOT_HERE,
    NOT_YET,
    Measure,
    count,
    interval,
    listed,
    signed,
)

Stage = Literal["settle", "confirm", "search"]

STAGE_NAMES: Final[dict[Stage, str]] = {
    "settle": "settling",
    "confirm": "confirm stage",
    "search": "search stage",
}

SEARCH_CAVEAT: Final = (
    "The search’s verdicts are not adjusted for the number of claims, and rest on one split that "
    "the search itself looked at many times."
)
CONFIRM_NOTE: Final = (
    "The confirm stage’s verdicts count, adjusted for the number of claims that it tested; the "
    "search’s estimates stand below them, unadjusted."
)

SETTLE_NOTE: Final = (
    "Verdicts of settling count where it settled a claim: each training speaks to every claim, "
    "and each look has a level of its own, for several looks and claims together: its interval is "
    "wider than the one of 95 % shown here at early looks and with many open claims, and may be "
    "narrower at the last look of one or two. The answers of earlier stages stand below them."
)

_SETTLED: Final = ("supported", "refuted")
_GRAVITY: Final = ("refuted", "unresolved", "supported")
"""Of several answers to one claim, as on several sets of faces, the first of these counts."""


@dataclass(frozen=True, kw_only=True)
class Standing(Found):
    """What one stage says of a claim; its verdict may be NOT_HERE.

    Attributes:
        stage: Which.
        claim: As declared; None: only the table of claims knows it.
        command: Tests a claim that cannot be tested here; empty: it can.
    """

    stage: Stage
    claim: Claim | None
    command: str

    @property
    def sentence(self) -> str:
        """The answer in words, verdict last."""
        if self.command:
            return self.reason[:1].upper() + self.reason[1:] + "."
        return claim_sentence(self.claim, self)

    @property
    def is_settled(self) -> bool:
        """Whether it is supported or refuted."""
        return self.verdict in _SETTLED

    @property
    def value(self) -> str:
        """Estimate and interval with their unit, or a dash."""
        if self.estimate is None:
            return "–"
        if self.is_share:
            return interval(self.estimate, self.low, self.high, _share)
        words = interval(self.estimate, self.low, self.high, self.measure.effect)
        return f"{words}{self.measure.after_effect}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One claim.

    Attributes:
        name: Its key in the study file.
        text: As its author put it.
        claim: As declared; None: only the table of claims knows it.
        confirmed: What fresh seeds say: one answer, or one per set of other faces.
        searched: What the search says, or None.
        settled: What settling says, or None.
        is_added: Whether it was added after the search.
        carried_from: Name of the earlier study that it comes from; empty: this file has it.
    """

    name: str
    text: str
    claim: Claim | None
    confirmed: tuple[Standing, ...]
    searched: Standing | None
    settled: Standing | None = None
    is_added: bool = False
    carried_from: str = ""

    @property
    def standings(self) -> tuple[Standing, ...]:
        """All answers, those of later stages first."""
        each = (self.settled, *self.confirmed, self.searched)
        return tuple(one for one in each if one is not None)

    @property
    def standing(self) -> Standing | None:
        """The answer that counts."""
        confirmed = min(
            self.confirmed, key=lambda one: _place(_GRAVITY, one.verdict), default=None
        )
        if self.settled and (self.settled.is_settled or not (confirmed and confirmed.is_settled)):
            return self.settled
        return confirmed or self.searched

    @property
    def verdict(self) -> str:
        """Its verdict, NOT_HERE or NOT_YET."""
        return self.standing.verdict if self.standing else NOT_YET

    @property
    def is_settled(self) -> bool:
        """Whether the claim was supported or refuted."""
        return self.verdict in _SETTLED


def ledger_data(tables: StudyTables) -> list[Entry]:
    """An entry per claim in the study's order, then claims that only the table knows."""
    asked = {claim.name: claim for claim in tables.study.every_claim}
    added = {claim.name for claim in asked.values() if claim not in tables.study.claims}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in asked}
    if tables.claims is not None:
        for row in tables.claims.to_dict("records"):
            row["split"] = tables.study.judged_on(row["stage"], row["split"])
            if (clusters := _number(row["n_clusters"])) is not None:
                row["tested"] = clusters_settled_on(int(clusters), tables.settle)
            rows.setdefault(str(row["claim"]), []).append(row)
    return [
        replace(
            _entry(name, asked.get(name), of_claim, tables.study),
            is_added=name in added,
            carried_from=_carried_from(name, tables.study.after),
        )
        for name, of_claim in rows.items()
    ]


def _carried_from(claim: str, after: After | None) -> str:
    return after.study if after is not None and claim in after.claims else ""


def note_of_stages(entries: Sequence[Entry], *, is_confirmed: bool) -> str:
    """Which stage's verdicts count, and what they are adjusted for."""
    if any(entry.settled for entry in entries):
        return SETTLE_NOTE
    return CONFIRM_NOTE if is_confirmed else SEARCH_CAVEAT


def tally(entries: Sequence[Entry]) -> str:
    """How many claims stand how, such as `1 supported and 2 unresolved`."""
    verdicts = sorted((e.verdict for e in entries), key=lambda v: _place(_SETTLED, v))
    return listed([f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts)])


def _place(order: tuple[str, ...], verdict: str) -> int:
    return order.index(verdict) if verdict in order else len(order)


def _entry(name: str, claim: Claim | None, rows: list[dict[str, Any]], study: Study) -> Entry:
    measure = study.measure_of(claim) if claim else study.measure
    found = [_standing(claim, row, measure) for row in rows if not pd.isna(row["verdict"])]
    written = next((_word(row["text"]) for row in rows), "")
    return Entry(
        name=name,
        text=claim.text if claim else written or name,
        claim=claim,
        confirmed=tuple(one for one in found if one.stage == "confirm"),
        searched=next((one for one in found if one.stage == "search"), None),
        settled=next((one for one in found if one.stage == "settle"), None),
    )


def _standing(claim: Claim | None, row: Mapping[str, Any], measure: Measure) -> Standing:
    stages: dict[Any, Stage] = {name: name for name in STAGE_NAMES}
    stage, command = stages.get(row["stage"], "search"), _word(row["command"])
    estimate = _number(row["estimate"])
    return Standing(
        stage=stage,
        claim=claim,
        verdict=NOT_HERE if command else str(row["verdict"]),
        estimate=estimate,
        low=_number(row["low"]),
        high=_number(row["high"]),
        is_share=row["unit"] == "share",
        # where the estimate is withheld, the reason says of what there is too little
        n="" if estimate is None else _size(stage, row),
        reason=_word(row["reason"]),
        command=command,
        no_difference=row.get("no_difference") is True,
        is_fragile=row.get("fragile") is True,
        measure=measure,
    )


def _size(stage: Stage, row: Mapping[str, Any]) -> str:
    seeds, trials, split = _number(row["n_seeds"]), _number(row["n_trials"]), _word(row["split"])
    if stage == "settle":
        n = f"{count(int(trials or 0), 'training')} in {count(int(seeds or 0), 'block')}"
        return ", ".join(filter(None, (n, row.get("tested"))))
    if stage == "confirm":
        each = f"{count(int(seeds), 'fresh seed')} each" if seeds else ""
        where = f"{split} split" if split in ("val", "test") else split
        return ", ".join(filter(None, (each, where)))
    # of the side, level or third that has fewest
    return f"at least {count(int(trials), 'full-length trial')} a side" if trials else ""


def _share(share: float) -> str:
    return f"{signed(share * 100)}{NARROW}%"


def _number(value: Any) -> float | None:
    if pd.isna(value):  # a null
        return None
    return float(value) if math.isfinite(value) else None


def _word(value: object) -> str:
    return "" if pd.isna(value) else str(value)
