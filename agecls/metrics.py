"""How good 8 class probabilities are, in numpy alone, so that analysis needs no torch.

Classes are ordered indices 0..7, and distances between them count in classes, not years. The
predicted class is the most probable one, the younger one on a tie. Every metric is defined for
degenerate sets (one class, absent classes); only an empty set has no metrics.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agecls.classes import N_CLASSES

LEAST_PROBABILITY: Final = 1e-12
"""Probabilities of the true class below this count as this: at most 27.6 nats per image."""

ECE_BINS: Final = 15

COLLAPSE_NATS: Final = 0.005
"""A train loss within this of the label prior's entropy, or above, shows no learning."""

COLLAPSE_ACCURACY: Final = 0.01
"""Nor does a train accuracy up to this above the share of the commonest class."""

Labels = NDArray[np.integer[Any]]
Probabilities = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """All metrics of one model on one set of images.

    Attributes:
        n: Images.
        accuracy: Share of images whose class is predicted exactly.
        accuracy_1off: Share predicted exactly or one class off.
        mae: Mean distance of predicted and true class, in classes.
        qwk: Quadratically weighted kappa; see `quadratic_kappa`.
        macro_f1: Mean F1 of the classes that occur in the labels.
        nll: Mean negative log-likelihood, nats per image.
        ece: Expected calibration error, 0..1.
        recall: Share found of each class a..h; None for a class without images.
    """

    n: int
    accuracy: float
    accuracy_1off: float
    mae: float
    qwk: float
    macro_f1: float
    nll: float
    ece: float
    recall: tuple[float | None, ...]


def score(labels: Labels, probabilities: Probabilities) -> Scores:
    """Every metric of probabilities (N, 8) against labels (N,).

    Raises:
        ValueError: There is no image, the shapes do not fit or a probability is not finite.
    """
    expected = (len(labels), N_CLASSES)
    if len(labels) == 0 or probabilities.shape != expected:
        raise ValueError(
            f"labels have shape {labels.shape} and probabilities {probabilities.shape}; "
            f"expected (N,) and (N, {N_CLASSES}) with N > 0"
        )
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities hold NaN or infinity; expected finite numbers")
    predicted = probabilities.argmax(axis=1)
    table = confusion(labels, predicted)
    counts = table.sum(axis=1)
    distance = np.abs(labels - predicted)
    return Scores(
        n=len(labels),
        accuracy=float((distance == 0).mean()),
        accuracy_1off=float((distance <= 1).mean()),
        mae=float(distance.mean()),
        qwk=quadratic_kappa(table),
        macro_f1=macro_f1(table),
        nll=nll(labels, probabilities),
        ece=expected_calibration_error(labels, probabilities),
        recall=tuple(
            float(table[c, c] / counts[c]) if counts[c] else None for c in range(N_CLASSES)
        ),
    )


def confusion(labels: Labels, predicted: Labels) -> NDArray[np.int64]:
    """Images by true class (rows) and predicted class (columns), (8, 8)."""
    cells = np.bincount(labels * N_CLASSES + predicted, minlength=N_CLASSES**2)
    return cells.reshape(N_CLASSES, N_CLASSES)


def quadratic_kappa(table: NDArray[np.int64]) -> float:
    """Cohen's kappa of a confusion table with weights (i - j)^2 (Cohen 1968).

    0.0 where labels and predictions are all one and the same class: chance agrees as well.
    """
    index = np.arange(N_CLASSES)
    cost = (index[:, None] - index[None, :]) ** 2
    by_chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    expected = float((cost * by_chance).sum())
    return 1.0 - float((cost * table).sum()) / expected if expected else 0.0


def macro_f1(table: NDArray[np.int64]) -> float:
    """Mean F1 of the classes that occur in the labels of a confusion table.

    A class that is only predicted does not count as another class of F1 0, so that all models
    on one split are averaged over the same classes; it still costs those that it robs.
    """
    present = table.sum(axis=1) > 0
    f1 = 2 * table.diagonal()[present] / (table.sum(axis=1) + table.sum(axis=0))[present]
    return float(f1.mean())


def nll(labels: Labels, probabilities: Probabilities) -> float:
    """Mean of -log p of the true class in nats, p clipped at `LEAST_PROBABILITY`."""
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(of_truth, LEAST_PROBABILITY)).mean())


def expected_calibration_error(labels: Labels, probabilities: Probabilities) -> float:
    """Mean over images of |accuracy - confidence| of their bin (Guo et al. 2017, eq. 3).

    Fifteen bins of equal width (lower, upper] on the largest probability.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    gap = np.bincount(bins, weights=right - confidence, minlength=ECE_BINS)
    return float(np.abs(gap).sum() / len(labels))


def prior_entropy(class_counts: NDArray[np.int64]) -> float:
    """Entropy of the label shares in nats: the loss of always predicting those shares."""
    shares = class_counts[class_counts > 0] / class_counts.sum()
    return float(-(shares * np.log(shares)).sum())


def has_collapsed(
    predicted: Labels,
    labels: Labels,
    *,
    train_loss: float,
    train_accuracy: float,
    train_counts: NDArray[np.int64],
) -> bool:
    """Whether a model predicts one class only or has learned nothing beyond the label prior.

    One class only: all validation predictions agree though the labels do not. Nothing learned:
    the train loss is no better than the prior's entropy and the train accuracy no better than
    the commonest class. Both are asked, since a class-balanced or soft-label loss, or a first
    epoch with few very wrong images, can have a high likelihood loss and yet classify well.

    Args:
        predicted: Validation predictions (N,).
        labels: Validation labels (N,).
        train_loss: Nats per image.
        train_accuracy: Fraction.
        train_counts: (8,) training images per class.
    """
    one_class = len(np.unique(predicted)) == 1 and len(np.unique(labels)) > 1
    majority = float(train_counts.max() / train_counts.sum())
    nothing_learned = (
        train_loss >= prior_entropy(train_counts) - COLLAPSE_NATS
        and train_accuracy <= majority + COLLAPSE_ACCURACY
    )
    return one_class or nothing_learned
