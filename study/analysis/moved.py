"""Whether an answer moved from one study to another by more than its two intervals allow.

The interval of a difference of two independent estimates, from their own intervals alone (MOVER,
Zou and Donner 2008), which need not be symmetric:

    low = d - sqrt((b - b_low)^2 + (a_high - a)^2), high = d + sqrt((b_high - b)^2 + (a - a_low)^2)

Studies on the same faces are not independent: what they share cancels, so that the interval is
too wide there and a move is called too rarely, not too often.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from study.asked.claim import Claim
from study.asked.study import Study

COLUMNS = [
    "claim",
    "first",
    "second",
    "stage",
    "unit",
    "difference",
    "low",
    "high",
    "moved",
    "first_verdict",
    "second_verdict",
    "reason",
]

_SETTLED = ("supported", "refuted")


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A study with its claims' answers.

    Attributes:
        name: What the comparison calls it.
        study: The study file.
        claims: As `claims.parquet`.
    """

    name: str
    study: Study
    claims: pd.DataFrame


def moved_claims(first: Answered, second: Answered) -> pd.DataFrame:
    """Every claim that both studies declare, in the first one's order.

    Returns:
        `COLUMNS`: second minus first in `unit` (points, or share), with a 95 % interval; `moved`
        if that lies off 0; verdicts as they stand. Stages are compared like with like, settling
        before confirm before search, and a confirm stage only on the same split; without a
        comparison `difference` is null and `reason` says why.
    """
    theirs = {claim.name: claim for claim in second.study.claims}
    rows = []
    for claim in first.study.claims:
        if claim.name in theirs:
            named = {"claim": claim.name, "first": first.name, "second": second.name}
            rows.append(named | _moved(claim, theirs[claim.name], first, second))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype({name: float for name in ("difference", "low", "high")})


def difference(
    a: tuple[float, float, float], b: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Estimate, low and high of b - a from those of a and b."""
    (a_value, a_low, a_high), (b_value, b_low, b_high) = a, b
    d = b_value - a_value
    below = float(np.hypot(b_value - b_low, a_high - a_value))
    above = float(np.hypot(b_high - b_value, a_value - a_low))
    return d, d - below, d + above


def _moved(ours: Claim, theirs: Claim, first: Answered, second: Answered) -> dict[str, object]:
    answers = [_by_stage(one.claims, ours.name) for one in (first, second)]
    verdicts = [_standing(answer) for answer in answers]
    base: dict[str, object] = {
        "stage": None, "unit": None, "difference": None, "low": None, "high": None,
        "moved": False, "first_verdict": verdicts[0], "second_verdict": verdicts[1],
        "reason": None,
    }  # fmt: skip
    if replace(ours, text="") != replace(theirs, text=""):  # the same claim in other words
        return base | {"reason": "the two studies state it differently"}
    reason = "no stage has an estimate in both studies"
    for stage in ("settle", "confirm", "search"):
        rows = [answer[stage] for answer in answers if stage in answer]
        triples = [triple for row in rows if (triple := _triple(row)) is not None]
        if len(triples) < 2:
            continue
        splits = [
            one.study.judged_on(stage, _text(row["split"]))
            for row, one in zip(rows, (first, second), strict=True)
        ]
        if stage == "confirm" and splits[0] != splits[1]:
            reason = f"confirmed on different images: {splits[0]} and {splits[1]}"
            continue
        d, low, high = difference(triples[0], triples[1])
        unit = f"{_text(rows[0]['unit']) or 'points'}{ours.measure.behind}"
        return base | {
            "stage": stage, "unit": unit, "difference": d,
            "low": low, "high": high, "moved": low > 0 or high < 0,
        }  # fmt: skip
    return base | {"reason": reason}


def _by_stage(claims: pd.DataFrame, name: str) -> dict[str, Mapping[str, object]]:
    rows = claims[claims["claim"] == name].to_dict("records")
    return {str(row["stage"]): row for row in rows}


def _standing(answer: Mapping[str, Mapping[str, object]]) -> str | None:
    """The verdict that counts: of settling or the confirm stage, where one gave it."""
    each = [answer[stage] for stage in ("settle", "confirm", "search") if stage in answer]
    # as the report's ledger: settling counts where it settled, else what fresh seeds settled
    settled = [row for row in each if row["verdict"] in _SETTLED and row["stage"] != "search"]
    return _text((settled or each)[0]["verdict"]) if each else None


def _triple(row: Mapping[str, object]) -> tuple[float, float, float] | None:
    values = [row.get(name) for name in ("estimate", "low", "high")]
    if any(pd.isna(value) for value in values):  # absent is null, too
        return None
    return float(values[0]), float(values[1]), float(values[2])  # type: ignore[arg-type]


def _text(value: object) -> str | None:
    return None if pd.isna(value) else str(value)
