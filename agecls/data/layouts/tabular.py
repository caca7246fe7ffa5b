"""Data roots described by tables of paths and classes: one, or one a split."""

import math
import posixpath
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd

from agecls.classes import Classes
from agecls.data.folders import (
    IMAGE_SUFFIXES,
    SPLIT_NAMES,
    FilesByEnd,
    Listing,
    is_hidden,
    split_of_table,
    splits_of_path,
)
from agecls.data.label_files import TABLE_SUFFIXES, Table, read_table
from agecls.data.layouts.persons import fill_persons_from_names
from agecls.data.rows import (
    SPLITS,
    Read,
    expected_classes,
    label_of_text,
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

_PATHS: Final = (
    *("image_path", "path", "file", "filename", "file_name", "filepath", "file_path"),
    *("img_path", "image_name", "img_name", "image", "img", "photo", "picture"),
)
LABELS: Final = ("label", "age_class", "class", "age", "age_years", "age_in_years")
_YEARS: Final = ("age", "age_years", "age_in_years")
_SPLITS: Final = ("split", "set", "subset", "partition")
_FAMILIES: Final = ("family_id", "family")
_PERSONS: Final = (
    *("person_id", "person", "id_num", "identity", "identity_id", "subject", "subject_id"),
    *("user_id", "userid", "user", "individual", "individual_id", "person_name", "celebrity"),
    *("celeb_id", "celebrity_id", "name"),
)
KNOWN: Final = frozenset((*LABELS, *_SPLITS, *_FAMILIES, *_PERSONS))
"""Names of columns that tell anything of an image, but not where it is."""

_SEPARATORS: Final = re.compile(r"[ _.-]")
_JOINED_PERSONS: Final = frozenset(_SEPARATORS.sub("", name) for name in _PERSONS)
"""As "Subject ID" and PersonID are compared, without what stands between the words."""

_MOST_CODES: Final = 10
"""Ages of only 0 to fewer than so many years may be numbers of classes."""

_TRIED: Final = 200
"""Paths of a table that are looked for before they are taken to be relative to another folder."""


def find_tables(root: Path) -> list[Path]:
    """The CSV and parquet files of a folder, in order of their names."""
    return sorted(
        entry
        for entry in root.iterdir()
        if entry.suffix.lower() in TABLE_SUFFIXES and not is_hidden(entry.name) and entry.is_file()
    )


def missing_column(table: Table) -> str | None:
    """What a table lacks to be a list of images and classes, or None."""
    if not has_paths(table):
        held = next((n for n in _PATHS if n in table.nested), None)
        beside = "" if held is None else f"; `{held}` holds whole images: write them to files"
        return f"no column of paths ({', '.join(_PATHS)}{beside})"
    if table.first_of(LABELS) is None:
        return f"no column of classes ({', '.join(LABELS)})"
    return None


def incomplete(path: Path, table: Table) -> str:
    """What a table lacks, for people."""
    columns = ", ".join(table.columns) or "none"
    return f"{path} has {missing_column(table)}; its columns are {columns}"


def with_classes_of(table: Table, column: str, classes: Classes) -> Table:
    """The table whose one column of classes is this one; of ages, if it has nothing but numbers.

    Raises:
        DataLayoutError: It has no such column of single values.
    """
    if column not in table.columns or column in table.nested:
        raise DataLayoutError(
            f"{table.name} has no column `{column}`; its columns are {', '.join(table.columns)}"
        )
    values = table.columns[column]
    numbers = [_number(text) for text in map(_text, values) if text.strip()]
    are_years = classes.years is not None and numbers and None not in numbers
    others = {n: v for n, v in table.columns.items() if n not in LABELS and n != column}
    return replace(table, columns={**others, "age_years" if are_years else "label": values})


def label_texts(table: Table, column: str | None = None) -> list[str]:
    """The labels of a complete table, or of its column; none where they are ages in years."""
    name = column or _column(table, LABELS)
    return [] if name in _YEARS else [_text(value).strip() for value in table.columns[name]]


def has_paths(table: Table) -> bool:
    """Whether a table tells where images are."""
    return table.first_of(_PATHS) is not None


def complete_tables(paths: Sequence[Path]) -> dict[str, Table]:
    """Those of the files that list images and classes, by name; what cannot be read does not."""
    found = {}
    for path in paths:
        with suppress(DataLayoutError):
            table = read_table(path)
            if missing_column(table) is None:
                found[path.name] = table
    return found


def tables_by_split(tables: Mapping[str, Table]) -> dict[str, Table]:
    """The tables by the split that their names tell; empty unless each has one of its own."""
    named = [(split_of_table(name), table) for name, table in tables.items()]
    by_split = {split: table for split, table in named if split is not None}
    is_clear = len(by_split) == len(named) and "train" in by_split and len(by_split) > 1
    return {split: by_split[split] for split in SPLITS if split in by_split} if is_clear else {}


def joined(reads: Sequence[Read]) -> Read:
    """The rows of several tables; an image that two of them list is rejected."""
    rows = pd.concat([read.rows for read in reads], ignore_index=True)
    reject_repeated_paths(rows)
    return Read(rows, list(dict.fromkeys(note for read in reads for note in read.notes)))


def table_rows(root: Path, table: Table, classes: Classes, *, split: str | None = None) -> Read:
    """Rows of any table of paths and classes; its paths are relative to the root.

    Where none of them is there, they are looked for in the folders below. With a family column,
    persons are numbered within families, as in the family layout.

    Args:
        root: The table's folder.
        table: One that lacks no column.
        classes: Those that are asked for.
        split: Of all its images; None: as its column or its paths' folders say, if any.

    Raises:
        DataLayoutError: Its ages may be numbers of classes.
    """
    path_name, label_name = _column(table, _PATHS), _column(table, LABELS)
    paths = [_text(value) for value in table.columns[path_name]]
    raw_labels = [_text(value) for value in table.columns[label_name]]
    labels = map_unique(lambda text: label_of_text(text, classes), raw_labels)
    rows = make_rows(paths, where=table.where(), label=labels)
    used = {path_name, label_name}
    reject_unsafe_paths(rows)
    used |= _set_splits(rows, table, split)
    notes = _place(rows, root, table)
    used |= _set_persons(rows, table)
    years = map_unique(_number, raw_labels)
    if label_name in _YEARS and classes.years is not None:
        if label_name == "age":
            _refuse_codes(table, years, classes)
        rows["years"] = pd.Series(
            [None if y is None else math.floor(y) for y in years], dtype=object
        )
        set_labels_from_years(rows, classes)
    elif classes.years is not None:
        reject(
            rows,
            [y is not None and label is None for y, label in zip(years, labels, strict=True)],
            f"`{label_name}` is a number; write {expected_classes(classes)}, or name the "
            f"column `age` if it is years",
        )
    reject(
        rows, rows["label"].isna().to_numpy(), unknown_class(label_name, raw_labels, rows, classes)
    )
    reject_missing_files(rows, root)
    reject_repeated_paths(rows)
    if rows["split"].isna().all():
        is_good = rows["reason"].isna()
        set_splits(rows, [splits_of_path(p) for p in rows["image_path"].where(is_good, "")])
    is_of_ages = classes.years is not None
    if (
        is_of_ages
        and rows["person_id"].isna().all()
        and (note := fill_persons_from_names(rows)) is not None
    ):
        notes.append(note)
    unused = [name or "without a name" for name in table.columns if name not in used]
    if unused:
        notes.append(f"columns of {table.name} that are not used: {', '.join(unused)}")
    return Read(pd.concat([rows, uneven_rows(table)], ignore_index=True), notes)


def _place(rows: pd.DataFrame, root: Path, table: Table) -> list[str]:
    """Make paths relative to the root, in place, where none of them is; a note that says so.

    A path then means the only file that ends with it, in a folder of its split if it has one.
    Paths may begin with the root's own name.
    """
    is_open = rows["reason"].isna()
    asked: list[str] = rows.loc[is_open, "image_path"].tolist()
    step = max(len(asked) // _TRIED, 1)
    listing = Listing(root)
    if not asked or any(listing.look_up(path).is_there for path in asked[::step]):
        return []
    files = FilesByEnd(root)
    splits = rows.loc[is_open, "split"].tolist()
    found, problems = [], {}
    for path, own in zip(asked, splits, strict=True):
        there = files.ending_with(path) or files.ending_with(_without_root(path, root))
        alike = [f for f in there if not own or splits_of_path(f) <= {own}]
        found.append(alike[0] if len(alike) == 1 else path)
        if len(alike) > 1:
            problems[path] = f"{len(alike)} files have this name: {', '.join(alike[:3])}"
    rows.loc[is_open, "image_path"] = pd.Series(found, index=rows.index[is_open], dtype=object)
    reject(
        rows,
        [path in problems for path in rows["image_path"]],
        lambda row: f"{problems[row.image_path]}; write its folder too",
    )
    if found == asked:
        return []
    tops = sorted(
        {new.partition("/")[0] for new, old in zip(found, asked, strict=True) if new != old}
    )
    return [f"the files of {table.name} are found below the folder, in {', '.join(tops[:5])}"]


def _without_root(path: str, root: Path) -> str:
    """The path after its part that is named like the root, or as it is."""
    parts = path.replace("\\", "/").split("/")
    own = root.resolve().name.casefold()
    folded = [part.casefold() for part in parts[:-1]]
    return "/".join(parts[folded.index(own) + 1 :]) if own in folded else path


def _set_persons(rows: pd.DataFrame, table: Table) -> set[str]:
    """Set `person_id`, `family_id` and `role`, in place; the columns that tell them."""
    families_name, persons_name = table.first_of(_FAMILIES), _persons_column(table)
    families = _ids(table, families_name)
    roles = _ids(table, persons_name)
    persons = [
        role if family is None or role is None else f"{family}/{role}"
        for family, role in zip(families, roles, strict=True)
    ]
    rows["person_id"] = pd.Series(persons, index=rows.index, dtype=object)
    rows["family_id"] = pd.Series(families, index=rows.index, dtype=object)
    if families_name is not None:
        rows["role"] = pd.Series(roles, index=rows.index, dtype=object)
    return {name for name in (families_name, persons_name) if name is not None}


def _persons_column(table: Table) -> str | None:
    """The column of persons; one called `name` only if it names neither files nor classes."""
    name = table.first_of(_PERSONS) or table.first_of(
        [column for column in table.columns if _SEPARATORS.sub("", column) in _JOINED_PERSONS]
    )
    if name != "name":
        return name
    pairs = {
        (_text(value).strip(), _text(label))
        for value, label in zip(
            table.columns["name"], table.columns[_column(table, LABELS)], strict=True
        )
    }
    values, labels = {value for value, _ in pairs}, {label for _, label in pairs}
    of_files = any(posixpath.splitext(v)[1].lower() in IMAGE_SUFFIXES for v in values)
    of_classes = len(values) == len(pairs) and len(values) <= len(labels)
    return None if of_files or of_classes else name


def _refuse_codes(table: Table, years: Sequence[float | None], classes: Classes) -> None:
    """Refuse ages of 0, 1, 2, … and nothing else: they may be numbers of classes.

    Raises:
        DataLayoutError: They are.
    """
    seen = {year for year in years if year is not None}
    if 3 <= len(seen) < _MOST_CODES and seen == set(range(len(seen))):
        raise DataLayoutError(
            f"{table.name}: `age` has only the values 0 to {len(seen) - 1}, which may be years or "
            f"numbers of classes; name the column age_years if they are years, else write "
            f"{expected_classes(classes)}"
        )


def _column(table: Table, names: Sequence[str]) -> str:
    name = table.first_of(names)
    assert name is not None, "the caller checked the columns"
    return name


def _text(value: Any) -> str:
    """A cell as text; empty for None and NaN."""
    return "" if value is None or (value != value) is True else str(value)


def _ids(table: Table, name: str | None) -> list[str | None]:
    if name is None:
        return [None] * len(table.numbers)
    return [_text(value).strip() or None for value in table.columns[name]]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _set_splits(rows: pd.DataFrame, table: Table, split: str | None) -> set[str]:
    """Set `split`, in place, to the one given or from a column; the columns used."""
    if split is not None:
        rows["split"] = pd.Series([split] * len(rows), index=rows.index, dtype=object)
        return set()
    name = _splits_column(table)
    if name is None:
        return set()
    names = [_text(value).strip().lower() for value in table.columns[name]]
    splits = [SPLIT_NAMES.get(text) for text in names]
    rows["split"] = pd.Series(splits, dtype=object)
    reject(rows, [not text for text in names], "the split is empty, and others are not")
    for unknown in sorted({n for n, s in zip(names, splits, strict=True) if s is None and n}):
        reject(
            rows,
            [text == unknown for text in names],
            f"split {unknown!r} is not one of {', '.join(SPLITS)}",
        )
    return {name}


def _splits_column(table: Table) -> str | None:
    """The column called split if it has any, or another one whose values are all splits."""
    for name in _SPLITS:
        texts = {_text(value).strip().lower() for value in table.columns.get(name, [])}
        if texts - {""} and (name == "split" or texts <= SPLIT_NAMES.keys()):
            return name
    return None


def unknown_class(name: str, values: Sequence[str], rows: pd.DataFrame, classes: Classes) -> Any:
    """Reason for a row without a class, which shows its value."""
    shown = dict(zip(rows["where"], values, strict=True))
    return lambda row: f"{name} {shown[row.where]!r} is not {expected_classes(classes)}"


def uneven_rows(table: Table) -> pd.DataFrame:
    """Rejected rows for those of a table that have more or fewer fields than its header."""
    rows = make_rows(
        [""] * len(table.uneven), where=[f"{table.name}, row {number}" for number in table.uneven]
    )
    for position, reason in enumerate(table.uneven.values()):
        rows.at[position, "reason"] = reason
        rows.at[position, "is_bad"] = True
    return rows
