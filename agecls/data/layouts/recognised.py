"""Which layout a data root is in: the first whose names fit. Another layout is another step."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from agecls.classes import Classes
from agecls.data.label_files import Table, read_table
from agecls.data.layouts.age_lists import age_list_rows, find_age_list
from agecls.data.layouts.age_names import CACD, age_form, age_name_rows
from agecls.data.layouts.age_ranges import find_range_list, range_list_rows
from agecls.data.layouts.boxes import box_rows, has_boxes
from agecls.data.layouts.cacd import META
from agecls.data.layouts.class_folders import (
    class_folder_rows,
    classes_named,
    find_class_folders,
    folder_classes,
)
from agecls.data.layouts.family import (
    FAMILY_NAME,
    family_csvs,
    family_name_rows,
    family_split_rows,
    has_family_names,
)
from agecls.data.layouts.marks import Asked
from agecls.data.layouts.names import share_matching
from agecls.data.layouts.shards import find_shards, has_pictures, shard_labels, shard_rows
from agecls.data.layouts.tabular import (
    complete_tables,
    find_tables,
    has_paths,
    incomplete,
    joined,
    label_texts,
    missing_column,
    table_rows,
    tables_by_split,
    with_classes_of,
)
from agecls.data.layouts.utkface import UTKFACE_NAME, named_images, utkface_rows
from agecls.data.rows import Read
from agecls.errors import DataLayoutError

LAYOUTS: Final = (
    "custom_{train,val,test}_dataset.csv with {split}_images/; the same folders without CSVs; "
    "UTKFace names; folders named by class, with or without train/val/test; names of FG-NET, "
    "AgeDB, CACD2000 or MORPH; a CSV or parquet with columns path and label, or one a split; "
    "or parquet files that hold the pictures"
)

_SHARDS: Final = "parquet images"


class Recognised(NamedTuple):
    """A root's layout, what was read of it, and the paths of the tables that were used."""

    layout: str
    read: Read
    used: Collection[str]


def recognised(asked: Asked, tables: Sequence[Path], classes: Classes) -> Recognised | None:
    """What a folder is read as, or None where no layout fits.

    Args:
        asked: The folder, and what is asked for.
        tables: Its CSV and parquet files.
        classes: Those that are asked for.

    Raises:
        DataLayoutError: The layout contradicts itself, or has not the column that is asked for.
    """
    root = asked.root
    if asked.column is not None:
        return _of_column(asked, asked.column, tables, classes)
    if csvs := family_csvs(root):
        return Recognised("family csv", Read(family_split_rows(root, classes), []), csvs)
    if has_family_names(root):
        return Recognised("family names", Read(family_split_rows(root, classes), []), ())
    may_be_ranges = classes.years is not None or asked.fold is not None
    if may_be_ranges and (ranged := find_range_list(root, asked.fold)) is not None:
        names = tuple(table.name for table in ranged.tables)
        return Recognised("age ranges", range_list_rows(root, ranged, classes), names)
    if shards := find_shards(root):
        return _of_shards(root, shards, classes)
    if len(tables) == 1 and missing_column(only := read_table(tables[0])) is None:
        return _of_table(root, only, classes)
    folders = find_class_folders(root, classes, are_ages=asked.are_ages)
    lists = {} if folders is not None and folders.have_splits else complete_tables(tables)
    if by_split := tables_by_split(lists):
        return _of_splits(root, by_split, classes)
    if folders is not None:
        return Recognised("class folders", class_folder_rows(root, folders, classes), ())
    paths = named_images(root)
    if share_matching(UTKFACE_NAME, paths) >= 0.5:
        return Recognised("utkface", Read(utkface_rows(root, paths, classes), []), ())
    if share_matching(FAMILY_NAME, paths) >= 0.5:
        rows = family_name_rows(root, paths, classes, split=None)
        return Recognised("family names", Read(rows, []), ())
    if len(lists) == 1:
        return _of_table(root, next(iter(lists.values())), classes)
    if lists or classes.years is None:
        return None
    if (listed := find_age_list(root)) is not None:
        return Recognised("age lists", age_list_rows(root, listed, classes), listed.files)
    if (form := age_form(paths)) is not None:
        read = age_name_rows(root, paths, form, classes)
        return Recognised("age names", read, (META,) if form == CACD else ())
    return None


def recognised_file(asked: Asked, classes: Classes) -> Recognised:
    """What a CSV or parquet file is read as; its folder is the root.

    Raises:
        DataLayoutError: It cannot be read, or lacks a column.
    """
    path, folder = asked.root, asked.root.parent
    if has_pictures(path):
        return _of_shards(folder, [path], classes, asked.column)
    table = read_table(path)
    if asked.column is not None:
        table = with_classes_of(table, asked.column, classes)
    if missing_column(table) is not None:
        raise DataLayoutError(incomplete(path, table))
    return _of_table(folder, table, classes)


def named_classes(asked: Asked) -> Classes | None:
    """The classes that a data root names itself, or None where it names no two.

    They are those of its parquet files of pictures, of its one table, of its folders, or of its
    tables, the first of these that it has. Names in a schema keep their order, folders and labels
    of tables are sorted, numbers by their value.

    Raises:
        DataLayoutError: A table cannot be read, or has not the column that is asked for.
    """
    root, column = asked.root, asked.column
    if root.is_file():
        shards, lists = [root] if has_pictures(root) else [], [root]
        folder = root.parent
    else:
        shards, lists, folder = find_shards(root), find_tables(root), root
    if shards:
        return _named(shard_labels(folder, shards, column))
    complete = _complete(lists, column)
    of_tables = _named([t for table in complete.values() for t in label_texts(table, column)])
    if root.is_file() or len(lists) == 1 == len(complete) or column is not None:
        return of_tables
    return folder_classes(root) or of_tables


def _of_column(asked: Asked, column: str, tables: Sequence[Path], classes: Classes) -> Recognised:
    """What a folder is read as whose classes or ages are to be those of a column."""
    root = asked.root
    if shards := find_shards(root):
        return _of_shards(root, shards, classes, column)
    if (listed := find_age_list(root, column)) is not None:
        return Recognised("age lists", age_list_rows(root, listed, classes), listed.files)
    lists = {
        name: with_classes_of(table, column, classes)
        for name, table in _complete(tables, column).items()
    }
    if by_split := tables_by_split(lists):
        return _of_splits(root, by_split, classes)
    if len(lists) == 1:
        return _of_table(root, next(iter(lists.values())), classes)
    which = "one table" if not lists else "only one table, or one a split,"
    raise DataLayoutError(
        f"{{{column}}} asks for a column of {root}; expected {which} of images that has it: give "
        f"that file and {{{column}}} behind it"
    )


def _complete(tables: Sequence[Path], column: str | None) -> dict[str, Table]:
    """The tables that list images and classes, the latter in this column if one is said."""
    if column is None:
        return complete_tables(tables)
    found = {}
    for path in tables:
        with suppress(DataLayoutError):
            table = read_table(path)
            if has_paths(table) and column in table.columns:
                found[path.name] = table
    return found


def _of_shards(
    root: Path, shards: Sequence[Path], classes: Classes, column: str | None = None
) -> Recognised:
    used = [path.relative_to(root).as_posix() for path in shards]
    return Recognised(_SHARDS, shard_rows(root, shards, classes, column), used)


def _of_table(root: Path, table: Table, classes: Classes) -> Recognised:
    if classes.years is not None and has_boxes(table):
        return Recognised("boxes", box_rows(root, table, classes), (table.name,))
    return Recognised("table", table_rows(root, table, classes), (table.name,))


def _of_splits(root: Path, tables: Mapping[str, Table], classes: Classes) -> Recognised:
    have_boxes = classes.years is not None and all(map(has_boxes, tables.values()))
    rows = box_rows if have_boxes else table_rows
    reads = [rows(root, table, classes, split=split) for split, table in tables.items()]
    used = [table.name for table in tables.values()]
    return Recognised("boxes" if have_boxes else "tables", joined(reads), used)


def _named(labels: Iterable[str]) -> Classes | None:
    """The classes of these labels: in their order if they come as a tuple, else sorted."""
    names = list(dict.fromkeys(label for label in labels if label.strip()))
    if not isinstance(labels, tuple):
        names.sort(key=_by_value)
    return classes_named(names) if len(names) > 1 else None


def _by_value(name: str) -> tuple[bool, int, str]:
    """Numbers come first, by their value."""
    is_number = name.isascii() and name.isdigit()
    return not is_number, int(name) if is_number else 0, name
