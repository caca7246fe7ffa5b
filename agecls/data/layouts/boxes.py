"""Lists of faces by their boxes in photographs.

| set | list | source |
|---|---|---|
| LAGENDA, and other sets in its authors' form | `lagenda_annotation.csv`: img_name, age, gender, face_x0, face_y0, face_x1, face_y1, person_x0, … in pixels; -1 is unknown, or no box | Kuprashevich and Tolstykh 2023, arXiv 2307.04616; wildchlamydia.github.io/lagenda; github.com/WildChlamydia/MiVOLO |
| IMDB-clean | `imdb_train_new_1024.csv`, the same for valid and test: filename, age, gender, x_min, y_min, x_max, y_max and angles of the head, for pictures of a face with as much again on each side; `imdb_train_new.csv` is the same for IMDB-WIKI's photographs | Lin, Shen, Wang and Pantic 2021, arXiv 2106.11145; create_imdb_clean_1024.py of github.com/yiminglin-ai/imdb-clean |

A face is cut out when it is decoded, and its box is part of its path and of its content: two faces
of one photograph are two images, and the same face in another box is another image. Most rows of
LAGENDA tell no age; they, and those whose face is not seen, are set aside.
"""  # noqa: E501  a row of a table is one line

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd

from agecls.classes import Classes
from agecls.data.label_files import Table
from agecls.data.layouts.tabular import table_rows
from agecls.data.rows import Read, make_rows, reject
from agecls.data.within import Box, path_of_box

_UNKNOWN: Final = "-1"

UNSEEN: Final = (_UNKNOWN,) * 4
"""The sides of no box."""


class Form(NamedTuple):
    """The columns of a list of boxes.

    Attributes:
        images: Of paths.
        sides: Of left, top, right and bottom, in pixels.
        told: What people know the boxes by.
    """

    images: str
    sides: tuple[str, str, str, str]
    told: str


BENCHMARK: Final = Form(
    "img_path", ("box_left", "box_top", "box_right", "box_bottom"), "aligned_bbox"
)
"""What `agecls.data.layouts.age_lists` makes of a JSON's entries."""

_FORMS: Final = (
    Form("img_name", ("face_x0", "face_y0", "face_x1", "face_y1"), "face_x0 …"),
    Form("filename", ("x_min", "y_min", "x_max", "y_max"), "x_min …"),
    BENCHMARK,
)


def has_boxes(table: Table) -> bool:
    """Whether a table lists ages of faces by their boxes."""
    return _form(table) is not None


def box_rows(root: Path, table: Table, classes: Classes, *, split: str | None = None) -> Read:
    """Rows of a table that has boxes, as of `agecls.data.layouts.tabular.table_rows`."""
    form = _form(table)
    assert form is not None, "the caller looked for boxes"
    name, sides, told = form
    columns = table.columns
    boxes = [_box(corner) for corner in zip(*(columns[side] for side in sides), strict=True)]
    ages = [str(age).strip() for age in columns["age"]]
    why = [_not_used(age, box) for age, box in zip(ages, boxes, strict=True)]
    kept = [row for row, reason in enumerate(why) if reason is None]
    images = [str(image) for image in columns[name]]
    others: dict[str, list[Any]] = {
        column: [values[row] for row in kept]
        for column, values in columns.items()
        if column not in {name, "age", *sides}
    }
    shown: dict[str, list[Any]] = {
        "image_path": [path_of_box(images[row], box) for row in kept if (box := boxes[row])],
        "age_years": [ages[row] for row in kept],
    }
    numbers = [table.numbers[row] for row in kept]
    cut = Table(table.name, {**others, **shown}, numbers, table.uneven)
    read = table_rows(root, cut, classes, split=split)
    left = [row for row, reason in enumerate(why) if reason is not None]
    unused = make_rows(
        [images[row] for row in left],
        where=[f"{table.name}, row {table.numbers[row]}" for row in left],
    )
    reasons = [reason for reason in why if reason is not None]
    for reason in set(reasons):
        reject(unused, [other == reason for other in reasons], reason[0], is_bad=reason[1])
    note = f"faces are cut out of their photographs by {told} of {table.name}"
    rows = pd.concat([part for part in (read.rows, unused) if len(part)], ignore_index=True)
    return Read(rows, [note, *read.notes])


def _form(table: Table) -> Form | None:
    """The form that a table has, or None."""
    columns = table.columns.keys()
    return next((f for f in _FORMS if {f.images, "age", *f.sides} <= columns), None)


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
