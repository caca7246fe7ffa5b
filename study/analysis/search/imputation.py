"""What a stopped trial would have reached: learned on trials that reached their end.

The gain from the stop to the end is regressed on the curve so far and on the recipe (planned
length, scheduler, init, rate, all of it). Given the values that ASHA looked at, being stopped
says nothing more about the end, so trials that were not stopped may teach (missing at random,
Rubin 1976). Each draw takes another regression and each trial's own noise, so that the effects
see both what all imputed trials would be wrong about together and what each is by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.analysis.maths.basis import DECAY, Basis
from study.analysis.maths.box import Array
from study.analysis.maths.evidence import Fitted, ScalePrior, fit
from study.analysis.maths.roads import Rows
from study.analysis.search.frames import Frames

GROUPS = 6
"""Stops are learned at no more than this many fractions of the planned length."""


@dataclass(frozen=True, kw_only=True)
class Imputed:
    """Final values of stopped trials.

    Attributes:
        rows: Which trials (n,) these are; stopped trials that cannot be imputed are left out.
        draws: (k, s) drawn values: another regression each, and the trial's own noise.
    """

    rows: NDArray[np.bool_]
    draws: Array


@dataclass(frozen=True, kw_only=True)
class Imputation:
    """Parameters of the imputation.

    Attributes:
        n_draws: Draws of the regression.
        fewest: Full-length trials without which nothing is imputed.
        most: Full-length trials that teach; more add nothing and cost time.
        folds: Of the cross-validated check.
    """

    n_draws: int = 24
    fewest: int = 12
    most: int = 1500
    folds: int = 5

    def __call__(self, frames: Frames, basis: Basis, rng: np.random.Generator) -> Imputed:
        """Final values of the stopped trials; none if too few full-length trials can teach."""
        found = np.zeros(len(frames.trials), dtype=bool)
        draws = np.full((len(found), self.n_draws), np.nan)
        for fraction, stopped in self._stops(frames):
            learners = self._learners(frames, fraction, rng)
            if learners.sum() < self.fewest:
                continue
            lesson = _Lesson.learn(frames, basis, learners, fraction)
            design, base = lesson.features(frames, basis, stopped, frames.trials["last"])
            weights, sigmas = lesson.fitted.draws(self.n_draws, 1, rng)
            found |= stopped
            noise = rng.standard_normal((len(design), self.n_draws)) * sigmas
            draws[stopped] = (base + lesson.centre)[:, None] + design @ weights.T + noise
        return Imputed(rows=found, draws=draws[found])

    def check(self, frames: Frames, basis: Basis, rng: np.random.Generator) -> pd.DataFrame:
        """How well held-out full-length trials are predicted from where others were stopped.

        Returns:
            Per stop fraction: `fraction, n_stopped, n_trials, bias, rmse, naive_bias (of taking
            the early value as final), coverage` (of 95 % predictive intervals); points.
        """
        records = []
        for fraction, stopped in self._stops(frames):
            learners = self._learners(frames, fraction, rng)
            n = int(learners.sum())
            if n < self.fewest:
                continue
            truth = frames.trials["value"].to_numpy(dtype=float)
            early = np.full(len(truth), np.nan)
            early[learners] = frames.at_fraction(fraction, learners)
            error, sd = np.full(len(truth), np.nan), np.full(len(truth), np.nan)
            fold = np.full(len(truth), -1)
            fold[learners] = rng.permutation(n) % self.folds
            for k in range(self.folds):
                held = fold == k
                lesson = _Lesson.learn(frames, basis, learners & ~held, fraction)
                design, base = lesson.features(frames, basis, held, pd.Series(early))
                error[held] = base + lesson.centre + design @ lesson.fitted.mean - truth[held]
                spread = np.einsum("ij,ij->i", design @ lesson.fitted.covariance, design)
                sd[held] = np.sqrt(spread + lesson.fitted.sigma**2)
            wrong = error[learners]
            records.append(
                {
                    "fraction": fraction,
                    "n_stopped": int(stopped.sum()),
                    "n_trials": n,
                    "bias": float(wrong.mean()),
                    "rmse": float(np.sqrt((wrong**2).mean())),
                    "naive_bias": float((early - truth)[learners].mean()),
                    "coverage": float((np.abs(wrong) <= 1.96 * sd[learners]).mean()),
                }
            )
        columns = ["fraction", "n_stopped", "n_trials", "bias", "rmse", "naive_bias", "coverage"]
        return pd.DataFrame(records, columns=columns)

    def _learners(
        self, frames: Frames, fraction: float, rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Full-length trials whose curve is known at the fraction, at most `most` of them."""
        rows = frames.rows("full")
        rows[rows] = np.isfinite(frames.at_fraction(fraction, rows))
        chosen = np.flatnonzero(rows)
        if len(chosen) > self.most:
            rows = np.zeros(len(rows), dtype=bool)
            rows[rng.choice(chosen, self.most, replace=False)] = True
        return rows

    @staticmethod
    def _stops(frames: Frames) -> Iterator[tuple[float, NDArray[np.bool_]]]:
        """(fraction, trials stopped near it), a few groups by quantiles of the fraction."""
        stopped = frames.rows("stopped")
        if not stopped.any():
            return
        ratio = frames.trials["epochs_run"] / frames.trials["epochs_planned"]
        part = np.clip(ratio.to_numpy(dtype=float), 0.01, 1.0)
        edges = np.unique(np.quantile(part[stopped], np.linspace(0, 1, GROUPS + 1)[1:-1]))
        group = np.searchsorted(edges, part - 1e-9)
        for k in np.unique(group[stopped]):
            members = stopped & (group == k)
            yield float(part[members].mean()), members


@dataclass(frozen=True, kw_only=True)
class _Lesson:
    """A regression of the gain after one fraction."""

    fraction: float
    fitted: Fitted
    centre: float
    value_mean: float
    value_sd: float

    @classmethod
    def learn(
        cls, frames: Frames, basis: Basis, rows: NDArray[np.bool_], fraction: float
    ) -> "_Lesson":
        """Fit on full-length trials."""
        early = frames.at_fraction(fraction, rows)
        gain = frames.trials["value"].to_numpy(dtype=float)[rows] - early
        moments = float(early.mean()), max(float(early.std()), 1e-6)
        design = _features(frames, basis, rows, early, fraction, moments)
        spread = max(float(gain.std()), 1e-3)
        n_curve, n_mains = CURVE_FEATURES, design.shape[1] - CURVE_FEATURES
        groups = np.zeros((n_curve + n_mains, 2))
        groups[:n_curve, 0], groups[n_curve:, 1] = 1, 1
        prior = ScalePrior(
            groups=groups,
            offset=np.zeros(len(groups)),
            mean=np.log(np.array([0.4, 0.15, 0.5]) * spread),
            sd=np.array([1.0, 1.0, 0.7]),
        )
        rows_ = Rows(
            design=design,
            response=(gain - gain.mean())[:, None],
            looseness=np.ones(len(gain)),
        )
        return cls(
            fraction=fraction,
            fitted=fit(rows_, prior),
            centre=float(gain.mean()),
            value_mean=moments[0],
            value_sd=moments[1],
        )

    def features(
        self, frames: Frames, basis: Basis, rows: NDArray[np.bool_], last: pd.Series
    ) -> tuple[Array, Array]:
        """Design of other trials, and the value that the gain comes on top of."""
        early = last.to_numpy(dtype=float)[rows]
        moments = self.value_mean, self.value_sd
        return _features(frames, basis, rows, early, self.fraction, moments), early


CURVE_FEATURES = 4
"""Value, its square, recent slope, and value × recent slope."""


def _features(
    frames: Frames,
    basis: Basis,
    rows: NDArray[np.bool_],
    early: Array,
    fraction: float,
    moments: tuple[float, float],
) -> Array:
    """Curve so far (standardised) and low-degree mains of the recipe."""
    value = (early - moments[0]) / moments[1]
    slope = (early - frames.at_fraction(fraction / 2, rows)) / moments[1]
    slope = np.nan_to_num(slope)
    mains = np.concatenate([np.arange(t.columns.start, t.columns.stop) for t in basis.mains])
    smooth = mains[basis.decay[mains] > 1.5 * np.log(DECAY)]
    recipe = basis.matrix(frames.x[rows], columns=smooth)
    # 0.7 keeps a square of a standardised value on the scale of the linear terms
    curve = np.column_stack([value, 0.7 * (value**2 - 1), slope, value * slope])
    return np.hstack([curve, recipe])
