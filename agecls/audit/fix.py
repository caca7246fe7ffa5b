"""A data set without duplicates and leaks: new CSVs that point at the images of the old one.

The folder is in the family layout: `custom_{split}_dataset.csv` and `{split}_images`, a symbolic
link to the absolute path of the original folder of images (or of the whole original set, where
its images lie elsewhere). The CSVs' paths go through that link, so no picture is copied, and the
originals must stay where they are. `removed.csv` says of every image left out, why.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from agecls.audit.findings import NO_SPLIT, Findings
from agecls.classes import Classes
from agecls.data.layouts.family import FAMILY_COLUMNS, family_csv_name
from agecls.data.rows import SPLITS
from agecls.data.splits import complete_splits, find_clusters
from agecls.data.within import photographs
from agecls.errors import DataLayoutError
from agecls.files import new_folder_beside

_SEED: Final = 0
_UNKNOWN_PERSON: Final = "P"
_COPY: Final = "copy of"
_LINKED: Final = "family or person also in"
_SAME_PHOTO: Final = "another face of its photograph is in"


@dataclass(frozen=True)
class Fix:
    """What a fixed set keeps of the original.

    Attributes:
        splits: (N,) split of each image of `Findings.images`, None if it is left out.
        reasons: (N,) why an image is left out, None if it is kept.
        made: Names of splits that the original did not have.
    """

    splits: npt.NDArray[np.object_]
    reasons: npt.NDArray[np.object_]
    made: tuple[str, ...]


def refuse_used_folder(out: Path, root: Path) -> None:
    """Stop before any work if a fixed set cannot be written to this folder.

    Raises:
        DataLayoutError: It is a file, has something in it, or lies inside the originals.
    """
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise DataLayoutError(f"--fix {out} exists and is not an empty folder; name a new one")
    originals = (root if root.is_dir() else root.parent).resolve()
    if out.resolve().is_relative_to(originals):
        raise DataLayoutError(
            f"--fix {out} lies inside {originals}, which is never written to; name a folder "
            f"outside"
        )


def plan_fix(findings: Findings) -> Fix:
    """Which images to keep, and in which split.

    Of each group of identical or nearly identical pictures the first one of test, else of val,
    else of train stays; none does if the group has several classes, since one of them at least is
    wrong. Then images leave val if their family or person is in test, and train if they are in
    val or test; persons who share a picture count as one, and faces of one photograph stay
    together too. Missing splits are made as `agecls.data.loading` makes them, of whole families,
    persons and photographs.

    Raises:
        DataLayoutError: No image of train is left.
    """
    images = findings.images
    reasons = np.full(len(images), None, dtype=object)
    _leave_out_conflicts(images, reasons, findings.classes)
    _leave_out_copies(images, reasons)
    kept = np.flatnonzero(reasons == None)  # noqa: E711  elementwise
    splits = np.full(len(images), None, dtype=object)
    named = [None if name == NO_SPLIT else name for name in images["split"].iloc[kept]]
    photos = pd.Series(photographs(images["image_path"]), dtype=object)
    together = images[["family_id", "identity"]].assign(photo=photos).iloc[kept]
    splits[kept], made = complete_splits(
        named,
        images["label"].iloc[kept].to_numpy(np.int64),
        find_clusters([together[name] for name in together]),
        seed=_SEED,
    )
    _leave_out_linked(images.assign(photo=photos), splits, reasons)
    splits[[reason is not None for reason in reasons]] = None
    if not (splits == "train").any():
        raise DataLayoutError(
            f"{findings.root}: no image of train would be left without duplicates and leaks, so "
            f"no fixed set is written"
        )
    return Fix(splits, reasons, made)


def write_fix(findings: Findings, fix: Fix, out: Path) -> None:
    """Write the fixed set; the folder appears complete or not at all.

    Raises:
        OSError: The folder, or a link in it, cannot be made.
    """
    with new_folder_beside(out) as folder:
        for split in SPLITS:
            rows = findings.images[fix.splits == split]
            if len(rows):
                _write_split(folder, split, rows, findings)
        _write_csv(
            folder / "removed.csv",
            ("image_path", "split", "reason"),
            [
                *(
                    (path, "" if split == NO_SPLIT else split, reason)
                    for path, split, reason in zip(
                        findings.images["image_path"],
                        findings.images["split"],
                        fix.reasons,
                        strict=True,
                    )
                    if reason is not None
                ),
                *(
                    (row.image_path, "", f"unusable: {row.reason}")
                    for row in findings.quarantine.itertuples()
                ),
            ],
        )
        if out.exists():
            out.rmdir()
        folder.rename(out)


def counts_of_fix(findings: Findings, fix: Fix) -> dict[str, Any]:
    """Images kept by split and left out by kind of reason, and the splits made here."""
    kinds = pd.Series([_kind(reason) for reason in fix.reasons if reason is not None])
    return {
        "kept": {s: int((fix.splits == s).sum()) for s in SPLITS if (fix.splits == s).any()},
        "left_out": {str(kind): int(n) for kind, n in kinds.value_counts(sort=False).items()},
        "unusable": len(findings.quarantine),
        "made": list(fix.made),
    }


def _kind(reason: str) -> str:
    if reason.startswith(_COPY):
        return "copies"
    is_linked = reason.startswith((_LINKED, _SAME_PHOTO))
    return "linked to another split" if is_linked else "conflicting classes"


def _leave_out_conflicts(
    images: pd.DataFrame, reasons: npt.NDArray[np.object_], classes: Classes
) -> None:
    repeated = images[images["alike"].duplicated(keep=False)]
    labels = repeated.groupby("alike")["label"].unique()
    texts = {
        group: "its copies have the classes "
        + ", ".join(classes.names[label] for label in sorted(found))
        for group, found in labels.items()
        if len(found) > 1
    }
    reasons[:] = [texts.get(group) for group in images["alike"]]


def _leave_out_copies(images: pd.DataFrame, reasons: npt.NDArray[np.object_]) -> None:
    """Reject, in place, all but the first picture of each group, held-out splits first."""
    rank = images["split"].map({"test": 0, "val": 1, "train": 2, NO_SPLIT: 2})
    order = rank.sort_values(kind="stable").index.to_numpy()
    ranked = images.iloc[order]
    is_later = ranked["alike"].duplicated().to_numpy()
    firsts = ranked[~is_later]
    first = dict(zip(firsts["alike"], firsts["image_path"], strict=True))
    for row in order[is_later]:
        if reasons[row] is None:
            reasons[row] = f"{_COPY} {first[images['alike'].iat[row]]}"


def _leave_out_linked(
    images: pd.DataFrame, splits: npt.NDArray[np.object_], reasons: npt.NDArray[np.object_]
) -> None:
    for lower, higher in (("val", ("test",)), ("train", ("val", "test"))):
        for held_out in higher:
            for columns, reason in (
                (("identity", "family_id"), _LINKED),
                (("photo",), _SAME_PHOTO),
            ):
                is_kept = np.array([reason is None for reason in reasons])
                in_other = images[(splits == held_out) & is_kept]
                is_linked = np.logical_or.reduce(
                    [images[name].isin(in_other[name].dropna()) for name in columns]
                )
                reasons[(splits == lower) & is_kept & is_linked] = f"{reason} {held_out}"


def _write_split(folder: Path, split: str, rows: pd.DataFrame, findings: Findings) -> None:
    root, names = findings.root.resolve(), findings.classes.names
    own = f"{split}_images/"
    is_own_folder = all(path.startswith(own) for path in rows["image_path"])
    target = root / own if is_own_folder else root
    (folder / f"{split}_images").symlink_to(target, target_is_directory=True)
    _write_csv(
        folder / family_csv_name(split),
        FAMILY_COLUMNS,
        [
            (*_names(row), names[row.label], row.image_path[len(own) * is_own_folder :])
            for row in rows.itertuples()
        ],
    )


def _names(row: Any) -> tuple[str, str]:
    """Family and role for a CSV; somebody unknown is a family of one."""
    if row.family_id is not None and row.person_id is not None:
        return row.family_id, row.person_id.removeprefix(f"{row.family_id}/")
    if row.family_id is not None:
        # not known to be one person: each picture has its own
        return row.family_id, f"{_UNKNOWN_PERSON}{row.Index + 1}"
    if row.person_id is not None:
        return row.person_id, _UNKNOWN_PERSON
    return f"{_UNKNOWN_PERSON}{row.Index + 1}", _UNKNOWN_PERSON


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
