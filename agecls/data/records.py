"""What a data root holds, in whichever layout, as one frame of usable images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from agecls.classes import EIGHT, Classes
from agecls.data.label_files import TABLE_SUFFIXES, Table, read_table
from agecls.data.layouts import (
    FAMILY_NAME,
    UTKFACE_NAME,
    class_folder_rows,
    class_folders,
    family_name_rows,
    fill_from_family_names,
    share_matching,
    utkface_rows,
)
from agecls.data.rows import SPLITS, images_below, settle
from agecls.data.tabular import (
    family_csv_name,
    family_rows,
    find_table,
    missing_column,
    table_rows,
)
from agecls.errors import DataLayoutError

LAYOUTS: Final = (
    "custom_{train,val,test}_dataset.csv with {split}_images/; the same folders without CSVs; "
    "UTKFace names; folders named by class, with or without train/val/test; or one CSV or "
    "parquet with columns path and label"
)


@dataclass(frozen=True)
class Records:
    """The images of a data root and the rows that cannot be used.

    Attributes:
        root: The folder that paths are relative to.
        layout: "family csv", "family names", "utkface", "class folders" or "table".
        frame: One row per usable image, object columns hold str or None: `image_path` (posix,
            relative to the root), `split` (train, val, test or None), `label` (int64, 0..7),
            `person_id` (unique over the whole set), `family_id`, `role`, `collected_age` (Int64,
            when the set was collected), `years` (Int64, in the photo, where known).
        quarantine: One row per unusable one: `image_path`, `where` ("labels.csv, row 12"; the
            header is row 1), `reason`, `is_bad` (False: sound, but of an age without a class).
        classes: What the labels mean.
    """

    root: Path
    layout: str
    frame: pd.DataFrame
    quarantine: pd.DataFrame
    classes: Classes


def read_records(root: Path) -> Records:
    """The records of a folder in any layout, or of one CSV or parquet file.

    Files are looked for but not opened: `agecls.data.packing` does that.

    Raises:
        DataLayoutError: Nothing is there, nothing is recognised, a table lacks a column, or no
            row can be used.
    """
    root = Path(root)
    if root.is_file():
        layout, folder, rows = _of_file(root)
    elif root.is_dir():
        try:
            layout, folder, rows = _of_folder(root)
        except OSError as error:
            raise DataLayoutError(f"{error.filename} cannot be read: {error.strerror}") from error
    else:
        raise DataLayoutError(
            f"{root} does not exist; give a data folder or a CSV or parquet file of labels"
        )
    frame, quarantine = settle(rows)
    if frame.empty:
        found = f"{len(quarantine):,} entries" if len(quarantine) else "no entry"
        first = quarantine.iloc[0] if len(quarantine) else None
        why = "" if first is None else f"; the first: {first['where']}: {first['reason']}"
        raise DataLayoutError(f"{root} (read as {layout}) has {found} and none is usable{why}")
    return Records(folder, layout, frame, quarantine, EIGHT)


def _of_file(path: Path) -> tuple[str, Path, pd.DataFrame]:
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise DataLayoutError(f"{path} is neither a folder nor a .csv or .parquet file of labels")
    table = read_table(path)
    _refuse_incomplete(path, table)
    return "table", path.parent, table_rows(path.parent, table)


def _of_folder(root: Path) -> tuple[str, Path, pd.DataFrame]:
    if any((root / family_csv_name(split)).is_file() for split in SPLITS):
        return "family csv", root, _family_splits(root)
    split_folders = {s: f"{s}_images" for s in SPLITS if (root / f"{s}_images").is_dir()}
    named = images_below(root, split_folders.values(), depth=0)
    if share_matching(FAMILY_NAME, named) >= 0.5:
        return "family names", root, _family_splits(root)
    table_path = find_table(root)
    table = None if table_path is None else read_table(table_path)
    if table is not None and missing_column(table) is None:
        return "table", root, table_rows(root, table)
    folders = class_folders(root)
    if folders:
        return "class folders", root, class_folder_rows(root, folders)
    paths = images_below(root, [""], depth=1)
    if share_matching(UTKFACE_NAME, paths) >= 0.5:
        return "utkface", root, utkface_rows(root, paths)
    if share_matching(FAMILY_NAME, paths) >= 0.5:
        return "family names", root, family_name_rows(root, paths, split=None)
    if table is not None and table_path is not None:
        _refuse_incomplete(table_path, table)
    raise DataLayoutError(
        f"{root} has no layout that is known ({len(paths):,} images in it and one level below); "
        f"expected one of: {LAYOUTS}"
    )


def _family_splits(root: Path) -> pd.DataFrame:
    """Rows of each split that is there: from its CSV, or from names where it has none."""
    parts = []
    for split in SPLITS:
        folder = f"{split}_images"
        if (root / family_csv_name(split)).is_file():
            rows = family_rows(root, split)
            fill_from_family_names(rows)
            parts.append(rows)
        elif (root / folder).is_dir():
            paths = images_below(root, [folder], depth=0)
            parts.append(family_name_rows(root, paths, split=split))
    return pd.concat(parts, ignore_index=True)


def _refuse_incomplete(path: Path, table: Table) -> None:
    missing = missing_column(table)
    if missing is not None:
        raise DataLayoutError(
            f"{path} has {missing}; its columns are {', '.join(table.columns) or 'none'}"
        )
