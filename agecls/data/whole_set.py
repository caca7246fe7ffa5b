"""A folder of faces as one set of images, whatever splits it has.

Finished models are scored on such sets; training goes through `agecls.data.loading`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agecls.classes import EIGHT, Classes
from agecls.data.loading import SPLIT_COLUMNS, Split, root_of
from agecls.data.packing import PACK_FORMAT, Progress, open_pack
from agecls.data.records import read_records
from agecls.data.splits import find_clusters
from agecls.data.within import photographs


@dataclass(frozen=True)
class WholeSet:
    """All usable images of a data root.

    Attributes:
        images: In the root's order; `cluster` as in `agecls.data.loading.Split`.
        fingerprint: Hash of contents and labels in order, and of the size.
        summary: JSON-able: `layout`, `root`, `size`, `images`, `clusters`, `copies` (images whose
            file stood before), `classes` (images by letter), `majority` (share of the commonest
            class), `bad` and `set_aside` (unusable images, and ages without a class),
            `notes` (how the root was read, a sentence each).
    """

    images: Split
    fingerprint: str
    summary: dict[str, Any]


def load_whole(
    path: str | Path,
    *,
    size: int,
    classes: Classes = EIGHT,
    max_bad_share: float = 0.02,
    progress: Progress | None = None,
) -> WholeSet:
    """The images of a data root in any layout, of all its splits together.

    Nothing is left out but what cannot be used: copies stay, and share their cluster.

    Args:
        path: As for `agecls.data.loading.load_data`.
        size: Side of the images in pixels.
        classes: What images may be; others are set aside.
        max_bad_share: Largest share of unusable rows and files.
        progress: Called with images done and images in all while they are drawn or decoded.

    Raises:
        DataLayoutError: No layout is recognised, or too much is unusable.
        AgeclsError: The cache cannot be written.
    """
    root = root_of(path, progress=progress)
    records = read_records(root, classes=classes)
    pack = open_pack(records, size, max_bad_share=max_bad_share, progress=progress)
    known = [pack.frame[k] for k in ("family_id", "person_id", "content")]
    frame = pack.frame.assign(
        cluster=find_clusters([*known, photographs(pack.frame["image_path"])])
    )
    frame = frame[list(SPLIT_COLUMNS)].reset_index(drop=True)
    labels = frame["label"].to_numpy(np.int64)
    images = Split(labels, frame, records.classes, np.asarray(pack.images))
    n_bad = int(pack.quarantine["is_bad"].sum())
    digest = hashlib.blake2b(f"{PACK_FORMAT} {size}\n".encode(), digest_size=16)
    digest.update("\n".join(frame["content"]).encode())
    digest.update(labels.astype("<i8").tobytes())
    return WholeSet(
        images=images,
        fingerprint=digest.hexdigest(),
        summary={
            "layout": records.layout,
            "root": str(path),
            "size": size,
            "images": len(labels),
            "clusters": int(frame["cluster"].nunique()),
            "copies": int(frame["content"].duplicated().sum()),
            "classes": records.classes.counted(images.counts),
            "majority": max(images.counts) / len(labels),
            "bad": n_bad,
            "set_aside": len(pack.quarantine) - n_bad,
            "notes": list(records.notes),
        },
    )
