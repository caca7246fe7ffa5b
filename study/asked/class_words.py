"""Which classes a study has: `[classes]` of its file, and the words of `--classes`."""

from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError

from agecls.classes import EIGHT, FOLDERS, NAMED, Classes
from agecls.command import classes_of_file
from agecls.errors import AgeclsError
from study.asked.toml_tables import MAX_CLASSES, ClassesTable, FileTables
from study.asked.toml_values import Place, Source
from study.errors import StudyFileError

OfFolders = Callable[[str], Classes]
"""From a data root to the classes that it names itself."""

_PLACE: Final[Place] = ("classes",)


def resolve_classes(tables: FileTables, source: Source, of_folders: OfFolders | None) -> Classes:
    """The classes that a study file asks for: the eight if it asks for none.

    Args:
        tables: The file.
        source: To word an error.
        of_folders: Who reads them off the data; None: nobody can here.

    Raises:
        StudyFileError: No data can have such classes, or nobody reads the data's own.
    """
    table = tables.classes
    if table is None:
        return EIGHT
    if table.of is not None:
        if table.model_fields_set != {"of"}:
            problem = "the data say everything else; drop what stands beside it"
            raise source.error((*_PLACE, "of"), problem)
        if of_folders is None:
            raise source.error((*_PLACE, "of"), "nobody reads the data here; write `names`")
        return _storable(of_folders(tables.data.path), source)
    if table.years is None and table.names is None:
        raise source.error(_PLACE, "it says nothing; add `names`, or `years` of each class")
    if table.years is not None and table.ordered is False:
        raise source.error((*_PLACE, "ordered"), "ages have an order; drop it")
    if any(len(pair) != 2 for pair in table.years or ()):
        problem = "each item is two ages, as in [13, 19]; correct it"
        raise source.error((*_PLACE, "years"), problem)
    try:
        return _classes(table)
    except ValueError as error:
        raise source.error(_PLACE, f"{error}; correct it") from None


def classes_given(words: str | Classes) -> dict[str, Any] | None:
    """What `--classes` puts in place of a study file's `[classes]`; None: nothing, for the eight.

    Args:
        words: eight, decades, folders, or a TOML file that has `[classes]`; or the classes
            themselves.

    Raises:
        StudyFileError: There is no such file, or no classes in it.
    """
    if isinstance(words, Classes):
        return classes_table(words)
    if words == FOLDERS:
        return {"of": FOLDERS}
    if words in NAMED:
        return classes_table(NAMED[words])
    try:
        return classes_of_file(words)
    except AgeclsError as error:
        raise StudyFileError(str(error)) from None


def classes_table(classes: Classes) -> dict[str, Any] | None:
    """`[classes]` as a file spells it; None for the eight, which no file names."""
    if classes == EIGHT:
        return None
    table: dict[str, Any] = {"names": list(classes.names)}
    if classes.years is not None:
        table["years"] = [list(pair) for pair in classes.years]
    return {**table, "ordered": classes.is_ordered}


def _storable(classes: Classes, source: Source) -> Classes:
    """The classes that data name, if a study file can hold them.

    Raises:
        StudyFileError: There are too many, or a name is blank or no text.
    """
    try:
        ClassesTable(names=list(classes.names))
    except ValidationError:
        shown_names = ", ".join(map(repr, classes.names[:4]))
        problem = f"the data name {len(classes):,} classes ({shown_names}, …); expected 2 to "
        problem += f"{MAX_CLASSES:,}, each a text; name another column, or the folders anew"
        raise source.error((*_PLACE, "of"), problem) from None
    return classes


def _classes(table: ClassesTable) -> Classes:
    """Those of a table that has names or pairs of years."""
    years = None if table.years is None else tuple((low, high) for low, high in table.years)
    return Classes.asked(table.names, years, table.ordered)
