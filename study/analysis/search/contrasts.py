"""Differences between levels in points: averaged over the box, and each side tuned.

The average contrast takes the mean over all other factors under the reference measure. The tuned
contrast compares the configurations that the posterior mean calls best at each level; it is never
the difference of the best trials seen, which favours the side that was looked at more often.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from study.analysis.maths.box import Array, Box, coordinates_of, drop_absent
from study.analysis.maths.effects import Surface
from study.analysis.maths.evidence import unpenalised
from study.analysis.maths.support import FEWEST, Support, widening
from study.asked.factors import Level
from study.quantities import count, level

Cell = Mapping[str, Level]
"""Levels of one or more factors that are held; a level or an arm."""

COLUMNS = ["factor", "level_a", "level_b", "kind", "estimate", "low", "high", "n_trials", "reason"]


@dataclass(frozen=True, kw_only=True)
class Contrasts:
    """Parameters of the contrasts.

    Attributes:
        level: Of the intervals.
        candidates: Configurations from whose best each side's tuning starts.
        sweeps: Times that every factor is tuned in turn.
    """

    level: float = 0.95
    candidates: int = 200
    sweeps: int = 3

    def __call__(
        self, surface: Surface, support: Support, rng: np.random.Generator
    ) -> pd.DataFrame:
        """All pairs of levels of every factor with levels, and all pairs of arms.

        Returns:
            Columns `factor` (`arm` for arms), `level_a, level_b, kind` (`average`, `tuned`),
            `estimate, low, high` (points, a minus b; null where withheld), `n_trials` (full
            length, of the less supported side), `reason` (why it is withheld, else empty).
        """
        box = surface.basis.box
        asked: list[tuple[str, Cell, Cell]] = []
        for axis in box.axes:
            for a, b in combinations(axis.factor.levels, 2):
                asked.append((axis.name, {axis.name: a}, {axis.name: b}))
        if sum(axis.factor.role == "arm" for axis in box.axes) > 1:
            asked += [("arm", first, second) for first, second in combinations(_cells(box), 2)]
        return self.compare(surface, support, asked, rng)

    def compare(
        self,
        surface: Surface,
        support: Support,
        asked: list[tuple[str, Cell, Cell]],
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Two rows, average and tuned, per (factor, cell, other cell); see `__call__`."""
        if not asked:
            return pd.DataFrame(columns=COLUMNS)
        box = surface.basis.box
        given = [coordinates_of(box, cell) for _, *cells in asked for cell in cells]
        # NaN never equals NaN, so open coordinates are -1 while equal cells are found
        cells_, place = np.unique(np.nan_to_num(given, nan=-1.0), axis=0, return_inverse=True)
        place = place.reshape(len(asked), 2)
        held = np.where(cells_ < 0, np.nan, cells_)
        matching = [support.matching(row) for row in held]
        counts = np.array([int(m.sum()) for m in matching])[place]
        designed = np.array([int((m & support.is_design).sum()) for m in matching])[place]
        held = np.array([with_context(box, row) for row in held])
        means = surface.basis.matrix(held)
        tuned = surface.basis.matrix(self._tune(surface, held, rng))
        records: list[dict[str, object]] = []
        for k, (factor, *cells) in enumerate(asked):
            names = ["-".join(map(str, cell.values())) for cell in cells]
            n = int(counts[k].min())
            base = {"factor": factor, "level_a": names[0], "level_b": names[1], "n_trials": n}
            if n < FEWEST:
                reason = (
                    f"withheld: {_side(cells[int(counts[k].argmin())])} has "
                    f"{count(n, 'full-length trial')} (at least {FEWEST} are needed); "
                    f"{support.more}"
                )
                records += [
                    base | {"kind": kind, "reason": reason} for kind in ("average", "tuned")
                ]
                continue
            a, b = place[k]
            widen = widening(int(designed[k].min()))
            for kind, value in (
                ("average", self._average(surface, means[a] - means[b], widen)),
                ("tuned", self._tuned(surface, tuned[a] - tuned[b], widen)),
            ):
                interval = dict(zip(("estimate", "low", "high"), value, strict=True))
                records.append(base | {"kind": kind, "reason": ""} | interval)
        frame = pd.DataFrame(records, columns=COLUMNS)
        return frame.astype(dict.fromkeys(("estimate", "low", "high"), float))

    def _average(
        self, surface: Surface, difference: Array, widen: float
    ) -> tuple[float, float, float]:
        """Unpenalised estimate with a t interval: shrinkage would cost coverage where it bites."""
        columns = np.flatnonzero(np.abs(difference) > 1e-12)
        estimate, covariance = unpenalised(surface.fitted, columns)
        direction = difference[columns]
        middle = float(direction @ estimate)
        error = float(np.sqrt(max(float(direction @ covariance @ direction), 0.0)))
        reach = widen * float(stats.t.ppf(0.5 + self.level / 2, surface.freedom)) * error
        return middle, middle - reach, middle + reach

    def _tuned(
        self, surface: Surface, difference: Array, widen: float
    ) -> tuple[float, float, float]:
        """Posterior of the difference between two tuned configurations."""
        tail = (1 - self.level) / 2
        low, high = np.quantile(surface.weights @ difference, [tail, 1 - tail])
        middle = float(difference @ surface.fitted.mean)
        return (
            middle,
            middle + widen * (float(low) - middle),
            middle + widen * (float(high) - middle),
        )

    def _tune(self, surface: Surface, held: Array, rng: np.random.Generator) -> Array:
        """For each row (cells, axes) the configuration that the posterior mean calls best.

        Coordinates that a row holds stay; the rest starts at the best of some random
        configurations and is then tuned one factor at a time, all cells at once.
        """
        box = surface.basis.box

        def best_of(tries: Array, columns: NDArray[np.int64]) -> Array:
            """Best of tries (cells, tries, axes) per cell, by the columns that tell them apart."""
            flat = drop_absent(box.axes, tries.reshape(-1, len(box.axes)))
            value = surface.basis.matrix(flat, columns) @ surface.fitted.mean[columns]
            pick = value.reshape(tries.shape[:2]).argmax(axis=1)
            return np.asarray(tries[np.arange(len(tries)), pick])

        free = np.isnan(held)
        start = box.sample(self.candidates, rng)
        # a factor absent in the draw may exist beside the held levels: give it some value
        start = np.where(np.isnan(start), np.zeros_like(start), start)
        every = np.arange(surface.basis.size)
        x = best_of(np.where(free[:, None, :], start[None, :, :], held[:, None, :]), every)
        for _ in range(self.sweeps):
            for i, axis in enumerate(box.axes):
                n = axis.steps or 11
                grid = (np.arange(n) + 0.5) / n if axis.steps else np.linspace(0, 1, n)
                if not axis.is_numeric:
                    grid = np.arange(len(axis.factor.levels), dtype=float)
                tries = np.repeat(x[:, None, :], len(grid), axis=1)
                tries[:, :, i] = np.where(free[:, i, None], grid[None, :], x[:, i, None])
                x = best_of(tries, surface.basis.moved_by(i))
        return drop_absent(box.axes, x)


def with_context(box: Box, row: Array) -> Array:
    """A row with the levels that its factors need to exist, where it leaves them open."""
    row = row.copy()
    for _ in box.axes:
        for axis in np.flatnonzero(~np.isnan(row)):
            for other, needed in box.axes[axis].exists.needs:
                if np.isnan(row[other]):
                    row[other] = needed
    return row


def _side(cell: Cell) -> str:
    """A side in words; numbers and flags say nothing without their factor."""
    if all(isinstance(value, str) for value in cell.values()):
        return "-".join(map(str, cell.values()))
    return ", ".join(f"{name} = {level(value)}" for name, value in cell.items())


def _cells(box: Box) -> list[dict[str, Level]]:
    """Every crossed arm."""
    cells: list[dict[str, Level]] = [{}]
    for axis in box.axes:
        if axis.factor.role == "arm":
            cells = [cell | {axis.name: level} for cell in cells for level in axis.factor.levels]
    return cells
