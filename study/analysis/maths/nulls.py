"""What a factor without any effect would show: the null band of the main shares.

A share cannot be below 0, so noise alone gives every factor some. The band answers how much, in
the unit and by the estimator of the figure: a factor whose weights are all 0 is seen with the
noise of this study's trials, goes through the same prior, and its median share is taken.
"""

from dataclasses import dataclass

import numpy as np

from study.analysis.maths.basis import Term
from study.analysis.maths.box import Array
from study.analysis.maths.effects import Surface
from study.analysis.maths.evidence import unpenalised

GRID = 33
"""Scales at which the posterior of a factor's own scale is held."""


@dataclass(frozen=True, kw_only=True)
class NullBand:
    """Parameters of the null band.

    Attributes:
        level: Part of studies like this one in which a factor without effect stays in its band.
        studies: Studies drawn.
        draws: Of the posterior in each.
    """

    level: float = 0.95
    studies: int = 300
    draws: int = 60

    def __call__(self, surface: Surface, rng: np.random.Generator) -> Array:
        """Upper end of the band of each axis (axes,), as a share 0..1.

        Given everything else as fitted, a term's unpenalised estimate is sufficient for its
        weights: without effect it is normal about 0 with the covariance of that estimate. Each
        drawn estimate is taken through the term's prior, its scale integrated over a grid.
        """
        terms = surface.basis.terms
        variances = {term.axes: surface.variance(term) for term in terms}
        total = sum(variances.values(), start=np.zeros(1))
        return np.array(
            [
                self._high(surface, term, float(np.median(total - variances[term.axes])), rng)
                for term in surface.basis.mains
            ]
        )

    def _high(self, surface: Surface, term: Term, rest: float, rng: np.random.Generator) -> float:
        """Quantile over studies of the median share of a term without effect.

        Args:
            surface: The fit.
            term: A main effect.
            rest: Variance of all other terms, squared points.
            rng: Source of the draws.
        """
        prior = surface.fitted.prior
        columns = np.arange(term.columns.start, term.columns.stop)
        _, noise = unpenalised(surface.fitted, columns)
        # In the coordinates that turn the prior into a multiple of 1 and the noise diagonal,
        # everything is known a coordinate at a time.
        shape = np.exp(prior.offset[columns])
        values, vectors = np.linalg.eigh(noise / np.outer(shape, shape))
        # rounding may leave a flat direction a little below 0
        told = np.clip(values, 1e-12, None)
        back = shape[:, None] * vectors  # to the weights (k, k)
        seen = rng.standard_normal((self.studies, len(columns))) * np.sqrt(told)

        axis = term.axes[0]
        off = np.linspace(-3.5, 3.5, GRID)
        own = np.exp(2 * (prior.mean[axis] + prior.sd[axis] * off))[:, None]  # (grid, 1)
        both = own + told  # (grid, k)
        logs = -0.5 * (seen**2 @ (1 / both).T + np.log(both).sum(axis=1) + off**2)
        chances = np.exp(logs - logs.max(axis=1, keepdims=True))  # (studies, grid)
        ladder = np.cumsum(chances / chances.sum(axis=1, keepdims=True), axis=1)
        pick = (rng.uniform(size=(self.draws, self.studies, 1)) > ladder).sum(axis=2)
        pick = np.minimum(pick, GRID - 1)  # (draws, studies)
        normal = rng.standard_normal((*pick.shape, len(columns)))
        drawn = (own / both)[pick] * seen + np.sqrt(own * told / both)[pick] * normal
        variance = term.share * ((drawn @ back.T) ** 2).sum(axis=2)
        shares = np.median(variance / (variance + rest + 1e-12), axis=0)
        return float(np.quantile(shares, self.level))
