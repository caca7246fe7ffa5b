"""The design: configurations drawn before any result is seen, balanced and spread over the box.

A search concentrates where it is good, which hides why something is good; the design is what
effects are estimated from. It is drawn factor by factor. For each, many candidate columns are
drawn that are balanced exactly, and the one least correlated with the columns before it is kept:
a nearly orthogonal Latin hypercube with levels, after Cioppa and Lucas (2007), by random search.
"""

from collections.abc import Sequence
from math import exp, floor, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from study.asked.factors import Config, Factor, Level, Range
from study.asked.study import Study

_CANDIDATES: Final = 256
"""Candidate columns per factor; more gain little, since the best of n falls slowly in n."""

_CANDIDATE_CELLS: Final = 40_000
"""Candidates times trials are held to this; a large design is balanced by its size alone."""

_MAX_ARMS_APART: Final = 16
"""Up to here, correlations are kept low inside each arm too, not only over all arms."""

Array = NDArray[np.float64]
Index = NDArray[np.int64]


def draw_design(
    study: Study, sizes: Sequence[int], rng: np.random.Generator
) -> list[list[dict[str, Level]]]:
    """For each arm, as many full configurations as `sizes` says, all inside the box.

    Inside an arm, the counts of a factor's levels differ by at most 1 where it always exists (and
    by 1 over all arms together), and a range's n values fall one into each n-th of it, or nearly
    so where several ranges share an arm. Factors that do not exist are absent.
    """
    arm_of_row = np.repeat(np.arange(len(sizes)), sizes)
    cells = study.arms
    rows: list[dict[str, Level]] = [dict(cells[a]) for a in arm_of_row]
    columns = Columns(arm_of_row)
    for factor in study.by_dependency:
        if factor.role == "arm":
            continue  # the cell is in the row
        exists = np.arange(len(rows))
        if factor.when:
            exists = np.flatnonzero([factor.exists(row) for row in rows])
        if factor.role == "fixed":
            for index in exists:
                rows[index][factor.name] = factor.levels[0]
        elif len(exists):
            drawn = _draw_factor(factor, rows, exists, columns, rng)
            for index, level in zip(exists, drawn, strict=True):
                rows[index][factor.name] = level
    in_order = [{f.name: row[f.name] for f in study.factors if f.name in row} for row in rows]
    ends = np.cumsum(sizes)
    return [in_order[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def value_at(factor: Factor, applies: Range, share: float) -> Level:
    """The value at a share 0..1 of the way through a range, on the factor's scale."""
    is_whole = factor.is_whole
    # a whole number owns the half-unit on either side, so that the ends are as likely
    half = 0.5 if is_whole else 0.0
    low, high = applies.low - half, applies.high + half
    if factor.log:
        value = exp(log(low) + share * (log(high) - log(low)))
    else:
        value = low + share * (high - low)
    if is_whole:
        return min(max(floor(value + 0.5), int(applies.low)), int(applies.high))
    # rounding of exp and log may step over an end
    return min(max(value, applies.low), applies.high)


def n_candidates(n_rows: int) -> int:
    """How many candidate columns a design of so many trials can afford."""
    return min(_CANDIDATES, max(1, _CANDIDATE_CELLS // max(n_rows, 1)))


class Columns:
    """The columns drawn so far, as unit vectors centred inside each arm."""

    def __init__(self, arm_of_row: Index) -> None:
        self.arm_of_row = arm_of_row
        self.n_rows = len(arm_of_row)
        self._n_arms = int(arm_of_row.max(initial=-1)) + 1
        self._known = np.empty((self.n_rows, 0))

    @property
    def known(self) -> Array:
        """All columns so far (rows, columns), of norm 1."""
        return self._known

    def correlations(self, candidates: Array) -> Array:
        """Sum of squared correlations of each column (n, rows, terms) with all before it.

        Candidates need no centring, since what they are compared with is centred; their norms
        are left as they are, since balanced columns have equal ones.
        """
        n, rows, terms = candidates.shape
        flat = candidates.transpose(0, 2, 1).reshape(n * terms, rows) @ self._known
        return np.asarray(np.square(flat).reshape(n, -1).sum(axis=1), dtype=np.float64)

    def add(self, column: Array) -> None:
        """Remember a (rows, terms) column, over all arms and inside each."""
        sums = np.zeros((self._n_arms, column.shape[1]))
        np.add.at(sums, self.arm_of_row, column)
        counts = np.maximum(np.bincount(self.arm_of_row, minlength=self._n_arms), 1)
        centred = column - (sums / counts[:, None])[self.arm_of_row]
        parts = [centred]
        if 1 < self._n_arms <= _MAX_ARMS_APART:
            is_arm = self.arm_of_row == np.arange(self._n_arms)[:, None]
            parts += [np.where(rows[:, None], centred, 0.0) for rows in is_arm]
        every = np.hstack(parts)
        norms = np.linalg.norm(every, axis=0)
        self._known = np.hstack([self._known, every[:, norms > 0] / norms[norms > 0]])


def _draw_factor(
    factor: Factor,
    rows: Sequence[Config],
    exists: Index,
    columns: Columns,
    rng: np.random.Generator,
) -> list[Level]:
    """Values of one factor for the rows in which it exists."""
    # arms are numbered anew, since the factor may not exist in all of them
    arm = np.unique(columns.arm_of_row[exists], return_inverse=True)[1]
    shape = (n_candidates(columns.n_rows), len(exists))
    if factor.is_numeric:
        ranges = [_range_of(factor, rows[index]) for index in exists]
        place = np.array([factor.ranges.index(r) for r in ranges])
        shares = _stratified(arm, place, rng, shape)
        best = _least_correlated(shares[:, :, None] - 0.5, exists, columns)
        return [value_at(factor, r, float(s)) for r, s in zip(ranges, shares[best], strict=True)]
    n_levels = len(factor.levels)
    # one cycle through the levels over all arms: each arm's part of it is balanced
    cycle = rng.permutation(n_levels)[np.arange(len(exists)) % n_levels]
    draws = cycle[np.argsort(arm + rng.random(shape), axis=1)]
    best = _least_correlated(np.eye(n_levels)[draws] - 1 / n_levels, exists, columns)
    return [factor.levels[level] for level in draws[best]]


def _least_correlated(terms: Array, exists: Index, columns: Columns) -> int:
    """Index of the candidate (n, rows where the factor exists, terms) to keep and remember."""
    n, _, n_terms = terms.shape
    if n == 1:
        return 0  # the design is too large to compare columns
    wide = np.zeros((n, columns.n_rows, n_terms))
    wide[:, exists] = terms
    # rounded, so that equally good candidates rank alike whatever a machine's last bits are
    best = int(np.argmin(columns.correlations(wide).round(9)))
    columns.add(wide[best])
    return best


def _stratified(
    arm: Index, place: Index, rng: np.random.Generator, shape: tuple[int, int]
) -> Array:
    """Shares 0..1 per candidate and row: a Latin hypercube in each arm, spread in each range.

    Args:
        arm: Arm of each row, ascending from 0.
        place: Which range applies in each row.
        rng: The design's stream.
        shape: Candidates and rows.
    """
    n_arms, size = int(arm[-1]) + 1, np.bincount(arm)
    # spread over each (arm, range) first ...
    group = np.unique(arm * (int(place.max()) + 1) + place, return_inverse=True)[1]
    spread = (_ranks(group, rng.random(shape)) + rng.random(shape)) / np.bincount(group)[group]
    # ... then made exact over the arm by taking ranks
    stratum = _ranks(arm, spread)
    # arms take different parts of one stratum, so that together they are stratified too
    turns = rng.permuted(np.tile(np.arange(n_arms), (int(size.max()), 1)), axis=1)
    inside = (turns[stratum, arm] + rng.random(shape)) / n_arms
    return np.asarray((stratum + inside) / size[arm], dtype=np.float64)


def _ranks(group: Index, keys: Array) -> Index:
    """Rank 0, 1, ... of each key 0..1 (candidates, rows) inside the group of its row."""
    order = np.argsort(group + keys, axis=1)
    starts = np.concatenate([[0], np.cumsum(np.bincount(group))[:-1]])
    ranks = np.empty(keys.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, np.arange(len(group)) - starts[group[order]], axis=1)
    return ranks


def _range_of(factor: Factor, config: Config) -> Range:
    applies = factor.range_for(config)
    if applies is None:
        raise ValueError(f"factor `{factor.name}` has no range under {dict(config)}")
    return applies
