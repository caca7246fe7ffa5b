"""What settling has brought: the scores of its trainings, and the claims look by look."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from study.analysis.scores import source_of
from study.analysis.settle.evidence import Questions
from study.analysis.settle.pairs import PairEffect
from study.analysis.settle.verdicts import (
    AfterLook,
    Held,
    Said,
    SettleRules,
    finished_blocks,
    judge_settled,
)
from study.asked.claim import Claim
from study.asked.study import Study
from study.folder.columns import Kind, names_of
from study.folder.folder import Folder
from study.folder.tables import StudyTables
from study.measure import Measure
from study.outcomes import Outcomes, outcomes_of
from study.plan.settle_plan import Settling, read_settling
from study.quantities import count

WIDEST: Final = 200.0
"""From end to end of an interval that holds whatever two shares may differ by, in points of the
analysis."""


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What follows from a stage's trainings.

    Attributes:
        settle: The trainings, scored.
        looks: A row a claim and look.
        pairs: A row a pair of factors.
        claims: Rows of `claims`, by column.
    """

    settle: pd.DataFrame
    looks: pd.DataFrame
    pairs: pd.DataFrame
    claims: list[dict[str, Any]]

    @property
    def frames(self) -> dict[Kind, pd.DataFrame]:
        """The tables, in the order of writing, claims before them.

        Looks come last but one, for a look that is there is not taken again; then trainings,
        whose scores say that all is there. So what a process killed in between leaves is made
        again.
        """
        return {"pairs": self.pairs, "looks": self.looks, "settle": self.settle}


def rules_of(settling: Settling) -> SettleRules:
    """How the claims of a design are judged."""
    return SettleRules(planned=settling.planned, ends=settling.ends)


def is_scored(tables: StudyTables) -> bool:
    """Whether what follows from the trainings stands in the tables."""
    if tables.settle is None or tables.looks is None or tables.claims is None:
        return False
    return source_of(tables.study).is_settled(tables.settle)


def bring(tables: StudyTables) -> Brought | None:
    """Score every training that ended and judge the claims; None where what that needs is gone.

    Looks that were taken before stay as they are, word for word.

    Raises:
        StudyError: The design or a table of predictions is damaged.
    """
    settling = read_settling(Folder(tables.folder).settle.design)
    assert tables.settle is not None
    study = tables.study
    scored = None if settling is None else source_of(study).settled(tables, settling)
    if settling is None or scored is None:
        return None
    said = _said(tables, settling)
    settled = judge_settled(
        Questions.of(settling.design, study.every_claim),
        scored.accrued,
        rules_of(settling),
        blocks=finished_blocks(_ended(tables.settle), settling.design),
        said=said,
    )
    before = tables.looks.to_dict("records") if said and tables.looks is not None else []
    found = [_look_row(one, study) for look in settled.looks for one in look]
    looks = _frame("looks", [*before, *found])
    if said and not settled.looks:
        assert tables.pairs is not None  # written before the looks
        return Brought(
            settle=scored.table, looks=looks, pairs=tables.pairs, claims=_claims(tables)
        )
    return Brought(
        settle=scored.table,
        looks=looks,
        pairs=_frame("pairs", map(_pair_row, settled.pairs)),
        claims=[_claim_row(one, settling, tables) for one in settled.last],
    )


def _claims(tables: StudyTables) -> list[dict[str, Any]]:
    """Rows of `claims` that settling has written."""
    if tables.claims is None:
        return []
    rows: list[dict[str, Any]] = tables.claims[tables.claims["stage"] == "settle"].to_dict(
        "records"
    )
    return rows


def _said(tables: StudyTables, settling: Settling) -> Said:
    """What stands in the tables of looks that were taken; nothing where not all of it does.

    So it is of tables from before `n_open` was written down, or of which some were deleted: these
    looks are taken again, from the same trainings.
    """
    looks, names = tables.looks, {claim.name for claim in tables.study.every_claim}
    asked = {column.claim for column in settling.design.columns} & names
    is_whole = tables.pairs is not None and {row["claim"] for row in _claims(tables)} == asked
    if looks is None or not is_whole or looks["n_open"].isna().any():
        return {}
    settled = looks[looks["verdict"] != "unresolved"].groupby("claim")["blocks"].min()
    found = {
        int(at): {
            row["claim"]: Held(
                verdict=row["verdict"],
                settled_at=None if row["verdict"] == "unresolved" else int(settled[row["claim"]]),
                n_open=int(row["n_open"]),
            )
            for row in rows.to_dict("records")
        }
        for at, rows in looks.groupby("blocks")
    }
    return found if all(held.keys() == asked for held in found.values()) else {}


def _ended(table: pd.DataFrame) -> set[tuple[int, int]]:
    """Row and block of each training that has ended, well or not."""
    ended = table[table["status"] != "interrupted"]
    return {
        (int(row), int(block)) for row, block in zip(ended["row"], ended["block"], strict=True)
    }


def _frame(kind: Kind, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=names_of(kind))


def _pair_row(one: PairEffect) -> dict[str, Any]:
    (first, second), *others = [pair for pair, _ in one.pairs]
    low, high = one.effect.estimate.interval()
    return {
        "factor_a": first,
        "factor_b": second,
        "estimate": one.effect.estimate.value,
        "low": low,
        "high": high,
        "p_adjusted": one.p,
        "matters": one.matters,
        "aliases": "; ".join(" x ".join(pair) for pair in others) or None,
    }


def _look_row(one: AfterLook, study: Study) -> dict[str, Any]:
    first, second = one.evidence.learned
    return {
        "claim": one.claim.name,
        "blocks": one.blocks,
        **_interval(one, study.measure_of(one.claim)),
        "alpha": one.alpha,
        "n_open": one.held.n_open,
        "verdict": one.held.verdict,
        "no_difference": one.makes_no_difference,
        "fragile": one.fragile,
        **_size(one, study),
        "n_first": first.n,
        "n_first_learned": first.k,
        "n_second": second.n,
        "n_second_learned": second.k,
        "blocks_needed": one.needed,
    }


def _claim_row(one: AfterLook, settling: Settling, tables: StudyTables) -> dict[str, Any]:
    declared = {claim.name for claim in tables.study.claims}
    n = _size(one, tables.study)
    return {
        "claim": one.claim.name,
        "text": one.claim.text,
        **_interval(one, tables.study.measure_of(one.claim)),
        "verdict": one.held.verdict,
        "stage": "settle",
        "n_trials": n["n_trainings"],
        "n_seeds": one.blocks,
        "reason": _reason(one, settling, tables.study),
        "unit": one.claim.unit if one.claim.unit == "share" else tables.study.measure.effects,
        "split": "folds",
        "p_value": one.evidence.test[0],
        "no_difference": one.makes_no_difference,
        "fragile": one.fragile,
        **n,
        "declared_before": one.claim.name in declared,
        "metric": one.claim.judged_on,
    }


def _interval(one: AfterLook, measure: Measure) -> dict[str, float | None]:
    """Estimate, ends at 95 % and ends at the level of the look; null where nothing can be told."""
    names = ("estimate", "low", "high", "adjusted_low", "adjusted_high")
    effect = one.evidence.effect
    if effect is None:
        return dict.fromkeys(names)
    adjusted = _ends(one, measure) or (np.nan,) * 2
    values = (effect.estimate.value, *effect.estimate.interval(), *adjusted)
    return {k: v if np.isfinite(v) else None for k, v in zip(names, values, strict=True)}


def _ends(one: AfterLook, measure: Measure) -> tuple[float, float] | None:
    """At the level of the look; None if that may spend so little yet that nothing is excluded."""
    low, high = one.adjusted
    return (low, high) if high - low < WIDEST * measure.per_point else None


def _size(one: AfterLook, study: Study) -> dict[str, int | None]:
    """How many trainings tell it, and clusters of images where there are such."""
    effect = one.evidence.effect
    trainings, clusters = (effect.n_trainings, effect.n_clusters) if effect else (0, 0)
    return {"n_trainings": trainings, "n_clusters": None if study.is_free else clusters}


def _reason(one: AfterLook, settling: Settling, study: Study) -> str:
    """Why the verdict is what it is, and what the next one would cost."""
    after, words = f"after {count(one.blocks, 'block')}", outcomes_of(study.scale)
    if one.evidence.effect is None:
        return f"{after} the {words.many} that {words.came} do not tell the difference yet"
    measure = study.measure_of(one.claim)
    found = _ends(one, measure)
    ends = "without ends yet" if found is None else _between(*found, measure)
    if one.held.settled_at is not None:
        told = (
            f"settled after {count(one.held.settled_at, 'block')}; at the level of that verdict "
            f"the interval is now {ends}"
        )
    else:
        told = f"{after} the interval is {ends} at the level of the look"
        if one.evidence.loses:
            told += f"; {words.loses}"
        elif one.needed is None:
            told += "; no number of blocks up to 1,000 would settle it"
        else:
            n = settling.trainings(one.needed)
            told += f"; about {n:,} trainings in all would settle it if the estimate were true"
    return told + _missed(one.claim, one, words)


def _between(low: float, high: float, measure: Measure) -> str:
    if measure.own is None:
        return f"[{low:.1f}, {high:.1f}]{measure.behind}"
    return f"[{', '.join(measure.effect(end, has_sign=False) for end in (low, high))}]"


def _missed(claim: Claim, one: AfterLook, words: Outcomes) -> str:
    """How many trainings of a level brought nothing; empty where all did."""
    if claim.compares is None:
        return ""
    factor, *levels = claim.compares
    said = [
        f"; {side.n - side.k} of {side.n} {words.many} with {factor} {level} {words.missed}"
        for level, side in zip(levels, one.evidence.learned, strict=True)
        if side.k < side.n
    ]
    return "".join(said)
