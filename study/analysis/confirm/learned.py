"""Which trainings hardly learned, from their predictions: by themselves, and beside others.

A training hardly learned where it is no better than naming how common each class is, or where it
lies so far behind the recipe's other trainings that chance is no explanation: a net that is stuck
at a few classes has learned something, and says no more of its recipe than one that names one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from agecls.intervals import Array, quantile
from agecls.learned import least_gain, tells_apart
from agecls.metrics import LEAST_PROBABILITY, ClassSums, confusion

HALF: Final = 0.5
"""Of what others gain: a training with more than this share is weak, with less it may be stuck."""

USUAL_SPREAD: Final = 0.08
"""Sd over a recipe's trainings of what they gain, as a share of it: 4 to 8 % on real faces."""

USUAL_WEIGHT: Final = 4.0
"""Degrees of freedom that the usual spread counts for beside the one seen."""

UNLIKELY: Final = 0.02
"""One-sided p of a gap that chance does not explain."""

_MOST_CELLS: Final = 2**22
"""Images x classes of which a gain is measured: with a thousand classes four thousand images."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """What a net takes away of the labels' entropy.

    Attributes:
        share: Of the entropy, 0..1, once its probabilities are put right for class shares and
            sureness.
        error: Standard error over images of the share that is left.
        is_clear: Whether the net by itself is better than naming how common each class is.
    """

    share: float
    error: float
    is_clear: bool


def gain(labels: NDArray[np.int64], probabilities: Array) -> Gain:
    """What a net takes away of the labels' entropy: labels (N,), N > 0, probabilities (N, K).

    Its log probabilities are scaled by one factor and shifted by class first, so that neither too
    sure a net nor one that was trained on balanced classes hides what it knows. At factor 0 what
    is left are the shares of the classes.
    """
    n_classes = probabilities.shape[1]
    table = confusion(labels, probabilities.argmax(axis=1), n_classes=n_classes)
    hits = float(np.trace(table) / len(labels))
    f1 = float(ClassSums.of_table(table).macro_f1())
    apart = tells_apart(accuracy=hits, macro_f1=f1, counts=table.sum(axis=1))
    every = -(-labels.size * n_classes // _MOST_CELLS)
    labels, probabilities = labels[::every], probabilities[::every]
    counts = np.bincount(labels, minlength=n_classes)
    shares = counts / len(labels)
    of_share = np.log(shares[labels])
    entropy = -float(of_share.mean())
    if entropy == 0:
        return Gain(share=0.0, error=0.0, is_clear=apart)
    of_truth = _calibrated(labels, probabilities, shares)
    share = 1 + float(of_truth.mean()) / entropy
    return Gain(
        share=share,
        error=float(of_truth.std()) / np.sqrt(len(labels)) / entropy,
        is_clear=apart or share >= least_gain(entropy, len(labels)),
    )


def _calibrated(labels: NDArray[np.int64], probabilities: Array, shares: Array) -> Array:
    """Log probability of each truth (N,) after the factor and the shifts that suit best."""
    logs = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    is_there = shares > 0
    logs, place = logs[:, is_there], (np.cumsum(is_there) - 1)[labels]
    start, row = np.log(shares[is_there]), np.arange(len(labels))
    of_truth = logs[row, place].mean()

    def scaled(w: Array) -> Array:
        z = w[0] * logs + (start + w[1:])
        return np.asarray(z - special.logsumexp(z, axis=1, keepdims=True))

    def loss(w: Array) -> tuple[float, Array]:
        log_p = scaled(w)
        p = np.exp(log_p)
        slope = float((p * logs).sum(axis=1).mean() - of_truth)
        return -float(log_p[row, place].mean()), np.append(
            slope, p.mean(axis=0) - shares[is_there]
        )

    nothing = np.zeros(1 + len(start))
    found = optimize.minimize(loss, nothing, jac=True, method="L-BFGS-B")
    return np.asarray(scaled(found.x)[row, place])


def which_learned(gains: Sequence[Gain]) -> NDArray[np.bool_]:
    """Of trainings of one recipe, which learned (n,): clear by themselves and not left behind."""
    return np.array([g.is_clear for g in gains], dtype=bool) & ~left_behind(
        np.array([g.share for g in gains]), np.array([g.error for g in gains])
    )


def left_behind(shares: Array, errors: Array) -> NDArray[np.bool_]:
    """Which trainings of one recipe lie behind its others by a gap that chance does not explain.

    The recipe is taken for a mixture: the best m trainings are its nets that learn, for the
    smallest m from which the best of the rest is unlikely by a t test and some of the rest gain
    less than half of their mean; these lie behind. The spread is that of the m, together with the
    usual one and with what the images leave open.

    Args:
        shares: What each gains (n,).
        errors: Standard errors of that over images (n,).
    """
    order = np.argsort(-shares, kind="stable")
    for m in range(1, len(shares)):
        best, rest = order[:m], order[m:]
        mean, next_best = float(shares[best].mean()), float(shares[rest[0]])
        is_behind = shares[rest] < HALF * mean
        usual = (USUAL_SPREAD * mean) ** 2 + float((errors[best] ** 2).mean())
        squares = float(((shares[best] - mean) ** 2).sum())
        freedom = USUAL_WEIGHT + m - 1
        spread = np.sqrt((USUAL_WEIGHT * usual + squares) / freedom)
        reach = quantile(freedom, 1 - UNLIKELY) * spread * np.sqrt(1 + 1 / m)
        if is_behind.any() and mean - next_best > reach:
            found = np.zeros(len(shares), dtype=bool)
            found[rest[is_behind]] = True
            return found
    return np.zeros(len(shares), dtype=bool)
