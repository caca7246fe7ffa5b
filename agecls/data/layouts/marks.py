"""What the last part of a path may ask for in braces, as in `FACES/{age}`.

| mark | asks for |
|---|---|
| `{age}` | folders named by numbers are ages in years; of a table, its column `age` |
| `{fold_0}` … `{fold_4}` | Adience with that fold to test on |
| `{COLUMN}` | classes, or ages in years, from this column of a table or list |
"""

import re
from pathlib import Path
from typing import Final, NamedTuple

AGE_MARK: Final = "{age}"

_FOLD: Final = re.compile(r"\{fold_([0-9]+)\}")
_COLUMN: Final = re.compile(r"\{(.+)\}")


class Asked(NamedTuple):
    """A data root and how it is to be read.

    Attributes:
        root: The folder or table.
        are_ages: Whether folders named by numbers are ages in years.
        fold: Adience's fold to test on.
        column: Where classes or ages are to be taken from, in lower case; None: where they are
            looked for unasked.
    """

    root: Path
    are_ages: bool = False
    fold: int | None = None
    column: str | None = None


def asked_of(path: Path) -> Asked:
    """What a path asks for; one that is there asks for nothing."""
    match = None if path.exists() else _COLUMN.fullmatch(path.name)
    if match is None:
        return Asked(path)
    root, fold = path.parent, _FOLD.fullmatch(path.name)
    if fold is not None:
        return Asked(root, fold=int(fold[1]))
    column = match[1].strip().lower()
    if path.name == AGE_MARK and not root.is_file():
        return Asked(root, are_ages=True)
    return Asked(root, column=column)
