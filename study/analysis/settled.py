"""What settling has brought: the scores of its trainings, and the claims look by look."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from agecls.classes import Classes
from agecls.intervals import Array, Clusters
from study.analysis.models.learned import Gain, gain, which_learned
from study.analysis.models.scoring import (
    cluster_sums,
    metrics_of,
    renamed,
    scores,
)
from study.analysis.settle.pairs import PairEffect
from study.analysis.settle.trained import Trained
from study.analysis.settle.verdicts import (
    AfterLook,
    Held,
    Said,
    SettleRules,
    finished_blocks,
    judge_settled,
)
from study.asked.claim import Claim
from study.folder.columns import Kind, names_of
from study.folder.folder import Folder
from study.folder.parquet import read_table
from study.folder.tables import StudyTables
from study.measure import metric_of
from study.plan.settle_plan import Settling, read_settling
from study.quantities import count

WIDEST: Final = 200.0
"""Points from end to end of an interval that holds whatever two shares may differ by."""


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
    done = tables.settle[tables.settle["status"] == "completed"]
    return bool(done["learned"].notna().all())


def bring(tables: StudyTables) -> Brought | None:
    """Score every training that ended and judge the claims; None where what that needs is gone.

    Looks that were taken before stay as they are, word for word.

    Raises:
        StudyError: The design or a table of predictions is damaged.
    """
    home = Folder(tables.folder).settle
    settling = read_settling(home.design)
    assert tables.settle is not None
    table = tables.settle.copy()
    done = table.index[table["status"] == "completed"]
    paths = {i: home.predictions(str(table["trial_id"][i])) for i in done}
    if settling is None or not all(path.is_file() for path in paths.values()):
        return None
    classes = tables.study.classes
    each = {
        i: _scored(table.loc[i], read_table(path, "predictions"), classes)
        for i, path in paths.items()
    }
    gains = {(one.row, one.block): gained for one, gained, _ in each.values()}
    trained = _with_who_learned([one for one, _, _ in each.values()], gains)
    found = {
        i: told | {"learned": one.learned}
        for (i, (_, _, told)), one in zip(each.items(), trained, strict=True)
    }
    for name in next(iter(found.values()), {}):
        table[name] = pd.Series({i: values[name] for i, values in found.items()}, dtype=object)
    said = _said(tables, settling)
    settled = judge_settled(
        settling.design,
        trained,
        tables.study.every_claim,
        rules_of(settling),
        score=lambda sums: scores(sums, classes)[metric_of(tables.study.metric)],
        n_folds=settling.folds,
        blocks=finished_blocks(_ended(table), settling.design),
        who_learned=partial(_with_who_learned, gains=gains),
        said=said,
    )
    before = tables.looks.to_dict("records") if said and tables.looks is not None else []
    looks = _frame("looks", [*before, *(_look_row(one) for look in settled.looks for one in look)])
    if said and not settled.looks:
        assert tables.pairs is not None  # written before the looks
        return Brought(settle=table, looks=looks, pairs=tables.pairs, claims=_claims(tables))
    return Brought(
        settle=table,
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


def _with_who_learned(
    trained: Sequence[Trained], gains: Mapping[tuple[int, int], Gain]
) -> list[Trained]:
    """The trainings, each held beside the others of its row, which have its recipe.

    Args:
        trained: Any of them.
        gains: Of every training, by row and block.
    """
    learned = np.zeros(len(trained), dtype=bool)
    rows = np.array([one.row for one in trained])
    for row in np.unique(rows):
        here = np.flatnonzero(rows == row).tolist()
        learned[here] = which_learned([gains[row, trained[i].block] for i in here])
    return [replace(one, learned=bool(k)) for one, k in zip(trained, learned, strict=True)]


def _scored(
    row: Mapping[str, Any], predictions: pd.DataFrame, classes: Classes
) -> tuple[Trained, Gain, dict[str, Any]]:
    """A training for the judge, what it gained, and what its row of `settle` says of it."""
    codes = {name: code for code, name in enumerate(classes.names)}
    labels = predictions["true"].map(codes).to_numpy(dtype=np.int64)
    p: Array = predictions[list(classes.columns)].to_numpy(dtype=np.float64)
    clusters = Clusters.of(predictions["cluster"].to_numpy(dtype=np.int64))
    # no temperature: the images that would fit it are those that are scored
    sums = cluster_sums(labels, p, 1.0, clusters)
    one = Trained(
        row=int(row["row"]),
        block=int(row["block"]),
        fold=int(row["fold"]),
        learned=True,  # until the others of its row are known
        sums=sums,
    )
    found = {name: values[None] for name, values in scores(sums.sum(axis=0), classes).items()}
    told = {"n_images": len(labels), "n_clusters": clusters.n}
    return one, gain(labels, p), told | renamed(found, "val", metrics_of(classes), 0)


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


def _look_row(one: AfterLook) -> dict[str, Any]:
    first, second = one.evidence.learned
    return {
        "claim": one.claim.name,
        "blocks": one.blocks,
        **_interval(one),
        "alpha": one.alpha,
        "n_open": one.held.n_open,
        "verdict": one.held.verdict,
        "no_difference": one.makes_no_difference,
        "fragile": one.fragile,
        **_size(one),
        "n_first": first.n,
        "n_first_learned": first.k,
        "n_second": second.n,
        "n_second_learned": second.k,
        "blocks_needed": one.needed,
    }


def _claim_row(one: AfterLook, settling: Settling, tables: StudyTables) -> dict[str, Any]:
    declared = {claim.name for claim in tables.study.claims}
    n = _size(one)
    return {
        "claim": one.claim.name,
        "text": one.claim.text,
        **_interval(one),
        "verdict": one.held.verdict,
        "stage": "settle",
        "n_trials": n["n_trainings"],
        "n_seeds": one.blocks,
        "reason": _reason(one, settling),
        "unit": one.claim.unit,
        "split": "folds",
        "p_value": one.evidence.test[0],
        "no_difference": one.makes_no_difference,
        "fragile": one.fragile,
        **n,
        "declared_before": one.claim.name in declared,
    }


def _interval(one: AfterLook) -> dict[str, float | None]:
    """Estimate, ends at 95 % and ends at the level of the look; null where nothing can be told."""
    names = ("estimate", "low", "high", "adjusted_low", "adjusted_high")
    effect = one.evidence.effect
    if effect is None:
        return dict.fromkeys(names)
    values = (effect.estimate.value, *effect.estimate.interval(), *(_ends(one) or (np.nan,) * 2))
    return {k: v if np.isfinite(v) else None for k, v in zip(names, values, strict=True)}


def _ends(one: AfterLook) -> tuple[float, float] | None:
    """At the level of the look; None if that may spend so little yet that nothing is excluded."""
    low, high = one.adjusted
    return (low, high) if high - low < WIDEST else None


def _size(one: AfterLook) -> dict[str, int]:
    effect = one.evidence.effect
    if effect is None:
        return {"n_trainings": 0, "n_clusters": 0}
    return {"n_trainings": effect.n_trainings, "n_clusters": effect.n_clusters}


def _reason(one: AfterLook, settling: Settling) -> str:
    """Why the verdict is what it is, and what the next one would cost."""
    after = f"after {count(one.blocks, 'block')}"
    if one.evidence.effect is None:
        return f"{after} the nets that learned do not tell the difference yet"
    found = _ends(one)
    ends = "without ends yet" if found is None else f"[{found[0]:.1f}, {found[1]:.1f}]"
    if one.held.settled_at is not None:
        told = (
            f"settled after {count(one.held.settled_at, 'block')}; at the level of that verdict "
            f"the interval is now {ends}"
        )
    else:
        told = f"{after} the interval is {ends} at the level of the look"
        if one.evidence.loses:
            told += "; a level surely learns less often, so that points alone do not support it"
        elif one.needed is None:
            told += "; no number of blocks up to 1,000 would settle it"
        else:
            n = settling.trainings(one.needed)
            told += f"; about {n:,} trainings in all would settle it if the estimate were true"
    return told + _hardly_learned(one.claim, one)


def _hardly_learned(claim: Claim, one: AfterLook) -> str:
    """How many nets of a level hardly learned; empty where all did."""
    if claim.compares is None:
        return ""
    factor, *levels = claim.compares
    said = [
        f"; {side.n - side.k} of {side.n} nets with {factor} {level} hardly learned"
        for level, side in zip(levels, one.evidence.learned, strict=True)
        if side.k < side.n
    ]
    return "".join(said)
