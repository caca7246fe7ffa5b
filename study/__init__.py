"""Which factors of training matter: search, confirmation, analysis and report."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study.folder.tables import StudyTables

__all__ = ["load"]

__version__ = version("agecls-study")


def load(name: str | Path, *, out: str | Path = "results") -> "StudyTables":
    """A study's tables as typed frames, such as `.trials`, `.epochs`, `.confirm` and `.claims`.

    Beside them are `.study`, as it was asked, and `.provenance`, where the numbers come from.
    Needs pandas and pyarrow only, and those once it is called. Whole numbers are `Int64`, flags
    `boolean`, times UTC; results/COLUMNS.md says what the columns mean. A stage that has not run
    has None.

    Args:
        name: A study's folder, or the name of one under `out`.
        out: Where results lie.

    Raises:
        StudyError: There is no such study, or a file in it is damaged.
    """
    from study.folder.tables import read_study
    from study.report.__main__ import find_folder

    return read_study(find_folder(str(name), out=Path(out)))
