"""The response surface over the box: one posterior that every answer is read from.

Final points = intercept + mains + pairs + noise on the orthonormal basis. Assumptions: trials are
independent given the surface (repeats of a configuration differ by seed noise only); where the
search looked may depend on what it saw, which a likelihood may ignore (Rubin 1976) as long as
the surface is of the assumed form; interactions of three factors count as noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from study.analysis.maths.basis import Basis, Term
from study.analysis.maths.box import Array
from study.analysis.maths.evidence import Fitted, ScalePrior, fit_robustly
from study.analysis.maths.roads import Rows

PAIR_SCALE = 0.02
"""Prior median sd of a pair relative to the response's; the mean square is some seven times
larger than the median's square, and there are many pairs."""

BLOCK_SCALE = 0.3
"""Prior median sd of blocks, such as folds, relative to the response's."""


@dataclass(frozen=True, kw_only=True)
class Surface:
    """Posterior of the response surface.

    Attributes:
        basis: Columns.
        fitted: Scales and the posterior at their mode.
        centre: Points that were taken off before the fit.
        weights: Draws (s, p) over scales and weights.
        n_full: Full-length trials in the fit.
        n_imputed: Stopped trials in it.
    """

    basis: Basis
    fitted: Fitted
    centre: float
    weights: Array
    n_full: int
    n_imputed: int

    def variance(self, term: Term) -> Array:
        """Draws (s,) of a term's variance over the box, in squared points."""
        return np.asarray(term.share * (self.weights[:, term.columns] ** 2).sum(axis=1))

    def at(self, x: Array) -> tuple[Array, Array]:
        """Posterior mean (n,) and draws (n, s) in points.

        A NaN coordinate averages over that factor where it would exist; see `Basis.matrix`.
        """
        design = self.basis.matrix(x)
        return self.centre + design @ self.fitted.mean, self.centre + design @ self.weights.T

    def of_blocks(self, blocks: NDArray[np.int64]) -> Array:
        """What blocks add to the points of trials in them (n,); 0 where none is known."""
        of_each = self.fitted.mean[self.basis.size - self.basis.n_blocks :]
        return np.append(of_each, 0.0)[blocks]

    @property
    def freedom(self) -> float:
        """Rows left after the effective number of parameters, at least 3."""
        d = self.fitted.prior.variances(self.fitted.scales)
        used = float((1 - np.diag(self.fitted.covariance) / d).sum())
        return max(self.n_full + self.n_imputed - used, 3.0)


@dataclass(frozen=True, kw_only=True)
class SurfaceFit:
    """Parameters of the fit.

    Attributes:
        n_scales: Draws of the scales.
        n_weights: Draws of the weights under each.
        rounds: Rounds of weighing outliers down.
    """

    n_scales: int = 24
    n_weights: int = 32
    rounds: int = 2

    def __call__(
        self,
        basis: Basis,
        x: Array,
        response: Array,
        seen: NDArray[np.bool_],
        rng: np.random.Generator,
        *,
        blocks: NDArray[np.int64] | None = None,
    ) -> Surface:
        """The posterior given trials.

        Args:
            basis: Columns.
            x: Coordinates (n, axes).
            response: Final points (n, s), a column per completed data set.
            seen: Rows (n,) whose value was measured, not imputed.
            rng: Source of the draws.
            blocks: As `Basis.blocked` takes them, a random effect; None: the trials come in none.
        """
        centre = float(np.mean(response[seen, 0]))
        spread = max(float(np.std(response[seen, 0])), 1e-3)
        rows = Rows(
            design=basis.matrix(x) if blocks is None else basis.blocked(x, blocks),
            response=response - centre,
            looseness=np.ones(len(x)),
        )
        fitted = fit_robustly(rows, scale_prior(basis, spread), seen=seen, rounds=self.rounds)
        weights, _ = fitted.draws(self.n_scales, self.n_weights, rng)
        return Surface(
            basis=basis,
            fitted=fitted,
            centre=centre,
            weights=weights,
            n_full=int(seen.sum()),
            n_imputed=int((~seen).sum()),
        )


def scale_prior(basis: Basis, spread: float) -> ScalePrior:
    """Beliefs about scales before seeing which factor does what.

    One scale per factor for its main effect, one per factor for its part in pairs, one for all
    pairs together, so that sd of pair (f, g) = all * part_f * part_g: pairs of an active factor
    are likelier than pairs of idle ones. One more for blocks, where there are any.

    Args:
        basis: Columns.
        spread: Sd of the response in points, the unit of the scales.
    """
    n_axes = len(basis.box.axes)
    groups = np.zeros((basis.size, 2 * n_axes + 1))
    for term in basis.terms:
        if len(term.axes) == 1:
            groups[term.columns, term.axes[0]] = 1
        else:
            for axis in term.axes:
                groups[term.columns, n_axes + axis] = 1
            groups[term.columns, -1] = 1
    offset = basis.decay.copy()
    offset[0] = np.log(5 * spread)
    mean = np.concatenate(
        [
            np.full(n_axes, np.log(0.1 * spread)),
            np.zeros(n_axes),
            np.log([PAIR_SCALE * spread, 0.5 * spread]),
        ]
    )
    sd = np.concatenate([np.full(n_axes, 1.5), np.full(n_axes, 0.7), [1.0, 0.7]])
    if basis.n_blocks:
        is_block = np.arange(basis.size) >= basis.size - basis.n_blocks
        groups = np.column_stack([groups, is_block])
        mean = np.insert(mean, -1, np.log(BLOCK_SCALE * spread))
        sd = np.insert(sd, -1, 1.0)
    return ScalePrior(groups=groups, offset=offset, mean=mean, sd=sd)
