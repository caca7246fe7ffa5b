"""How good a model is on parts of a split: each class and each role, with intervals."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.classes import CLASSES, NAMES
from agecls.data.layouts import FAMILY_NAME

RESAMPLES: Final = 2000
LEVEL: Final = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over images with an interval.

    Attributes:
        value: 0..1.
        low: Lower end.
        high: Upper end; both NaN where there are fewer than two clusters.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Per cent with interval, or without where there is none."""
        if np.isnan(self.low):
            return f"{100 * self.value:.1f} % (no interval: one cluster)"
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


def cluster_mean(
    values: NDArray[np.float64], clusters: NDArray[np.int64], *, seed: int = 0
) -> Estimate:
    """Mean of the values with a percentile bootstrap interval over whole clusters.

    Clusters (families, copies of one file) are independent, images within one are not: resampling
    images would give intervals that are too short (Davison and Hinkley 1997, section 3.8).

    Args:
        values: (N,), such as 1 for a hit and 0 for a miss.
        clusters: (N,) number of each image's cluster.
        seed: Of the resampling.
    """
    _, places = np.unique(clusters, return_inverse=True)
    sums = np.bincount(places, weights=values)
    counts = np.bincount(places)
    low = high = float("nan")
    if len(counts) > 1:
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), RESAMPLES)
        means = (drawn @ sums) / (drawn @ counts)
        low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return Estimate(float(values.mean()), low, high)


@dataclass(frozen=True)
class Slice:
    """Some images of a split.

    Attributes:
        name: Such as `class a 0-6` or `role GM`.
        accuracy: Share of images whose class is predicted exactly.
        one_off: Share predicted exactly or one class off.
        n_images: Images in it.
        n_clusters: Independent groups of them.
    """

    name: str
    accuracy: Estimate
    one_off: Estimate
    n_images: int
    n_clusters: int


def slices(predictions: pd.DataFrame) -> list[Slice]:
    """All images, each class, and each role that names of files tell; empty slices are left out.

    Roles are those of the family layout without their number: S2 is an S.

    Args:
        predictions: Rows `model, image, cluster, true, predicted` of one split; several models
            of an image are averaged, so that an image counts once.
    """
    images = _per_image(predictions)
    roles = [_role(image) for image in images["image"]]
    masks = {"all": np.ones(len(images), dtype=bool)}
    for letter, name in zip(CLASSES, NAMES, strict=True):
        masks[f"class {name}"] = (images["true"] == letter).to_numpy()
    for role in sorted({role for role in roles if role is not None}):
        masks[f"role {role}"] = np.array([r == role for r in roles])
    return [_slice(name, images[mask]) for name, mask in masks.items() if mask.any()]


def _slice(name: str, images: pd.DataFrame) -> Slice:
    clusters = images["cluster"].to_numpy(np.int64)
    return Slice(
        name,
        accuracy=cluster_mean(images["hit"].to_numpy(np.float64), clusters),
        one_off=cluster_mean(images["near"].to_numpy(np.float64), clusters),
        n_images=len(images),
        n_clusters=len(np.unique(clusters)),
    )


def _per_image(rows: pd.DataFrame) -> pd.DataFrame:
    """`image, cluster, true`, and the shares of models that `hit` or come `near`."""
    index = {letter: k for k, letter in enumerate(CLASSES)}
    true, predicted = (rows[name].map(index).to_numpy(np.int64) for name in ("true", "predicted"))
    distance = np.abs(true - predicted)
    marked = rows.assign(hit=(distance == 0).astype(float), near=(distance <= 1).astype(float))
    grouped = marked.groupby("image", sort=True)
    images = grouped[["cluster", "true"]].first().join(grouped[["hit", "near"]].mean())
    # an image without a known cluster is one of its own
    own = pd.Series(-1 - np.arange(len(images)), index=images.index)
    return images.assign(cluster=images["cluster"].fillna(own)).reset_index()


def _role(image: str) -> str | None:
    match = FAMILY_NAME.fullmatch(image.rpartition("/")[2])
    return None if match is None else match["role"].rstrip("0123456789")
