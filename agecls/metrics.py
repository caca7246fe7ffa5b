"""How good class probabilities are, in numpy alone, so that analysis needs no torch.

The number of classes N is the last axis of what is given. Classes are ordered indices 0..N-1, and
distances between them count in classes, not years. The predicted class is the most probable one,
the younger one on a tie. Every metric is defined for degenerate sets (one class, absent classes);
only an empty set has no metrics.

Every score is a function of sums over images, and so can be had of many models and many draws of
images at once: `ClassSums` holds those of hits and distances, which may be counts or sums of
weights; NLL is the mean of `image_losses`, the calibration error sums `confidence_gaps`.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LEAST_PROBABILITY: Final = 1e-12
"""Probabilities of the true class below this count as this: at most 27.6 nats per image."""

ECE_BINS: Final = 15

TOP: Final = 5
"""Most probable classes among which the true one has to be, for the top-5 accuracy."""

MOST_WITHOUT_TOP: Final = 10
"""With up to so many classes, the true one is among the top 5 too easily to say anything."""

COLLAPSE_NATS: Final = 0.005
"""A train loss within this of the label prior's entropy, or above, shows no learning."""

COLLAPSE_ACCURACY: Final = 0.01
"""Nor does a train accuracy up to this above the share of the commonest class."""

Labels = NDArray[np.integer[Any]]
Probabilities = NDArray[np.floating[Any]]
Table = NDArray[Any]
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """All metrics of one model on one set of images.

    Attributes:
        n: Images.
        accuracy: Share of images whose class is predicted exactly.
        accuracy_top5: Share whose class is among the five most probable ones; None for sets of
            up to ten classes.
        accuracy_1off: Share predicted exactly or one class off; this and the next two are None
            for classes without an order.
        mae: Mean distance of predicted and true class, in classes.
        qwk: Quadratically weighted kappa; see `ClassSums.qwk`.
        macro_f1: Mean F1 of the classes that occur in the labels.
        nll: Mean negative log-likelihood, nats per image.
        ece: Expected calibration error, 0..1.
        recall: Share found of each class, by index; None for a class without images.
    """

    n: int
    accuracy: float
    accuracy_top5: float | None
    accuracy_1off: float | None
    mae: float | None
    qwk: float | None
    macro_f1: float
    nll: float
    ece: float
    recall: tuple[float | None, ...]


@dataclass(frozen=True, eq=False)
class ClassSums:
    """Sums over images, of one model or of many (...), from which scores follow.

    Attributes:
        true: Images of each class (..., N).
        named: Those predicted as each class (..., N).
        hits: Those of each class that are predicted so (..., N).
        within_one: Those predicted exactly or one class off (...).
        distance: Of predicted and true class, in classes (...).
        squared: The same distances squared (...).
    """

    true: Table
    named: Table
    hits: Table
    within_one: Table
    distance: Table
    squared: Table

    @classmethod
    def of_table(cls, table: Table) -> "ClassSums":
        """Those of confusion tables (..., N, N)."""
        index = np.arange(table.shape[-1])
        distance = np.abs(index[:, None] - index)
        return cls(
            true=table.sum(axis=-1),
            named=table.sum(axis=-2),
            hits=np.diagonal(table, axis1=-2, axis2=-1),
            within_one=(table * (distance <= 1)).sum(axis=(-2, -1)),
            distance=(table * distance).sum(axis=(-2, -1)),
            squared=(table * distance**2).sum(axis=(-2, -1)),
        )

    def scores(self, *, is_ordered: bool = True) -> dict[str, Array]:
        """By the names of `Scores`, each (...); without an order, those that need none."""
        n = self.true.sum(axis=-1)
        found = {"accuracy": self.hits.sum(axis=-1) / n}
        if is_ordered:
            found |= {"accuracy_1off": self.within_one / n, "mae": self.distance / n}
            found["qwk"] = self.qwk()
        return found | {"macro_f1": self.macro_f1()}

    def qwk(self) -> Array:
        """Cohen's kappa (...) with weights (i - j)^2 (Cohen 1968).

        0.0 where labels and predictions are all one and the same class: chance agrees as well.
        What is expected by chance is expanded, so that no outer product is due:
        sum_ij (i - j)^2 t_i p_j = sum_i i^2 t_i P - 2 (sum_i i t_i)(sum_j j p_j) + T sum_j j^2 p_j
        """
        n, index = self.true.sum(axis=-1), np.arange(self.true.shape[-1])
        expected = self.true @ index**2 + self.named @ index**2
        expected = expected - 2 * (self.true @ index) * (self.named @ index) / n
        is_open = expected > 1e-9 * n
        return np.where(is_open, 1 - self.squared / np.where(is_open, expected, 1.0), 0.0)

    def macro_f1(self) -> Array:
        """Mean F1 (...) of the classes that occur in the labels.

        A class that is only predicted does not count as another class of F1 0, so that all models
        on one split are averaged over the same classes; it still costs those that it robs.
        """
        is_there = self.true > 0
        f1 = 2 * self.hits / np.where(is_there, self.true + self.named, 1)
        return np.asarray(np.where(is_there, f1, 0).sum(axis=-1) / is_there.sum(axis=-1))

    def recalls(self) -> Array:
        """Share found of each class (..., N); NaN for those without images."""
        return np.where(self.true > 0, self.hits / np.where(self.true > 0, self.true, 1), np.nan)


def score(labels: Labels, probabilities: Probabilities, *, is_ordered: bool = True) -> Scores:
    """Every metric of probabilities (n, N) against labels (n,).

    Args:
        labels: Indices of classes.
        probabilities: Of the same images.
        is_ordered: Whether the distance between two classes means something.

    Raises:
        ValueError: There is no image, the shapes do not fit, a label is no index of a class or a
            probability is not finite.
    """
    if len(labels) == 0 or probabilities.ndim != 2 or len(probabilities) != len(labels):
        raise ValueError(
            f"labels have shape {labels.shape} and probabilities {probabilities.shape}; "
            f"expected (n,) and (n, classes) with n > 0"
        )
    n_classes = probabilities.shape[-1]
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError(
            f"labels go from {labels.min()} to {labels.max()}; expected 0 to {n_classes - 1}"
        )
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities hold NaN or infinity; expected finite numbers")
    predicted = probabilities.argmax(axis=1)
    counted = ClassSums.of_table(confusion(labels, predicted, n_classes=n_classes))
    has_top = n_classes > MOST_WITHOUT_TOP
    found = {name: float(value) for name, value in counted.scores(is_ordered=is_ordered).items()}
    return Scores(
        n=len(labels),
        accuracy=found["accuracy"],
        accuracy_top5=float(is_in_top(labels, probabilities).mean()) if has_top else None,
        accuracy_1off=found.get("accuracy_1off"),
        mae=found.get("mae"),
        qwk=found.get("qwk"),
        macro_f1=found["macro_f1"],
        nll=nll(labels, probabilities),
        ece=expected_calibration_error(labels, probabilities),
        recall=tuple(None if np.isnan(r) else float(r) for r in counted.recalls()),
    )


def is_in_top(labels: Labels, probabilities: Probabilities) -> NDArray[np.bool_]:
    """Whether the true class is among the five most probable ones (n,), of ties the first."""
    of_truth = probabilities[np.arange(len(labels)), labels][:, None]
    is_before = np.arange(probabilities.shape[-1]) < labels[:, None]
    above = (probabilities > of_truth) | ((probabilities == of_truth) & is_before)
    return np.asarray(above.sum(axis=1) < TOP)


def confusion(labels: Labels, predicted: Labels, *, n_classes: int) -> NDArray[np.int64]:
    """Images by true class (rows) and predicted class (columns), (N, N)."""
    cells = np.bincount(labels * n_classes + predicted, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes)


def image_losses(labels: Labels, probabilities: Probabilities) -> Array:
    """-log p of the true class in nats (n,), p clipped at `LEAST_PROBABILITY`."""
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(of_truth, LEAST_PROBABILITY)))


def confidence_gaps(
    labels: Labels, probabilities: Probabilities
) -> tuple[NDArray[np.int64], Array]:
    """Each image's bin of confidence, 0..14, and its hit (0 or 1) less its confidence.

    Confidence is the largest probability, over all models (..., n, N); the fifteen bins have equal
    width (lower, upper]. The calibration error is the sum over bins of the absolute sum of their
    gaps, over n.
    """
    confidence = probabilities.max(axis=-1).astype(np.float64)
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    return bins, (probabilities.argmax(axis=-1) == labels) - confidence


def nll(labels: Labels, probabilities: Probabilities) -> float:
    """Mean of `image_losses`."""
    return float(image_losses(labels, probabilities).mean())


def expected_calibration_error(labels: Labels, probabilities: Probabilities) -> float:
    """Mean over images of |accuracy - confidence| of their bin (Guo et al. 2017, eq. 3)."""
    bins, gaps = confidence_gaps(labels, probabilities)
    return float(np.abs(np.bincount(bins, weights=gaps)).sum() / len(labels))


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
        train_counts: (N,) training images per class.
    """
    one_class = len(np.unique(predicted)) == 1 and len(np.unique(labels)) > 1
    majority = float(train_counts.max() / train_counts.sum())
    nothing_learned = (
        train_loss >= prior_entropy(train_counts) - COLLAPSE_NATS
        and train_accuracy <= majority + COLLAPSE_ACCURACY
    )
    return one_class or nothing_learned
