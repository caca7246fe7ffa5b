"""Folds: parts of the images for training and validation, of which each is held out once.

A split made once shows a model few of the clusters at hand; folds show each of them to some model
that was not trained on it. The test split has no part in them.
"""

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
class Folds:
    """Which fold each image of training and validation is in.

    Attributes:
        of_image: (P,) int64, fold 0..k-1 of each image of `agecls.data.arrays.TrainingArrays`;
            -1: in none, as a copy that is left out.
        k: How many folds.
        by: What is never parted.
    """

    of_image: npt.NDArray[np.int64]
    k: int
    by: By

    def held_out(self, fold: int) -> npt.NDArray[np.int64]:
        """Places of the fold's images."""
        return np.flatnonzero(self.of_image == fold)

    def trained_on(self, fold: int) -> npt.NDArray[np.int64]:
        """Places of the images of all other folds."""
        return np.flatnonzero((self.of_image >= 0) & (self.of_image != fold))


def draw_folds(
    labels: npt.NDArray[np.int64],
    clusters: npt.NDArray[np.int64],
    k: int,
    *,
    seed: int,
    names: Sequence[str] | None = None,
    by: By = "cluster",
    used: npt.NDArray[np.bool_] | None = None,
) -> Folds:
    """Folds of whole clusters, near to each other in size and in images of each class.

    Args:
        labels: (P,) classes.
        clusters: (P,) numbers of clusters, of any values.
        k: How many folds, 2 or more.
        seed: Root of the order in which clusters are dealt.
        names: The classes' names, for messages; None: their numbers.
        by: What the clusters are.
        used: (P,) which images to place; None: all.

    Raises:
        DataLayoutError: There are fewer clusters than folds, or a class lies in fewer.
    """
    placed = np.ones(len(labels), dtype=bool) if used is None else used
    labels_used, clusters_used = labels[placed], clusters[placed]
    unit = "clusters of families, persons or identical files" if by == "cluster" else "files"
    n_clusters = len(np.unique(clusters_used))
    way_out = f"ask for fewer folds ([folds] k), or add images of other {_OTHERS[by]}"
    if n_clusters < k:
        raise DataLayoutError(
            f"train and val together hold {n_clusters} {unit}, too few for {k} folds; {way_out}"
        )
    for label in np.unique(labels_used):
        n_having = len(np.unique(clusters_used[labels_used == label]))
        if n_having < k:
            name = str(label) if names is None else names[label]
            raise DataLayoutError(
                f"class {name} lies in {n_having} {unit} of train and val, fewer than the {k} "
                f"folds, so that a fold would lack it; {way_out} with that class"
            )
    of_image = np.full(len(labels), -1, dtype=np.int64)
    of_image[placed] = deal_clusters(labels_used, clusters_used, [1 / k] * k, seed=seed)
    return Folds(of_image, k, by)


_OTHERS: Final[dict[By, str]] = {"cluster": "persons", "image": "files"}


def counted(
    folds: Folds,
    labels: npt.NDArray[np.int64],
    clusters: npt.NDArray[np.int64],
    names: Sequence[str],
) -> dict[str, Any]:
    """What the folds hold, JSON-able.

    Args:
        folds: Of the images.
        labels: (P,) classes.
        clusters: (P,) numbers of clusters.
        names: The classes' names.

    Returns:
        `k`, `by`; `images` and `clusters`: how many, by fold; `classes`: images by class, a list
        over folds; `majority`: the share of the commonest class among all images in folds.
    """
    held = [folds.held_out(fold) for fold in range(folds.k)]
    by_class = np.array([np.bincount(labels[rows], minlength=len(names)) for rows in held])
    return {
        "k": folds.k,
        "by": folds.by,
        "images": [len(rows) for rows in held],
        "clusters": [len(np.unique(clusters[rows])) for rows in held],
        "classes": dict(zip(names, by_class.T.tolist(), strict=True)),
        "majority": float(by_class.sum(axis=0).max() / by_class.sum()),
    }
