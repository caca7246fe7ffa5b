"""Which layout a data root is in: the first whose names fit. Another layout is another step."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from agecls.classes import Classes
from agecls.data.label_files import read_table
from agecls.data.layouts.age_lists import age_list_rows, find_age_list
from agecls.data.layouts.age_names import age_form, age_name_rows
from agecls.data.layouts.age_ranges import find_range_list, range_list_rows
from agecls.data.layouts.class_folders import (
    class_folder_rows,
    find_class_folders,
)
from agecls.data.layouts.family import (
    FAMILY_NAME,
    family_csvs,
    family_name_rows,
    family_split_rows,
    has_family_names,
)
from agecls.data.layouts.names import share_matching
from agecls.data.layouts.tabular import (
    complete_tables,
    missing_column,
    split_table_rows,
    table_rows,
    tables_by_split,
)
from agecls.data.layouts.utkface import UTKFACE_NAME, named_images, utkface_rows
from agecls.data.rows import Read

LAYOUTS: Final = (
    "custom_{train,val,test}_dataset.csv with {split}_images/; the same folders without CSVs; "
    "UTKFace names; folders named by class, with or without train/val/test; names of FG-NET, "
    "AgeDB, CACD2000 or MORPH; or a CSV or parquet with columns path and label, or one a split"
)


def recognised(
    root: Path,
    tables: Sequence[Path],
    classes: Classes,
    *,
    are_ages: bool = False,
    fold: int | None = None,
) -> tuple[str, Read, Collection[str]] | None:
    """The layout of a folder, what was read of it, and the names of the tables that were used."""
    if csvs := family_csvs(root):
        return "family csv", Read(family_split_rows(root, classes), []), csvs
    if has_family_names(root):
        return "family names", Read(family_split_rows(root, classes), []), ()
    may_be_ranges = classes.years is not None or fold is not None
    if may_be_ranges and (ranged := find_range_list(root, fold)) is not None:
        names = tuple(table.name for table in ranged.tables)
        return "age ranges", range_list_rows(root, ranged, classes), names
    if len(tables) == 1 and missing_column(only := read_table(tables[0])) is None:
        return "table", table_rows(root, only, classes), (only.name,)
    folders = find_class_folders(root, classes, are_ages=are_ages)
    lists = {} if folders is not None and folders.have_splits else complete_tables(tables)
    by_split = tables_by_split(lists)
    if by_split:
        used = tuple(table.name for table in by_split.values())
        return "tables", split_table_rows(root, by_split, classes), used
    if folders is not None:
        return "class folders", class_folder_rows(root, folders, classes), ()
    paths = named_images(root)
    if share_matching(UTKFACE_NAME, paths) >= 0.5:
        return "utkface", Read(utkface_rows(root, paths, classes), []), ()
    if share_matching(FAMILY_NAME, paths) >= 0.5:
        return "family names", Read(family_name_rows(root, paths, classes, split=None), []), ()
    if len(lists) == 1:
        return "table", table_rows(root, next(iter(lists.values())), classes), tuple(lists)
    if lists or classes.years is None:
        return None
    if (listed := find_age_list(root)) is not None:
        return "age lists", age_list_rows(root, listed, classes), listed.files
    if (form := age_form(paths)) is not None:
        return "age names", age_name_rows(root, paths, form, classes), ()
    return None
