"""Lists of faces by their boxes in photographs: LAGENDA, and other sets in its authors' form.

| set | list | source |
|---|---|---|
| LAGENDA | `lagenda_annotation.csv`: img_name, age, gender, face_x0, face_y0, face_x1, face_y1, person_x0, … in pixels; -1 is unknown, or no box | Kuprashevich and Tolstykh 2023, arXiv 2307.04616; wildchlamydia.github.io/lagenda; github.com/WildChlamydia/MiVOLO |

A face is cut out when it is decoded, and its box is part of its path and of its content: two faces
of one photograph are two images, and the same face in another box is another image. Most rows tell
no age; they, and those whose face is not seen, are set aside.
"""  # noqa: E501  a row of a table is one line

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from agecls.classes import Classes
from agecls.data.label_files import Table
from agecls.data.layouts.tabular import table_rows
from agecls.data.rows import Read, make_rows, reject
from agecls.data.within import Box, path_of_box

_SIDES: Final = ("face_x0", "face_y0", "face_x1", "face_y1")
_UNKNOWN: Final = "-1"


def has_boxes(table: Table) -> bool:
    """Whether a table lists ages of faces by their boxes."""
    return {"img_name", "age", *_SIDES} <= table.columns.keys()


def box_rows(root: Path, table: Table, classes: Classes) -> Read:
    """Rows of a table that has boxes, as of `agecls.data.layouts.tabular.table_rows`."""
    columns = table.columns
    sides = [_box(corner) for corner in zip(*(columns[side] for side in _SIDES), strict=True)]
    ages = [str(age).strip() for age in columns["age"]]
    why = [_not_used(age, box) for age, box in zip(ages, sides, strict=True)]
    kept = [row for row, reason in enumerate(why) if reason is None]
    images = [str(name) for name in columns["img_name"]]
    shown: dict[str, list[Any]] = {
        "image_path": [path_of_box(images[row], box) for row in kept if (box := sides[row])],
        "age_years": [ages[row] for row in kept],
    }
    numbers = [table.numbers[row] for row in kept]
    read = table_rows(root, Table(table.name, shown, numbers, table.uneven), classes)
    left = [row for row, reason in enumerate(why) if reason is not None]
    others = make_rows(
        [images[row] for row in left],
        where=[f"{table.name}, row {table.numbers[row]}" for row in left],
    )
    told = [reason for reason in why if reason is not None]
    for reason in set(told):
        reject(others, [other == reason for other in told], reason[0], is_bad=reason[1])
    unused = [name for name in columns if name not in {"img_name", "age", *_SIDES}]
    notes = [f"faces are cut out of their photographs by {_SIDES[0]} … of {table.name}"]
    notes += [f"columns of {table.name} that are not used: {', '.join(unused)}"] if unused else []
    rows = pd.concat([part for part in (read.rows, others) if len(part)], ignore_index=True)
    return Read(rows, [*notes, *read.notes])


def _box(corners: Sequence[Any]) -> Box | None:
    """Four numbers as whole pixels, or None."""
    try:
        left, top, right, bottom = (math.floor(float(text)) for text in corners)
    except (ValueError, OverflowError):
        return None
    return left, top, right, bottom


def _not_used(age: str, box: Box | None) -> tuple[str, bool] | None:
    """Why a row is no image, and whether it is a bad one; None: it is one."""
    if age == _UNKNOWN:
        return "its age is not known", False
    if box is None:
        return "its box is not four numbers", True
    return ("its face is not seen", False) if box == (-1,) * 4 else None
