"""A study's images in memory: what training and reports see of a data root.

They lie once, in one array, training first and test last: a split is a slice of it, and what a
worker gets, which is all but the test split, another one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from agecls.classes import EIGHT, Classes
from agecls.data.arrays import TrainingArrays
from agecls.data.packing import PACK_FORMAT, Progress, open_pack
from agecls.data.records import read_records
from agecls.data.rows import SPLITS
from agecls.data.splits import (
    MADE_SHARES,
    Deduplication,
    complete_splits,
    count_leaks,
    deduplicate,
    find_clusters,
)
from agecls.data.within import photographs
from agecls.errors import DataLayoutError
from agecls.files import cache_folder, new_folder_beside, publish, writing_to

SYNTHETIC: Final = "synthetic"
SYNTHETIC_SOURCE: Final = "synthetic-source"
SPLIT_COLUMNS: Final = ("image_path", "label", "person_id", "family_id", "content", "cluster")
_SHOWN_REASONS: Final = 10


@dataclass(frozen=True)
class Labelled:
    """What is known of some images, but their pixels.

    Attributes:
        labels: (N,) int64.
        frame: `SPLIT_COLUMNS`, one row per image; `cluster` (int64) is equal for images that are
            not independent: same family, person or photograph, or identical files, in any split.
        classes: What the labels mean.
    """

    labels: npt.NDArray[np.int64]
    frame: pd.DataFrame
    classes: Classes

    @property
    def counts(self) -> list[int]:
        """Images of each class."""
        return [int(n) for n in np.bincount(self.labels, minlength=len(self.classes))]


@dataclass(frozen=True)
class Split(Labelled):
    """The images of one split.

    Attributes:
        images: (N, size, size, 3) uint8 RGB; a part of the array in which all lie.
    """

    images: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FaceData:
    """A data root, decoded and split.

    Attributes:
        train: Images to train on; without duplicates unless they were asked for.
        val: Images that choose between configurations.
        test: Images for the last look, if the set has them.
        images: (P, size, size, 3) uint8 RGB of all splits, in the order above.
        fingerprint: Hash of contents, labels and splits in order, and of the size.
        summary: What the data are and what is wrong with them, JSON-able; keys: see `load_data`.
        quarantine: All unusable rows and files: `image_path`, `where`, `reason`, `is_bad`.
    """

    train: Split
    val: Split
    test: Split | None
    images: npt.NDArray[np.uint8]
    fingerprint: str
    summary: dict[str, Any]
    quarantine: pd.DataFrame

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return len(self.images[0])

    @property
    def classes(self) -> Classes:
        """What the labels mean."""
        return self.train.classes

    def arrays(self) -> TrainingArrays:
        """What goes to training workers, never the test split; it shares this object's memory."""
        labels = np.concatenate([self.train.labels, self.val.labels])
        places = np.arange(len(labels))
        n = len(self.train.labels)
        images = self.images[: len(labels)]
        return TrainingArrays(images, labels, places[:n], places[n:], self.classes)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a data root is read.

    Attributes:
        size: Side of the images in pixels.
        classes: What images may be; others are set aside.
        seed: Of the splits that are made.
        deduplicate: Whether later byte-identical copies within train are left out, and all copies
            of a file whose copies carry different classes. Nothing is left out of val and test;
            what they share with train is counted.
        max_bad_share: Largest share of unusable rows and files.
    """

    size: int
    classes: Classes = EIGHT
    seed: int = 0
    deduplicate: bool = True
    max_bad_share: float = 0.02


def load_data(path: str | Path, reading: Reading, *, progress: Progress | None = None) -> FaceData:
    """The images of a data root, split; decoded on the first call, taken from the cache later.

    Official splits are kept. A missing val is made from train, and val and test if there is no
    split at all, by clusters of family, person, photograph and identical files.

    The summary's keys:
        layout, size, root: As read; `notes`: how, see `agecls.data.records.Records`.
        images: Number by split, as returned.
        classes: By split, the number of images by class letter.
        absent_classes: By split, letters of classes that it lacks.
        majority: By split, the share of its most frequent class.
        persons, families, clusters: Distinct ones by split; 0 where none is known.
        quarantined: `bad` and `set_aside` (ages without a class) counts, `first`: up to 10 rows.
        duplicates: `removed` (bool), `copies`, `conflicting_groups`, `conflicting_images` of
            train; `val_copies`, `test_copies` (kept).
        leaks: By pair ("train-val"), images of the second split with `same_content`,
            `same_person`, `same_family` in the first, before duplicates are left out.
        splits: `made` (names), `shares` and `seed` of those, `how`: a sentence.

    Args:
        path: As for `read_records`; "synthetic" and "synthetic-source" are drawn faces.
        reading: How it is read.
        progress: Called with images done and images in all while they are drawn or decoded.

    Raises:
        DataLayoutError: No layout is recognised, too much is unusable, train is empty or has one
            class only, or no val is there and none can be made.
        AgeclsError: The cache cannot be written.
    """
    root, size = root_of(path, progress=progress), reading.size
    records = read_records(root, classes=reading.classes)
    pack = open_pack(records, size, max_bad_share=reading.max_bad_share, progress=progress)
    frame = pack.frame
    labels: npt.NDArray[np.int64] = frame["label"].to_numpy(np.int64)
    shared = photographs(frame["image_path"])
    clusters = find_clusters([frame["family_id"], frame["person_id"], frame["content"], shared])
    names, made = complete_splits(frame["split"].tolist(), labels, clusters, seed=reading.seed)
    _refuse_without_train(root, names)

    found = _train_duplicates(frame, names)
    is_used = np.ones(len(frame), dtype=bool)
    if reading.deduplicate:
        is_used[names == "train"] = found.keep
    rows = {name: np.flatnonzero((names == name) & is_used) for name in SPLITS}
    # asarray: a plain array, which pickles and shares without its file
    images = np.asarray(pack.images)[np.concatenate(list(rows.values()))]
    parts = np.split(images, np.cumsum([len(places) for places in rows.values()])[:-1])
    known = frame.assign(cluster=clusters)[list(SPLIT_COLUMNS)]
    splits = {
        name: _split(part, known.iloc[rows[name]], records.classes)
        for name, part in zip(SPLITS, parts, strict=True)
        if (names == name).any()
    }
    groups = _groups_of(known, records.classes)
    _refuse_unusable(root, splits, groups)
    summary = {
        "layout": records.layout,
        "root": str(path),
        "size": size,
        **_counts(splits),
        "quarantined": _quarantined(pack.quarantine),
        "duplicates": {
            "removed": reading.deduplicate,
            "copies": found.copies,
            "conflicting_groups": found.conflicting_groups,
            "conflicting_images": found.conflicting_images,
            **{f"{n}_copies": _n_copies(splits[n]) for n in ("val", "test") if n in splits},
        },
        "leaks": count_leaks(frame, names.tolist()),
        "splits": _how_split(made, reading.seed, groups),
        "notes": list(records.notes),
    }
    return FaceData(
        train=splits["train"],
        val=splits["val"],
        test=splits.get("test"),
        images=images,
        fingerprint=_fingerprint(splits, size),
        summary=summary,
        quarantine=pack.quarantine,
    )


def root_of(path: str | Path, *, progress: Progress | None = None) -> Path:
    """The folder or table that a path means; a drawn set is drawn if it is not there yet."""
    if path in (SYNTHETIC, SYNTHETIC_SOURCE):
        return _drawn(str(path), progress)
    return Path(path).expanduser()


def _drawn(which: str, progress: Progress | None) -> Path:
    """The folder of a drawn set, drawn now if it is not in the cache."""
    from agecls.faces import face_set as faces  # only here: real data need no drawing

    face_set = faces.DEFAULT if which == SYNTHETIC else faces.SOURCE
    text = json.dumps(asdict(face_set), sort_keys=True)
    digest = hashlib.blake2b(f"{faces.DRAWING} {text}".encode(), digest_size=16)
    cache = cache_folder()
    target = cache / "drawn" / digest.hexdigest()
    if not target.is_dir():
        with writing_to(cache), new_folder_beside(target) as temporary:
            faces.draw_face_set(temporary / "set", face_set, progress=progress)
            publish(temporary / "set", target, is_whole=Path.is_dir)
    return target


def _split(images: npt.NDArray[np.uint8], frame: pd.DataFrame, classes: Classes) -> Split:
    frame = frame.reset_index(drop=True)
    return Split(frame["label"].to_numpy(np.int64), frame, classes, images)


def _train_duplicates(frame: pd.DataFrame, names: npt.NDArray[np.object_]) -> Deduplication:
    train = frame[names == "train"]
    return deduplicate(train["label"].tolist(), train["content"].tolist())


def _refuse_without_train(root: Path, names: npt.NDArray[np.object_]) -> None:
    if not (names == "train").any():
        there = ", ".join(sorted(set(names.tolist())))
        raise DataLayoutError(
            f"{root} has images of {there} but none of train; add the train split"
        )


@dataclass(frozen=True)
class _Groups:
    """What must not be parted: in the singular, in the plural, and what would help."""

    one: str
    all: str
    others: str


def _groups_of(frame: pd.DataFrame, classes: Classes) -> _Groups:
    """Of a set that tells persons, or of faces, which may; of other pictures only files."""
    if classes.years is None and frame[["person_id", "family_id"]].isna().all(axis=None):
        return _Groups("group of identical files", "identical files", "more images")
    return _Groups(
        "person, family or group of identical files",
        "families, persons and identical files",
        "images of other persons",
    )


def _refuse_unusable(root: Path, splits: Mapping[str, Split], groups: _Groups) -> None:
    train = splits["train"]
    seen = sorted(set(train.labels.tolist()))
    if len(seen) < 2:
        only = (
            f"only class {train.classes.names[seen[0]]}"
            if seen
            else "no image without a duplicate"
        )
        raise DataLayoutError(
            f"{root}: train has {only} ({len(train.labels):,} images); a study needs two or more "
            f"classes in train"
        )
    if "val" not in splits:
        raise DataLayoutError(
            f"{root} has no val split, and none can be made: all {len(train.labels):,} images "
            f"belong to one {groups.one}, which must not be parted; add {groups.others} or a val "
            "split"
        )


def _counts(splits: Mapping[str, Split]) -> dict[str, Any]:
    by_class = {name: split.classes.counted(split.counts) for name, split in splits.items()}
    return {
        "images": {name: len(split.labels) for name, split in splits.items()},
        "classes": by_class,
        "absent_classes": {
            name: [letter for letter, n in counts.items() if n == 0]
            for name, counts in by_class.items()
        },
        "majority": {n: max(split.counts) / len(split.labels) for n, split in splits.items()},
        "persons": {n: int(split.frame["person_id"].nunique()) for n, split in splits.items()},
        "families": {n: int(split.frame["family_id"].nunique()) for n, split in splits.items()},
        "clusters": {n: int(split.frame["cluster"].nunique()) for n, split in splits.items()},
    }


def _quarantined(quarantine: pd.DataFrame) -> dict[str, Any]:
    n_bad = int(quarantine["is_bad"].sum())
    # bad ones first: ages without a class need no action
    ordered = quarantine.sort_values("is_bad", ascending=False, kind="stable")
    return {
        "bad": n_bad,
        "set_aside": len(quarantine) - n_bad,
        "first": ordered[["image_path", "where", "reason"]]
        .head(_SHOWN_REASONS)
        .to_dict("records"),
    }


def _n_copies(split: Split) -> int:
    return int(split.frame["content"].duplicated().sum())


def _how_split(made: tuple[str, ...], seed: int, groups: _Groups) -> dict[str, Any]:
    if not made:
        return {"made": [], "shares": {}, "seed": None, "how": "the data set's own splits"}
    shares = {name: MADE_SHARES[name] for name in made}
    parts = " and ".join(f"{name} ({share:.0%})" for name, share in shares.items())
    rest = "the rest is train" if "test" in made else "drawn from train"
    how = f"{parts} made here with seed {seed}, {rest}; {groups.all} stay together"
    return {"made": list(made), "shares": shares, "seed": seed, "how": how}


def _fingerprint(splits: Mapping[str, Split], size: int) -> str:
    digest = hashlib.blake2b(f"{PACK_FORMAT} {size}".encode(), digest_size=16)
    for name, split in splits.items():
        digest.update(f"\n{name} {len(split.labels)}\n".encode())
        digest.update("\n".join(split.frame["content"]).encode())
        digest.update(split.labels.astype("<i8").tobytes())
    return digest.hexdigest()
