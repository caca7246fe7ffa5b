"""How often training collapses: an outcome of its own, by learning rate and arm.

A logistic regression with a normal prior on its coefficients (so that perfect separation, the
usual case at a cliff, has a finite answer) and a Laplace posterior. Every trial counts that either
collapsed or was seen not to, range scouts and trials outside the box included: a cliff is
learned by crossing it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special

from study.analysis.maths.box import Array
from study.analysis.maths.counted import Counted
from study.analysis.search.frames import Frames
from study.analysis.search.marginals import describe
from study.asked.factors import Factor, Level

COLUMNS = [
    "arm",
    "factor",
    "where",
    "value",
    "probability",
    "low",
    "high",
    "n_trials",
    "n_collapsed",
]


@dataclass(frozen=True, kw_only=True)
class Collapse:
    """Parameters of the collapse curves.

    Attributes:
        factor: The number along which collapse is described.
        level: Of the intervals.
        points: Values per arm and range.
        prior_sd: Of coefficients of standardised columns.
    """

    factor: str = "lr"
    level: float = 0.95
    points: int = 9
    prior_sd: float = 2.0

    def __call__(self, frames: Frames) -> pd.DataFrame:
        """Collapse probability along the factor per arm and range.

        Returns:
            Columns `arm, factor, where` (condition of the range), `value, probability, low, high`
            (0..1), `n_trials, n_collapsed` (of the arm under that condition). Where the study
            does not vary the factor: one row per arm with value NaN.
        """
        outcome = frames.trials["outcome"]
        known = outcome.isin(["full", "stopped", "collapsed"]).to_numpy()
        event = (outcome == "collapsed").to_numpy()
        if not known.any():
            return pd.DataFrame(columns=COLUMNS)
        try:
            axis = frames.box.index(self.factor)
        except KeyError:
            axis = -1
        if axis >= 0 and not frames.box.axes[axis].is_numeric:
            axis = -1
        covariates = _Covariates.of(frames, axis, known)
        design = covariates.design(frames.x, covariates.numbers)
        mode, covariance = fit_logistic(design[known], event[known].astype(float), self.prior_sd)
        records = []
        for arm, (row, where, values) in covariates.places(frames, self.points):
            at = covariates.design(np.repeat(row[None, :], len(values), axis=0), values)
            middle = at @ mode
            reach = np.sqrt(np.einsum("ij,jk,ik->i", at, covariance, at))
            reach *= float(np.sqrt(2) * special.erfinv(self.level))
            same = known & _matches(frames.x, row)
            for value, centre, half in zip(values, middle, reach, strict=True):
                records.append(
                    {
                        "arm": arm,
                        "factor": self.factor,
                        "where": where,
                        "value": float(value),
                        "probability": float(special.expit(centre)),
                        "low": float(special.expit(centre - half)),
                        "high": float(special.expit(centre + half)),
                        "n_trials": int(same.sum()),
                        "n_collapsed": int((same & event).sum()),
                    }
                )
        return pd.DataFrame(records, columns=COLUMNS)


def how_often_learned(frames: Frames) -> pd.DataFrame:
    """How often design trials learned, by level of every varied factor that has levels.

    Returns:
        `factor, level, k` (that learned), `n, low, high` (0..1, Jeffreys' interval); factors in
        reading order. Design trials alone, which are balanced and never stopped before their end.
    """
    records = []
    for factor in frames.study.factors:
        if factor.role == "fixed" or factor.is_numeric or factor.name not in frames.configs:
            continue
        for level in factor.levels:
            counted = learned_with(frames, factor.name, level)
            low, high = counted.interval()
            records.append(
                {
                    "factor": factor.name, "level": str(level), "k": counted.k, "n": counted.n,
                    "low": low, "high": high,
                }
            )  # fmt: skip
    return pd.DataFrame(records, columns=["factor", "level", "k", "n", "low", "high"])


def learned_with(frames: Frames, factor: str, level: Level) -> Counted:
    """How many design trials with a level learned."""
    is_design = (frames.trials["origin"] == "design").to_numpy()
    learned = frames.rows("full") & is_design
    known = learned | (frames.rows("collapsed") & is_design)
    here = known & (frames.configs[factor] == level).fillna(False).to_numpy(bool)
    return Counted(k=int((here & learned).sum()), n=int(here.sum()))


def fit_logistic(design: Array, event: Array, prior_sd: float) -> tuple[Array, Array]:
    """Mode and Laplace covariance of logistic regression under N(0, prior_sd^2) coefficients.

    Column 0 is the intercept and has a prior three times as wide.
    """
    precision = np.full(design.shape[1], prior_sd**-2)
    precision[0] /= 9

    def objective(w: Array) -> tuple[float, Array]:
        eta = design @ w
        loss = float(np.logaddexp(0, eta).sum() - event @ eta + 0.5 * precision @ w**2)
        return loss, design.T @ (special.expit(eta) - event) + precision * w

    found = optimize.minimize(objective, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B")
    p = special.expit(design @ found.x)
    information = (design * (p * (1 - p))[:, None]).T @ design + np.diag(precision)
    return np.asarray(found.x), np.linalg.inv(information)


def _matches(x: Array, row: Array) -> Array:
    """Rows of x that have the levels of `row` wherever it has one."""
    held = ~np.isnan(row)
    return np.asarray((x[:, held] == row[held]).all(axis=1))


@dataclass(frozen=True, kw_only=True)
class _Covariates:
    """Columns of the logistic regression: arms and range conditions, and the number in each.

    Attributes:
        axis: The number's axis, or -1.
        cells: Axes whose levels enter: arms, and what the number's ranges depend on.
        numbers: The number of every trial (n,), NaN where unknown.
        centre: Mean of the number on its scale.
        spread: Its sd.
    """

    axis: int
    cells: tuple[int, ...]
    numbers: Array
    centre: float
    spread: float
    sizes: tuple[int, ...]
    log: bool

    @classmethod
    def of(cls, frames: Frames, axis: int, known: Array) -> "_Covariates":
        axes = frames.box.axes
        cells = [i for i, a in enumerate(axes) if a.factor.role == "arm"]
        numbers, log = np.full(len(frames.x), np.nan), False
        if axis >= 0:
            factor: Factor = axes[axis].factor
            log = factor.log
            numbers = pd.to_numeric(frames.configs[factor.name], errors="coerce").to_numpy(
                dtype=float, na_value=np.nan
            )
            needed = [a for v in axes[axis].intervals for a, _ in v.condition.needs]
            cells = sorted({*cells, *needed})
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = np.log(numbers) if log else numbers
        here = scaled[known & np.isfinite(scaled)] if axis >= 0 else np.zeros(1)
        return cls(
            axis=axis,
            cells=tuple(cells),
            numbers=numbers,
            centre=float(here.mean()) if len(here) else 0.0,
            spread=max(float(here.std()), 1e-9) if len(here) else 1.0,
            sizes=tuple(len(axes[i].factor.levels) for i in cells),
            log=log,
        )

    def design(self, x: Array, numbers: Array) -> Array:
        """Intercept, levels, number, and number × level."""
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = np.log(numbers) if self.log else numbers
        z = np.nan_to_num((scaled - self.centre) / self.spread)
        columns = [np.ones(len(x))]
        for axis, size in zip(self.cells, self.sizes, strict=True):
            columns += [(x[:, axis] == k) - 1.0 / size for k in range(1, size)]
        if self.axis >= 0:
            columns += [column * z for column in columns]
        return np.column_stack(columns)

    def places(self, frames: Frames, points: int) -> list[tuple[str, tuple[Array, str, Array]]]:
        """(arm, (coordinates, condition, values)) of each curve of the frame."""
        box = frames.box
        crossed = [i for i, a in enumerate(box.axes) if a.factor.role == "arm"]
        found = []
        for arm in frames.study.arms:
            row = np.full(len(box.axes), np.nan)
            for i in crossed:
                row[i] = box.level_index(box.axes[i].name, arm[box.axes[i].name])
            name = "-".join(str(v) for v in arm.values()) or "all"
            if self.axis < 0:
                found.append((name, (row, "", np.array([np.nan]))))
                continue
            for interval in box.axes[self.axis].intervals:
                here = row.copy()
                clash = False
                for other, level in interval.condition.needs:
                    clash |= not np.isnan(here[other]) and here[other] != level
                    here[other] = level
                if clash or interval.condition.never:
                    continue
                values = box.values(self.axis, np.linspace(0, 1, points), interval)
                found.append((name, (here, describe(box, interval.condition), values)))
        return found
