"""A data root's images of train and val as folds: which are left out, and what each fold holds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from agecls.data.arrays import TrainingArrays
from agecls.data.folds import Clustered, Folds, counted, draw_folds, from_to
from agecls.data.loading import FaceData, Labelled
from agecls.data.splits import deduplicate
from agecls.errors import DataLayoutError


@dataclass(frozen=True)
class FoldedFaces:
    """Faces whose train and val are parted into folds; the images lie where they lay.

    Attributes:
        faces: The data root, with its own splits.
        folds: Of the images of its train and val.
        summary: As `agecls.data.folds.counted`, and `copies` (later copies of a file, in no fold),
            `conflicting_groups` and `conflicting_images` (files whose copies carry different
            classes, in no fold), `digest` (of who is where), `how` (a sentence of all this).
    """

    faces: FaceData
    folds: Folds
    summary: dict[str, Any]

    def arrays(self) -> TrainingArrays:
        """What goes to training workers, never the test split; it shares the faces' memory."""
        return replace(self.faces.arrays(), folds=self.folds)

    def held_out(self, fold: int) -> Labelled:
        """What is known of a fold's images, in the order of `TrainingArrays.fold`'s val."""
        rows = self.folds.held_out(fold)
        pool = _pool(self.faces).iloc[rows].reset_index(drop=True)
        return Labelled(pool["label"].to_numpy(np.int64), pool, self.faces.classes)


def fold_faces(faces: FaceData, k: int, *, seed: int) -> FoldedFaces:
    """Part train and val into `k` folds; the same for the same faces and seed.

    Where the faces were read without duplicates, no file stands in the folds twice: of identical
    files in train and val together the first is kept, and none whose classes differ.

    Raises:
        DataLayoutError: Too few clusters, or a class lies in too few.
    """
    pool = _pool(faces)
    images = Clustered(
        pool["label"].to_numpy(np.int64),
        pool["cluster"].to_numpy(np.int64),
        faces.classes.names,
        "cluster" if pool[["person_id", "family_id"]].notna().any(axis=None) else "image",
    )
    found = deduplicate(pool["label"].tolist(), pool["content"].tolist())
    is_without = bool(faces.summary["duplicates"]["removed"])
    try:
        folds = draw_folds(images, k, seed=seed, used=found.keep if is_without else None)
    except DataLayoutError as error:
        raise DataLayoutError(f"{faces.summary['root']}: {error}") from None
    summary = {
        **counted(folds, images),
        "copies": found.copies if is_without else 0,
        "conflicting_groups": found.conflicting_groups if is_without else 0,
        "conflicting_images": found.conflicting_images if is_without else 0,
        "digest": folds.digest,
    }
    return FoldedFaces(faces=faces, folds=folds, summary=summary | {"how": _how(summary)})


def _how(summary: Mapping[str, Any]) -> str:
    how = {
        "cluster": "families, persons and identical files stay together",
        "image": "by image, since no family or person is known: images of one person may be on "
        "both sides",
    }[summary["by"]]
    images, clusters = summary["images"], summary["clusters"]
    sizes = f"{from_to(images)} images"
    if summary["by"] == "cluster":
        sizes += f" and {from_to(clusters)} of {sum(clusters):,} clusters"
    n_out = summary["copies"] + summary["conflicting_images"]
    out = (
        f"; {n_out:,} images are in none ({summary['copies']:,} later copies of a file, "
        f"{summary['conflicting_images']:,} whose copies carry different classes)"
        if n_out
        else ""
    )
    return f"{summary['k']} folds of train and val, {sizes} each ({how}){out}"


def _pool(faces: FaceData) -> pd.DataFrame:
    """Rows of train, then of val, as `FaceData.arrays` has their images."""
    return pd.concat([faces.train.frame, faces.val.frame], ignore_index=True)
