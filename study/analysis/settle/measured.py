"""Trainings of a settling design of which a metric is all that is known: one score each.

What a fold's training and test sets do to a row shows in all trainings of the row on that fold,
and no cluster of images tells how much that is. So blocks on one fold are one block of their mean:
what differs between rows from fold to fold is then their luck, whether it comes of folds or of
seeds, and of that Nadeau and Bengio's (2003, Machine Learning 52) share for overlapping training
sets is added, 1 / (K - 1) of a block's variance with K folds, however many blocks there are. That
takes all luck for the folds' until folds repeat, which is wide where it is the seeds'. Without
folds every block is a block, training sets are the same, and what other data would do is in no
interval.

A training that failed or diverged has no score: it is counted, and no cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from study.analysis.settle.trained import Trainings


@dataclass(frozen=True, kw_only=True)
class MeasuredTrainings(Trainings):
    """Several of them; `learned`: it ended with a score.

    Attributes:
        turns: Blocks that take turns with the rows of a design.
    """

    turns: int = 1

    def cells(self, which: NDArray[np.bool_]) -> Trainings:
        """The mean of each row on each fold; without folds, the trainings."""
        some = self.only(which)
        return some if self.n_folds == 1 else _meant(some)


@dataclass(frozen=True, kw_only=True)
class _Means(Trainings):
    """Cells that stand for several trainings each.

    Attributes:
        behind: These trainings.
    """

    behind: Trainings

    @property
    def n_trainings(self) -> int:
        return self.behind.n_trainings

    @property
    def n_blocks(self) -> int:
        return self.behind.n_blocks


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One training of the design.

    Attributes:
        row: Of the design, from 0.
        block: From 0; a block's trainings have its fold and seed.
        fold: That was held out; 0 where there are none.
        score: In what claims count in, more is better; NaN: it failed.
    """

    row: int
    block: int
    fold: int
    score: float

    @property
    def learned(self) -> bool:
        """Whether it ended with a score."""
        return bool(np.isfinite(self.score))


def measured_trainings(
    each: Sequence[Measured], *, n_folds: int, turns: int = 1
) -> MeasuredTrainings:
    """Several of them, in their order.

    Args:
        each: At least one.
        n_folds: That there are; 1: none.
        turns: See `MeasuredTrainings`.
    """
    return MeasuredTrainings(
        rows=np.array([one.row for one in each]),
        blocks=np.array([one.block for one in each]),
        folds=np.array([one.fold for one in each]),
        learned=np.array([one.learned for one in each], dtype=bool),
        scores=np.array([one.score for one in each], dtype=np.float64),
        parts=np.zeros((len(each), 0)),
        fold_of=np.zeros(0, dtype=np.int64),
        n_folds=n_folds,
        overlap=1 / (n_folds - 1) if n_folds > 1 else 0.0,
        turns=turns,
    )


def _meant(some: MeasuredTrainings) -> _Means:
    # rows that take turns are compared with those of their own turn only
    places = some.folds * some.turns + some.blocks % some.turns
    keys = np.stack([places, some.rows])
    (of_place, of_row), cell, n = np.unique(keys, axis=1, return_inverse=True, return_counts=True)
    cell = cell.ravel()
    are_seen = len(np.unique(some.folds)) == some.n_folds
    noise = _of_seeds(some, places) if are_seen else None
    return _Means(
        rows=of_row,
        blocks=of_place,
        folds=of_place // some.turns,
        learned=np.ones(len(n), dtype=bool),
        scores=np.bincount(cell, some.scores) / n,
        parts=np.zeros((len(n), 0)),
        fold_of=some.fold_of,
        n_folds=some.n_folds,
        overlap=some.overlap,
        of_seeds=np.inf if noise is None else noise * float((1 / n).mean()),
        behind=some,
    )


def _of_seeds(some: Trainings, places: NDArray[np.int64]) -> float | None:
    """Variance of a training about its row on its fold and its block; None: nothing repeats."""
    squares, freedom = 0.0, 0
    for place in np.unique(places):
        blocks = np.unique(some.blocks[places == place])
        by_block = [some.only(some.blocks == block) for block in blocks]
        rows = set.intersection(*(set(one.rows.tolist()) for one in by_block))
        if not rows:  # where many fail, none may have come through in all blocks
            continue
        table = np.array([[one.scores[one.rows == row][0] for row in rows] for one in by_block])
        left = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
        squares += float((left**2).sum())
        freedom += (len(blocks) - 1) * (len(rows) - 1)
    return squares / freedom if freedom > 0 else None
