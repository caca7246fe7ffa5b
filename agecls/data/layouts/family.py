"""Korean family faces: a CSV and a folder of images a split, or names that tell everything."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from agecls.classes import Classes
from agecls.data.folders import images_below, splits_of_path
from agecls.data.label_files import read_table
from agecls.data.layouts.names import checked, matches, share_matching
from agecls.data.layouts.tabular import uneven_rows, unknown_class
from agecls.data.rows import (
    SPLITS,
    make_rows,
    map_unique,
    reject,
    reject_missing_files,
    reject_repeated_paths,
    reject_unsafe_paths,
    set_labels_from_years,
    set_splits,
)
from agecls.errors import DataLayoutError

FAMILY_COLUMNS: Final = ("family_id", "person_id", "age_class", "image_path")
PHOTO_AGE: Final = "photo_age"
"""A column that a family CSV may have: the age in years in the picture, which tells the class of
ages of one's own too."""
FAMILY_NAME: Final = re.compile(
    r"(?P<family>[^_]+)_AGE_(?P<role>[A-Za-z]+[0-9]*)_(?P<age>[0-9]{1,3})_(?P<letter>[a-h])[0-9]*"
    r"\.[A-Za-z]+"
)
"""F0001_AGE_D_18_a1.jpg: family, role, age when collected, class in the photo and its index."""


def family_csv_name(split: str) -> str:
    """File name of a split's CSV in the family layout."""
    return f"custom_{split}_dataset.csv"


def family_rows(root: Path, split: str, classes: Classes) -> pd.DataFrame:
    """Rows of one split's family CSV; its paths are relative to `{split}_images`.

    A person is one role of one family, such as F0001/D.

    Raises:
        DataLayoutError: A column or the folder of images is missing, or the CSV is unreadable.
    """
    table = read_table(root / family_csv_name(split))
    missing = [name for name in FAMILY_COLUMNS if name not in table.columns]
    if missing:
        raise DataLayoutError(
            f"{table.name} in {root} has no column `{missing[0]}`; a family CSV has the columns "
            f"{', '.join(FAMILY_COLUMNS)}"
        )
    folder = f"{split}_images"
    if not (root / folder).is_dir():
        raise DataLayoutError(
            f"{table.name} lists images of {folder}/, which {root} does not have; add the folder "
            f"or move the CSV away"
        )
    families = [text.strip() for text in table.columns["family_id"]]
    roles = [text.strip() for text in table.columns["person_id"]]
    letters = table.columns["age_class"]
    n = len(families)
    rows = make_rows(
        table.columns["image_path"],
        where=table.where(),
        split=[split] * n,
        label=map_unique(classes.of_name, letters),
        person_id=[f"{family}/{role}" for family, role in zip(families, roles, strict=True)],
        family_id=families,
        role=roles,
    )
    if PHOTO_AGE in table.columns:
        rows["years"] = pd.Series(map_unique(_age, table.columns[PHOTO_AGE]), dtype=object)
        set_labels_from_years(rows, classes)
    reject_unsafe_paths(rows)
    reject(
        rows, rows["label"].isna().to_numpy(), unknown_class("age_class", letters, rows, classes)
    )
    reject(rows, [not text for text in families], "family_id is empty")
    reject(rows, [not text for text in roles], "person_id is empty")
    is_safe = rows["reason"].isna()
    rows.loc[is_safe, "image_path"] = folder + "/" + rows.loc[is_safe, "image_path"]
    reject_missing_files(rows, root)
    reject_repeated_paths(rows)
    return pd.concat([rows, uneven_rows(table)], ignore_index=True)


def _age(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


def family_csvs(root: Path) -> list[str]:
    """Names of the family CSVs of a folder, in the order of their splits."""
    return [name for split in SPLITS if (root / (name := family_csv_name(split))).is_file()]


def has_family_names(root: Path) -> bool:
    """Whether the folders of images of its splits hold files with family names."""
    folders = [f"{split}_images" for split in SPLITS if (root / f"{split}_images").is_dir()]
    return share_matching(FAMILY_NAME, images_below(root, folders, depth=0)) >= 0.5


def family_split_rows(root: Path, classes: Classes) -> pd.DataFrame:
    """Rows of each split that is there: from its CSV, or from names where it has none."""
    parts = []
    for split in SPLITS:
        folder = f"{split}_images"
        if (root / family_csv_name(split)).is_file():
            rows = family_rows(root, split, classes)
            _fill_from_names(rows)
            parts.append(rows)
        elif (root / folder).is_dir():
            paths = images_below(root, [folder], depth=0)
            parts.append(family_name_rows(root, paths, classes, split=split))
    return pd.concat(parts, ignore_index=True)


def _fill_from_names(rows: pd.DataFrame) -> None:
    """Set `collected_age`, in place, where the file's name tells it."""
    ages = [match and int(match["age"]) for match in matches(FAMILY_NAME, rows)]
    rows["collected_age"] = pd.Series(ages, dtype=object)


def family_name_rows(
    root: Path, paths: Sequence[str], classes: Classes, *, split: str | None
) -> pd.DataFrame:
    """Rows of images with names of the family layout."""
    rows = make_rows(paths, where=list(paths), split=[split] * len(paths))
    found = matches(FAMILY_NAME, rows)
    parts = {
        "family_id": [m and m["family"] for m in found],
        "role": [m and m["role"] for m in found],
        "person_id": [m and f"{m['family']}/{m['role']}" for m in found],
        "label": [m and classes.of_name(m["letter"]) for m in found],
        "collected_age": [m and int(m["age"]) for m in found],
    }
    for name, values in parts.items():
        rows[name] = pd.Series(values, dtype=object)
    if split is None:
        set_splits(rows, [splits_of_path(path) for path in paths])
    return checked(
        rows,
        root,
        [m is None for m in found],
        "the name is not {family}_AGE_{role}_{age}_{class}{index}.jpg",
        classes,
    )
