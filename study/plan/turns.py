"""Which fold each trial of a search is validated on: in turn, and balanced against every factor.

Were a factor's level tried on easy folds more often, it would look better than it is. Inside an
arm each `k` trials that follow each other take each fold once, so that every prefix is balanced;
of many ways to do so, the one is kept that is least correlated with the factors' columns, and
trials of one turn exchange their folds as long as that helps.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from study.asked.factors import Config, Factor
from study.asked.study import Study
from study.plan.design import Array, Columns, Index, n_candidates

_MOST_ROUNDS: Final = 100
"""Rounds of exchanges; a few dozen are enough, and each takes as long as the design is large."""

_Folds = NDArray[np.int64]


def fold_turns(
    study: Study, decided: Sequence[Sequence[Config]], k: int, rng: np.random.Generator
) -> list[tuple[list[int], list[int]]]:
    """For each arm, the folds of its decided trials, and those that its search takes in a circle.

    Args:
        study: The resolved study.
        decided: For each arm, the configurations that are known before the search, in order.
        k: How many folds.
        rng: The stream of the turns.
    """
    sizes = [len(configs) for configs in decided]
    rows = [config for configs in decided for config in configs]
    columns = Columns(np.repeat(np.arange(len(sizes)), sizes))
    for factor in study.of_role("tuned"):
        columns.add(_terms(factor, rows))
    drawn = _turns(sizes, k, n_candidates(len(rows)), rng)
    # rounded, so that equally good candidates rank alike whatever a machine's last bits are
    best = drawn[np.argmin(columns.correlations(np.eye(k)[drawn] - 1 / k).round(9))]
    ends = np.cumsum(sizes)
    turns = [
        np.arange(first, min(first + k, end))
        for size, end in zip(sizes, ends, strict=True)
        for first in range(end - size, end, k)
    ]
    _exchange(best, turns, columns.known, k)
    of_arms = np.split(best, ends[:-1])
    return [(folds.tolist(), _circle(folds, k, rng)) for folds in of_arms]


def _turns(sizes: Sequence[int], k: int, n: int, rng: np.random.Generator) -> _Folds:
    """`n` candidates (n, rows): whole turns of `k`, and last parts that balance over the arms."""
    folds = np.arange(k)
    last = rng.permuted(np.tile(folds, (n, 1)), axis=1)
    parts, n_last = [np.empty((n, 0), dtype=np.int64)], 0
    for size in sizes:
        whole, rest = divmod(size, k)
        turns = rng.permuted(np.tile(folds, (n, whole, 1)), axis=2)
        tail = last[:, (n_last + np.arange(rest)) % k]
        parts += [turns.reshape(n, whole * k), rng.permuted(tail, axis=1)]
        n_last += rest
    return np.concatenate(parts, axis=1)


def _exchange(folds: _Folds, turns: Sequence[Index], known: Array, k: int) -> None:
    """Exchange folds inside turns, in place, until no exchange of two lowers the correlations.

    Args:
        folds: (rows,) one of each row.
        turns: Rows of each turn.
        known: (rows, columns) of the factors, centred.
        k: How many folds.
    """
    pairs = {n: np.array(list(combinations(range(n), 2))).T for n in range(2, k + 1)}
    sums = known.T @ np.eye(k)[folds]  # (columns, folds), of which the squares are to be small
    for _ in range(_MOST_ROUNDS):
        n_exchanges = 0
        for rows in turns:
            if len(rows) < 2:
                continue
            one, other = rows[pairs[len(rows)]]
            step = known[other] - known[one]
            apart = (sums[:, folds[one]] - sums[:, folds[other]]).T
            change = (2 * step * (apart + step)).sum(axis=1).round(9)
            best = change.argmin()
            if change[best] < 0:
                mine, its = folds[one[best]], folds[other[best]]
                sums[:, mine] += step[best]
                sums[:, its] -= step[best]
                folds[one[best]], folds[other[best]] = its, mine
                n_exchanges += 1
        if not n_exchanges:
            return


def _circle(decided: _Folds, k: int, rng: np.random.Generator) -> list[int]:
    """All folds in random order, first those that the last turn of `decided` left out."""
    tail = decided[len(decided) - len(decided) % k :]
    order = rng.permutation(k)
    is_taken = np.isin(order, tail)
    circle: list[int] = np.concatenate([order[~is_taken], order[is_taken]]).tolist()
    return circle


def _terms(factor: Factor, rows: Sequence[Config]) -> Array:
    """A factor's levels (rows, terms) without their mean; 0 where it does not exist."""
    exists: Index = np.flatnonzero([factor.name in row for row in rows])
    values = [rows[index][factor.name] for index in exists]
    if factor.is_numeric:
        numbers = np.array([float(value) for value in values])
        # ranks: a rate's place in its range, whatever the scale
        found = numbers.argsort().argsort()[:, None].astype(np.float64)
    else:
        found = np.array([[value == level for level in factor.levels] for value in values])
        found = found.reshape(len(values), len(factor.levels)).astype(np.float64)
    terms = np.zeros((len(rows), found.shape[1]))
    if len(values):
        terms[exists] = found - found.mean(axis=0)
    return terms
