"""Functions on the box that are orthonormal under the reference measure.

Because they are orthonormal, the variance of the response over the box is the sum of squared
weights, and a factor's share is its part of that sum (the functional ANOVA of Hooker 2007 and
Sobol' 1993, by projection rather than by sampling). A column of a factor that exists only in a
part of the box is zero elsewhere, orthonormal where it exists, and counts with that part.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from study.analysis.maths.box import Array, Axis, Box

DEGREE = 4
"""Highest Legendre degree of a number's main effect."""

PAIR_DEGREE = 2
"""Highest degree of a number inside a pair; the two degrees of a pair add up to at most 3."""

DECAY = 0.5
"""Prior sd of degree k relative to degree 1 is DECAY ** (k - 1): smooth effects are likelier."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """The columns of one main effect (one axis) or pair (two axes)."""

    axes: tuple[int, ...]
    columns: slice
    share: float


@dataclass(frozen=True, kw_only=True)
class Basis:
    """Mains and pairs of a box as columns.

    Attributes:
        box: The box.
        terms: Mains in reading order, then pairs; the intercept is column 0 and no term.
        decay: (p,) log of each column's prior sd relative to its term's scale.
        weight: (p,) part of the box in which the column is not zero.
        plan: Per column of factors the (axis, local column) factors of its product.
        n_blocks: Columns after these, one a block of trials, such as those that were validated on
            one fold: 0 wherever no block is given, which is the average over blocks.
    """

    box: Box
    terms: tuple[Term, ...]
    decay: Array
    weight: Array
    plan: tuple[tuple[tuple[int, int], ...], ...]
    n_blocks: int = 0

    @property
    def size(self) -> int:
        """Number of columns p, the intercept and blocks included."""
        return len(self.plan) + self.n_blocks

    @property
    def mains(self) -> tuple[Term, ...]:
        """The terms of single factors; the i-th belongs to axis i."""
        return tuple(t for t in self.terms if len(t.axes) == 1)

    @property
    def pairs(self) -> tuple[Term, ...]:
        """The terms of two factors."""
        return tuple(t for t in self.terms if len(t.axes) == 2)

    def matrix(self, x: Array, columns: NDArray[np.int64] | None = None) -> Array:
        """Design matrix (n, p) of coordinates x (n, axes), or only some of its columns.

        A column is zero where one of its factors is NaN. So a row with only some factors given
        is the average over the box of all others: every other column has mean zero.
        """
        places = self._places if columns is None else self._places[:, columns]
        local = np.hstack(
            [
                np.ones((len(x), 1)),
                *(axis_columns(axis, x[:, i]) for i, axis in enumerate(self.box.axes)),
                np.zeros((len(x), 1)),
            ]
        )
        return np.asarray(local[:, places[0]] * local[:, places[1]])

    def blocked(self, x: Array, blocks: NDArray[np.int64]) -> Array:
        """The design matrix (n, p) of trials in blocks.

        Args:
            x: Coordinates (n, axes).
            blocks: Number of each one's block (n,); -1: none is known.
        """
        design = self.matrix(x)
        design[:, len(self.plan) :] = blocks[:, None] == np.arange(self.n_blocks)
        return design

    def moved_by(self, axis: int) -> NDArray[np.int64]:
        """Columns that can change where only this axis does.

        Its own, and those of factors whose existence hangs on it, directly or through others.
        """
        moved = {axis}
        for _ in self.box.axes:
            moved |= {i for i, other in enumerate(self.box.axes) if moved & other.hangs_on}
        return np.concatenate(
            [
                np.arange(term.columns.start, term.columns.stop)
                for term in self.terms
                if moved & set(term.axes)
            ]
        )

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Which two of (1, all axes' local columns, 0) multiply to each column: (2, p)."""
        sizes = [len(_degrees(axis)) for axis in self.box.axes]
        first = np.cumsum([1, *sizes])
        factors = [[int(first[axis]) + k for axis, k in product] for product in self.plan]
        blocks = [[int(first[-1])]] * self.n_blocks
        return np.array([[*f, 0, 0][:2] for f in factors + blocks]).T


def axis_columns(axis: Axis, x: Array) -> Array:
    """Orthonormal columns (n, k) of one axis; zero where it is NaN."""
    missing = np.isnan(x)
    if missing.all():
        return np.zeros((len(x), len(_degrees(axis))))
    if axis.is_numeric:
        columns = numeric_columns(np.where(missing, 0.5, x), steps=axis.steps)
    else:
        contrasts = level_contrasts(len(axis.factor.levels))
        columns = contrasts[np.where(missing, 0, x).astype(int)]
    return np.where(missing[:, None], 0.0, columns)


def numeric_columns(u: Array, *, steps: int | None = None) -> Array:
    """Legendre polynomials of degree 1..DEGREE, orthonormal for u uniform on 0..1.

    With `steps`, orthonormal for u uniform on the midpoints of that many equal cells, and at
    most steps - 1 columns.
    """
    t = 2 * np.clip(u, 0.0, 1.0) - 1
    degree = DEGREE if steps is None else min(DEGREE, steps - 1)
    raw = np.polynomial.legendre.legvander(t, degree) * np.sqrt(2 * np.arange(degree + 1) + 1)
    if steps is not None:
        raw = linalg.solve_triangular(_triangle(steps, degree), raw.T, lower=True).T
    return np.asarray(raw[:, 1:])


@cache
def _triangle(steps: int, degree: int) -> Array:
    """What makes the polynomials orthonormal on the midpoints of equal cells."""
    grid = 2 * (np.arange(steps) + 0.5) / steps - 1
    at = np.polynomial.legendre.legvander(grid, degree) * np.sqrt(2 * np.arange(degree + 1) + 1)
    return np.asarray(np.linalg.cholesky(at.T @ at / steps))


def level_contrasts(n_levels: int) -> Array:
    """Helmert contrasts (levels, levels - 1): mean 0 and mean square 1 over equal levels."""
    contrasts = np.zeros((n_levels, n_levels - 1))
    for k in range(n_levels - 1):
        contrasts[: k + 1, k] = -1.0
        contrasts[k + 1, k] = k + 1.0
    return np.asarray(contrasts * np.sqrt(n_levels / (contrasts**2).sum(axis=0)))


def _degrees(axis: Axis) -> NDArray[np.int64]:
    """Degree of each local column of an axis; every contrast of levels counts as degree 1."""
    if not axis.is_numeric:
        return np.ones(len(axis.factor.levels) - 1, dtype=np.int64)
    top = DEGREE if axis.steps is None else min(DEGREE, axis.steps - 1)
    return np.arange(1, top + 1)


def build_basis(box: Box, *, n_blocks: int = 0) -> Basis:
    """Mains of all axes, and products of two that can vary together; trials come in blocks."""
    plan: list[tuple[tuple[int, int], ...]] = [()]
    decay, weight, terms = [0.0], [1.0], []
    degrees = [_degrees(axis) for axis in box.axes]

    def add(axes: tuple[int, ...], products: list[tuple[tuple[int, int], ...]]) -> None:
        share = float(box.together[axes[0], axes[-1]])
        start = len(plan)
        for product in products:
            total = sum(int(degrees[a][k]) - 1 for a, k in product)
            plan.append(product)
            decay.append(total * float(np.log(DECAY)))
            weight.append(share)
        terms.append(Term(axes=axes, columns=slice(start, len(plan)), share=share))

    for i in range(len(box.axes)):
        add((i,), [((i, k),) for k in range(len(degrees[i]))])
    for i, first in enumerate(box.axes):
        for j in range(i + 1, len(box.axes)):
            second = box.axes[j]
            if box.together[i, j] == 0 or _decides(first, j) or _decides(second, i):
                continue
            add(
                (i, j),
                [
                    ((i, k), (j, m))
                    for k, a in enumerate(degrees[i])
                    for m, b in enumerate(degrees[j])
                    if a <= PAIR_DEGREE and b <= PAIR_DEGREE and a + b <= 3
                ],
            )
    return Basis(
        box=box,
        terms=tuple(terms),
        decay=np.array(decay + [0.0] * n_blocks),
        weight=np.array(weight + [1.0] * n_blocks),
        plan=tuple(plan),
        n_blocks=n_blocks,
    )


def _decides(axis: Axis, other: int) -> bool:
    """Whether the axis exists only at one level of the other, so that they have no pair."""
    return any(a == other for a, _ in axis.exists.needs)
