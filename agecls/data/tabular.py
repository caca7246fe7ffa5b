"""Data roots described by tables: the Korean family CSVs, and any table of paths and classes."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from agecls.classes import class_of_letter
from agecls.data.label_files import TABLE_SUFFIXES, Table, read_table
from agecls.data.rows import (
    SPLIT_NAMES,
    SPLITS,
    expected_classes,
    label_of_text,
    make_rows,
    map_unique,
    reject,
    reject_missing_files,
    reject_repeated_paths,
    reject_unsafe_paths,
    set_labels_from_years,
)
from agecls.errors import DataLayoutError

FAMILY_COLUMNS: Final = ("family_id", "person_id", "age_class", "image_path")
_PATHS: Final = ("image_path", "path", "file", "filename")
_LABELS: Final = ("label", "age_class", "class", "age")
_PERSONS: Final = ("person_id", "person")


def family_csv_name(split: str) -> str:
    """File name of a split's CSV in the family layout."""
    return f"custom_{split}_dataset.csv"


def family_rows(root: Path, split: str) -> pd.DataFrame:
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
    classes = table.columns["age_class"]
    n = len(families)
    rows = make_rows(
        table.columns["image_path"],
        where=table.where(),
        split=[split] * n,
        label=map_unique(class_of_letter, classes),
        person_id=[f"{family}/{role}" for family, role in zip(families, roles, strict=True)],
        family_id=families,
        role=roles,
    )
    reject_unsafe_paths(rows)
    reject(rows, rows["label"].isna().to_numpy(), _unknown_class("age_class", classes, rows))
    reject(rows, [not text for text in families], "family_id is empty")
    reject(rows, [not text for text in roles], "person_id is empty")
    is_safe = rows["reason"].isna()
    rows.loc[is_safe, "image_path"] = folder + "/" + rows.loc[is_safe, "image_path"]
    reject_missing_files(rows, root)
    reject_repeated_paths(rows)
    return pd.concat([rows, _uneven_rows(table)], ignore_index=True)


def find_table(root: Path) -> Path | None:
    """The only CSV or parquet file of a folder that is not a family CSV, if there is one."""
    family = {family_csv_name(split) for split in SPLITS}
    found = [
        entry
        for entry in root.iterdir()
        if entry.suffix.lower() in TABLE_SUFFIXES
        and entry.name not in family
        and not entry.name.startswith(".")
        and entry.is_file()
    ]
    return found[0] if len(found) == 1 else None


def missing_column(table: Table) -> str | None:
    """What a table lacks to be a list of images and classes, or None."""
    if table.first_of(_PATHS) is None:
        return f"no column of paths ({', '.join(_PATHS)})"
    if table.first_of(_LABELS) is None:
        return f"no column of classes ({', '.join(_LABELS)})"
    return None


def table_rows(root: Path, table: Table) -> pd.DataFrame:
    """Rows of any table of paths and classes; its paths are relative to the root.

    With a family column, persons are numbered within families, as in the family layout.

    Args:
        root: The table's folder.
        table: One that lacks no column.
    """
    paths = [_text(value) for value in table.columns[_column(table, _PATHS)]]
    label_name = _column(table, _LABELS)
    raw_labels = [_text(value) for value in table.columns[label_name]]
    n = len(paths)
    families = _ids(table, "family_id")
    person_name = table.first_of(_PERSONS)
    roles = [None] * n if person_name is None else _ids(table, person_name)
    persons = [
        role if family is None or role is None else f"{family}/{role}"
        for family, role in zip(families, roles, strict=True)
    ]
    is_grouped = "family_id" in table.columns
    rows = make_rows(
        paths,
        where=table.where(),
        label=map_unique(label_of_text, raw_labels),
        person_id=persons,
        family_id=families,
        role=roles if is_grouped else [None] * n,
    )
    reject_unsafe_paths(rows)
    if "split" in table.columns:
        _set_splits(rows, [_text(value) for value in table.columns["split"]])
    years = map_unique(_number, raw_labels)
    if label_name == "age":
        rows["years"] = pd.Series(
            [None if y is None or y < 0 else int(y) for y in years], dtype=object
        )
        set_labels_from_years(rows)
    else:
        reject(
            rows,
            [y is not None for y in years],
            f"`{label_name}` is a number; write {expected_classes()}, or name the column `age` "
            f"if it is years",
        )
    reject(rows, rows["label"].isna().to_numpy(), _unknown_class(label_name, raw_labels, rows))
    reject_missing_files(rows, root)
    reject_repeated_paths(rows)
    return pd.concat([rows, _uneven_rows(table)], ignore_index=True)


def _column(table: Table, names: Sequence[str]) -> str:
    name = table.first_of(names)
    assert name is not None, "the caller checked the columns"
    return name


def _text(value: Any) -> str:
    """A cell as text; empty for None and NaN."""
    return "" if value is None or (value != value) is True else str(value)


def _ids(table: Table, name: str) -> list[str | None]:
    if name not in table.columns:
        return [None] * len(table.numbers)
    return [_text(value).strip() or None for value in table.columns[name]]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _set_splits(rows: pd.DataFrame, texts: Sequence[str]) -> None:
    names = [text.strip().lower() for text in texts]
    if not any(names):
        return
    splits = [SPLIT_NAMES.get(name) for name in names]
    rows["split"] = pd.Series(splits, dtype=object)
    reject(rows, [not name for name in names], "the split is empty, and others are not")
    for unknown in sorted({n for n, s in zip(names, splits, strict=True) if s is None and n}):
        reject(
            rows,
            [name == unknown for name in names],
            f"split {unknown!r} is not one of {', '.join(SPLITS)}",
        )


def _unknown_class(name: str, values: Sequence[str], rows: pd.DataFrame) -> Any:
    """Reason for a row without a class, which shows its value."""
    shown = dict(zip(rows["where"], values, strict=True))
    return lambda row: f"{name} {shown[row.where]!r} is not {expected_classes()}"


def _uneven_rows(table: Table) -> pd.DataFrame:
    rows = make_rows(
        [""] * len(table.uneven), where=[f"{table.name}, row {number}" for number in table.uneven]
    )
    for position, reason in enumerate(table.uneven.values()):
        rows.at[position, "reason"] = reason
        rows.at[position, "is_bad"] = True
    return rows
