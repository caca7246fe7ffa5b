"""Age sets that list their images in files of their own form, each turned into a table.

| set | lists | source |
|---|---|---|
| APPA-REAL | `gt_avg_train.csv`, `gt_avg_valid.csv`, `gt_avg_test.csv`: file_name, apparent_age_avg, real_age | Agustsson et al. 2017, FG; its README |
| CLAP 2015 | `Train.csv`, `Validation.csv`, `Test.csv`: image;mean;deviation, no header | Escalera et al. 2015, ICCV Workshops; chalearnlap.cvc.uab.cat/dataset/18 |
| CLAP 2016 | `train_gt.csv`, `valid_gt.csv`, `test_gt.csv`: image, mean, stdv; images in train, valid, test | Escalera et al. 2016, CVPR Workshops; chalearnlap.cvc.uab.cat/dataset/19; facebase/to_json/clap2016_to_json.py of the benchmark below |
| MegaAge-Asian | `list/train_name.txt` beside `list/train_age.txt`, the same for test, a line an image | Zhang, Liu, Li and Loy 2017, BMVC; mmlab.ie.cuhk.edu.hk/projects/MegaAge |
| "Call to Reflect" | a JSON of entries: img_path, id_num, age, folder, aligned_bbox: x and y of four corners, from the upper left on clockwise, which may lie outside | Paplham and Franc 2024, CVPR; README and FG-Net_aligned.json of github.com/paplhjak/Facial-Age-Estimation-Benchmark-Databases |

The corners are those of a square that is turned with the face. The face is cut out upright, by the
box that holds all four.
"""  # noqa: E501  a row of a table is one line

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from agecls.classes import Classes
from agecls.data.label_files import Table, read_table
from agecls.data.layouts.boxes import BENCHMARK, UNSEEN, box_rows, has_boxes
from agecls.data.layouts.tabular import joined, table_rows
from agecls.data.rows import Read
from agecls.errors import DataLayoutError

_APPA_AGES: Final = ("real_age", "apparent_age_avg")
_CLAP_2015: Final = re.compile(r"([^;]+\.[A-Za-z]+);([0-9.]+);[0-9.]+")
_APPARENT: Final = "ages are means of what people guessed, to the nearest year"


class AgeList(NamedTuple):
    """An age set's lists.

    Attributes:
        tables: Columns `image_path`, `age_years` and, where they are told, `person_id`, `split`;
            or, of faces in boxes, those of `agecls.data.layouts.boxes` instead of the first two.
        files: Paths of the lists, relative to the root.
        notes: What a person should know of how they were read, a sentence each.
    """

    tables: list[Table]
    files: list[str]
    notes: list[str]


def find_age_list(root: Path, column: str | None = None) -> AgeList | None:
    """The lists of a known age set in its folder, or None.

    Args:
        root: The folder.
        column: The one of APPA-REAL's ages to take; None: its real ones. No other set has two.

    Raises:
        DataLayoutError: They are there but contradict themselves, or have not that column.
    """
    if column is not None:
        return _appa_real(root, column)
    return _appa_real(root, "real_age") or _clap(root) or _megaage(root) or _benchmark(root)


def age_list_rows(root: Path, found: AgeList, classes: Classes) -> Read:
    """Rows of an age set's lists, as of `agecls.data.layouts.tabular.table_rows`."""
    read = joined(
        [
            (box_rows if has_boxes(table) else table_rows)(root, table, classes)
            for table in found.tables
        ]
    )
    return Read(read.rows, [*found.notes, *read.notes])


def _appa_real(root: Path, ages: str) -> AgeList | None:
    """Ages of this column, and the faces that the set's makers cut out where these are there."""
    tables, files, are_cut = [], [], False
    for folder in ("train", "valid", "test"):
        name = f"gt_avg_{folder}.csv"
        if not (root / name).is_file():
            continue
        table = read_table(root / name)
        if ages not in _APPA_AGES or not {"file_name", ages} <= table.columns.keys():
            return None
        images = [f"{folder}/{image}" for image in table.columns["file_name"]]
        if images and (root / f"{images[0]}_face.jpg").is_file():
            images, are_cut = [f"{image}_face.jpg" for image in images], True
        columns: dict[str, list[Any]] = {
            "image_path": images,
            "age_years": [_rounded(text) for text in table.columns[ages]],
            "split": [folder] * len(images),
        }
        tables.append(Table(name, columns, table.numbers, table.uneven))
        files.append(name)
    cut = "; pictures are the faces cut out, X.jpg_face.jpg" if are_cut else ""
    other = next(name for name in _APPA_AGES if name != ages)
    note = f"ages are {ages}, not {other}{cut}"
    return AgeList(tables, files, [note]) if tables else None


def _rounded(text: str) -> str:
    """An age to the nearest year, as the benchmark takes means; other texts as they are."""
    try:
        return str(round(float(text)))
    except (ValueError, OverflowError):
        return text


def _clap(root: Path) -> AgeList | None:
    """Means of the guesses, which are all that the challenges' two sets tell."""
    return _clap_2016(root) or _clap_2015(root)


def _clap_2016(root: Path) -> AgeList | None:
    tables, files = [], []
    for folder in ("train", "valid", "test"):
        name = f"{folder}_gt.csv"
        if not (root / name).is_file():
            continue
        table = read_table(root / name)
        if not {"image", "mean", "stdv"} <= table.columns.keys():
            return None
        columns = _apparent(table.columns["image"], table.columns["mean"], folder)
        tables.append(Table(name, columns, table.numbers, table.uneven))
        files.append(name)
    return AgeList(tables, files, [_APPARENT]) if tables else None


def _clap_2015(root: Path) -> AgeList | None:
    """Lines of image, mean and deviation, without a header."""
    tables, files = [], []
    for split in ("Train", "Validation", "Test"):
        name = f"{split}.csv"
        if not (root / name).is_file():
            continue
        found = [_CLAP_2015.fullmatch(line) for line in _lines(root / name)]
        lines = {number: match for number, match in enumerate(found, start=1) if match}
        if 2 * len(lines) <= len(found):
            return None
        uneven = {
            number: "the line is not image;mean;deviation"
            for number in range(1, len(found) + 1)
            if number not in lines
        }
        images, means = ([match[group] for match in lines.values()] for group in (1, 2))
        tables.append(Table(name, _apparent(images, means, split), list(lines), uneven))
        files.append(name)
    return AgeList(tables, files, [_APPARENT]) if tables else None


def _apparent(images: list[Any], means: list[Any], split: str) -> dict[str, list[Any]]:
    return {
        "image_path": images,
        "age_years": [_rounded(text) for text in means],
        "split": [split] * len(images),
    }


def _megaage(root: Path) -> AgeList | None:
    tables, files = [], []
    for split in ("train", "test"):
        names, ages = (f"list/{split}_{what}.txt" for what in ("name", "age"))
        if not ((root / names).is_file() and (root / ages).is_file()):
            continue
        images, years = _lines(root / names), _lines(root / ages)
        if len(images) != len(years):
            raise DataLayoutError(
                f"{root / names} has {len(images):,} lines and {ages} {len(years):,}; expected "
                f"one age for each name"
            )
        columns: dict[str, list[Any]] = {
            "image_path": [f"{split}/{image}" for image in images],
            "age_years": list(years),
            "split": [split] * len(images),
        }
        tables.append(Table(names, columns, list(range(1, len(images) + 1)), {}))
        files += [names, ages]
    return AgeList(tables, files, []) if tables else None


_FOLDERS: Final = ("train", "val", "test")
_TEN_FOLDERS: Final = ("train",) * 6 + ("val",) * 2 + ("test",) * 2
"""Split 0 of the benchmark's five."""


def _benchmark(root: Path) -> AgeList | None:
    """The one JSON database in the folder; unknown ages, -1 there, are left out."""
    found = {path.name: entries for path in sorted(root.glob("*.json")) if (entries := _of(path))}
    if len(found) != 1:
        return None
    ((name, entries),) = found.items()
    known = [(n, e) for n, e in enumerate(entries, start=1) if e["age"] != -1]
    are_cut = any("aligned_bbox" in e for _, e in known)
    boxes = {n: _upright(e.get("aligned_bbox")) for n, e in known}
    known = [(n, e) for n, e in known if boxes[n] is not None]
    uneven = {n: "its aligned_bbox is not eight numbers" for n, box in boxes.items() if not box}
    columns: dict[str, list[Any]] = {
        BENCHMARK.images if are_cut else "image_path": [str(e["img_path"]) for _, e in known],
        "age" if are_cut else "age_years": [str(e["age"]) for _, e in known],
        "person_id": ["" if e.get("id_num") is None else str(e["id_num"]) for _, e in known],
    }
    notes = []
    if len(known) < len(entries):
        notes.append(f"{len(entries) - len(known):,} of the entries of {name} have no known age")
    folders = [
        f for _, e in known if type(f := e.get("folder")) is int and f in range(len(_TEN_FOLDERS))
    ]
    if known and len(folders) == len(known):
        parts = _FOLDERS if max(folders) < len(_FOLDERS) else _TEN_FOLDERS
        columns["split"] = [parts[f] for f in folders]
        said = "0, 1, 2" if parts is _FOLDERS else "0-5, 6-7, 8-9"
        notes.append(f"train, val and test are folders {said} of {name}")
    if are_cut:
        sides = [box for box in boxes.values() if box is not None]
        columns |= {side: [box[k] for box in sides] for k, side in enumerate(BENCHMARK.sides)}
        notes.append(
            f"the squares in aligned_bbox of {name} are turned; faces are cut out upright"
        )
    return AgeList([Table(name, columns, [n for n, _ in known], uneven)], [name], notes)


def _upright(corners: Any) -> Sequence[str] | None:
    """The sides of the box that holds four corners, of no corners those of no box; None: bad."""
    if corners is None:
        return UNSEEN
    are_numbers = isinstance(corners, list) and all(type(c) in (int, float) for c in corners)
    if not are_numbers or len(corners) != 8 or not all(map(math.isfinite, corners)):
        return None
    xs, ys = corners[::2], corners[1::2]
    return [str(side) for side in (min(xs), min(ys), max(xs), max(ys))]


def _of(path: Path) -> list[dict[str, Any]] | None:
    """The entries of a JSON database, or None if it is something else."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    is_database = isinstance(entries, list) and all(
        isinstance(e, dict) and {"img_path", "age"} <= e.keys() for e in entries
    )
    return entries if is_database else None


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").split()
