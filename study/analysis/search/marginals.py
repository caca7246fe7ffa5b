"""The mean over the box at each level or value of a factor, with a band and its support."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.analysis.maths.box import Array, Box, Condition
from study.analysis.maths.effects import Surface
from study.analysis.maths.support import FEWEST, Support
from study.analysis.search.contrasts import with_context

COLUMNS = [
    "factor",
    "level",
    "estimate",
    "low",
    "high",
    "n_trials",
    "extrapolated",
    "value",
    "where",
]


@dataclass(frozen=True, kw_only=True)
class Marginals:
    """Parameters of the marginals.

    Attributes:
        level: Of the band.
        points: Values at which a number's marginal is given, ends included.
        vague: Posterior sd over prior sd above which a value counts as extrapolated.
    """

    level: float = 0.95
    points: int = 13
    vague: float = 0.9

    def __call__(self, surface: Surface, support: Support) -> pd.DataFrame:
        """Marginals of every varied factor.

        Returns:
            Columns `factor, level` (text), `estimate, low, high` (points), `n_trials` (full length
            at the level or in that third of the range), `extrapolated`, `value` (the number;
            NaN for levels), `where` (condition of the range; empty if there is only one).
        """
        box = surface.basis.box
        rows, records = [], []
        for row, record in self._places(box):
            rows.append(row)
            records.append(record)
        if not rows:
            return pd.DataFrame(columns=COLUMNS)
        estimate, draws = surface.at(np.vstack(rows))
        tail = (1 - self.level) / 2
        low, high = np.quantile(draws, [tail, 1 - tail], axis=1)
        vague = self._vagueness(surface, np.vstack(rows), draws)
        frame = pd.DataFrame(records)
        frame["estimate"], frame["low"], frame["high"] = estimate, low, high
        frame["n_trials"] = [int(support.matching(row).sum()) for row in rows]
        frame["extrapolated"] = (frame["n_trials"] < FEWEST) | (vague > self.vague)
        return frame[COLUMNS]

    def _places(self, box: Box) -> list[tuple[Array, dict[str, object]]]:
        """Coordinates, and what they are called, of each row of the frame."""
        places: list[tuple[Array, dict[str, object]]] = []
        for i, axis in enumerate(box.axes):
            blank = np.full(len(box.axes), np.nan)
            if not axis.is_numeric:
                for k, level in enumerate(axis.factor.levels):
                    row = blank.copy()
                    row[i] = k
                    name = str(level).lower() if isinstance(level, bool) else str(level)
                    record = {"factor": axis.name, "level": name, "value": np.nan, "where": ""}
                    places.append((with_context(box, row), record))
                continue
            n = axis.steps or self.points
            grid = (np.arange(n) + 0.5) / n if axis.steps else np.linspace(0, 1, n)
            for interval in axis.intervals:
                row = blank.copy()
                for other, level in interval.condition.needs:
                    row[other] = level
                for u, value in zip(grid, box.values(i, grid, interval), strict=True):
                    here = row.copy()
                    here[i] = u
                    record = {
                        "factor": axis.name,
                        "level": f"{value:.4g}",
                        "value": float(value),
                        "where": describe(box, interval.condition),
                    }
                    places.append((with_context(box, here), record))
        return places

    @staticmethod
    def _vagueness(surface: Surface, rows: Array, draws: Array) -> Array:
        """Posterior sd over prior sd of what each row adds to the mean over the box."""
        design = surface.basis.matrix(rows)
        design[:, 0] = 0.0
        prior = surface.fitted.prior.variances(surface.fitted.scales)
        before = np.sqrt(design**2 @ prior)
        after = (surface.weights @ design.T).std(axis=0)
        return np.asarray(after / np.maximum(before, 1e-12))


def describe(box: Box, condition: Condition) -> str:
    """A condition in words: `init = scratch, optimizer = sgd`."""
    return ", ".join(
        f"{box.axes[axis].name} = {box.axes[axis].factor.levels[level]}"
        for axis, level in condition.needs
    )
