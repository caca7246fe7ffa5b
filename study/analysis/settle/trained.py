"""Trainings of a settling design as arrays: scores, and what each cluster has a part in.

A score is any function of sums over images, so the part of a cluster is found by leaving it out
(the delete-one jackknife, Efron and Stein 1981): for a mean that is how far the cluster's images
lie from it. Clusters of other folds have no part in a training's score.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from agecls.intervals import Array
from study.analysis.search.frames import POINTS

OVERLAP: Final = 0.1
"""Of the luck's variance in a block, what other training sets would add: as if to draw all images
anew moved a row's effect a third as much as another seed does."""

Score = Callable[[Array], Array]
"""Sums of features (…, features) -> a metric (…,), as a fraction of 1."""

ByMetric = tuple[Array, Array]
"""Scores (T,) of trainings by a metric and the clusters' parts in them (T, C)."""


class OneTraining(Protocol):
    """One training of the design, whatever its score is made of."""

    @property
    def row(self) -> int:
        """Of the design, from 0."""

    @property
    def block(self) -> int:
        """From 0; a block's trainings have its fold and seed."""

    @property
    def learned(self) -> bool:
        """Whether effects are made of it."""


One = TypeVar("One", bound=OneTraining)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One training of the design.

    Attributes:
        row: Of the design, from 0.
        block: From 0; a block's trainings have its fold and seed.
        fold: That was held out.
        learned: Whether it is better than naming how common each class is.
        sums: Sums of features by cluster of the fold (clusters, features), as
            `scoring.cluster_sums` has them; the same clusters in every training on the fold.
    """

    row: int
    block: int
    fold: int
    learned: bool
    sums: Array


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """Several of them, T.

    Attributes:
        rows: Of the design (T,).
        blocks: (T,).
        folds: (T,).
        learned: (T,).
        scores: Points (T,).
        parts: Of each cluster in each score, in points (T, C); their squares add up to the
            variance of the score over clusters.
        fold_of: Fold of each cluster (C,).
        n_folds: Of the data, whether seen or not.
        overlap: Of the luck's variance in a block, what other training sets would add.
        of_seeds: Most that further blocks can lessen of the luck's variance.
        others: `scores` and `parts` by metrics that claims ask for.
    """

    rows: NDArray[np.int64]
    blocks: NDArray[np.int64]
    folds: NDArray[np.int64]
    learned: NDArray[np.bool_]
    scores: Array
    parts: Array
    fold_of: NDArray[np.int64]
    n_folds: int
    overlap: float = OVERLAP
    of_seeds: float = np.inf
    others: Mapping[str, ByMetric] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        trained: Sequence[Trained],
        score: Score,
        n_folds: int,
        others: Mapping[str, Score] | None = None,
    ) -> "Trainings":
        """Those trainings, in their order.

        Args:
            trained: At least one; its folds lie in 0..n_folds - 1.
            score: Of sums, by the study's metric.
            n_folds: That the data are cut into.
            others: Likewise by metrics that claims ask for.
        """
        folds = np.array([t.fold for t in trained])
        n_clusters = {t.fold: len(t.sums) for t in trained}
        scores, parts = _measured(trained, score)
        return cls(
            rows=np.array([t.row for t in trained]),
            blocks=np.array([t.block for t in trained]),
            folds=folds,
            learned=np.array([t.learned for t in trained], dtype=bool),
            scores=scores,
            parts=parts,
            fold_of=np.concatenate([np.full(n_clusters[f], f) for f in np.unique(folds)]),
            n_folds=n_folds,
            others={name: _measured(trained, other) for name, other in (others or {}).items()},
        )

    def by(self, metric: str | None) -> Self:
        """The same trainings by a metric that a claim asks for; None: the study's."""
        if metric is None:
            return self
        scores, parts = self.others[metric]
        return replace(self, scores=scores, parts=parts)

    def only(self, which: NDArray[np.bool_]) -> Self:
        """Some of them; clusters that none of these was tested on are gone."""
        seen = np.isin(self.fold_of, self.folds[which])
        return replace(
            self,
            rows=self.rows[which],
            blocks=self.blocks[which],
            folds=self.folds[which],
            learned=self.learned[which],
            scores=self.scores[which],
            parts=self.parts[np.ix_(which, seen)],
            fold_of=self.fold_of[seen],
            others={
                name: (scores[which], parts[np.ix_(which, seen)])
                for name, (scores, parts) in self.others.items()
            },
        )

    def cells(self, which: NDArray[np.bool_]) -> "Trainings":
        """Those of them, as effects are made of them."""
        return self.only(which)

    @property
    def n_trainings(self) -> int:
        """How many."""
        return len(self.rows)

    @property
    def n_blocks(self) -> int:
        """Blocks that they come in."""
        return len(np.unique(self.blocks))


@dataclass(frozen=True, kw_only=True)
class Accrued(Generic[One]):
    """Trainings that have accrued, for looks at those of the first so many blocks.

    Attributes:
        trained: In any order.
        gather: Makes arrays of several of them, in their order.
        who_learned: Sets `learned` of the trainings of a look, which may hang on the others of
            that look but on none that come later: what was told must be told again.
    """

    trained: Sequence[One]
    gather: Callable[[Sequence[One]], Trainings]
    who_learned: Callable[[Sequence[One]], Sequence[One]] = field(default=lambda some: some)

    def until(self, looks: Sequence[int]) -> dict[int, Trainings]:
        """By the blocks of each look, in ascending order, its trainings; empty: there are none."""
        there = [t for t in self.trained if looks and t.block < looks[-1]]
        if not there:
            return {}
        every, found = self.gather(there), {}
        for blocks in looks:
            learned = [t.learned for t in self.who_learned([t for t in there if t.block < blocks])]
            some = every.only(every.blocks < blocks)
            found[blocks] = replace(some, learned=np.array(learned, dtype=bool))
        return found


def _measured(trained: Sequence[Trained], score: Score) -> ByMetric:
    """Every training by a metric; folds in ascending order, each with its clusters."""
    folds = np.array([t.fold for t in trained])
    scores = np.zeros(len(trained))
    blocks_of_parts = []
    for fold in np.unique(folds):
        here = np.flatnonzero(folds == fold).tolist()
        sums = np.stack([trained[i].sums for i in here])  # (t, clusters, features)
        scores[here] = POINTS * score(sums.sum(axis=1))
        without = POINTS * score(sums.sum(axis=1, keepdims=True) - sums)
        n = sums.shape[1]
        parts = np.zeros((len(trained), n))
        parts[here] = np.sqrt((n - 1) / n) * (without.mean(axis=1, keepdims=True) - without)
        blocks_of_parts.append(parts)
    return scores, np.concatenate(blocks_of_parts, axis=1)
