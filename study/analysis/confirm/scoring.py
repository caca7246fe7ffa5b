"""Scores of many models on many draws of clusters at once: every score is a function of sums.

An image becomes a few features of which `agecls.metrics` makes the scores (its true and its named
class, how far these are apart, its loss, its bin of confidence and the gap there), a cluster their
sums, and a draw of clusters one matrix product. There are 3 N and some features for N classes, not
the N² cells of a confusion table.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from agecls.classes import Classes
from agecls.intervals import Array, Clusters, Estimate, share_interval
from agecls.metrics import (
    ECE_BINS,
    LEAST_PROBABILITY,
    MOST_WITHOUT_TOP,
    ClassSums,
    confidence_gaps,
    image_losses,
    is_in_top,
)
from study.measure import METRICS

OF_AN_ORDER: Final = ("accuracy_1off", "mae", "qwk")
"""Those that ask how far two classes are from each other."""
TOP_5: Final = "accuracy_top5"
TEMPERED: Final = ("nll_tempered", "ece_tempered")
"""NLL and ECE after the temperature that fits the validation split best."""
RECALL: Final = "recall_"
"""Before the class's name, the name of its recall, such as `recall_a`."""

_SHARE: Final = (0.0, 1.0)
_ENDS: Final = {
    **{name: _SHARE for name in ("accuracy", "accuracy_top5", "accuracy_1off", "recall")},
    **{name: _SHARE for name in ("macro_f1", "ece")},
    **{name: (0.0, np.inf) for name in ("mae", "nll")},
    "qwk": (-1.0, 1.0),
}
"""Least and greatest value of a score; nothing is known of others."""

_COLDEST, _HOTTEST = 0.05, 20.0


def metrics_of(classes: Classes) -> tuple[str, ...]:
    """The scores that such classes have, in reading order."""
    has_top = len(classes) > MOST_WITHOUT_TOP
    names = (METRICS[0], *((TOP_5,) if has_top else ()), *METRICS[1:])
    return tuple(name for name in names if classes.is_ordered or name not in OF_AN_ORDER)


def temperature(labels: NDArray[np.int64], probabilities: Array) -> float:
    """The T that minimises the NLL of p^(1/T), normalised (Guo et al. 2017), 0.05 to 20."""
    logits = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    of_truth = logits[np.arange(len(labels)), labels]

    def loss(log_t: float) -> float:
        scaled = np.exp(-log_t)
        return float((special.logsumexp(scaled * logits, axis=1) - scaled * of_truth).mean())

    found = optimize.minimize_scalar(
        loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded"
    )
    return float(np.exp(found.x))


def tempered(probabilities: Array, t: float) -> Array:
    """Probabilities (n, N) at temperature `t`: p^(1/t), normalised."""
    logits = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    return np.asarray(special.softmax(logits / t, axis=1))


def cluster_sums(
    labels: NDArray[np.int64], probabilities: Array, t: float, clusters: Clusters
) -> Array:
    """What scores are made of, per cluster (C, features), of one model.

    Args:
        labels: True classes (n,).
        probabilities: (n, N).
        t: The model's temperature.
        clusters: Of the same images.
    """
    n_classes = probabilities.shape[-1]
    parts = []
    for p in (probabilities, tempered(probabilities, t)):
        bins, gaps = confidence_gaps(labels, p)
        losses = image_losses(labels, p)
        parts.append(_counted(clusters, np.zeros_like(labels), losses, 1))
        parts.append(_counted(clusters, bins, gaps, ECE_BINS))
    predicted, one = probabilities.argmax(axis=1), np.ones(len(labels))
    distance = np.abs(labels - predicted)
    parts.append(_counted(clusters, labels, one, n_classes))
    parts.append(_counted(clusters, predicted, one, n_classes))
    parts.append(_counted(clusters, labels, distance == 0, n_classes))
    for feature in (distance <= 1, distance, distance**2, is_in_top(labels, probabilities)):
        parts.append(_counted(clusters, np.zeros_like(labels), feature, 1))
    return np.concatenate(parts, axis=1)


def _counted(clusters: Clusters, place: NDArray[np.int64], weight: NDArray[Any], n: int) -> Array:
    """Sums of `weight` by cluster and place (C, n)."""
    flat = clusters.of_image * n + place
    summed = np.bincount(flat, weights=weight, minlength=clusters.n * n)
    return np.asarray(summed, dtype=np.float64).reshape(clusters.n, n)


def recall_names(classes: Classes) -> list[str]:
    """Name of each class's recall."""
    return [f"{RECALL}{name}" for name in classes.names]


def scores(sums: Array, classes: Classes) -> dict[str, Array]:
    """Every score that the classes have, of summed features (…, features), each (…,).

    A recall is NaN without images.
    """
    n = len(classes)
    ends = np.cumsum([1 + ECE_BINS, 1 + ECE_BINS, n, n, n])
    plain, warm, true, named, hits, of_distance = np.split(sums, ends, axis=-1)
    within_one, distance, squared, in_top = np.moveaxis(of_distance, -1, 0)
    counted = ClassSums(true, named, hits, within_one, distance, squared)
    n_images = true.sum(axis=-1)
    found = counted.scores(is_ordered=classes.is_ordered) | {
        "nll": plain[..., 0] / n_images,
        "ece": np.abs(plain[..., 1:]).sum(axis=-1) / n_images,
        "nll_tempered": warm[..., 0] / n_images,
        "ece_tempered": np.abs(warm[..., 1:]).sum(axis=-1) / n_images,
    }
    if TOP_5 in metrics_of(classes):
        found[TOP_5] = in_top / n_images
    by_class = np.moveaxis(counted.recalls(), -1, 0)
    return found | dict(zip(recall_names(classes), by_class, strict=True))


def drawn_scores(draws: Array, sums: Array, classes: Classes) -> dict[str, Array]:
    """Scores (B, K) of each model on each draw of clusters.

    Args:
        draws: How often each cluster is drawn (B, C).
        sums: `cluster_sums` of the models, (K, C, features).
        classes: That the models tell apart.
    """
    n_models, n_clusters, n_features = sums.shape
    flat = sums.transpose(1, 0, 2).reshape(n_clusters, n_models * n_features)
    return scores((draws @ flat).reshape(len(draws), n_models, n_features), classes)


def score_interval(
    metric: str, estimate: Estimate, *, n_images: int, n_clusters: int, level: float = 0.95
) -> tuple[float, float]:
    """An interval of one arm's score without what no score can be, such as a recall below 0.

    Args:
        metric: Its name.
        estimate: Of the score.
        n_images: Images that it is of: of a recall, those of its class.
        n_clusters: Their clusters.
        level: Of the interval.
    """
    if metric.startswith(("accuracy", RECALL)):
        return share_interval(estimate, n_images=n_images, n_clusters=n_clusters, level=level)
    low, high = (possible(metric, end) for end in estimate.interval(level))
    return low, high


def possible(metric: str, end: float) -> float:
    """An interval's end as far as the metric can go: a t interval may reach past it."""
    least, greatest = _ENDS.get(metric.removesuffix("_tempered"), (-np.inf, np.inf))
    return min(max(end, least), greatest)


def renamed(
    found: Mapping[str, Array], prefix: str, names: Sequence[str], model: int
) -> dict[str, float]:
    """These scores of one model under a table's column names: `val_loss` is the NLL."""
    of_table = {"nll": "loss", "nll_tempered": "loss_tempered"}
    return {f"{prefix}_{of_table.get(n, n)}": float(found[n][model]) for n in names}
