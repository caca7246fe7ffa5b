"""Whether two splits hold the classes in the same proportions, as far as their sizes can tell."""

from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

N_SHUFFLES: Final = 999
_SEED: Final = 0

COLUMNS: Final = [
    "one", "other", "distance", "chance_low", "chance_high", "p",
    "images_one", "images_other", "clusters_one", "clusters_other",
]  # fmt: skip


def prior_drift(
    labels: npt.NDArray[np.int64],
    splits: npt.NDArray[np.object_],
    clusters: npt.NDArray[np.int64],
    *,
    names: tuple[str, ...],
) -> pd.DataFrame:
    """Total variation between the class shares of each pair of splits, and a test of it.

    The test shuffles whole clusters between the two splits 999 times, since images of one family
    or person are not independent; it assumes that clusters are, and that the splits draw them
    from one population. The range without drift says how large the distance gets by chance.

    Args:
        labels: (N,) classes.
        splits: (N,) names.
        clusters: (N,) numbers; equal for images that are not independent.
        names: Splits in order.

    Returns:
        One row per pair: `one`, `other`, `distance` (0..1, half the sum of the absolute
        differences of shares), `chance_low`, `chance_high` (95 % range without drift), `p`,
        `images_one`, `images_other`, `clusters_one`, `clusters_other`.
    """
    rng = np.random.default_rng(_SEED)
    counts = {name: _cluster_counts(labels, clusters, splits == name) for name in names}
    rows = []
    for one, other in combinations(names, 2):
        pooled = np.concatenate([counts[one], counts[other]])
        n = len(counts[one])
        observed = _distance(counts[one].sum(axis=0), counts[other].sum(axis=0))
        total = pooled.sum(axis=0)
        chance = np.empty(N_SHUFFLES)
        for turn in range(N_SHUFFLES):
            drawn = pooled[rng.permutation(len(pooled))[:n]].sum(axis=0)
            chance[turn] = _distance(drawn, total - drawn)
        low, high = np.quantile(chance, [0.025, 0.975])
        # sums of shares come in varying order; 1e-12 keeps ties ties
        as_far = int((chance >= observed - 1e-12).sum())
        rows.append(
            {
                "one": one,
                "other": other,
                "distance": observed,
                "chance_low": float(low),
                "chance_high": float(high),
                "p": (1 + as_far) / (1 + N_SHUFFLES),
                "images_one": int(counts[one].sum()),
                "images_other": int(counts[other].sum()),
                "clusters_one": n,
                "clusters_other": len(counts[other]),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _cluster_counts(
    labels: npt.NDArray[np.int64], clusters: npt.NDArray[np.int64], mask: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """(clusters of the mask, classes) images by class."""
    present, index = np.unique(clusters[mask], return_inverse=True)
    counts = np.zeros((len(present), int(labels.max()) + 1), dtype=np.int64)
    np.add.at(counts, (index, labels[mask]), 1)
    return counts


def _distance(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    shares = one / max(one.sum(), 1) - other / max(other.sum(), 1)
    return float(np.abs(shares).sum() / 2)
