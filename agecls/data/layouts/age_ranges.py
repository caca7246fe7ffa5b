"""Age sets that tell ranges of years, not years: Adience and FairFace.

A range is of the class that holds it whole; one that no class holds is set aside. A set of which
some class can have no image at all is refused, since a study of such classes would mislead.

| set | lists | source |
|---|---|---|
| Adience | `fold_0_data.txt` … `fold_4_data.txt`, tab separated: user_id, original_image, face_id, age, …; images `faces/USER/coarse_tilt_aligned_face.ID.ORIGINAL`, or `aligned/USER/landmark_aligned_face.ID.ORIGINAL` | Eidinger, Enbar and Hassner 2014, IEEE TIFS 9(12); talhassner.github.io |
| FairFace | `fairface_label_train.csv`, `fairface_label_val.csv`: file, age as in "3-9" and "more than 70" | Karkkainen and Joo 2021, WACV; github.com/joojs/fairface |

Adience's ages are mostly its eight ranges; some are others, as (38, 42) and (8, 23), some are
single years, as 35, and some are None. Its protocol tests on each fold in turn: `ADIENCE/{fold_0}`,
given as data, tests on fold 0, chooses on the next one and trains on the other three.
"""  # noqa: E501  a row of a table is one line

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd

from agecls.classes import Classes
from agecls.data.label_files import Table, read_table
from agecls.data.layouts.tabular import uneven_rows
from agecls.data.rows import (
    Read,
    make_rows,
    map_unique,
    reject,
    reject_missing_files,
    reject_repeated_paths,
    reject_unsafe_paths,
)
from agecls.errors import DataLayoutError

_OLDEST: Final = 100
"""Where "more than 70" ends, as Adience's "(60, 100)" says it."""

_FOLDS: Final = 5

_SPAN: Final = re.compile(r"\(?([0-9]{1,3})(?: ?[-,] ?([0-9]{1,3}))?\)?|more than ([0-9]{1,3})")

_ADIENCE: Final = (
    *((0, 2), (4, 6), (8, 12), (15, 20)),
    *((25, 32), (38, 43), (48, 53), (60, _OLDEST)),
)
_FAIRFACE: Final = (
    *((0, 2), (3, 9), (10, 19), (20, 29), (30, 39)),
    *((40, 49), (50, 59), (60, 69), (70, _OLDEST)),
)


class RangeList(NamedTuple):
    """A set's lists.

    Attributes:
        name: What people call the set.
        ranges: The years that it tells.
        tables: Columns `image_path`, `range` and, where they are told, `person_id`, `split`.
    """

    name: str
    ranges: Sequence[tuple[int, int]]
    tables: list[Table]


def find_range_list(root: Path, fold: int | None = None) -> RangeList | None:
    """The lists of a known set of ranges in its folder, or None.

    Args:
        root: The folder.
        fold: The one to test on; None: folds are no splits.

    Raises:
        DataLayoutError: A fold is asked for and Adience's five are not there.
    """
    found = _adience(root, fold)
    if fold is not None and (fold >= _FOLDS or found is None or len(found.tables) < _FOLDS):
        raise DataLayoutError(
            f"{{fold_{fold}}} asks for a fold of {root}; expected {{fold_0}} to {{fold_4}} and "
            f"Adience's fold_0_data.txt to fold_4_data.txt in that folder"
        )
    return found or _fairface(root)


def range_list_rows(root: Path, found: RangeList, classes: Classes) -> Read:
    """Rows of a set of ranges.

    Raises:
        DataLayoutError: Some class holds none of the set's ranges.
    """
    _refuse_unfitting(found, classes)
    rows = pd.concat([_rows(table, classes) for table in found.tables], ignore_index=True)
    reject_missing_files(rows, root)
    reject_repeated_paths(rows)
    return Read(rows, [])


def _adience(root: Path, fold: int | None) -> RangeList | None:
    tables: list[Table] = []
    is_aligned = not (root / "faces").is_dir() and (root / "aligned").is_dir()
    top, start = ("aligned", "landmark") if is_aligned else ("faces", "coarse_tilt")
    for path in sorted(root.glob("fold_[0-4]_data.txt")):
        table = read_table(path)
        if not {"user_id", "original_image", "face_id", "age"} <= table.columns.keys():
            return None
        users = table.columns["user_id"]
        parts = zip(users, table.columns["face_id"], table.columns["original_image"], strict=True)
        columns: dict[str, list[Any]] = {
            "image_path": [
                f"{top}/{user}/{start}_aligned_face.{face}.{image}" for user, face, image in parts
            ],
            "range": table.columns["age"],
            "person_id": users,
        }
        if fold is not None:
            # folds are counted on from the one that is tested on
            step = (int(table.name[len("fold_")]) - fold) % _FOLDS
            columns["split"] = [{0: "test", 1: "val"}.get(step, "train")] * len(users)
        tables.append(Table(table.name, columns, table.numbers, table.uneven))
    return RangeList("Adience", _ADIENCE, tables) if tables else None


def _fairface(root: Path) -> RangeList | None:
    tables = []
    for split in ("train", "val"):
        path = root / f"fairface_label_{split}.csv"
        if not path.is_file():
            continue
        table = read_table(path)
        # some copies number the ranges: no years can be told from those
        if "file" not in table.columns or not _are_fairface(table.columns.get("age", [])):
            return None
        columns: dict[str, list[Any]] = {
            "image_path": table.columns["file"],
            "range": table.columns["age"],
            "split": [split] * len(table.numbers),
        }
        tables.append(Table(table.name, columns, table.numbers, table.uneven))
    return RangeList("FairFace", _FAIRFACE, tables) if tables else None


def _are_fairface(texts: Sequence[str]) -> bool:
    return bool(texts) and all(_span_of(text) in _FAIRFACE for text in set(texts))


def _rows(table: Table, classes: Classes) -> pd.DataFrame:
    texts = table.columns["range"]
    spans = map_unique(_span_of, texts)
    labels = map_unique(lambda span: span and _label_of(span, classes), spans)
    optional = {n: table.columns[n] for n in ("person_id", "split") if n in table.columns}
    rows = make_rows(
        table.columns["image_path"],
        where=table.where(),
        label=[None if label is None else label for label in labels],
        **optional,
    )
    reject_unsafe_paths(rows)
    shown = dict(zip(rows["where"], texts, strict=True))
    reject(
        rows,
        [span is None for span in spans],
        lambda row: f"age {shown[row.where]!r} tells no years",
        is_bad=False,
    )
    reject(
        rows,
        [label is None for label in labels],
        lambda row: f"no class holds all ages of {shown[row.where]!r}",
        is_bad=False,
    )
    return pd.concat([rows, uneven_rows(table)], ignore_index=True)


def _refuse_unfitting(found: RangeList, classes: Classes) -> None:
    held = {_label_of(span, classes) for span in found.ranges}
    empty = [name for k, name in enumerate(classes.captions) if k not in held]
    if not empty:
        return
    own = ", ".join(f"[{low}, {high}]" for low, high in found.ranges)
    raise DataLayoutError(
        f"{found.name} tells ranges of years, and class {empty[0]} holds none of them whole; give "
        f"classes that do, as with `years = [{own}]` under [classes]"
    )


def _span_of(text: str) -> tuple[int, int] | None:
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        return None
    if match[3] is not None:
        return int(match[3]), _OLDEST
    return int(match[1]), int(match[2] or match[1])


def _label_of(span: tuple[int, int], classes: Classes) -> int | None:
    low, high = map(classes.of_years, span)
    return low if low == high else None
