"""How many full-length trials stand behind a level, a third of a range, or an arm."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from study.analysis.maths.box import Array, Box

FEWEST = 8
"""Full-length trials per level (or third of a range) below which nothing is claimed."""

PARTS = 3
"""A numeric range is looked at in thirds."""


def widening(n_design: int) -> float:
    """By how much intervals are widened that rest on so many trials of the design.

    Where a search concentrated, the surface's form carries what the data do not.
    """
    return 1.0 if n_design >= FEWEST else 1.5


@dataclass(frozen=True, kw_only=True)
class Support:
    """Full-length trials inside the box.

    Attributes:
        box: The box.
        x: Their coordinates (n, axes).
        is_design: Which of them were drawn independently of results (n,).
        more: How to get more of them, in words.
    """

    box: Box
    x: Array
    is_design: NDArray[np.bool_]
    more: str

    @property
    def n_trials(self) -> int:
        """All of them."""
        return len(self.x)

    def parts(self, axis: int) -> NDArray[np.int64]:
        """Part of each trial on an axis: its level, or third of the range; -1 where absent."""
        values = self.x[:, axis]
        missing = np.isnan(values)
        filled = np.where(missing, 0.0, values)
        if self.box.axes[axis].is_numeric:
            filled = np.minimum(np.floor(filled * PARTS), PARTS - 1)
        return np.where(missing, -1, filled).astype(np.int64)

    def n_parts(self, axis: int) -> int:
        """Number of levels or thirds."""
        here = self.box.axes[axis]
        return PARTS if here.is_numeric else len(here.factor.levels)

    def counts(self, axis: int) -> NDArray[np.int64]:
        """Trials per level or third."""
        parts = self.parts(axis)
        return np.bincount(parts[parts >= 0], minlength=self.n_parts(axis))

    def fewest(self, axis: int) -> int:
        """Trials of the least supported level or third."""
        return int(self.counts(axis).min())

    def fewest_of_pair(self, first: int, second: int) -> int:
        """Trials of the least supported combination of the two axes' halves or levels."""
        return int(self._halves(first, second).min())

    def _halves(self, first: int, second: int) -> NDArray[np.int64]:
        codes = []
        sizes = []
        for axis in (first, second):
            values = self.x[:, axis]
            if self.box.axes[axis].is_numeric:
                codes.append(np.where(np.isnan(values), -1, values >= 0.5).astype(np.int64))
                sizes.append(2)
            else:
                codes.append(self.parts(axis))
                sizes.append(self.n_parts(axis))
        both = (codes[0] >= 0) & (codes[1] >= 0)
        place = codes[0][both] * sizes[1] + codes[1][both]
        return np.bincount(place, minlength=sizes[0] * sizes[1])

    def matching(self, row: Array) -> NDArray[np.bool_]:
        """Trials (n,) with the same level (or third) wherever the row (axes,) has a value."""
        same = np.ones(len(self.x), dtype=bool)
        one = replace(self, x=row[None, :], is_design=np.zeros(1, dtype=bool))
        for axis in np.flatnonzero(~np.isnan(row)):
            same &= self.parts(int(axis)) == one.parts(int(axis))[0]
        return same
