"""Age sets whose file names tell the age, and mostly the person: one pattern a set.

| set | a name | source |
|---|---|---|
| FG-NET | `001A02.JPG`: person 001 at age 2, a letter where one age has several | 1,002 images of 82 persons, ages 0-69; Panis et al. 2016, IET Biometrics 5(2) |
| All-Age-Faces | `07381A25.jpg`: the 07381st person, at 25; each person once | github.com/JingchunCheng/All-Age-Faces-Dataset |
| AgeDB | `0_MariaCallas_35_f.jpg`: number, name, age, gender | Moschoglou et al. 2017, CVPR Workshops |
| CACD2000 | `53_Robin_Williams_0001.jpg`: age, name, number | Chen, Chen and Hsu 2014, ECCV; bcsiriuschen.github.io/CARC |
| MORPH, without its CSV | `009055_1M54.JPG`: person, picture, gender, age | Ricanek and Tesafaye 2006, FGR |

Persons are those of `agecls.data.layouts.persons`, or of CACD2000's own list where it is there: see
`agecls.data.layouts.cacd`.
"""  # noqa: E501  a row of a table is one line

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from agecls.classes import Classes
from agecls.data.folders import splits_of_path
from agecls.data.layouts.cacd import META, fill_from_meta, has_meta
from agecls.data.layouts.names import checked, matches, share_matching
from agecls.data.layouts.persons import fill_persons_from_names
from agecls.data.rows import Read, make_rows, set_splits

CACD: Final = "{age}_{name}_{number}"

AGE_NAMES: Final = {
    "{person}A{age}": re.compile(r"(?:[0-9]{3}|[0-9]{5})A(?P<age>[0-9]{2})[A-Za-z]?\.[A-Za-z]+"),
    "{number}_{name}_{age}_{gender}": re.compile(
        r"[0-9]+_[^\W\d].*_(?P<age>[0-9]{1,3})_[mf]\.[A-Za-z]+"
    ),
    CACD: re.compile(r"(?P<age>[0-9]{1,3})_[^\W\d].*_[0-9]{4}\.[A-Za-z]+"),
    "{person}_{picture}{gender}{age}": re.compile(
        r"[0-9]+_[0-9]+[MF](?P<age>[0-9]{2})\.[A-Za-z]+"
    ),
}
"""By the form of the names, what they match."""


def age_form(paths: Sequence[str]) -> str | None:
    """The form of `AGE_NAMES` that at least half of the names have, or None."""
    return next((f for f, p in AGE_NAMES.items() if share_matching(p, paths) >= 0.5), None)


def age_name_rows(root: Path, paths: Sequence[str], form: str, classes: Classes) -> Read:
    """Rows of images whose names have this form; names of another form are rejected."""
    rows = make_rows(paths, where=list(paths))
    found = matches(AGE_NAMES[form], rows)
    rows["years"] = pd.Series([m and int(m["age"]) for m in found], dtype=object)
    set_splits(rows, [splits_of_path(path) for path in paths])
    checked(rows, root, [m is None for m in found], f"the name is not {form}.jpg", classes)
    if form == CACD and has_meta(root):
        return Read(rows, fill_from_meta(rows, root))
    note = fill_persons_from_names(rows)
    notes = [] if note is None else [note]
    if form == CACD:
        notes.append(f"{META} is not there: names alone tell persons, and no ranks tell splits")
    return Read(rows, notes)
