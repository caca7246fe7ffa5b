"""A study's claims for programs: the answer that counts, and what each stage says."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd

from study.asked.study import Study
from study.folder.tables import StudyTables
from study.measure import SHARE
from study.report.head.digest import Digest
from study.report.head.ledger import Entry, Standing
from study.report.programs.images import judged_on, split_of
from study.report.programs.locked import added_at
from study.report.programs.plain import Row, ends, estimate, flag, whole, word

LEVEL: Final = 0.95
"""Of every interval but the adjusted ones."""


def claims_told(digest: Digest, entries: list[Entry]) -> list[dict[str, Any]]:
    """One object a claim, in the study's order."""
    tables = digest.tables
    unit = unit_of(tables.study)

    def answer(row: Row) -> dict[str, Any]:
        split = split_of(word(row["split"]), str(row["stage"]), tables.study)
        return _answer(row, split, judged_on(row, tables, digest.confirmed), unit)

    return [_claim(entry, digest, answer) for entry in entries]


def unit_of(study: Study) -> str:
    """What differences of the study's metric are told in: `points`, or the `metric`'s own unit."""
    own = study.measure.own
    return "points" if own is None or own.unit == SHARE else "metric"


def verdict_of(entry: Entry, tables: StudyTables) -> str | None:
    """The verdict that counts, as the table of claims has it; None: no stage has given one."""
    row = _standing_row(entry, tables)
    return None if row is None else str(row["verdict"])


def _claim(
    entry: Entry, digest: Digest, answer: Callable[[Row], dict[str, Any]]
) -> dict[str, Any]:
    row = _standing_row(entry, digest.tables)
    told = {
        "id": entry.name,
        "text": entry.text,
        "declared": _declared(entry, digest),
        "carried_from": entry.carried_from or None,
        "states": _states(entry),
        "answer": None if entry.standing is None else entry.standing.sentence,
    }
    counts = _NOTHING if row is None else answer(row)
    stages = [answer(other) for _, other in _stages(entry, digest.tables)]
    return {**told, **counts, "stages": stages}


def _states(entry: Entry) -> dict[str, Any] | None:
    """Its table in the study file, without its text."""
    if entry.claim is None:
        return None
    needs = {"needs": entry.claim.needs} if entry.claim.needs is not None else {}
    return {**entry.claim.stated, **needs}


def _declared(entry: Entry, digest: Digest) -> dict[str, Any]:
    """When it was declared, as far as anything says so."""
    if entry.claim is None:
        return {"when": "unknown", "at": None}
    if entry.is_added:
        return {"when": "after the search", "at": added_at(digest.lock).get(entry.name)}
    known = digest.tables.known
    if not known.get("claims_hash"):
        return {"when": "unknown", "at": None}
    return {"when": "before the search", "at": known.get("started_at")}


_NOTHING: Final[dict[str, Any]] = {
    "verdict": None,
    "stage": None,
    "split": None,
    "estimate": None,
    "interval": None,
    "level": LEVEL,
    "adjusted_interval": None,
    "unit": None,
    "metric": None,
    "n": {"trainings": None, "seeds": None, "images": None, "clusters": None},
    "fragile": None,
    "reason": None,
    "tested_by": None,
}
"""Of a claim that no stage has judged; the order of every answer's keys."""


def _answer(
    row: Row, split: str | None, on: Mapping[str, int | None], unit: str
) -> dict[str, Any]:
    """What a row of the table of claims says, judged on a split's images and clusters."""
    return _NOTHING | {
        "verdict": str(row["verdict"]),
        "stage": str(row["stage"]),
        "split": split,
        **estimate(row),
        "adjusted_interval": ends(row, "adjusted_low", "adjusted_high"),
        "unit": unit if word(row["unit"]) != "share" else "share",
        "metric": word(row["metric"]),
        "n": {
            "trainings": whole(row["n_trainings"]) or whole(row["n_trials"]),
            "seeds": whole(row["n_seeds"]) or None,
            "images": on["images"],
            "clusters": whole(row["n_clusters"]) or on["clusters"],
        },
        "fragile": flag(row["fragile"]),
        "reason": word(row["reason"]),
        "tested_by": word(row["command"]),
    }


def _stages(entry: Entry, tables: StudyTables) -> list[tuple[Standing, Row]]:
    """Each answer of the ledger with the row that it was read from, later stages first."""
    if tables.claims is None:
        return []
    found = tables.claims[tables.claims["claim"] == entry.name]
    rows = [row for row in found.to_dict("records") if not pd.isna(row["verdict"])]
    by_stage: dict[str, list[Row]] = {"settle": [], "confirm": [], "search": []}
    for row in rows:
        # as the ledger has it, what no stage says of itself is the search's
        by_stage[row["stage"] if row["stage"] in by_stage else "search"].append(row)
    in_order = (*by_stage["settle"][:1], *by_stage["confirm"], *by_stage["search"][:1])
    return list(zip(entry.standings, in_order, strict=True))


def _standing_row(entry: Entry, tables: StudyTables) -> Row | None:
    each = _stages(entry, tables)
    return next((row for standing, row in each if standing is entry.standing), None)
