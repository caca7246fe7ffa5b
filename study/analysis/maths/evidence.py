"""Bayesian regression whose scales are learned: y = Phi w + e, w_j ~ N(0, d_j), e_i ~ N(0, v_i).

The prior variances are log-linear in a few scales, log sd_j = (M theta)_j + c_j, the noise is
v_i = looseness_i sigma^2, and theta and log sigma are fitted by marginal likelihood with
analytic gradients (MacKay 1992; Rasmussen & Williams 2006, section 5.4.1) under a normal prior.
Plugging in one set of scales under-covers, so scales are drawn from a Laplace approximation with
the Fisher information, and weights are drawn under each.

Where values were imputed the response comes as several completed data sets, each with another
draw of the imputed values, noise included (multiple imputation, Rubin 1987). Scales are learned
from the mean of their log evidences: survivors alone would show too little noise, since those
with bad luck were stopped. Weights are drawn from each.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from study.analysis.maths.box import Array
from study.analysis.maths.roads import ColumnRoad, RowRoad, Rows, shorter_road


@dataclass(frozen=True, kw_only=True)
class ScalePrior:
    """How prior variances hang on the scales, and what is believed of the scales.

    Attributes:
        groups: M (p, q); log sd of column j is groups[j] @ theta + offset[j].
        offset: c (p,).
        mean: Prior mean of (theta, log sigma): (q + 1,).
        sd: Prior sd of the same.
    """

    groups: Array
    offset: Array
    mean: Array
    sd: Array

    def variances(self, scales: Array) -> Array:
        """D (p,) of scales (q + 1,)."""
        return np.asarray(np.exp(2 * (self.groups @ scales[:-1] + self.offset)))


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Scales at their posterior mode and around it.

    Attributes:
        road: The regression.
        prior: Of the scales.
        scales: Posterior mode of (theta, log sigma).
    """

    road: RowRoad | ColumnRoad
    prior: ScalePrior
    scales: Array

    @cached_property
    def spread(self) -> Array:
        """Laplace covariance of the scales (q + 1, q + 1)."""
        information = self.road.fisher(*self._at_mode, self.prior.groups)
        spread = np.linalg.inv(information + np.diag(1 / self.prior.sd**2))
        return np.asarray((spread + spread.T) / 2)

    @cached_property
    def means(self) -> Array:
        """Posterior mean of the weights at the mode for each completed data set (s, p)."""
        return self.road.means(*self._at_mode)

    @cached_property
    def covariance(self) -> Array:
        """Their covariance at the mode (p, p), within a completed data set."""
        return self.road.covariance(*self._at_mode)

    @property
    def _at_mode(self) -> tuple[Array, float]:
        """Prior variances (p,) and noise sd."""
        return self.prior.variances(self.scales), self.sigma

    @property
    def mean(self) -> Array:
        """Posterior mean of the weights at the mode (p,)."""
        return np.asarray(self.means.mean(axis=0))

    @property
    def sigma(self) -> float:
        """Noise sd of one trial at the mode."""
        return float(np.exp(self.scales[-1]))

    def leave_one_out(self) -> tuple[Array, Array]:
        """Mean and sd (n,) of each response given the others, scales as fitted to all."""
        return self.road.leave_one_out(*self._at_mode)

    def draws(
        self, n_scales: int, n_weights: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Posterior draws: weights (n_scales * n_weights, p) and noise sd of each."""
        low, high = self.scales - 4, self.scales + 2.5  # a Laplace tail must not overflow
        root = np.linalg.cholesky(self.spread)
        scales = self.scales + rng.standard_normal((n_scales, len(self.scales))) @ root.T
        weights, sigmas = [], []
        n_sets = self.road.rows.response.shape[1]
        for k, drawn in enumerate(np.clip(scales, low, high)):
            d, sigma = self.prior.variances(drawn), float(np.exp(drawn[-1]))
            weights.append(self.road.draw(d, sigma, n_weights, rng, k % n_sets))
            sigmas.append(np.full(n_weights, sigma))
        return np.vstack(weights), np.concatenate(sigmas)


REACH = 3.5
"""Scales are sought within this many prior sds."""


FINE = 1e-7
"""Relative change of the log posterior at which the search for its mode ends."""

ROUGH = 1e-5
"""The same for scales that only tell outliers."""

FREEDOM = 5.0
"""Of the t distribution that outliers are weighed down by."""


def fit(
    rows: Rows, prior: ScalePrior, *, start: Array | None = None, tolerance: float = FINE
) -> Fitted:
    """The posterior of scales and weights.

    Args:
        rows: The regression; its response should be centred.
        prior: Of the scales.
        start: Scales to start from; None: the prior's mean.
        tolerance: Relative change of the log posterior at which the search for its mode ends.
    """
    road = shorter_road(rows)

    def objective(scales: Array) -> tuple[float, Array]:
        moments = road.moments(prior.variances(scales), float(np.exp(scales[-1])))
        off = (scales - prior.mean) / prior.sd
        slope = np.append(2 * prior.groups.T @ moments.slope[:-1], moments.slope[-1])
        return -(moments.value - 0.5 * float(off @ off)), -(slope - off / prior.sd)

    begin = prior.mean if start is None else start
    found = optimize.minimize(
        objective,
        begin,
        jac=True,
        method="L-BFGS-B",
        bounds=[(m - REACH * s, m + REACH * s) for m, s in zip(prior.mean, prior.sd, strict=True)],
        options={"maxiter": 200, "ftol": tolerance, "gtol": 1e-3},
    )
    return Fitted(road=road, prior=prior, scales=np.asarray(found.x))


def fit_robustly(
    rows: Rows,
    prior: ScalePrior,
    *,
    seen: NDArray[np.bool_],
    rounds: int = 2,
) -> Fitted:
    """As `fit`, with outliers among the `seen` rows weighed down as under Student's t noise.

    Each round gives every row the expected precision under a t distribution with `FREEDOM`
    degrees of freedom, given how far it lies from its prediction by the others (Lange, Little &
    Taylor 1989, the E step, with leave-one-out residuals so that a row cannot hide itself).
    """
    fitted = fit(rows, prior, tolerance=ROUGH)
    for n in range(1, rounds + 1):
        predicted, sd = fitted.leave_one_out()
        off = (rows.response.mean(axis=1) - predicted) / sd
        precision = (FREEDOM + 1) / (FREEDOM + off**2)
        precision = np.round(precision / precision[seen].mean() * 5) / 5  # few classes of noise
        precision = np.where(precision > 0.9, 1.0, np.clip(precision, 0.2, None))
        rows = replace(rows, looseness=np.where(seen, 1 / precision, 1.0))
        tolerance = ROUGH if n < rounds else FINE
        fitted = fit(rows, prior, start=fitted.scales, tolerance=tolerance)
    return fitted


def unpenalised(fitted: Fitted, columns: NDArray[np.int64]) -> tuple[Array, Array]:
    """Generalised least squares of some columns, with all other columns under their prior.

    With S = Phi' V^-1 Phi of these columns the estimate is S^-1 Phi' V^-1 y and, once their own
    prior is taken out of V, its covariance is S^-1 - D. Unlike the posterior it is not pulled
    to zero, so its test keeps its level. Completed data sets are combined by Rubin's rules.

    Returns:
        Estimate (k,) and covariance (k, k).
    """
    d = fitted.prior.variances(fitted.scales)
    own = d[columns]
    s = np.diag(1 / own) - fitted.covariance[columns][:, columns] / np.outer(own, own)
    inverse = np.linalg.pinv(s, hermitian=True)
    estimates = fitted.means[:, columns] / own @ inverse
    middle = estimates.mean(axis=0)
    covariance = inverse - np.diag(own)
    n = len(estimates)
    if n > 1:
        covariance = covariance + (1 + 1 / n) * (estimates - middle).T @ (estimates - middle) / (
            n - 1
        )
    return middle, (covariance + covariance.T) / 2
