"""What a factor without any effect would show: the null band of the main shares.

A share cannot be below 0, so noise alone gives every factor some. The band answers how much, in
the unit and by the estimator of the figure: a factor whose weights are all 0 is seen with the
noise of this study's trials, goes through the same prior, and its median share is taken.
"""

from dataclasses import dataclass

import numpy as np

from study.analysis.basis import Term
from study.analysis.box import Array
from study.analysis.effects import Surface
from study.analysis.evidence import unpenalised

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
        # rounding may leave a flat direction a little below 0
        values, vectors = np.linalg.eigh(noise)
        root = vectors * np.sqrt(np.clip(values, 1e-12, None))
        noise = root @ root.T
        seen = rng.standard_normal((self.studies, len(columns))) @ root.T
        axis = term.axes[0]
        scales = prior.mean[axis] + prior.sd[axis] * np.linspace(-3.5, 3.5, GRID)
        evidence, means, roots = [], [], []
        for scale in scales:
            own = np.diag(np.exp(2 * (scale + prior.offset[columns])))
            both = own + noise
            gain = np.linalg.solve(both, own).T
            off = float(((scale - prior.mean[axis]) / prior.sd[axis]) ** 2)
            fit = np.einsum("ij,ij->i", seen, np.linalg.solve(both, seen.T).T)
            evidence.append(-0.5 * (fit + np.linalg.slogdet(both)[1] + off))
            means.append(seen @ gain.T)
            spread = own - gain @ own
            width, turn = np.linalg.eigh((spread + spread.T) / 2)
            roots.append(turn * np.sqrt(np.clip(width, 0, None)))
        logs = np.array(evidence)
        chances = np.exp(logs - logs.max(axis=0))
        ladder = np.cumsum(chances / chances.sum(axis=0), axis=0)
        pick = (rng.uniform(size=(self.draws, 1, self.studies)) > ladder).sum(axis=1)
        pick = np.minimum(pick, GRID - 1)  # (draws, studies)
        normal = rng.standard_normal((*pick.shape, len(columns)))
        centre = np.array(means)[pick, np.arange(self.studies)]
        weights = centre + np.einsum("dsij,dsj->dsi", np.array(roots)[pick], normal)
        variance = term.share * (weights**2).sum(axis=2)
        shares = np.median(variance / (variance + rest + 1e-12), axis=0)
        return float(np.quantile(shares, self.level))
