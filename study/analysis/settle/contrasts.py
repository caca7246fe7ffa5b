"""Which weights of rows tell the effect of a column, clear of everything else rows differ in.

The mean of the rows with the first level less that of the rows with the second is such a
contrast, where each other main effect and each pair of factors has as much of it on both sides.
That is so for factors that exist in all rows of a design of resolution IV. A factor that exists
in half of them is asked in a fraction of less resolution, where a pair of other factors may look
like it. What that pair does shows in the other half, so its rows can take it out: the weights are
the smallest that leave constant, other main effects and pairs no part. Three factors at once are
taken to do nothing. Where no weights are clear, the plain means are taken, and the pairs that
they are mixed with are named.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from agecls.intervals import Array
from study.asked.factors import Level
from study.plan.settle_rows import Column

Rows = Sequence[Mapping[str, Level]]
"""The levels of each row; a factor that does not exist there is absent."""

Pair = tuple[str, str]

_TOLERANCE: Final = 1e-8


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """How a column's effect is read from rows.

    Attributes:
        weights: Of the rows' means, adding up to 0 (R,).
        mixed: Pairs of factors that have a part in it, how often each effect's size; empty
            where it is clear.
    """

    weights: Array
    mixed: Mapping[Pair, float]


def contrast_of(column: Column, rows: Rows) -> Contrast:
    """The column's first level less its second, averaged over what else rows have."""
    plain = _is(rows, column.factor, column.first) - _is(rows, column.factor, column.second)
    for level in (column.first, column.second):
        there = _is(rows, column.factor, level)
        plain = np.where(there > 0, plain / there.sum(), plain)
    mains = main_effects(rows)
    pairs = [(pair, product) for pair in _pairs(rows) for product in _products(rows, pair)]
    no_part = np.stack([product for _, product in pairs], axis=1) if pairs else mains[:, :0]
    everything = np.concatenate([mains, no_part], axis=1)
    aim = np.concatenate([mains.T @ plain, np.zeros(no_part.shape[1])])
    clear = np.linalg.pinv(everything.T) @ aim
    if np.allclose(everything.T @ clear, aim, atol=_TOLERANCE):
        return Contrast(weights=np.where(np.abs(clear) < _TOLERANCE, 0.0, clear), mixed={})
    mixed: dict[Pair, float] = {}
    for pair, product in pairs:
        part = float(plain @ product)
        if abs(part) > _TOLERANCE:
            mixed[pair] = max(mixed.get(pair, 0.0), abs(part), key=abs)
    return Contrast(weights=plain, mixed=mixed)


def main_effects(rows: Rows) -> Array:
    """A constant, and one column for each level of each factor that rows (R) differ in."""
    columns = [np.ones(len(rows))]
    for name in _factors(rows):
        columns += [_is(rows, name, level) for level in _levels(rows, name)]
    return np.stack(columns, axis=1)


def products(rows: Rows) -> Iterator[tuple[Pair, Array]]:
    """Of each pair of factors with two levels each where both exist: their product (R,).

    1 where both have their first or both their second level, -1 where not, 0 where one of them
    does not exist.
    """
    for pair in _pairs(rows):
        both = np.array([all(name in row for name in pair) for row in rows])
        signs = []
        for name in pair:
            levels = list(dict.fromkeys(row[name] for row, b in zip(rows, both, strict=True) if b))
            if len(levels) == 2:
                signs.append(_is(rows, name, levels[0]) - _is(rows, name, levels[1]))
        if len(signs) == 2:
            product = signs[0] * signs[1] * both
            if {-1.0, 1.0} <= {*product.tolist()}:
                yield pair, product


def _products(rows: Rows, pair: Pair) -> Iterator[Array]:
    """What spans the pair's own part: its levels' deviations, multiplied, where both exist."""
    both = np.array([all(name in row for name in pair) for row in rows], dtype=np.float64)
    if not both.any():
        return
    sides = []
    for name in pair:
        found = [_is(rows, name, level) * both for level in _levels(rows, name)]
        sides.append([one - both * one.sum() / both.sum() for one in found])
    for first in sides[0]:
        for second in sides[1]:
            product = first * second
            if np.abs(product).max() > _TOLERANCE:
                yield product


def _is(rows: Rows, factor: str, level: Level | None) -> Array:
    return np.array([row.get(factor) == level for row in rows], dtype=np.float64)


def _factors(rows: Rows) -> list[str]:
    """Those that rows differ in, in reading order."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if len(_levels(rows, name)) > 1]


def _levels(rows: Rows, factor: str) -> list[Level | None]:
    """As they come; None: it does not exist."""
    return list(dict.fromkeys(row.get(factor) for row in rows))


def _pairs(rows: Rows) -> list[Pair]:
    return list(combinations(_factors(rows), 2))
