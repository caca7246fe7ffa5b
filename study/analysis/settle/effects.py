"""The effect of a column of a settling design, and how sure it is.

Rows x blocks of trainings, each cell tested on its block's fold. A score is

    y = row + block + what the row's net does to the fold's clusters + what this training adds,

rows and blocks fixed, by least squares over the cells that are there. An effect is a contrast of
row effects, so pairs of factors do not disturb it where the design keeps them clear. Its weights
w over the trainings give its variance, of three parts:

    clusters   sum_c (w . psi_c)^2, psi_c the parts that cluster c has in each score: what
               clusters differ by, and what single trainings do to single clusters;
    luck       s^2 |w|^2, what a training adds to all clusters of its fold alike. The residual
               sum of squares holds it and the clusters' noise: s^2 = (y'My - sum_c psi_c'M psi_c)
               / tr M, M the projection on residuals, cut off at 0 (the two-way errors of Cameron,
               Gelbach and Miller 2011 and of `agecls.intervals`, for cells that may be missing);
    overlap    training sets of k folds share most of their images, and what that common part
               does to a row never shows in residuals, nor can any estimate from folds tell it
               (Bengio and Grandvalet 2004). As Nadeau and Bengio (2003) do, a share of a block's
               variance is added however many blocks there are (`Trainings.overlap`); of the
               luck alone, for the clusters that are tested do not overlap.

Degrees of freedom are Satterthwaite's. While no row was trained twice there are no residuals of
rows and blocks: pairs of factors are then taken for luck, which is safe, and too wide where pairs
are real.

Nets that hardly learned are no cells. Where no net of a row learned, its weight goes to the other
rows so that no main effect enters (the smallest such change); what pairs may then do is a part
of the variance of its own, from how far row effects lie from main effects.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agecls.intervals import Array, Estimate
from study.analysis.settle.trained import Trainings

_TOLERANCE: Final = 1e-8


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A contrast of rows.

    Attributes:
        estimate: Points; `n_seeds` counts blocks, `by_seeds` is what falls as 1 / blocks.
        fixed: What of `estimate.by_clusters` further folds leave as it is.
        n_trainings: That it is made of.
        n_clusters: That these were tested on.
        n_folds: That these clusters lie in.
        of_folds: Folds that there are.
    """

    estimate: Estimate
    fixed: float
    n_trainings: int
    n_clusters: int
    n_folds: int
    of_folds: int

    def expected(self, blocks: int) -> tuple[float, float]:
        """Standard error and degrees of freedom to expect of so many blocks, all else as it is."""
        now = self.estimate
        folds = max(self.n_folds, min(blocks, self.of_folds))
        clusters = (now.by_clusters - self.fixed) * self.n_folds / folds + self.fixed
        luck = now.by_seeds * now.n_seeds / blocks
        total = clusters + luck
        return float(np.sqrt(total)), now.freedom * max(blocks / now.n_seeds, 1.0)


@dataclass(frozen=True)
class Layout:
    """Trainings of some rows, with everything that their effects have in common.

    Attributes:
        cells: Trainings whose nets learned.
        mains: Main effects of rows (R, columns), a constant among them.
    """

    cells: Trainings
    mains: Array

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        return np.unique(self.cells.rows)

    @cached_property
    def _model(self) -> Array:
        """One column a row that is there, then one a block (T, …)."""
        blocks = np.unique(self.cells.blocks)
        return np.concatenate(
            [
                self.cells.rows[:, None] == self._rows,
                self.cells.blocks[:, None] == blocks,
            ],
            axis=1,
        ).astype(np.float64)

    @cached_property
    def _inverse(self) -> Array:
        return np.asarray(np.linalg.pinv(self._model.T @ self._model, hermitian=True))

    @cached_property
    def _to_residuals(self) -> Array:
        """M (T, T), whose trace is the degrees of freedom of luck."""
        model = self._model
        found = np.eye(len(model)) - model @ self._inverse @ model.T
        if np.trace(found) < 0.5:  # no row was trained twice
            mains = [self.mains[self.cells.rows], model[:, len(self._rows) :]]
            found = _residual_of(np.concatenate(mains, axis=1))
        return np.asarray(found)

    @cached_property
    def luck(self) -> tuple[float, float, float]:
        """What a training adds to all its clusters (variance); all residuals; their freedom."""
        m, y, parts = self._to_residuals, self.cells.scores, self.cells.parts
        freedom = float(round(np.trace(m)))
        if freedom < 1:
            return float("nan"), float("nan"), 1.0
        residual = float(y @ m @ y) / freedom
        by_clusters = float((m * (parts @ parts.T)).sum()) / freedom
        return max(residual - by_clusters, 0.0), residual, freedom

    @cached_property
    def _clusters_freedom(self) -> float:
        """Degrees of freedom of the clusters' part: as many clusters as count, less their folds.

        From how the variance of all contrasts of rows is spread over clusters.
        """
        n = len(self._rows)
        centred = np.zeros((self._model.shape[1], n))
        centred[:n] = np.eye(n) - 1 / n
        found = ((self._model @ (self._inverse @ centred)).T @ self.cells.parts) ** 2
        shares = found.sum(axis=0)
        if not shares.any():
            return 1.0
        # squares of a normal sum over n - 1 directions spread by themselves
        counted = shares.sum() ** 2 / (shares**2).sum() * (1 + 2 / max(n - 1, 1))
        counted = min(counted, float(len(shares)))
        return float(max(counted - len(np.unique(self.cells.fold_of)), 1.0))

    @cached_property
    def _pairs(self) -> tuple[float, float]:
        """Variance of row effects about main effects, without noise, and its freedom."""
        mains = _residual_of(self.mains[self._rows])
        freedom = round(np.trace(mains))
        if freedom < 1:
            return 0.0, 1.0
        to_rows = (self._model @ self._inverse)[:, : len(self._rows)]
        effects = to_rows.T @ self.cells.scores
        noise = self.luck[0] * to_rows.T @ to_rows
        parts = to_rows.T @ self.cells.parts
        noise = noise + parts @ parts.T
        found = float(effects @ mains @ effects - (mains * noise).sum()) / freedom
        return max(found, 0.0), float(freedom)

    def effect(self, contrast: Array) -> Effect | None:
        """The contrast of row effects, weights (R,) that add up to 0.

        None where the cells that are there do not tell it, or not how sure it is.
        """
        moved = _moved(contrast, self.mains, self._rows)
        if moved is None:
            return None
        aim = np.zeros(self._model.shape[1])
        aim[: len(self._rows)] = moved[self._rows]
        weights = self._model @ (self._inverse @ aim)
        luck, residual, luck_freedom = self.luck
        if not np.allclose(self._model.T @ weights, aim, atol=_TOLERANCE) or np.isnan(luck):
            return None
        cells, clusters_freedom = self.cells, self._clusters_freedom
        clusters = float(((weights @ cells.parts) ** 2).sum())
        by_row = np.bincount(cells.rows, weights)
        single, shared = float(weights @ weights), float(by_row @ by_row) * cells.overlap
        noise = min(self._noise(weights), clusters)
        pairs, pairs_freedom = self._pairs if (moved != contrast).any() else (0.0, 1.0)
        leaked = pairs * float(((moved - contrast) ** 2).sum())
        fixed = luck * shared + leaked
        falls = min(luck, cells.of_seeds) * single
        total = clusters + luck * single + fixed
        # luck is a difference of two estimates: residuals less what clusters explain of them
        explained = residual - luck
        spread = clusters**2 / clusters_freedom + leaked**2 / pairs_freedom
        spread += (single + shared) ** 2 * (
            residual**2 / luck_freedom + explained**2 / clusters_freedom
        )
        return Effect(
            estimate=Estimate(
                value=float(weights @ cells.scores),
                by_clusters=total - noise - falls,
                by_seeds=noise + falls,
                freedom=max(total**2 / spread, 1.0) if spread > 0 else 1.0,
                n_seeds=cells.n_blocks,
                clusters_freedom=clusters_freedom,
            ),
            fixed=fixed,
            n_trainings=cells.n_trainings,
            n_clusters=cells.parts.shape[1],
            n_folds=len(np.unique(cells.folds)),
            of_folds=cells.n_folds,
        )

    def _noise(self, weights: Array) -> float:
        """What of the clusters' part single trainings put there, which more blocks lessen."""
        return float(weights**2 @ self._noise_of_training)

    @cached_property
    def _noise_of_training(self) -> Array:
        """Variance over clusters of what each training adds to single clusters (T,)."""
        found = np.zeros(len(self.cells.rows))
        for block in np.unique(self.cells.blocks):
            here = self.cells.blocks == block
            m = _residual_of(self.mains[self.cells.rows[here]])
            freedom = round(np.trace(m))
            if freedom:
                parts = self.cells.parts[here]
                found[here] = float((m * (parts @ parts.T)).sum()) / freedom
        return found


def _residual_of(model: Array) -> Array:
    """The projection on what a model's columns do not explain."""
    return np.eye(len(model)) - model @ np.linalg.pinv(model)


def _moved(contrast: Array, mains: Array, rows: NDArray[np.int64]) -> Array | None:
    """The contrast on rows that are there, every main effect as it was; None: there is none."""
    moved = np.zeros_like(contrast)
    moved[rows] = contrast[rows]
    if (moved == contrast).all():
        return contrast
    there = mains[rows]
    lacking = mains.T @ contrast - there.T @ moved[rows]
    change = np.linalg.pinv(there.T) @ lacking
    if not np.allclose(there.T @ change, lacking, atol=_TOLERANCE):
        return None
    moved[rows] += change
    return moved
