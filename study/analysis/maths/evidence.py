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

Two equal roads lead to the same numbers, and the shorter one is taken: with fewer rows than
columns everything is done on the n x n covariance; with more rows on p x p moments, summed per
class of equal noise, so that the cost after one pass over the rows does not depend on n.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from study.analysis.maths.box import Array


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
class Moments:
    """Log evidence at given scales, its gradient and Fisher information, and the posterior.

    Attributes:
        value: Log marginal likelihood, constants left out.
        slope: d value / d (log d_j) (p,), then d value / d log sigma, as one (p + 1,) array.
        mean: Posterior mean of the weights (p,).
    """

    value: float
    slope: Array
    mean: Array


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What is regressed.

    Attributes:
        design: Phi (n, p).
        response: (n, s): completed data sets as columns; one column if nothing was imputed.
        looseness: Noise variance relative to sigma^2 (n,); above 1 for outliers.
    """

    design: Array
    response: Array
    looseness: Array


class RowRoad:
    """The posterior through the n x n covariance V of the response; for n <= p."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.n_rows = len(rows.design)

    def _root(self, d: Array, sigma: float) -> Array:
        """Lower Cholesky factor L (n, n) of V."""
        scaled = self.rows.design * np.sqrt(d)
        v = linalg.blas.dsyrk(1.0, scaled.T, trans=1, lower=1)
        # a line search may try scales at which rounding alone would lose positive definiteness
        ridge = 1e-10 * np.trace(v) / len(v)
        v[np.diag_indices_from(v)] += sigma**2 * self.rows.looseness + ridge
        return np.asarray(linalg.cholesky(v, lower=True, overwrite_a=True, check_finite=False))

    def _whitened(self, d: Array, sigma: float, what: Array) -> tuple[Array, Array]:
        """L and L^-1 `what` (n, k), whose products are those of V^-1."""
        root = self._root(d, sigma)
        return root, linalg.solve_triangular(root, what, lower=True, check_finite=False)

    def moments(self, d: Array, sigma: float) -> Moments:
        """Evidence, gradient and posterior mean."""
        y = self.rows.response
        root, white = self._whitened(d, sigma, np.hstack([self.rows.design, y]))
        phi, seen = white[:, : len(d)], white[:, len(d) :]
        t = phi.T @ seen
        s = np.einsum("ij,ij->j", phi, phi)
        alpha = linalg.solve_triangular(root, seen, lower=True, trans="T", check_finite=False)
        noise = sigma**2 * self.rows.looseness
        # tr(V^-1 N) = n - tr(V^-1 Phi D Phi'), for V is their sum
        slope_noise = float((noise * (alpha**2).mean(axis=1)).sum() - (self.n_rows - d @ s))
        log_det = 2 * float(np.log(np.diag(root)).sum())
        return Moments(
            value=-0.5 * (float((seen**2).sum() / y.shape[1]) + log_det),
            slope=np.append(0.5 * d * ((t**2).mean(axis=1) - s), slope_noise),
            mean=d * t.mean(axis=1),
        )

    def fisher(self, d: Array, sigma: float, groups: Array) -> Array:
        """Fisher information of (theta, log sigma)."""
        phi = self.rows.design
        inverse = self._inverse(d, sigma)
        through = inverse @ phi
        between = phi.T @ through
        noise = sigma**2 * self.rows.looseness
        scaled = 2 * groups * d[:, None]
        corner = 0.5 * scaled.T @ (between**2) @ scaled
        side = scaled.T @ (noise[:, None] * through**2).sum(axis=0)
        end = 2 * float(((noise[:, None] * inverse) * (noise[:, None] * inverse).T).sum())
        return np.block([[corner, side[:, None]], [side[None, :], np.array([[end]])]])

    def covariance(self, d: Array, sigma: float) -> Array:
        """Posterior covariance of the weights."""
        _, white = self._whitened(d, sigma, self.rows.design * d)
        return np.asarray(np.diag(d) - white.T @ white)

    def draw(self, d: Array, sigma: float, n: int, rng: np.random.Generator, which: int) -> Array:
        """Posterior draws by conditioning draws of the prior (Matheron's rule)."""
        phi = self.rows.design
        prior = rng.standard_normal((n, phi.shape[1])) * np.sqrt(d)
        noise = rng.standard_normal((n, len(phi))) * np.sqrt(sigma**2 * self.rows.looseness)
        misfit = self.rows.response[:, which] - prior @ phi.T - noise
        return np.asarray(prior + (self._solve(d, sigma, misfit.T).T @ phi) * d)

    def means(self, d: Array, sigma: float) -> Array:
        """Posterior mean of the weights for each completed data set (s, p)."""
        return np.asarray((self._solve(d, sigma, self.rows.response).T @ self.rows.design) * d)

    def leave_one_out(self, d: Array, sigma: float) -> tuple[Array, Array]:
        """Mean and sd (n,) of each response given all the others."""
        inverse = self._inverse(d, sigma)
        diagonal = np.diag(inverse)
        y = self.rows.response.mean(axis=1)
        return y - inverse @ y / diagonal, 1 / np.sqrt(diagonal)

    def _solve(self, d: Array, sigma: float, what: Array) -> Array:
        """V^-1 `what` (n, k)."""
        root = self._root(d, sigma)
        return np.asarray(linalg.cho_solve((root, True), what, check_finite=False))

    def _inverse(self, d: Array, sigma: float) -> Array:
        return self._solve(d, sigma, np.eye(self.n_rows))


CHUNK = 4096
"""Rows taken at a time when moments are summed; bounds memory, does not change the result."""


class ColumnRoad:
    """The posterior through p x p moments per class of equal noise; for n > p."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.n_rows, p = rows.design.shape
        classes, self.place = np.unique(rows.looseness, return_inverse=True)
        self.looseness = classes
        self.count = np.bincount(self.place, minlength=len(classes)).astype(float)
        self.gram = np.zeros((len(classes), p, p))
        self.cross = np.zeros((len(classes), p, rows.response.shape[1]))
        self.square = np.zeros(len(classes))  # mean over completed data sets
        for k in range(len(classes)):
            members = np.flatnonzero(self.place == k)
            for start in range(0, len(members), CHUNK):
                part = members[start : start + CHUNK]
                phi, y = rows.design[part], rows.response[part]
                self.gram[k] += phi.T @ phi
                self.cross[k] += phi.T @ y
                self.square[k] += float((y**2).sum()) / y.shape[1]

    def _solve(self, d: Array, sigma: float) -> tuple[Array, Array, Array, float]:
        noise = sigma**2 * self.looseness
        a = np.tensordot(1 / noise, self.gram, axes=1)
        a[np.diag_indices_from(a)] += 1 / d
        factor = linalg.cholesky(a, lower=True, check_finite=False)
        cov, _ = linalg.lapack.dpotri(factor, lower=1)
        cov = np.tril(cov) + np.tril(cov, -1).T
        log_det = 2 * float(np.log(np.diag(factor)).sum())
        return noise, cov, factor, log_det

    def moments(self, d: Array, sigma: float) -> Moments:
        """Evidence, gradient and posterior mean."""
        noise, cov, _, log_det = self._solve(d, sigma)
        weights = cov @ np.tensordot(1 / noise, self.cross, axes=1)
        n_sets = weights.shape[1]
        explained = np.einsum("kps,ps->k", self.cross, weights) / n_sets
        fitted = np.stack([np.einsum("ps,ps->", weights, g @ weights) for g in self.gram]) / n_sets
        misfit = self.square - 2 * explained + fitted
        trace = np.einsum("kij,ij->k", self.gram, cov)
        mean_square = (weights**2).mean(axis=1)
        quadratic = float((misfit / noise).sum() + (mean_square / d).sum())
        log_det += float(np.log(d).sum() + (self.count * np.log(noise)).sum())
        varying = sigma**2 * self.looseness
        slope_noise = float((varying * ((misfit + trace) / noise**2 - self.count / noise)).sum())
        slope = 0.5 * (mean_square / d + np.diag(cov) / d - 1)
        return Moments(
            value=-0.5 * (quadratic + log_det),
            slope=np.append(slope, slope_noise),
            mean=weights.mean(axis=1),
        )

    def fisher(self, d: Array, sigma: float, groups: Array) -> Array:
        """Fisher information of (theta, log sigma)."""
        noise, cov, _, _ = self._solve(d, sigma)
        between = np.diag(1 / d) - cov / np.outer(d, d)
        scaled = 2 * groups * d[:, None]
        corner = 0.5 * scaled.T @ (between**2) @ scaled
        ratio = sigma**2 * self.looseness / noise
        loaded = np.tensordot(ratio / noise, self.gram, axes=1)
        through = cov @ loaded
        side = scaled.T @ (np.einsum("ij,ji->i", through, cov) / d**2)
        doubled = np.tensordot(ratio**2 / noise, self.gram, axes=1)
        end = 2 * float(
            (self.count * ratio**2).sum()
            - 2 * np.einsum("ij,ij->", cov, doubled)
            + np.einsum("ij,ji->", through, through)
        )
        return np.block([[corner, side[:, None]], [side[None, :], np.array([[end]])]])

    def covariance(self, d: Array, sigma: float) -> Array:
        """Posterior covariance of the weights."""
        return self._solve(d, sigma)[1]

    def draw(self, d: Array, sigma: float, n: int, rng: np.random.Generator, which: int) -> Array:
        """Posterior draws through the precision's Cholesky factor."""
        noise, cov, factor, _ = self._solve(d, sigma)
        mean = cov @ np.tensordot(1 / noise, self.cross[:, :, which], axes=1)
        normal = rng.standard_normal((len(d), n))
        spread = linalg.solve_triangular(factor, normal, lower=True, trans="T", check_finite=False)
        return np.asarray(mean + spread.T)

    def means(self, d: Array, sigma: float) -> Array:
        """Posterior mean of the weights for each completed data set (s, p)."""
        noise, cov, _, _ = self._solve(d, sigma)
        return np.asarray(np.tensordot(1 / noise, self.cross, axes=1).T @ cov)

    def leave_one_out(self, d: Array, sigma: float) -> tuple[Array, Array]:
        """Mean and sd (n,) of each response given all the others."""
        noise_of, cov, _, _ = self._solve(d, sigma)
        mean = cov @ np.tensordot(1 / noise_of, self.cross.mean(axis=2), axes=1)
        noise = noise_of[self.place]
        phi, y = self.rows.design, self.rows.response.mean(axis=1)
        leverage = ((phi @ cov) * phi).sum(axis=1) / noise
        left = np.clip(1 - leverage, 1e-6, None)
        return y - (y - phi @ mean) / left, np.sqrt(noise / left)


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


def _road(rows: Rows) -> RowRoad | ColumnRoad:
    """The shorter road."""
    n, p = rows.design.shape
    return RowRoad(rows) if n <= p else ColumnRoad(rows)


FINE = 1e-7
"""Relative change of the log posterior at which the search for its mode ends."""

ROUGH = 1e-5
"""The same for scales that only tell outliers."""


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
    road = _road(rows)

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
    freedom: float = 5.0,
) -> Fitted:
    """As `fit`, with outliers among the `seen` rows weighed down as under Student's t noise.

    Each round gives every row the expected precision under a t distribution with `freedom`
    degrees of freedom, given how far it lies from its prediction by the others (Lange, Little &
    Taylor 1989, the E step, with leave-one-out residuals so that a row cannot hide itself).
    """
    fitted = fit(rows, prior, tolerance=ROUGH)
    for n in range(1, rounds + 1):
        predicted, sd = fitted.leave_one_out()
        off = (rows.response.mean(axis=1) - predicted) / sd
        precision = (freedom + 1) / (freedom + off**2)
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
