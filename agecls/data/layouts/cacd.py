"""CACD2000's list of its images, which tells more than their names: identity, and rank.

`celebrity2000_meta.mat`, in MATLAB's format of version 5, has a struct `celebrityImageData` with
a row an image: age, identity, year, rank, lfw, birth, name; `celebrityData` has the same of the
2,000 persons. `rank` is a person's place among those of one birth year at IMDb.com. The authors
checked the images of ranks 1 to 5 by hand, chose parameters on 1 and 2 and tested on 3 to 5; the
"Call to Reflect" benchmark takes these as val and test, and all others, noisier ones, as train.

Sources: Chen, Chen and Hsu 2014, ECCV, with CARC.m; bcsiriuschen.github.io/CARC;
facebase/to_json/cacd_to_json.py of github.com/paplhjak/Facial-Age-Estimation-Benchmark.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd

from agecls.data.rows import reject, set_splits
from agecls.errors import DataLayoutError

META: Final = "celebrity2000_meta.mat"

_LAST_OF_VAL: Final = 2
_LAST_OF_TEST: Final = 5
"""Ranks; those above are train's."""

_SPELLED_ALIKE: Final = re.compile(r"[^A-Za-z0-9_]")
"""What file names lose or change on their way out of an archive: accents, apostrophes, dots."""


class _Celebrity(NamedTuple):
    """Whom an image shows."""

    identity: int
    rank: int


def has_meta(root: Path) -> bool:
    """Whether the set's list lies in its folder."""
    return (root / META).is_file()


def fill_from_meta(rows: pd.DataFrame, root: Path) -> list[str]:
    """Set `person_id`, in place, and `split` where no folder tells one; notes that say so.

    Images that the list lacks are set aside: whoever they show may be somebody that it has.

    Raises:
        DataLayoutError: The list cannot be read.
    """
    listed = _listed(root / META)
    exact, alike = _clear(listed), _clear([(_bare(name), whom) for name, whom in listed])
    names = [_composed(path[path.rfind("/") + 1 :]) for path in rows["image_path"]]
    shown = [exact.get(name) or alike.get(_bare(name)) for name in names]
    reject(rows, [s is None for s in shown], f"{META} does not list it", is_bad=False)
    rows["person_id"] = pd.Series(
        [None if s is None else str(s.identity) for s in shown], index=rows.index, dtype=object
    )
    notes = [f"persons are told by identity in {META}"]
    if rows["split"].isna().all():
        set_splits(rows, [set() if s is None else {_split(s.rank)} for s in shown])
        if rows["split"].notna().any():
            notes.append(
                f"val are persons of rank 1 and 2 in {META}, test of 3 to 5, whose images were "
                "checked by hand; train are all others"
            )
    return notes


def _split(rank: int) -> str:
    if rank <= _LAST_OF_VAL:
        return "val"
    return "test" if rank <= _LAST_OF_TEST else "train"


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _bare(name: str) -> str:
    """A file's name without what archives spell in several ways."""
    return _SPELLED_ALIKE.sub("", name)


def _clear(listed: Sequence[tuple[str, _Celebrity]]) -> dict[str, _Celebrity]:
    """Whom each name stands for; those that stand for several persons are left out."""
    found: dict[str, _Celebrity] = {}
    torn = {name for name, whom in listed if found.setdefault(name, whom) != whom}
    return {name: whom for name, whom in found.items() if name not in torn}


def _listed(path: Path) -> list[tuple[str, _Celebrity]]:
    """Whom each image shows, by its name."""
    from scipy.io import loadmat  # only here: no other set needs it, and it takes time to load

    try:
        found: Mapping[str, Any] = loadmat(
            path, variable_names=["celebrityImageData"], simplify_cells=True
        )["celebrityImageData"]
        rows = zip(found["name"], found["identity"], found["rank"], strict=True)
        return [
            (_composed(str(name)), _Celebrity(int(who), int(rank))) for name, who, rank in rows
        ]
    except NotImplementedError as error:  # scipy's for version 7.3
        raise DataLayoutError(
            f"{path} is in MATLAB's format of version 7.3; give the list as it is published, or "
            "remove it to go by the names alone"
        ) from error
    except Exception as error:  # scipy raises many kinds for damaged files
        raise DataLayoutError(
            f"{path} cannot be read as CACD2000's list of images: {_told(error)}. Restore it, or "
            "remove it to go by the names alone"
        ) from error


def _told(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
