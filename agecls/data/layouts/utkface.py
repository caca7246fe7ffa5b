"""UTKFace: names that begin with an age in years."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from agecls.classes import Classes
from agecls.data.folders import images_below, split_of_name, splits_of_path, subfolders
from agecls.data.layouts.names import checked, matches
from agecls.data.rows import make_rows, set_splits

UTKFACE_NAME: Final = re.compile(r"(?P<age>[0-9]{1,3})_[01]_[0-4]_[0-9]+(?:\.[A-Za-z]+)+")
"""25_0_2_20170116174525125.jpg.chip.jpg: age in years, gender, race, time stamp."""

MENDED: Final = {
    "24_0_1_20170116220224657 ": 24,
    "39_1_20170116174525125": 39,
    "53__0_20170116184028385": 53,
    "55_0_0_20170116232725357jpg": 55,
    "61_1_20170109142408075": 61,
    "61_1_20170109150557335": 61,
    "61_3_20170109150557335": 61,
}
"""Ages of the names that the set's own archives have malformed, by what stands before the first
dot. They lack a field, or have a blank or an ending within; the age is there in each. The third
image at 61 is spelled in two ways. Sources: the list of corrections in
github.com/caiopetruccirosa/facial-age-estimation-dataset-analysis (39, 53, 61) and what many
projects do before reading the crops (24, 55, and 61 in its other spelling).
"""


def named_images(root: Path) -> list[str]:
    """The images of a root whose names may tell the age.

    Sets are often unpacked twice, one of them deeper; so what lies deeper than one folder counts
    only where nothing lies higher, or where folders tell splits.
    """
    if any(split_of_name(name) is not None for name in subfolders(root)):
        return images_below(root, [""], depth=None)
    return images_below(root, [""], depth=1) or images_below(root, [""], depth=None)


def utkface_rows(root: Path, paths: Sequence[str], classes: Classes) -> pd.DataFrame:
    """Rows of images with UTKFace names; nobody is identified in them."""
    rows = make_rows(paths, where=list(paths))
    found = matches(UTKFACE_NAME, rows)
    starts = [path[path.rfind("/") + 1 :].partition(".")[0] for path in paths]
    years = [
        MENDED.get(start) if m is None else int(m["age"])
        for m, start in zip(found, starts, strict=True)
    ]
    rows["years"] = pd.Series(years, dtype=object)
    set_splits(rows, [splits_of_path(path) for path in paths])
    return checked(
        rows,
        root,
        [y is None for y in years],
        "the name is not {age}_{gender}_{race}_{time}.jpg",
        classes,
    )
