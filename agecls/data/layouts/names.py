"""What layouts that are told by file names share: names that match, and the checks of rows."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from agecls.classes import Classes
from agecls.data.rows import (
    expected_classes,
    reject,
    reject_missing_files,
    reject_unreadable_names,
    set_labels_from_years,
)


def share_matching(pattern: re.Pattern[str], paths: Sequence[str]) -> float:
    """Share of the paths whose file name matches, 0 of no paths."""
    return sum(_match(pattern, path) is not None for path in paths) / max(len(paths), 1)


def matches(pattern: re.Pattern[str], rows: pd.DataFrame) -> list[re.Match[str] | None]:
    """The match of each row's file name, or None."""
    return [_match(pattern, path) for path in rows["image_path"]]


def checked(
    rows: pd.DataFrame,
    root: Path,
    is_malformed: Sequence[bool] | npt.NDArray[np.bool_],
    reason: str,
    classes: Classes,
) -> pd.DataFrame:
    """The rows after the checks of all layouts by name: names, then files, then years."""
    reject_missing_files(rows, root)
    reject_unreadable_names(rows)
    reject(rows, is_malformed, reason)
    set_labels_from_years(rows, classes)
    unknown = rows["label"].isna().to_numpy()
    reject(rows, unknown, f"nothing tells its class; expected {expected_classes(classes)}")
    return rows


def _match(pattern: re.Pattern[str], path: str) -> re.Match[str] | None:
    return pattern.fullmatch(path[path.rfind("/") + 1 :])
