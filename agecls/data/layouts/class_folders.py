"""Data roots whose folders are named by class or age, with or without splits above or below.

A folder named by a plain number may be an age, but also a person, a class's number or one of the
parts that a set was cut into. It is an age only beside folders that are surely classes or ages,
in a layout that is known, or where it was asked for: data given as `FACES/{age}`.
"""

import posixpath
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agecls.classes import Classes
from agecls.data.folders import images_below, split_of_name, splits_of_path, subfolders
from agecls.data.layouts.marks import AGE_MARK
from agecls.data.layouts.names import checked
from agecls.data.layouts.persons import fill_persons_from_names
from agecls.data.rows import (
    Read,
    expected_classes,
    label_of_text,
    make_rows,
    map_unique,
    reject,
    set_splits,
)
from agecls.errors import DataLayoutError

_NUMBER: Final = re.compile(r"[0-9]{1,3}")
_AGE: Final = re.compile(
    r"ages?[ _-]?(?P<after>[0-9]{1,3})|"
    r"(?:ages?[ _-]?)?(?P<before>[0-9]{1,3})[ _-]?(?:y|yo|yrs?|years?)(?:[ _-]?old)?",
    re.IGNORECASE,
)
"""age_25, Age 25, 25y, 25_years_old."""

_HEX_DIGITS: Final = frozenset("0123456789abcdef")
_AFAD_GENDERS: Final = frozenset(("111", "112"))
_SHOWN: Final = 4


@dataclass(frozen=True)
class ClassFolders:
    """The folders of one level that stand for classes.

    Attributes:
        splits: By path relative to the root, the split that the folder above names, or None.
    """

    splits: dict[str, str | None]

    @property
    def have_splits(self) -> bool:
        """Whether the folders stand in folders named by splits."""
        return None not in self.splits.values()


def find_class_folders(
    root: Path, classes: Classes, *, are_ages: bool = False
) -> ClassFolders | None:
    """The folders named by class, or None where the layout is another.

    With folders such as train, Validation or test that hold classes, only those count.

    Args:
        root: The data root.
        classes: Those that are asked for.
        are_ages: Whether plain numbers are ages.
    """
    for folders in _levels(root):
        names = [posixpath.basename(path) for path in folders]
        are_own = all(classes.of_name(name) is not None for name in names)
        if {name.lower() for name in names} >= _HEX_DIGITS and not are_own:
            continue  # sixteen parts by the first digit of a hash
        is_sure = any(_is_sure(name, classes) for name in names)
        numbers = [path for path in folders if _NUMBER.fullmatch(posixpath.basename(path))]
        if is_sure or (
            numbers and classes.years is not None and (are_ages or _is_afad(root, numbers))
        ):
            return ClassFolders(folders)
    return None


def folder_classes(root: Path) -> Classes | None:
    """Folders that hold images as the classes, sorted as torchvision's `ImageFolder` sorts them.

    Folders of splits count as such where two folders below them hold images; folders named by
    years that do not overlap, as in 10-19, are ages. None: there are fewer than two folders.
    """
    for folders in _levels(root):
        held = {posixpath.basename(p) for p in folders if images_below(root, [p], depth=None)}
        if len(held) > 1:
            return classes_named(sorted(held))
    return None


def classes_named(names: Sequence[str]) -> Classes:
    """Two or more classes of these names, in this order; ages if all are years apart, as 10-19."""
    spans = [re.fullmatch(r"([0-9]{1,3})-([0-9]{1,3})", name) for name in names]
    years = sorted((int(span[1]), int(span[2])) for span in spans if span is not None)
    with suppress(ValueError):  # the years overlap
        if len(years) == len(names):
            return Classes.from_years(tuple(years))
    return Classes.from_names(names)


def refuse_number_folders(root: Path, classes: Classes) -> None:
    """Say how to ask for ages if folders are named by numbers only.

    Raises:
        DataLayoutError: They are.
    """
    for folders in _levels(root):
        numbers = {n for p in folders if _NUMBER.fullmatch(n := posixpath.basename(p))}
        if not numbers:
            continue
        first, *_ = ordered = sorted(numbers, key=lambda name: (int(name), name))
        shown = ", ".join(ordered[:_SHOWN]) + (", …" if len(ordered) > _SHOWN else "")
        raise DataLayoutError(
            f"{root} has folders named by numbers ({shown}), which may be ages, persons, parts or "
            f"classes. If they are ages in years, give '{root / AGE_MARK}' or name them "
            f"age_{first} and so on; if classes, name them {expected_classes(classes)}; else list "
            f"the images in a CSV with columns path and age, or give --classes folders"
        )


def class_folder_rows(root: Path, found: ClassFolders, classes: Classes) -> Read:
    """Rows of the images in class folders; a folder's name is a class or an age in years."""
    inside = {path: images_below(root, [path], depth=None) for path in sorted(found.splits)}
    # images beside the class folders would otherwise vanish unseen
    tops = sorted({posixpath.dirname(path) for path in found.splits})
    outside = images_below(root, tops, depth=0)
    paths = [*outside, *(path for below in inside.values() for path in below)]
    folder_of = [None] * len(outside) + [f for f, below in inside.items() for _ in below]
    texts = [None if f is None else posixpath.basename(f) for f in folder_of]
    rows = make_rows(
        paths,
        where=paths,
        label=map_unique(
            lambda text: None if text is None else label_of_text(text, classes), texts
        ),
        years=map_unique(lambda text: _years_of(text, classes), texts),
    )
    reject(rows, [f is None for f in folder_of], "it lies outside the class folders")
    set_splits(rows, [splits_of_path(path) for path in paths], is_one_enough=found.have_splits)
    checked(
        rows,
        root,
        [text is not None and not _is_class(text, classes) for text in texts],
        f"its folder is not named by a class: {expected_classes(classes)}",
        classes,
    )
    # names of pictures that are no faces tell things, not persons
    note = None if classes.years is None else fill_persons_from_names(rows)
    return Read(rows, [] if note is None else [note])


def _levels(root: Path) -> Sequence[dict[str, str | None]]:
    """Folders that may be named by class, with their splits: below those of splits, or none."""
    names = subfolders(root)
    split_of = {name: split for name in names if (split := split_of_name(name)) is not None}
    below: dict[str, str | None] = {
        f"{name}/{inner}": split
        for name, split in split_of.items()
        for inner in subfolders(root / name)
    }
    return below, dict.fromkeys(names)


def _is_sure(name: str, classes: Classes) -> bool:
    is_age = classes.years is not None and _AGE.fullmatch(name) is not None
    return label_of_text(name, classes) is not None or is_age


def _is_afad(root: Path, numbers: Sequence[str]) -> bool:
    """Whether each holds only folders 111 and 112: a set of Asian faces, by age and gender."""
    return all(
        (inner := set(subfolders(root / path))) and inner <= _AFAD_GENDERS for path in numbers
    )


def _years_of(text: str | None, classes: Classes) -> int | None:
    if text is None or classes.years is None:
        return None
    if _NUMBER.fullmatch(text):
        return int(text)
    match = _AGE.fullmatch(text)
    return match and int(match["after"] or match["before"])


def _is_class(name: str, classes: Classes) -> bool:
    return label_of_text(name, classes) is not None or _years_of(name, classes) is not None
