"""Total shares by a posterior that holds most pairs for exactly nothing.

The surface's own prior gives every pair a little, which costs total shares twice: the pairs of an
idle factor add up, and the few that are real are pulled down. Here each pair is either idle or of
one of a few sizes (spike and slab: George & McCulloch 1993); how many are real is learned, apart
for pairs of two, one or no factor whose main effect shows. Pairs are weighed one by one, each
against the others at their mean size, in a few rounds. That makes better points but intervals that
are too narrow, so only the points are taken from here; intervals and verdicts stay the surface's.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.analysis.maths.basis import Term
from study.analysis.maths.box import Array
from study.analysis.maths.effects import Surface

SHOWS = 0.05
"""A main effect whose p value is below this makes pairs of its factor likelier."""

IDLE = 0.005
"""Sd of an idle pair relative to the response's: as good as nothing, and far from rounding."""


@dataclass(frozen=True, kw_only=True)
class SparsePairs:
    """Parameters.

    Attributes:
        sizes: Sds that a real pair may have, relative to the response's.
        odds: How likely each size is, relative to the others.
        counts: Beta prior of the part of real pairs as (real, idle) counts, for pairs with no, one
            and two factors whose main effect shows.
        rounds: Times that every pair is weighed.
        n_scales: Draws of scales and of which pairs are real.
        n_weights: Draws of the weights under each.
    """

    sizes: tuple[float, ...] = (0.06, 0.12, 0.24, 0.45)
    odds: tuple[float, ...] = (1.0, 1.5, 1.0, 0.4)
    counts: tuple[tuple[float, float], ...] = ((2, 20), (3, 12), (6, 12))
    rounds: int = 3
    n_scales: int = 16
    n_weights: int = 24

    def total_shares(
        self, surface: Surface, factors: pd.DataFrame, rng: np.random.Generator
    ) -> Array:
        """Posterior medians (axes,) of the total shares, held inside their intervals.

        Args:
            surface: The fit.
            factors: As `importance.importance` returns.
            rng: Source of the draws.
        """
        chances = self._weighed(surface, factors["p_value"].to_numpy(dtype=float) < SHOWS)
        weights = self._draws(surface, chances, rng)
        terms = surface.basis.terms
        pieces = [t.share * (weights[:, t.columns] ** 2).sum(axis=1) for t in terms]
        total = np.sum(pieces, axis=0) + 1e-12
        shares = [
            np.median(sum(v for t, v in zip(terms, pieces, strict=True) if i in t.axes) / total)
            for i in range(len(surface.basis.box.axes))
        ]
        least = factors[["share", "total_low"]].to_numpy(dtype=float).max(axis=1)
        most = factors["total_high"].to_numpy(dtype=float)
        return np.asarray(np.clip(shares, least, most))

    def _weighed(self, surface: Surface, shows: NDArray[np.bool_]) -> Array:
        """Chance of each pair (pairs, 1 + sizes) to be idle or of a size."""
        fitted, pairs = surface.fitted, surface.basis.pairs
        variances = self._variances(surface)
        kind = np.array([int(shows[list(term.axes)].sum()) for term in pairs])
        real = np.array([r / (r + i) for r, i in self.counts])
        sizes = np.log(np.array(self.odds) / np.sum(self.odds))
        shapes = [_shape(surface, term) for term in pairs]
        d = fitted.prior.variances(fitted.scales)
        chances = np.zeros((len(pairs), 1 + len(self.sizes)))
        for _ in range(self.rounds):
            covariance = fitted.road.covariance(d, fitted.sigma)
            mean = fitted.road.means(d, fitted.sigma).mean(axis=0)
            for k, term in enumerate(pairs):
                prior = np.append(np.log(1 - real[kind[k]]), np.log(real[kind[k]]) + sizes)
                own, tried = term.columns, variances[:, None] * shapes[k]
                logs = prior + _evidence(d[own], covariance[own, own], mean[own], tried)
                chance = np.exp(logs - logs.max())
                chances[k] = chance / chance.sum()
            for term, shape, variance in zip(pairs, shapes, chances @ variances, strict=True):
                d[term.columns] = variance * shape
            for n, (r, i) in enumerate(self.counts):
                there = kind == n
                real[n] = (chances[there, 1:].sum() + r) / (there.sum() + r + i)
        return chances

    def _variances(self, surface: Surface) -> Array:
        """Variance (1 + sizes,) of a pair that is idle or of a size."""
        seen = surface.fitted.road.rows.response[: surface.n_full, 0]
        return np.asarray((max(float(np.std(seen)), 1e-3) * np.array([IDLE, *self.sizes])) ** 2)

    def _draws(self, surface: Surface, chances: Array, rng: np.random.Generator) -> Array:
        """Weights (s, p) under drawn scales and drawn sizes of the pairs."""
        fitted, pairs, variances = surface.fitted, surface.basis.pairs, self._variances(surface)
        shapes = [_shape(surface, term) for term in pairs]
        ladder = np.cumsum(chances, axis=1)[:, :-1]
        n_sets = fitted.road.rows.response.shape[1]
        root, found = np.linalg.cholesky(fitted.spread), []
        for n in range(self.n_scales):
            scales = fitted.scales + root @ rng.standard_normal(len(fitted.scales))
            scales = np.clip(scales, fitted.scales - 4, fitted.scales + 2.5)
            d = fitted.prior.variances(scales)
            sizes = (rng.uniform(size=(len(pairs), 1)) > ladder).sum(axis=1)
            for term, shape, variance in zip(pairs, shapes, variances[sizes], strict=True):
                d[term.columns] = variance * shape
            sigma = float(np.exp(scales[-1]))
            found.append(fitted.road.draw(d, sigma, self.n_weights, rng, n % n_sets))
        return np.vstack(found)


def _shape(surface: Surface, term: Term) -> Array:
    """Parts (k,) of a term's variance that its columns have; they sum to 1."""
    part = np.exp(2 * surface.basis.decay[term.columns])
    return np.asarray(part / part.sum())


def _evidence(d: Array, covariance: Array, mean: Array, candidates: Array) -> Array:
    """Log evidence (g,) of candidate prior variances (g, k) of one term, all others as they are.

    What the data say of the term is its posterior precision less its prior one.

    Args:
        d: Prior variances (k,) under which the posterior was taken.
        covariance: Posterior covariance (k, k).
        mean: Posterior mean (k,).
        candidates: Prior variances to weigh.
    """
    precision = np.linalg.inv(covariance)
    h = precision @ mean
    told = precision - np.diag(1 / d)
    loose = np.eye(len(d)) + candidates[:, :, None] * ((told + told.T) / 2)[None]
    sign, log_det = np.linalg.slogdet(loose)
    fit = np.linalg.solve(loose, (candidates * h)[:, :, None])[:, :, 0] @ h
    # rounding can leave nothing told a little below nothing
    return np.where(sign > 0, 0.5 * (fit - log_det), 0.0)
