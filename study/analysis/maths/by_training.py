"""Intervals of scores that are one number a training: from what differs between trainings alone.

Where a training says nothing of single examples, only its fellows tell how far it may be off. Of
scores y_sf, one of each seed s in each fold f, the mean is taken over both. Three things differ:

    seeds    what a seed does in all folds alike: V_seeds = var_s(y_s.) / S;
    cells    what it does in one fold: V_cells = MSE / (S K), MSE of y_sf - y_s. - y_.f + y_..;
    folds    what a fold's training and test sets do to all seeds: V_folds = var_f(y_.f) / K.

V_seeds and V_folds hold V_cells too, so that

    V = (1 + K / (K - 1)) max(V_folds, V_cells) + max(V_seeds - V_cells, 0).

The factor is that of Nadeau and Bengio (2003, Machine Learning 52): scores on folds are taken for
correlated by n_test / (n_test + n_train) = 1 / K, since their training sets overlap, by which a
variance sigma^2 / K becomes sigma^2 (1 / K + 1 / (K - 1)). No estimator of that is unbiased
(Bengio and Grandvalet 2004). The folds' part is never less than what cells alone would make of it:
means of few folds agree by chance, and an interval that took that for agreement held the truth in
88.8 % of 600 tables instead of 95 % (two folds, five seeds). With one seed the parts
cannot be told apart: all of V_folds is then the folds', which is wide, and what a seed does in all
folds alike is in no interval. Without folds V = V_seeds. Degrees of freedom are Satterthwaite's.

A score that is missing takes the value that its seed and its fold have elsewhere (least squares
of the two; Yates 1933), and a degree of freedom goes with it.

Assumptions: seeds are independent, folds are of about the same size and share no examples that
hang together, scores are near normal.
"""

from typing import Final

import numpy as np
from scipy import special

from agecls.intervals import Array, Estimate

_ROUNDING: Final = 1e-12
"""What differences of scores may differ by, of themselves, and yet be the same."""


def of_trainings(scores: Array) -> Estimate | None:
    """The mean over seeds and folds, on new seeds and, of several folds, on new data.

    Args:
        scores: Of each seed in each fold (S, K), K = 1 where there are no folds; NaN where a
            training has none.

    Returns:
        None where no score is left, or none that compares. `by_clusters` is what further seeds
        would not change, `by_seeds` the rest.
    """
    there = np.isfinite(scores)
    scores, n_missing = _filled(scores[there.any(axis=1)][:, there.any(axis=0)])
    if not scores.size:
        return None
    n_seeds, k = scores.shape
    seeds, folds = scores.mean(axis=1), scores.mean(axis=0)
    left = scores - seeds[:, None] - folds + scores.mean()
    repeats = (n_seeds - 1) * (k - 1) - n_missing
    cells = float((left**2).sum()) / repeats / scores.size if repeats > 0 else 0.0
    of_seeds = max(_variance_of_mean(seeds) - cells, 0.0)
    of_folds = (1 + k / max(k - 1, 1)) * max(_variance_of_mean(folds), cells)
    if of_folds + of_seeds <= (_ROUNDING * np.abs(scores).max()) ** 2:
        of_folds = of_seeds = cells = 0.0  # they are alike, which is no certainty
    total, by_seeds = of_folds + of_seeds, of_seeds + cells
    parts = [(of_folds, k - 1)]
    if of_seeds:  # of few seeds it must not look small by chance (as in `intervals.over_sets`)
        few = float(special.chdtri(n_seeds - 1, 0.65)) / (n_seeds - 1)
        parts.append((_variance_of_mean(seeds) / few, n_seeds - 1))
    spread = sum(part**2 / freedom for part, freedom in parts if freedom > 0)
    return Estimate(
        value=float(scores.mean()),
        by_clusters=max(total - by_seeds, 0.0),  # what more seeds would leave as it is
        by_seeds=by_seeds,
        freedom=max(sum(part for part, _ in parts) ** 2 / spread, 1.0) if spread else 1.0,
        n_seeds=n_seeds,
        clusters_freedom=float(max(k - 1, 1)),
        folds=k,
    )


def _variance_of_mean(values: Array) -> float:
    """Of independent values; 0 where one alone tells nothing."""
    return float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0


def _filled(scores: Array) -> tuple[Array, int]:
    """Scores (S, K) with the missing ones as their seed and fold have them, and how many.

    None are left where the others do not tell it: some seeds and folds then never meet the rest.
    """
    missing = np.isnan(scores)
    if not missing.any():
        return scores, 0
    n_seeds, k = scores.shape
    seed, fold = np.indices(scores.shape).reshape(2, -1)
    model = np.concatenate([np.eye(n_seeds)[seed], np.eye(k)[fold]], axis=1)
    is_there = ~missing.ravel()
    if np.linalg.matrix_rank(model[is_there]) < n_seeds + k - 1:
        return scores[:0], 0
    found = np.linalg.lstsq(model[is_there], scores.ravel()[is_there], rcond=None)[0]
    return np.where(missing, (model @ found).reshape(scores.shape), scores), int(missing.sum())
