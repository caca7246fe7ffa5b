"""What a narrower or a wider range would do, read off the fitted surface.

A planning figure. Inside the box it interpolates. Beyond it there is no trial: the fitted curve is
continued with its degrees 1 and 2 alone, and every sentence says that it is an extrapolation.
How wide a contrast of two levels would be is bracketed: by today's width, if the fit takes all
of the rate's effect out of it, and by the width that goes with the rate's variance as noise.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.analysis.maths.basis import PAIR_DEGREE
from study.analysis.maths.box import Array
from study.analysis.maths.effects import Surface
from study.measure import ACCURACY, Measure

GRID = 101
"""Places at which a curve is looked at."""

PARTS = {
    "as it is": (0.0, 1.0),
    "its middle half": (0.25, 0.75),
    "twice as wide": (-0.5, 1.5),
}
"""Ends of a range in places of the declared one."""


@dataclass(frozen=True, kw_only=True)
class Resized:
    """Parameters of the outlook.

    Attributes:
        factor: The number whose range is looked at; if the study does not vary it, the one that
            explains most.
        level: Of the interval of the effect.
        measure: The metric, for the unit of advice.
    """

    factor: str = "lr"
    level: float = 0.95
    measure: Measure = ACCURACY

    def __call__(self, surface: Surface, half_width: float) -> pd.DataFrame:
        """One row per entry of PARTS; none if no number varies without steps.

        Args:
            surface: The fit.
            half_width: Of a typical average contrast today, points; NaN if there is none.

        Returns:
            Columns `factor, part, effect, low, high` (points between the best and the worst place,
            all else averaged), `half_width` (of a contrast: today's, at best if narrower, at worst
            if wider), `advice`.
        """
        axis = self._axis(surface)
        if axis is None:
            return pd.DataFrame(
                columns=["factor", "part", "effect", "low", "high", "half_width", "advice"]
            )
        name, tail = surface.basis.box.axes[axis].name, (1 - self.level) / 2
        noise = surface.fitted.sigma**2
        loose = {part: noise + varied(surface, axis, *ends) for part, ends in PARTS.items()}
        records = []
        for part, ends in PARTS.items():
            local = _at(surface, axis, np.linspace(*ends, GRID))
            curves = surface.weights[:, surface.basis.mains[axis].columns] @ local.T
            spans = curves.max(axis=1) - curves.min(axis=1)
            effect, low, high = np.quantile(spans, [0.5, tail, 1 - tail])
            half = half_width * float(np.sqrt(loose[part] / loose["as it is"]))
            records.append(
                {
                    "factor": name,
                    "part": part,
                    "effect": float(effect),
                    "low": float(low),
                    "high": float(high),
                    "half_width": half,
                    "advice": self._advice(name, part, (effect, low, high), half),
                }
            )
        return pd.DataFrame(records)

    def _axis(self, surface: Surface) -> int | None:
        """The number's place among the axes."""
        axes = surface.basis.box.axes
        numbers = [i for i, a in enumerate(axes) if a.is_numeric and a.steps is None]
        named = [i for i in numbers if axes[i].name == self.factor]
        return max(named or numbers, key=lambda i: varied(surface, i, 0.0, 1.0), default=None)

    def _advice(self, name: str, part: str, effect: Array | tuple[float, ...], half: float) -> str:
        middle, low, high = (self._size(end) for end in effect)
        unit = self.measure.after_effect
        moves = f"{name} moves the mean by {middle} [{low}, {high}]{unit}"
        contrast = (
            "" if np.isnan(half) else f"; a contrast of two levels ±{self._size(half)}{unit}"
        )
        if part == "as it is":
            return moves + contrast
        moves = moves.replace("moves", "would move", 1)
        if part == "twice as wide":
            return (
                f"extrapolated beyond every trial in the box: {moves}"
                + (f"{contrast} at worst" if contrast else "")
                + "; a cliff out there is not foreseen"
            )
        return moves + (f"{contrast} at best" if contrast else "")

    def _size(self, points: float) -> str:
        return self.measure.effect(points * self.measure.per_point, has_sign=False)


def varied(surface: Surface, axis: int, low: float, high: float) -> float:
    """Variance of all that moves with a number, pairs included, over a part of its range.

    Median over draws, squared points. The other factors vary over the whole box.

    Args:
        surface: The fit.
        axis: The number.
        low: The part's lower end, in places of the range.
        high: Its upper end; below 0 and above 1 the curve is continued.
    """
    basis = surface.basis
    places = low + (high - low) * (np.arange(GRID) + 0.5) / GRID
    local = _at(surface, axis, places)
    moving = np.cov(local, rowvar=False, bias=True).reshape(local.shape[1], local.shape[1])
    total = np.zeros(len(surface.weights))
    for term in basis.terms:
        if axis not in term.axes:
            continue
        groups: dict[tuple[int, int] | None, tuple[list[int], list[int]]] = {}
        for j in range(term.columns.start, term.columns.stop):
            own = next(k for a, k in basis.plan[j] if a == axis)
            other = next(((a, k) for a, k in basis.plan[j] if a != axis), None)
            columns, degrees = groups.setdefault(other, ([], []))
            columns.append(j)
            degrees.append(own)
        for columns, degrees in groups.values():
            w = surface.weights[:, columns]
            part = moving[np.ix_(degrees, degrees)]
            total += term.share * np.einsum("si,ij,sj->s", w, part, w)
    return float(np.median(total))


def _at(surface: Surface, axis: int, places: Array) -> Array:
    """The number's own columns (n, k) at places that may lie beyond its range."""
    main = surface.basis.mains[axis].columns
    degree = np.arange(1, main.stop - main.start + 1)
    columns = np.polynomial.legendre.legvander(2 * places - 1, int(degree.max()))[:, 1:]
    columns = columns * np.sqrt(2 * degree + 1)
    if places.min() < 0 or places.max() > 1:
        columns[:, degree > PAIR_DEGREE] = 0.0  # a quartic continued says nothing
    return np.asarray(columns)
