"""Data roots described by names: family and UTKFace file names, and folders named by class."""

import os
import posixpath
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from agecls.classes import class_of_letter
from agecls.data.rows import (
    SPLIT_NAMES,
    expected_classes,
    images_below,
    label_of_text,
    make_rows,
    map_unique,
    reject,
    reject_missing_files,
    reject_unreadable_names,
    set_labels_from_years,
)

FAMILY_NAME: Final = re.compile(
    r"(?P<family>[^_]+)_AGE_(?P<role>[A-Za-z]+[0-9]*)_(?P<age>[0-9]{1,3})_(?P<letter>[a-h])[0-9]*"
    r"\.[A-Za-z]+"
)
"""F0001_AGE_D_18_a1.jpg: family, role, age when collected, class in the photo and its index."""

UTKFACE_NAME: Final = re.compile(r"(?P<age>[0-9]{1,3})_[01]_[0-4]_[0-9]+(?:\.[A-Za-z]+)+")
"""25_0_2_20170116174525125.jpg.chip.jpg: age in years, gender, race, time stamp."""

_YEARS: Final = re.compile(r"[0-9]{1,3}")


def share_matching(pattern: re.Pattern[str], paths: Sequence[str]) -> float:
    """Share of the paths whose file name matches, 0 of no paths."""
    return sum(_match(pattern, path) is not None for path in paths) / max(len(paths), 1)


def fill_from_family_names(rows: pd.DataFrame) -> None:
    """Set `collected_age`, in place, where the file's name tells it."""
    ages = [match and int(match["age"]) for match in _matches(FAMILY_NAME, rows)]
    rows["collected_age"] = pd.Series(ages, dtype=object)


def family_name_rows(root: Path, paths: Sequence[str], *, split: str | None) -> pd.DataFrame:
    """Rows of images with names of the family layout."""
    rows = make_rows(paths, where=list(paths), split=[split] * len(paths))
    matches = _matches(FAMILY_NAME, rows)
    parts = {
        "family_id": [m and m["family"] for m in matches],
        "role": [m and m["role"] for m in matches],
        "person_id": [m and f"{m['family']}/{m['role']}" for m in matches],
        "label": [m and class_of_letter(m["letter"]) for m in matches],
        "collected_age": [m and int(m["age"]) for m in matches],
    }
    for name, values in parts.items():
        rows[name] = pd.Series(values, dtype=object)
    return _checked(
        rows,
        root,
        [m is None for m in matches],
        "the name is not {family}_AGE_{role}_{age}_{class}{index}.jpg",
    )


def utkface_rows(root: Path, paths: Sequence[str]) -> pd.DataFrame:
    """Rows of images with UTKFace names; nobody is identified in them."""
    rows = make_rows(paths, where=list(paths))
    matches = _matches(UTKFACE_NAME, rows)
    rows["years"] = pd.Series([m and int(m["age"]) for m in matches], dtype=object)
    return _checked(
        rows,
        root,
        [m is None for m in matches],
        "the name is not {age}_{gender}_{race}_{time}.jpg",
    )


def class_folders(root: Path) -> list[tuple[str | None, str]]:
    """Split and path of each folder with a class's name; empty if the layout is another.

    With folders train, val (valid, validation) or test that hold classes, only those count.
    """
    names = _folders(root)
    in_splits: list[tuple[str | None, str]] = [
        (SPLIT_NAMES[name.lower()], f"{name}/{below}")
        for name in names
        if name.lower() in SPLIT_NAMES
        for below in _folders(root / name)
    ]
    if any(_is_class(path) for _, path in in_splits):
        return in_splits
    flat: list[tuple[str | None, str]] = [(None, name) for name in names]
    return flat if any(_is_class(path) for _, path in flat) else []


def class_folder_rows(root: Path, folders: Sequence[tuple[str | None, str]]) -> pd.DataFrame:
    """Rows of the images in class folders; a folder's name is a class or an age in years."""
    split_of = {path: split for split, path in folders}
    inside = {path: images_below(root, [path], depth=None) for path in sorted(split_of)}
    # images beside the class folders would otherwise vanish unseen
    tops = sorted({posixpath.dirname(path) for path in split_of})
    outside = images_below(root, tops, depth=0)
    paths = [*outside, *(path for found in inside.values() for path in found)]
    folder_of = [None] * len(outside) + [f for f, found in inside.items() for _ in found]
    texts = [None if f is None else posixpath.basename(f) for f in folder_of]
    rows = make_rows(
        paths,
        where=paths,
        split=[None if f is None else split_of[f] for f in folder_of],
        label=map_unique(lambda text: None if text is None else label_of_text(text), texts),
        years=map_unique(_years_of, texts),
    )
    reject(rows, [f is None for f in folder_of], "it lies outside the class folders")
    is_class = [text is not None and _is_class(text) for text in texts]
    return _checked(
        rows,
        root,
        [not known for known in is_class],
        f"its folder is not named by a class: {expected_classes()}",
    )


def _matches(pattern: re.Pattern[str], rows: pd.DataFrame) -> list[re.Match[str] | None]:
    return [_match(pattern, path) for path in rows["image_path"]]


def _match(pattern: re.Pattern[str], path: str) -> re.Match[str] | None:
    return pattern.fullmatch(path[path.rfind("/") + 1 :])


def _checked(
    rows: pd.DataFrame,
    root: Path,
    is_malformed: Sequence[bool] | npt.NDArray[np.bool_],
    reason: str,
) -> pd.DataFrame:
    """The rows after the checks of all layouts by name: names, then files, then years."""
    reject_missing_files(rows, root)
    reject_unreadable_names(rows)
    reject(rows, is_malformed, reason)
    set_labels_from_years(rows)
    return rows


def _folders(root: Path) -> list[str]:
    with os.scandir(root) as entries:
        return sorted(e.name for e in entries if not e.name.startswith(".") and _is_folder(e))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _years_of(text: str | None) -> int | None:
    return int(text) if text is not None and _YEARS.fullmatch(text) else None


def _is_class(path: str) -> bool:
    name = posixpath.basename(path)
    return label_of_text(name) is not None or _years_of(name) is not None
