"""Folds: parts of the images for training and validation, of which each is held out once.

A split made once shows a model few of the clusters at hand; folds show each of them to some model
that was not trained on it. The test split has no part in them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from agecls.data.splits import deal_clusters
from agecls.errors import DataLayoutError

By = Literal["cluster", "image"]
"""What is never parted: images of one family or person, or only identical files where neither is
known."""


@dataclass(frozen=True, eq=False)
class Clustered:
    """Images that folds are drawn of, in clusters that nothing parts.

    Attributes:
        labels: (P,) classes.
        clusters: (P,) numbers of clusters, of any values.
        names: The classes' names.
        by: What the clusters are.
    """

    labels: npt.NDArray[np.int64]
    clusters: npt.NDArray[np.int64]
    names: Sequence[str]
    by: By = "cluster"


@dataclass(frozen=True, eq=False)
class Folds:
    """Which fold each image of training and validation is in.

    Attributes:
        of_image: (P,) int64, fold 0..k-1 of each image of `agecls.data.arrays.TrainingArrays`;
            -1: in none, as a copy that is left out.
        k: How many folds.
    """

    of_image: npt.NDArray[np.int64]
    k: int

    @property
    def digest(self) -> str:
        """Of who is where."""
        return hashlib.blake2b(self.of_image.astype("<i8").tobytes(), digest_size=16).hexdigest()

    def held_out(self, fold: int) -> npt.NDArray[np.int64]:
        """Places of the fold's images."""
        return np.flatnonzero(self.of_image == fold)

    def trained_on(self, fold: int) -> npt.NDArray[np.int64]:
        """Places of the images of all other folds."""
        return np.flatnonzero((self.of_image >= 0) & (self.of_image != fold))


def draw_folds(
    images: Clustered, k: int, *, seed: int, used: npt.NDArray[np.bool_] | None = None
) -> Folds:
    """Folds of whole clusters, near to each other in size and in images of each class.

    Args:
        images: What is parted.
        k: How many folds, 2 or more.
        seed: Root of the order in which clusters are dealt.
        used: (P,) which images to place; None: all.

    Raises:
        DataLayoutError: There are fewer clusters than folds, or a class lies in fewer.
    """
    placed = np.ones(len(images.labels), dtype=bool) if used is None else used
    labels, clusters = images.labels[placed], images.clusters[placed]
    unit, other = _WORDS[images.by]
    n_clusters = len(np.unique(clusters))
    way_out = f"ask for fewer folds ([folds] k), or add images of other {other}"
    if n_clusters < k:
        raise DataLayoutError(
            f"train and val together hold {n_clusters} {unit}, too few for {k} folds; {way_out}"
        )
    for label in np.unique(labels):
        n_having = len(np.unique(clusters[labels == label]))
        if n_having < k:
            raise DataLayoutError(
                f"class {images.names[label]} lies in {n_having} {unit} of train and val, fewer "
                f"than the {k} folds, so that a fold would lack it; {way_out} with that class"
            )
    of_image = np.full(len(placed), -1, dtype=np.int64)
    of_image[placed] = deal_clusters(labels, clusters, [1 / k] * k, seed=seed)
    return Folds(of_image, k)


_WORDS: Final[dict[By, tuple[str, str]]] = {
    "cluster": ("clusters of families, persons or identical files", "persons"),
    "image": ("files", "files"),
}
"""What clusters are called, and of whom or what more images would be of others."""


def counted(folds: Folds, images: Clustered) -> dict[str, Any]:
    """What folds of the images hold, JSON-able.

    Returns:
        `k`, `by`; `images` and `clusters`: how many, by fold; `classes`: images by class, a list
        over folds; `majority`: the share of the commonest class among all images in folds.
    """
    held = [folds.held_out(fold) for fold in range(folds.k)]
    n = len(images.names)
    by_class = np.array([np.bincount(images.labels[rows], minlength=n) for rows in held])
    return {
        "k": folds.k,
        "by": images.by,
        "images": [len(rows) for rows in held],
        "clusters": [len(np.unique(images.clusters[rows])) for rows in held],
        "classes": dict(zip(images.names, by_class.T.tolist(), strict=True)),
        "majority": float(by_class.sum(axis=0).max() / by_class.sum()),
    }


def from_to(counts: Sequence[int]) -> str:
    """The least and the most of them, such as `1,600 to 1,612`."""
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
