"""What is in a data root and what is wrong with it, as frames; nothing is printed or written."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from agecls.audit.drift import prior_drift
from agecls.audit.image_sizes import read_sizes
from agecls.audit.near_duplicates import THUMBNAIL, near_duplicates
from agecls.classes import EIGHT, Classes
from agecls.data.packing import open_pack
from agecls.data.records import read_records
from agecls.data.rows import SPLITS
from agecls.data.splits import LINKS, find_clusters
from agecls.data.within import photographs

NO_SPLIT: Final = "all"
"""Name of the whole where a set has no splits."""

LEAK_KINDS: Final = (*LINKS, "near_duplicate", "linked_person")

Progress = Callable[[str, int, int], None]
"""Told the step and the numbers of images done and of all images."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """An audit of a data root.

    Attributes:
        root: The folder that paths are relative to.
        layout: See `agecls.data.records`.
        images: One row per usable image: the columns of records, `split` ("all" where there is
            none), `content` (hash of the file), `width`, `height`, `format`, `alike` (int64;
            equal for identical and nearly identical pictures), `identity` (int64; equal for one
            person and for persons who share an alike picture).
        thumbnails: (N, 32, 32, 3) uint8 RGB of these images.
        quarantine: Unusable rows and files: `image_path`, `where`, `reason`, `is_bad`.
        notes: What a person should know of how the root was read, a sentence each.
        splits: Names of the splits in order.
        near: Pairs of nearly identical files: `first`, `second` (rows of `images`), `distance`,
            `correlation`; see `agecls.audit.near_duplicates`.
        groups: One row per group of duplicates: `kind` ("identical": one content; "near": several
            contents that are alike, with all their copies), `rows` (tuple, of `images`),
            `splits` and `classes` (tuples), `is_conflict` (the classes differ).
        persons: One row per two person ids that share pictures: `person`, `other`,
            `is_other_family`, `shared` (distinct pictures), `splits` (tuple).
        leaks: One row per pair of splits (`one`, `other`): images of `other` that have in `one`
            the `same_content`, `near_duplicate` (another file of the photograph), `same_person`,
            `same_family` or a `linked_person` (another id that shares pictures with theirs,
            directly or through others), and `images` of `other` in all.
        impossible: Rows of images whose class begins above their person's age: `row`,
            `years_short` (class's youngest age less the age when the set was collected).
        drift: See `agecls.audit.drift.prior_drift`.
        classes: What the labels mean.
    """

    root: Path
    layout: str
    images: pd.DataFrame
    thumbnails: npt.NDArray[np.uint8]
    quarantine: pd.DataFrame
    notes: tuple[str, ...]
    splits: tuple[str, ...]
    near: pd.DataFrame
    groups: pd.DataFrame
    persons: pd.DataFrame
    leaks: pd.DataFrame
    impossible: pd.DataFrame
    drift: pd.DataFrame
    classes: Classes

    @property
    def is_of_people(self) -> bool:
        """Whether who is in a picture is known, or could be: faces are somebody's."""
        known = self.images[["person_id", "family_id"]].notna().any(axis=None)
        return bool(known) or self.classes.years is not None


def audit_faces(
    path: Path,
    *,
    classes: Classes = EIGHT,
    progress: Progress | None = None,
) -> Findings:
    """Read every image of a data root and say what is there and what is wrong.

    Args:
        path: A folder or table in any layout that `agecls.data.records` reads.
        classes: What images may be; others are set aside.
        progress: Called while images are read.

    Raises:
        DataLayoutError: No layout is recognised or no image can be used.
        AgeclsError: The cache cannot be written.
    """
    records = read_records(path, classes=classes)
    step = (lambda name: None) if progress is None else partial(partial, progress)
    pack = open_pack(records, THUMBNAIL, max_bad_share=1.0, progress=step("reading images"))
    measured = read_sizes(
        records.root, pack.frame["image_path"].tolist(), progress=step("reading sizes")
    )
    images = pd.concat([pack.frame, measured], axis=1)
    images["split"] = [NO_SPLIT if split is None else split for split in images["split"]]
    near = _near_pairs(pack.images, images["content"])
    images["alike"] = _alike(images["content"], near)
    images["identity"] = find_clusters([images["person_id"], images["alike"]])
    splits = tuple(name for name in (*SPLITS, NO_SPLIT) if (images["split"] == name).any())
    labels: npt.NDArray[np.int64] = images["label"].to_numpy(np.int64)
    return Findings(
        root=records.root,
        layout=records.layout,
        images=images,
        thumbnails=pack.images,
        quarantine=pack.quarantine,
        notes=records.notes,
        splits=splits,
        near=near,
        groups=_groups(images, records.classes),
        persons=_linked_persons(images),
        leaks=_leaks(images, splits),
        impossible=_impossible(images, records.classes),
        drift=prior_drift(
            labels,
            images["split"].to_numpy(object),
            find_clusters(
                [images["family_id"], images["identity"], photographs(images["image_path"])]
            ),
            names=splits,
        ),
        classes=records.classes,
    )


def sizes(images: pd.DataFrame) -> pd.DataFrame:
    """How many images have a `width`, `height` and `format`, the commonest first: `images`."""
    return images.value_counts(["width", "height", "format"]).rename("images").reset_index()


def duplicates_by_place(groups: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """How many groups of duplicates lie within each split and across each pair of splits.

    Args:
        groups: Of `Findings`.
        images: Of `Findings`.

    Returns:
        `kind`, `place` ("train", or "train and val"), `groups`, `images` (of these groups in
        this place), `conflicts` (groups with several classes). A group within a split has two
        images or more there; a group with images in two splits counts across them, too.
    """
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    split_of = images["split"].tolist()
    for group in groups.itertuples():
        inside = Counter(split_of[row] for row in group.rows)
        places = {split: n for split, n in inside.items() if n > 1}
        places |= {
            f"{one} and {other}": inside[one] + inside[other]
            for one, other in combinations(group.splits, 2)
        }
        for place, n in places.items():
            counts = found[group.kind, place]
            counts[0] += 1
            counts[1] += n
            counts[2] += group.is_conflict
    rows = [(*key, *counts) for key, counts in sorted(found.items())]
    return pd.DataFrame(rows, columns=["kind", "place", "groups", "images", "conflicts"])


def _near_pairs(thumbnails: npt.NDArray[np.uint8], contents: pd.Series) -> pd.DataFrame:
    """Near duplicates among the first images of each content, as rows of all images."""
    rows = np.flatnonzero(~contents.duplicated().to_numpy())
    near = near_duplicates(np.asarray(thumbnails)[rows])
    return near.assign(first=rows[near["first"]], second=rows[near["second"]])


def _alike(contents: pd.Series, near: pd.DataFrame) -> npt.NDArray[np.int64]:
    codes = pd.factorize(contents)[0]
    n = int(codes.max()) + 1
    edges = (np.ones(len(near)), (codes[near["first"]], codes[near["second"]]))
    component = connected_components(coo_array(edges, shape=(n, n)), directed=False)[1]
    alike: npt.NDArray[np.int64] = component[codes].astype(np.int64)
    return alike


def _groups(images: pd.DataFrame, classes: Classes) -> pd.DataFrame:
    columns = {name: images[name].tolist() for name in ("split", "label", "content")}
    found: list[dict[str, Any]] = []
    for kind, column in (("identical", "content"), ("near", "alike")):
        repeated = images.index[images[column].duplicated(keep=False)]
        for rows in images.loc[repeated].groupby(column, sort=False).indices.values():
            members = repeated[rows].tolist()
            if kind == "near" and len({columns["content"][row] for row in members}) < 2:
                continue
            labels = sorted({columns["label"][row] for row in members})
            inside = {columns["split"][row] for row in members}
            found.append(
                {
                    "kind": kind,
                    "rows": tuple(members),
                    "splits": tuple(s for s in (*SPLITS, NO_SPLIT) if s in inside),
                    "classes": tuple(classes.names[label] for label in labels),
                    "is_conflict": len(labels) > 1,
                }
            )
    return pd.DataFrame(found, columns=["kind", "rows", "splits", "classes", "is_conflict"])


def _linked_persons(images: pd.DataFrame) -> pd.DataFrame:
    known = images[images["person_id"].notna()]
    repeated = known[known["alike"].duplicated(keep=False)]
    shared: defaultdict[tuple[str, str], int] = defaultdict(int)
    for persons in repeated.groupby("alike")["person_id"].unique():
        for pair in combinations(sorted(persons), 2):
            shared[pair] += 1
    family = dict(zip(known["person_id"], known["family_id"], strict=True))
    splits = known.groupby("person_id")["split"].unique().to_dict()
    rows = [
        {
            "person": one,
            "other": other,
            "is_other_family": family[one] is not None and family[one] != family[other],
            "shared": n,
            "splits": tuple(s for s in SPLITS if s in splits[one] or s in splits[other]),
        }
        for (one, other), n in sorted(shared.items())
    ]
    return pd.DataFrame(rows, columns=["person", "other", "is_other_family", "shared", "splits"])


def _leaks(images: pd.DataFrame, splits: tuple[str, ...]) -> pd.DataFrame:
    parts = {name: images[images["split"] == name] for name in splits}
    rows = []
    for one, other in combinations(splits, 2):
        first, second = parts[one], parts[other]
        leaks = {
            kind: second[column].isin(first[column].dropna()) for kind, column in LINKS.items()
        }
        is_alike = second["alike"].isin(first["alike"])
        is_linked = second["identity"].isin(first["identity"])
        leaks["near_duplicate"] = is_alike & ~leaks["same_content"]
        leaks["linked_person"] = (
            is_linked & ~is_alike & ~leaks["same_person"] & second["person_id"].notna()
        )
        counts = {kind: int(leaks[kind].sum()) for kind in LEAK_KINDS}
        rows.append({"one": one, "other": other, **counts, "images": len(second)})
    return pd.DataFrame(rows, columns=["one", "other", *LEAK_KINDS, "images"])


def _impossible(images: pd.DataFrame, classes: Classes) -> pd.DataFrame:
    # classes that are no ages are above nobody's
    bounds = np.array([low for low, _ in classes.years or ((0, 0),) * len(classes)])
    youngest = bounds[images["label"]]
    short = youngest - images["collected_age"].to_numpy(dtype=float, na_value=np.nan)
    rows = np.flatnonzero(short > 0)
    return pd.DataFrame({"row": rows, "years_short": short[rows].astype(np.int64)})
