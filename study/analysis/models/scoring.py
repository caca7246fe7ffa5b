"""Scores of many models on many draws of clusters at once: every score is a function of sums.

Accuracy, one-off, class distance, QWK, F1 and recall are functions of the 8 x 8 confusion table;
NLL is a mean; ECE is a function of the gap between hits and confidence in each bin. So an image
becomes a few features, a cluster their sums, and a draw of clusters one matrix product. On all
images the scores equal `agecls.metrics`'.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from agecls.classes import CLASSES, N_CLASSES
from agecls.intervals import Array, Clusters, Estimate, share_interval
from agecls.metrics import ECE_BINS, LEAST_PROBABILITY

METRICS: Final = ("accuracy", "accuracy_1off", "mae", "qwk", "macro_f1", "nll", "ece")
TEMPERED: Final = ("nll_tempered", "ece_tempered")
"""NLL and ECE after the temperature that fits the validation split best."""
RECALLS: Final = tuple(f"recall_{letter}" for letter in CLASSES)
SHARES: Final = ("accuracy", "accuracy_1off", *RECALLS)
"""Scores that are shares of images."""

_ENDS: Final = {"mae": (0.0, N_CLASSES - 1.0), "qwk": (-1.0, 1.0)}
"""Least and greatest value of a score, where these are not 0 and 1."""

_CELLS: Final = N_CLASSES**2
_DISTANCE: Final = np.abs(np.subtract.outer(np.arange(N_CLASSES), np.arange(N_CLASSES))).ravel()
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
    """Probabilities (N, 8) at temperature `t`: p^(1/t), normalised."""
    logits = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    return np.asarray(special.softmax(logits / t, axis=1))


def cluster_sums(
    labels: NDArray[np.int64], probabilities: Array, t: float, clusters: Clusters
) -> Array:
    """What scores are made of, per cluster (C, features), of one model.

    Args:
        labels: True classes (N,).
        probabilities: (N, 8).
        t: The model's temperature.
        clusters: Of the same images.
    """
    cells = labels * N_CLASSES + probabilities.argmax(axis=1)
    parts = [_counted(clusters, cells, np.ones(len(labels)), _CELLS)]
    for p in (probabilities, tempered(probabilities, t)):
        confidence = p.max(axis=1).astype(np.float64)
        gap = (p.argmax(axis=1) == labels) - confidence
        bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
        of_truth = p[np.arange(len(labels)), labels].astype(np.float64)
        loss = -np.log(np.maximum(of_truth, LEAST_PROBABILITY))
        parts.append(_counted(clusters, np.zeros_like(labels), loss, 1))
        parts.append(_counted(clusters, bins, gap, ECE_BINS))
    return np.concatenate(parts, axis=1)


def _counted(clusters: Clusters, place: NDArray[np.int64], weight: Array, n: int) -> Array:
    """Sums of `weight` by cluster and place (C, n)."""
    flat = clusters.of_image * n + place
    summed = np.bincount(flat, weights=weight, minlength=clusters.n * n)
    return np.asarray(summed, dtype=np.float64).reshape(clusters.n, n)


def scores(sums: Array) -> dict[str, Array]:
    """Every score of summed features (…, features), each (…,); recall is NaN without images."""
    table, rest = sums[..., :_CELLS], sums[..., _CELLS:]
    square = table.reshape(*table.shape[:-1], N_CLASSES, N_CLASSES)
    n = table.sum(axis=-1)
    true, predicted = square.sum(axis=-1), square.sum(axis=-2)
    hits = np.diagonal(square, axis1=-2, axis2=-1)
    plain, warm = rest[..., : 1 + ECE_BINS], rest[..., 1 + ECE_BINS :]
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = hits / true
        f1 = np.where(true > 0, 2 * hits / (true + predicted), np.nan)
    found = {
        "accuracy": table @ (_DISTANCE == 0) / n,
        "accuracy_1off": table @ (_DISTANCE <= 1) / n,
        "mae": table @ _DISTANCE / n,
        "qwk": _kappa(table, true, predicted, n),
        "macro_f1": np.nanmean(f1, axis=-1),
        "nll": plain[..., 0] / n,
        "ece": np.abs(plain[..., 1:]).sum(axis=-1) / n,
        "nll_tempered": warm[..., 0] / n,
        "ece_tempered": np.abs(warm[..., 1:]).sum(axis=-1) / n,
    }
    return found | {name: recall[..., c] for c, name in enumerate(RECALLS)}


def _kappa(table: Array, true: Array, predicted: Array, n: Array) -> Array:
    """See `agecls.metrics.quadratic_kappa`; the square expands, so that no outer product is due.

    sum_ij (i - j)^2 t_i p_j = sum_i i^2 t_i P - 2 (sum_i i t_i)(sum_j j p_j) + T sum_j j^2 p_j
    """
    index = np.arange(N_CLASSES)
    expected = (true @ index**2) + (predicted @ index**2)
    expected = expected - 2 * (true @ index) * (predicted @ index) / n
    observed = table @ _DISTANCE**2
    is_open = expected > 1e-9 * n
    return np.where(is_open, 1 - observed / np.where(is_open, expected, 1.0), 0.0)


def drawn_scores(draws: Array, sums: Array) -> dict[str, Array]:
    """Scores (B, K) of each model on each draw of clusters.

    Args:
        draws: How often each cluster is drawn (B, C).
        sums: `cluster_sums` of the models, (K, C, features).
    """
    n_models, n_clusters, n_features = sums.shape
    flat = sums.transpose(1, 0, 2).reshape(n_clusters, n_models * n_features)
    return scores((draws @ flat).reshape(len(draws), n_models, n_features))


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
    if metric in SHARES:
        return share_interval(estimate, n_images=n_images, n_clusters=n_clusters, level=level)
    least, greatest = (0.0, np.inf) if metric.startswith("nll") else _ENDS.get(metric, (0.0, 1.0))
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
