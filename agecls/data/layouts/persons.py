"""Persons that the names of files and folders tell, in age sets that were collected with them."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pandas as pd

from agecls.data.within import within

PERSON_PATHS: Final = {
    "{person}-1.jpg": re.compile(r"(?:^|/)(?P<person>[0-9]+)-[0-9]+\.[A-Za-z]+$"),
    "{person}A02.jpg": re.compile(r"(?:^|/)(?P<person>[0-9]{3})A[0-9]{2}[a-z]?\.[A-Za-z]+$"),
    "{person}_1M54.jpg": re.compile(r"(?:^|/)(?P<person>[0-9]+)_[0-9]+[MF][0-9]{2}\.[A-Za-z]+$"),
    "0_{person}_35_f.jpg": re.compile(
        r"(?:^|/)[0-9]+_(?P<person>[^\W\d][^/]*)_[0-9]{1,3}_[mf]\.[A-Za-z]+$"
    ),
    "53_{person}_0001.jpg": re.compile(
        r"(?:^|/)[0-9]{1,3}_(?P<person>[^\W\d][^/]*)_[0-9]{4}\.[A-Za-z]+$"
    ),
    "00/{person}_rm46373120_1955-1-6_2003.jpg": re.compile(
        r"(?:^|/)(?P<person>nm[0-9]+)_rm[0-9]+_[^/]*\.[A-Za-z]+$"
    ),
    "subject_{person}/": re.compile(
        r"(?:^|/)(?P<person>(?:person|subject|identity|user|id)[ _-]?[0-9]+)/", re.IGNORECASE
    ),
}
"""How paths tell persons: AFAD, FG-NET, MORPH, AgeDB, CACD2000, IMDB-WIKI; folders that say so."""

_NEARLY_ALL: Final = 0.9


def fill_persons_from_names(rows: pd.DataFrame) -> str | None:
    """Set `person_id`, in place, where nearly all paths tell a person; a note that says so.

    Known file names are those of age sets that were collected with identities; a folder tells a
    person by the word for it, as in subject_12.
    """
    paths = [within(path).file for path in rows["image_path"]]
    for form, pattern in PERSON_PATHS.items():
        found = [match and match["person"] for match in map(pattern.search, paths)]
        persons = [person for person in found if person is not None]
        if len(persons) < _NEARLY_ALL * len(paths) or not _are_persons(rows, found):
            continue
        rows["person_id"] = pd.Series(found, index=rows.index, dtype=object)
        return f"persons are told by names such as {form}"
    return None


def _are_persons(rows: pd.DataFrame, found: Sequence[str | None]) -> bool:
    """Whether the names part the images, and not by age or into one large part."""
    counts = Counter(person for person in found if person is not None)
    if len(counts) < 2 or max(counts.values()) > len(found) / 2:
        return False
    years = rows["years"].tolist()
    return not all(p is not None and p == str(y) for p, y in zip(found, years, strict=True))
