"""What a data root holds, in whichever layout, as one frame of usable images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from agecls.classes import EIGHT, Classes
from agecls.data.folders import images_below, split_of_name, subfolders, summarised, unread_files
from agecls.data.label_files import TABLE_SUFFIXES, read_table
from agecls.data.layouts.class_folders import folder_classes, refuse_number_folders
from agecls.data.layouts.marks import Asked, asked_of
from agecls.data.layouts.recognised import LAYOUTS, named_classes, recognised, recognised_file
from agecls.data.layouts.tabular import complete_tables, find_tables, incomplete
from agecls.data.rows import Read, reject_unsplit, settle
from agecls.data.within import within
from agecls.errors import DataLayoutError

_SHOWN: Final = 4
_TRIED: Final = 20


@dataclass(frozen=True)
class Records:
    """The images of a data root and the rows that cannot be used.

    Attributes:
        root: The folder that paths are relative to.
        layout: "family csv", "family names", "utkface", "age names", "age lists", "age ranges",
            "class folders", "table", "tables" (one a split), "boxes" or "parquet images".
        frame: One row per usable image, object columns hold str or None: `image_path` (posix,
            relative to the root), `split` (train, val, test or None), `label` (int64, the
            class's index), `person_id` (unique over the whole set), `family_id`, `role`,
            `collected_age` (Int64, when the set was collected), `years` (Int64, in the photo,
            where known).
        quarantine: One row per unusable one: `image_path`, `where` ("labels.csv, row 12"; the
            header is row 1), `reason`, `is_bad` (False: sound, but of an age without a class).
        classes: What the labels mean.
        notes: What a person should know of how the root was read, a sentence each: files in it
            that no reader took, columns that are not used, where persons were found.
    """

    root: Path
    layout: str
    frame: pd.DataFrame
    quarantine: pd.DataFrame
    classes: Classes
    notes: tuple[str, ...] = ()


def read_records(root: Path, *, classes: Classes = EIGHT) -> Records:
    """The records of a folder in any layout, or of one CSV or parquet file.

    Files are looked for but not opened: `agecls.data.packing` does that. A path that ends in a
    mark, as `{age}`, asks for a way to read what is above it: see `agecls.data.layouts.marks`.

    Args:
        root: The folder or file.
        classes: What images may be; those of no class are rejected.

    Raises:
        DataLayoutError: Nothing is there, nothing is recognised, a table lacks a column, or no
            row can be used.
    """
    given, asked = root, asked_of(Path(root))
    root = asked.root
    if root.is_file():
        layout, folder, read = _of_file(asked, classes)
    elif root.is_dir():
        try:
            layout, folder, read = _of_folder(asked, classes)
        except OSError as error:
            raise DataLayoutError(f"{error.filename} cannot be read: {error.strerror}") from error
    else:
        raise DataLayoutError(
            f"{given} does not exist; give a data folder or a CSV or parquet file of labels"
        )
    reject_unsplit(read.rows)
    frame, quarantine = settle(read.rows)
    if frame.empty:
        found = f"{len(quarantine):,} entries" if len(quarantine) else "no entry"
        first = quarantine.iloc[0] if len(quarantine) else None
        why = f"; {'; '.join(read.notes)}" if read.notes else ""
        if first is not None:
            why = f"; the first: {first['where']}: {first['reason']}"
        raise DataLayoutError(f"{root} (read as {layout}) has {found} and none is usable{why}")
    return Records(folder, layout, frame, quarantine, classes, tuple(read.notes))


def own_classes(root: Path) -> Classes | None:
    """The classes that a data root names itself, or None where it names no two or is not there.

    They are the names in the schema of parquet files of pictures, in their order; else, sorted,
    the labels of its one table, its folders of pictures, or the labels of its tables by split.
    Classes named by years apart, as 10-19, are ages.

    Args:
        root: As for `read_records`.

    Raises:
        DataLayoutError: A table cannot be read, or has not the column that is asked for.
    """
    asked = asked_of(Path(root))
    return named_classes(asked) if asked.root.exists() else None


def _of_file(asked: Asked, classes: Classes) -> tuple[str, Path, Read]:
    path = asked.root
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise DataLayoutError(f"{path} is neither a folder nor a .csv or .parquet file of labels")
    layout, read, _ = recognised_file(asked, classes)
    return layout, path.parent, read


def _of_folder(asked: Asked, classes: Classes) -> tuple[str, Path, Read]:
    root = asked.root
    tables = find_tables(root)
    found = recognised(asked, tables, classes)
    if found is None:
        refuse_number_folders(root, classes)
        raise DataLayoutError(_unknown(root, tables, classes))
    layout, read, used = found
    if read.rows["split"].isna().all():
        _refuse_half_split(root, read.rows)
    if unread := unread_files(root, {*(within(p).file for p in read.rows["image_path"]), *used}):
        n = f"{len(unread):,} file{'s are' if len(unread) > 1 else ' is'}"
        read.notes.append(f"{n} not read: {summarised(unread)}")
    return layout, root, read


def _refuse_half_split(root: Path, rows: pd.DataFrame) -> None:
    """Refuse a set of which folders name one split and leave images in none.

    To draw splits anew would train on pictures that somebody put aside.
    """
    inside: set[str] = set()
    outside: set[str] = set()
    for path in rows.loc[rows["reason"].isna(), "image_path"]:
        folders = within(path).file.split("/")[:-1]
        named = [name for name in folders if split_of_name(name) is not None]
        (inside if named else outside).add((named or folders or ["the folder itself"])[0])
    if inside and outside:
        raise DataLayoutError(
            f"{root}: {', '.join(sorted(inside)[:_SHOWN])} names a split, but images in "
            f"{', '.join(sorted(outside)[:_SHOWN])} are in none. Name all folders train, val or "
            "test; or rename what is no split, and splits are drawn from everything"
        )


def _unknown(root: Path, tables: Sequence[Path], classes: Classes) -> str:
    """What lies in a folder of no layout, and what to do."""
    complete = list(complete_tables(tables))
    if complete:
        return (
            f"{root} has no layout that is known: {len(complete)} tables list images and classes "
            f"({', '.join(complete)}); give the one to read, or name them by split, as train.csv "
            f"and val.csv"
        )
    if tables:
        return "; ".join(incomplete(path, read_table(path)) for path in tables[:_SHOWN])
    folders = subfolders(root)
    known = [
        name
        for name in folders[:_TRIED]
        if recognised(Asked(root / name), find_tables(root / name), classes) is not None
    ]
    if len(known) == 1:
        return (
            f"{root} has no layout that is known, but its folder {known[0]} has: "
            f"give {root / known[0]}"
        )
    if known:
        return (
            f"{root} has no layout that is known, but {len(known)} of its folders have one each "
            f"({', '.join(known[:_SHOWN])}{', …' if len(known) > _SHOWN else ''}). To read them "
            f"together, list the images in a CSV with columns path and age (and split, if they "
            f"are splits); to read one alone, give {root / known[0]}"
        )
    n = len(images_below(root, [""], depth=1))
    others = unread_files(root, images_below(root, [""], depth=None))
    there = [f"{n:,} images in it and one level below"]
    there += [f"folders {', '.join(folders[:_SHOWN])}"] if folders else []
    there += [f"other files: {summarised(others)}"] if others else []
    return (
        f"{root} has no layout that is known ({'; '.join(there)}); expected one of: {LAYOUTS}. "
        f"Any set can be read through a CSV with columns path and age{_own(root)}"
    )


def _own(root: Path) -> str:
    """What to do if the folders are classes of the person's own; nothing where none can be."""
    own = folder_classes(root)
    if own is None:
        return ""
    shown = ", ".join(own.names[:_SHOWN]) + (", …" if len(own) > _SHOWN else "")
    return f". If its folders are the classes ({shown}), give --classes folders"
