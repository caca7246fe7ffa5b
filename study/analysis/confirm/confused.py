"""Which of many classes are taken for each other: an order that shows it, and the worst pairs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from agecls.intervals import Array

_MOST_TO_ORDER_BEST: Final = 200
"""Classes up to which the best of a tree's orders is looked for, which takes their cube."""


def order_by_confusion(shares: Array) -> NDArray[np.int64]:
    """The classes (N,) in an order that puts those beside each other that are confused.

    It is that of the leaves of a tree (average linkage; the best such order, Bar-Joseph et al.
    2001, of up to 200 classes) whose distance of two classes is 1 less the mean of what is named
    as the other.

    Args:
        shares: Of the images of the row's class, the share named as the column's (N, N); NaN in
            rows of classes without images.
    """
    known = np.nan_to_num(shares)
    distance = 1 - (known + known.T) / 2
    np.fill_diagonal(distance, 0)
    is_few = len(shares) <= _MOST_TO_ORDER_BEST
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=is_few)
    return np.asarray(leaves_list(tree), dtype=np.int64)


def most_confused(shares: Array, n_images: NDArray[np.int64], most: int) -> list[tuple[int, int]]:
    """The pairs of a true class and another one named that most images are lost to.

    Args:
        shares: As in `order_by_confusion`.
        n_images: Of each true class (N,).
        most: Pairs at most; those without an image are left out.
    """
    lost = np.nan_to_num(shares) * n_images[:, None]
    np.fill_diagonal(lost, 0)
    places = np.argsort(-lost, axis=None, kind="stable")[:most]
    pairs = zip(*np.unravel_index(places, lost.shape), strict=True)
    return [(int(true), int(named)) for true, named in pairs if lost[true, named] > 0]
