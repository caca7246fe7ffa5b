"""Rows on their way from a data root to records: what every reader checks in the same way.

A reader makes one frame of rows and rejects the ones that it cannot use; a rejected row keeps its
place and its first reason, so that nothing vanishes in silence.
"""

import posixpath
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from agecls.classes import Classes
from agecls.data.folders import Listing

Value = TypeVar("Value")
Result = TypeVar("Result")

SPLITS: Final = ("train", "val", "test")

FRAME_COLUMNS: Final = (
    "image_path",
    "split",
    "label",
    "person_id",
    "family_id",
    "role",
    "collected_age",
    "years",
)
QUARANTINE_COLUMNS: Final = ("image_path", "where", "reason", "is_bad")

_RANGE: Final = re.compile(r"(?:(.+?)[ _-]+)?([0-9]{1,3}) ?[-–] ?([0-9]{1,3})")
_OUTSIDE: Final = re.compile(r"[/\\]|[A-Za-z]:")


class Read(NamedTuple):
    """What a reader makes of a data root.

    Attributes:
        rows: From `make_rows`, some of them rejected.
        notes: What a person should know of how they were read, a sentence each.
    """

    rows: pd.DataFrame
    notes: list[str]


def make_rows(
    image_path: Sequence[str], *, where: Sequence[str], **columns: Sequence[Any]
) -> pd.DataFrame:
    """Rows with all columns of a record, none of them rejected yet.

    Args:
        image_path: As found; relative to the root.
        where: What a person looks up to find the row, as in "labels.csv, row 12".
        **columns: Any of `FRAME_COLUMNS`; those left out are None throughout.

    Returns:
        `FRAME_COLUMNS`, `where`, `reason` (None) and `is_bad` (False), all of dtype object.
    """
    n = len(image_path)
    values: dict[str, Sequence[Any]] = {name: [None] * n for name in FRAME_COLUMNS}
    values |= columns
    values |= {"image_path": image_path, "where": where}
    values |= {"reason": [None] * n, "is_bad": [False] * n}
    # object on purpose: pandas 2 and 3 disagree on what a column of str and None becomes
    return pd.DataFrame({name: pd.Series(list(v), dtype=object) for name, v in values.items()})


def reject(
    rows: pd.DataFrame,
    mask: Sequence[bool] | npt.NDArray[np.bool_],
    reason: str | Callable[[Any], str],
    *,
    is_bad: bool = True,
) -> None:
    """Reject, in place, the rows of the mask that were not rejected before.

    Args:
        rows: From `make_rows`.
        mask: One value per row.
        reason: Text, or a function from a row (a named tuple) to the text.
        is_bad: False for a row that is sound but has no place among the classes.
    """
    new = np.asarray(mask, dtype=bool) & rows["reason"].isna().to_numpy()
    if not new.any():
        return
    texts = [
        reason if isinstance(reason, str) else reason(row)
        for row in rows.loc[new].itertuples(index=False)
    ]
    rows.loc[new, "reason"] = pd.Series(texts, index=rows.index[new], dtype=object)
    rows.loc[new, "is_bad"] = is_bad


def reject_unsafe_paths(rows: pd.DataFrame) -> None:
    """Reject, in place, empty paths and paths that could leave the root; tidy the others."""
    paths = ["" if path is None else str(path) for path in rows["image_path"]]
    reject(rows, [not path.strip() for path in paths], "the path is empty")
    reject(
        rows,
        [_OUTSIDE.match(path) is not None for path in paths],
        "the path is absolute; write it relative to the data folder",
    )
    reject(
        rows,
        [".." in path and ".." in re.split(r"[/\\]", path) for path in paths],
        "the path has `..` and could leave the data folder",
    )
    is_safe = rows["reason"].isna()
    tidied = [
        posixpath.normpath(path) if safe else path
        for path, safe in zip(paths, is_safe, strict=True)
    ]
    # of no rows, a plain list would become a column of numbers
    rows["image_path"] = pd.Series(tidied, index=rows.index, dtype=object)


def reject_missing_files(rows: pd.DataFrame, root: Path) -> None:
    """Reject, in place, rows whose file is not there, not a file or of no format that is opened.

    A path that is not there as it is written, but once but for its case, its slashes or how its
    letters are composed, becomes the one that is there; each folder is listed once.
    """
    is_open = rows["reason"].isna().to_numpy()
    paths = rows["image_path"].tolist()
    listing = Listing(root)
    found = {path: listing.look_up(path) for path, ok in zip(paths, is_open, strict=True) if ok}
    rows["image_path"] = pd.Series(
        [found[path].path if path in found else path for path in paths],
        index=rows.index,
        dtype=object,
    )
    problems = {there.path: why for there in found.values() if (why := there.problem) is not None}
    reject(
        rows,
        [path in problems for path in rows["image_path"]],
        lambda row: problems[row.image_path],
    )


def set_splits(
    rows: pd.DataFrame, named: Sequence[Collection[str]], *, is_one_enough: bool = False
) -> None:
    """Set `split`, in place, from the splits that folders name; reject rows of two splits.

    Args:
        rows: From `make_rows`.
        named: The splits that each row's folders name.
        is_one_enough: Whether a single split counts. Elsewhere a lone folder called test may be
            anything, and to take it for a split would leave nothing to train on.
    """
    if len(set().union(*named)) < (1 if is_one_enough else 2):
        return
    only = [next(iter(names)) if len(names) == 1 else None for names in named]
    rows["split"] = pd.Series(only, index=rows.index, dtype=object)
    shown = {
        path: " and ".join(sorted(names))
        for path, names in zip(rows["image_path"], named, strict=True)
    }
    reject(
        rows,
        [len(names) > 1 for names in named],
        lambda row: f"its folders name the splits {shown[row.image_path]}; keep one",
    )


def reject_unsplit(rows: pd.DataFrame) -> None:
    """Reject, in place, rows without a split where others have one: nothing could use them."""
    is_open = rows["reason"].isna()
    has_split = rows["split"].notna()
    if (is_open & has_split).any():
        reject(rows, ~has_split.to_numpy(), "it is in no split, and others are")


def reject_repeated_paths(rows: pd.DataFrame) -> None:
    """Reject, in place, later rows of one path; all of them where their classes differ."""
    is_open = rows["reason"].isna()
    open_rows = rows.loc[is_open, ["image_path", "label", "where"]]
    if not open_rows["image_path"].duplicated().any():
        return
    grouped = open_rows.groupby("image_path", sort=False)
    first = dict(zip(open_rows["image_path"][::-1], open_rows["where"][::-1], strict=True))
    n_labels = grouped["label"].nunique()
    torn = set(n_labels.index[n_labels > 1])
    in_torn = is_open & rows["image_path"].isin(torn)
    reject(rows, in_torn.to_numpy(), "the same path is listed with different classes")
    is_later = np.zeros(len(rows), dtype=bool)
    is_later[np.flatnonzero(is_open)] = open_rows["image_path"].duplicated().to_numpy()
    reject(rows, is_later, lambda row: f"the same path is in {first[row.image_path]}")


def label_of_text(text: str, classes: Classes) -> int | None:
    """Class of a name ("a"), name and years ("a_0-6", "a 0-6") or years ("0-6"), or None."""
    named = classes.of_name(text)
    if named is not None:
        return named
    match = _RANGE.fullmatch(text.strip())
    bounds = match and (int(match[2]), int(match[3]))
    if match is None or classes.years is None or bounds not in classes.years:
        return None
    index = classes.years.index(bounds)
    is_own = match[1] is None or classes.of_name(match[1]) == index
    return index if is_own else None


def map_unique(function: Callable[[Value], Result], values: Collection[Value]) -> list[Result]:
    """The function's value for each element, called once per distinct one."""
    table = {value: function(value) for value in set(values)}
    return [table[value] for value in values]


def set_labels_from_years(rows: pd.DataFrame, classes: Classes) -> None:
    """Fill `label`, in place, from `years`; years without a class are set aside, not bad.

    Classes that are no ages leave it as it is.
    """
    if classes.years is None:
        return
    years = rows["years"].tolist()
    reject(
        rows,
        [y is not None and y < 0 for y in years],
        lambda row: f"age {row.years} is below 0: an unknown age; leave it out",
    )
    labels = map_unique(lambda y: None if y is None else classes.of_years(int(y)), years)
    is_filled = [y is not None for y in years]
    rows["label"] = pd.Series(
        [
            new if is_year else old
            for new, old, is_year in zip(labels, rows["label"], is_filled, strict=True)
        ],
        dtype=object,
    )
    reject(
        rows,
        [is_year and new is None for new, is_year in zip(labels, is_filled, strict=True)],
        lambda row: f"age {row.years} has no class; {_no_class(int(row.years), classes)}",
        is_bad=False,
    )


def settle(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records' frame and quarantine, in the rows' order, with their final dtypes."""
    is_good = rows["reason"].isna()
    frame = rows.loc[is_good, list(FRAME_COLUMNS)].reset_index(drop=True)
    frame["label"] = frame["label"].astype("int64")
    for name in ("collected_age", "years"):
        frame[name] = frame[name].astype("Int64")
    quarantine = rows.loc[~is_good, list(QUARANTINE_COLUMNS)].reset_index(drop=True)
    quarantine["is_bad"] = quarantine["is_bad"].astype(bool)
    return frame, quarantine


def reject_unreadable_names(rows: pd.DataFrame) -> None:
    """Reject, in place, names that are not Unicode: no table or page could hold them."""
    paths = rows["image_path"].tolist()
    is_text = [path.isascii() or _is_unicode(path) for path in paths]
    rows["image_path"] = pd.Series(
        [
            path if ok else path.encode("utf-8", "backslashreplace").decode()
            for path, ok in zip(paths, is_text, strict=True)
        ],
        dtype=object,
    )
    reject(rows, [not ok for ok in is_text], "the file's name is not valid UTF-8; rename it")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def expected_classes(classes: Classes) -> str:
    """How a class may be written, for messages."""
    first, last = classes.names[0], classes.names[-1]
    if classes.years is None:
        return f"one of the {len(classes)} classes {first}..{last}"
    if classes.names == classes.ranges:
        return f"years such as {first}"
    return f"a letter {first}..{last} or years such as {classes.ranges[0]}"


def _no_class(years: int, classes: Classes) -> str:
    """Where the classes leave an age out."""
    assert classes.years is not None, "only ages are asked for"
    first, last = classes.years[0][0], classes.years[-1][1]
    if years > last:
        return f"the classes end at {last} years"
    if years < first:
        return f"the classes begin at {first} years"
    below = max(high for _, high in classes.years if high < years)
    above = min(low for low, _ in classes.years if low > years)
    return f"none lies between {below} and {above} years"
