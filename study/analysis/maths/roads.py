"""Two equal roads to a Bayesian regression's numbers; see `evidence` for what is regressed.

The shorter one is taken: with fewer rows than columns everything is done on the n x n covariance;
with more rows on p x p moments, summed per class of equal noise, so that the cost after one pass
over the rows does not depend on n.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from study.analysis.maths.box import Array


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


def shorter_road(rows: Rows) -> RowRoad | ColumnRoad:
    """The road that costs less for so many rows."""
    n, p = rows.design.shape
    return RowRoad(rows) if n <= p else ColumnRoad(rows)
