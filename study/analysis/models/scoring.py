"""Scores of many models on many draws of clusters at once: every score is a function of sums.

An image becomes a few features of which `agecls.metrics` makes the scores (its cell of the
confusion table, its loss, its bin of confidence and the gap there), a cluster their sums, and a
draw of clusters one matrix product.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from agecls.classes import Classes
from agecls.intervals import Array, Clusters, Estimate, share_interval
from agecls.metrics import (
    ECE_BINS,
    LEAST_PROBABILITY,
    confidence_gaps,
    image_losses,
    recalls,
    table_scores,
)

METRICS: Final = ("accuracy", "accuracy_1off", "mae", "qwk", "macro_f1", "nll", "ece")
OF_AN_ORDER: Final = ("accuracy_1off", "mae", "qwk")
"""Those that ask how far two classes are from each other."""
TEMPERED: Final = ("nll_tempered", "ece_tempered")
"""NLL and ECE after the temperature that fits the validation split best."""
RECALL: Final = "recall_"
"""Before the class's name, the name of its recall, such as `recall_a`."""

_ENDS: Final = {"mae": (0.0, np.inf), "nll": (0.0, np.inf), "qwk": (-1.0, 1.0)}
"""Least and greatest value of a score, where these are not 0 and 1."""

_COLDEST, _HOTTEST = 0.05, 20.0


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
    cells = labels * n_classes + probabilities.argmax(axis=1)
    parts.append(_counted(clusters, cells, np.ones(len(labels)), n_classes**2))
    return np.concatenate(parts, axis=1)


def _counted(clusters: Clusters, place: NDArray[np.int64], weight: Array, n: int) -> Array:
    """Sums of `weight` by cluster and place (C, n)."""
    flat = clusters.of_image * n + place
    summed = np.bincount(flat, weights=weight, minlength=clusters.n * n)
    return np.asarray(summed, dtype=np.float64).reshape(clusters.n, n)


def recall_names(classes: Classes) -> list[str]:
    """Name of each class's recall."""
    return [f"{RECALL}{name}" for name in classes.names]


def scores(sums: Array, classes: Classes) -> dict[str, Array]:
    """Every score of summed features (…, features), each (…,); recall is NaN without images."""
    plain, warm, cells = np.split(sums, [1 + ECE_BINS, 2 * (1 + ECE_BINS)], axis=-1)
    table = cells.reshape(*cells.shape[:-1], len(classes), len(classes))
    n = cells.sum(axis=-1)
    found = table_scores(table) | {
        "nll": plain[..., 0] / n,
        "ece": np.abs(plain[..., 1:]).sum(axis=-1) / n,
        "nll_tempered": warm[..., 0] / n,
        "ece_tempered": np.abs(warm[..., 1:]).sum(axis=-1) / n,
    }
    by_class = np.moveaxis(recalls(table), -1, 0)
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
    least, greatest = _ENDS.get(metric.removesuffix("_tempered"), (0.0, 1.0))
    low, high = estimate.interval(level)
    return max(low, least), min(high, greatest)


def metric_of(column: str) -> str:
    """The score that a study's metric means, such as `accuracy` of `val_accuracy`."""
    name = column.removeprefix("val_")
    return name if name in METRICS else "accuracy"


def renamed(found: Mapping[str, Array], prefix: str, model: int) -> dict[str, float]:
    """One model's scores under a table's column names: `val_loss` is the NLL."""
    names = {"nll": "loss", "nll_tempered": "loss_tempered"}
    # the temperature was fitted to val itself
    wanted = METRICS if prefix == "val" else (*METRICS, *TEMPERED)
    return {f"{prefix}_{names.get(name, name)}": float(found[name][model]) for name in wanted}
