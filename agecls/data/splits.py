"""Which images belong together, which split they stand in, and what leaks between splits.

Images of one family or person and byte-identical files are not independent. Splits that a data set
brings along are kept as they are, leaks and all, so that results compare with published ones;
splits made here never part a cluster.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from agecls.data.rows import SPLITS

MADE_SHARES: Final = {"val": 0.15, "test": 0.15}
"""Share of the images that a split gets when it is made here."""

LINKS: Final = {
    "same_content": "content",
    "same_person": "person_id",
    "same_family": "family_id",
}
"""Kinds of leak and the column that two splits would share."""


@dataclass(frozen=True)
class Deduplication:
    """Which images of a set to keep so that no file stands in it twice.

    Attributes:
        keep: (N,) bool.
        copies: Later copies of an image that is kept.
        conflicting_groups: Groups of identical files that carry different classes.
        conflicting_images: The images in them, of which none is kept: one label at least is
            wrong, and nothing tells which.
    """

    keep: npt.NDArray[np.bool_]
    copies: int
    conflicting_groups: int
    conflicting_images: int


def find_clusters(columns: Iterable[Sequence[Any]]) -> npt.NDArray[np.int64]:
    """Numbers of the clusters of images that share a value in any column.

    Args:
        columns: Each has one value per image (family, person, content); None shares nothing.

    Returns:
        (N,) int64, numbered from 0 in the order of each cluster's first image.
    """
    coded = [pd.factorize(pd.Series(column, dtype=object))[0] for column in columns]
    parent = list(range(len(coded[0])))

    def find(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for codes in coded:
        first: dict[int, int] = {}
        for row, code in enumerate(codes.tolist()):
            if code < 0:  # pandas' code for None
                continue
            a, b = find(first.setdefault(code, row)), find(row)
            # the smaller root stays: roots are then the clusters' first images
            parent[max(a, b)] = min(a, b)
    roots = np.array([find(row) for row in range(len(parent))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def complete_splits(
    splits: Sequence[str | None],
    labels: npt.NDArray[np.int64],
    clusters: npt.NDArray[np.int64],
    *,
    seed: int,
) -> tuple[npt.NDArray[np.object_], tuple[str, ...]]:
    """Each image's split, and the names of the splits that were made here.

    Without any split, val and test are drawn; without val, it is drawn from train. Nothing is
    drawn where a single cluster would have to be parted; the split is then left empty.
    """
    completed = np.array(splits, dtype=object)
    present = set(splits) - {None}
    missing = [name for name in ("val", "test") if name not in present]
    if present:
        missing = [name for name in missing if name == "val"]
    is_open = np.isin(completed, ["train"]) if present else np.ones(len(completed), dtype=bool)
    if not missing or not is_open.any():
        return completed, ()
    shares = {name: MADE_SHARES[name] for name in missing}
    completed[is_open] = draw_splits(labels[is_open], clusters[is_open], shares, seed=seed)
    return completed, tuple(name for name in missing if (completed == name).any())


def draw_splits(
    labels: npt.NDArray[np.int64],
    clusters: npt.NDArray[np.int64],
    shares: Mapping[str, float],
    *,
    seed: int,
) -> npt.NDArray[np.object_]:
    """Draw splits of whole clusters whose class counts are near their shares; the rest is train.

    Args:
        labels: (N,) classes.
        clusters: (N,) numbers of clusters, of any values.
        shares: Share of the images by split; together below 1.
        seed: Root of the order.

    Returns:
        (N,) split names.
    """
    portions = [1 - sum(shares.values()), *shares.values()]
    parts = deal_clusters(labels, clusters, portions, seed=seed)
    return np.array(["train", *shares], dtype=object)[parts]


def deal_clusters(
    labels: npt.NDArray[np.int64],
    clusters: npt.NDArray[np.int64],
    portions: Sequence[float],
    *,
    seed: int,
) -> npt.NDArray[np.int64]:
    """Parts of whole clusters whose class counts are near their portions.

    Clusters come in random order, large ones first, and each goes where it adds least to Pearson's
    chi-squared distance between class counts and wanted counts. A part that got none is given the
    last (smallest) cluster of the first part or, where that has but one, of the one that has most.

    Args:
        labels: (N,) classes.
        clusters: (N,) numbers of clusters, of any values.
        portions: Share of the images by part; together 1.
        seed: Root of the order.

    Returns:
        (N,) number of each image's part.
    """
    index = np.unique(clusters, return_inverse=True)[1]
    n_clusters, n_parts = int(index.max()) + 1, len(portions)
    counts = np.zeros((n_clusters, int(labels.max()) + 1))
    np.add.at(counts, (index, labels), 1)

    # a class that nobody has adds nothing; 1 avoids 0 / 0
    wanted = np.outer(portions, counts.sum(axis=0))
    wanted = np.maximum(wanted, np.finfo(float).tiny)
    order = np.random.default_rng(seed).permutation(n_clusters)
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]

    placed = np.zeros_like(wanted)
    home = np.zeros(n_clusters, dtype=np.int64)
    for cluster in order:
        n = counts[cluster]
        added = (n * (2 * (placed - wanted) + n) / wanted).sum(axis=1)
        home[cluster] = added.argmin()
        placed[home[cluster]] += n
    for part in range(n_parts):
        held = np.bincount(home, minlength=n_parts)
        giver = 0 if held[0] > 1 else int(held.argmax())
        if held[part] == 0 and held[giver] > 1:
            home[order[home[order] == giver][-1]] = part
    return np.asarray(home[index], dtype=np.int64)


def deduplicate(labels: Sequence[int], contents: Sequence[str]) -> Deduplication:
    """What to keep of these images: the first of identical files, none if their classes differ."""
    frame = pd.DataFrame({"label": np.asarray(labels), "content": np.asarray(contents)})
    is_copy = frame["content"].duplicated().to_numpy()
    pairs = frame.drop_duplicates()
    torn = pairs.loc[pairs["content"].duplicated(), "content"].unique()
    is_torn = frame["content"].isin(torn).to_numpy()
    return Deduplication(
        keep=~is_copy & ~is_torn,
        copies=int((is_copy & ~is_torn).sum()),
        conflicting_groups=len(torn),
        conflicting_images=int(is_torn.sum()),
    )


def count_leaks(frame: pd.DataFrame, splits: Sequence[str]) -> dict[str, dict[str, int]]:
    """For each pair of splits, images of the second that share something with the first.

    Args:
        frame: `content`, `person_id`, `family_id`.
        splits: One name per row.

    Returns:
        By pair ("train-val"), the counts by kind of `LINKS`; only pairs of splits that exist.
    """
    split = np.asarray(splits, dtype=object)
    parts = {name: frame[split == name] for name in SPLITS if (split == name).any()}
    return {
        f"{one}-{other}": {
            kind: int(parts[other][column].isin(parts[one][column].dropna()).sum())
            for kind, column in LINKS.items()
        }
        for one, other in combinations(parts, 2)
    }
