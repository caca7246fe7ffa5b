"""Other faces that confirmed models were scored on: a folder per set below the confirm stage's.

`confirm/external/SET/` holds `set.json`, which says what the set is, and a table of predictions
per model, `MODEL.parquet`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from study.errors import StudyError
from study.folder.folder import ExternalSet, Folder
from study.folder.parquet import read_table


@dataclass(frozen=True, kw_only=True)
class OtherFaces:
    """Predictions on one set of other faces.

    Attributes:
        name: What tables call the set.
        predictions: As `predictions.parquet`, `split` being the name; `is_duplicate` where the
            study holds the same file.
        seen: By arm, whether its models started from weights that were trained on this set; None
            where nobody can tell.
    """

    name: str
    predictions: pd.DataFrame
    seen: Mapping[str, bool | None]


def described(home: ExternalSet) -> dict[str, Any] | None:
    """What is known of a set from its folder; None where it was never scored.

    Raises:
        StudyError: The file is damaged.
    """
    path = home.described
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        is_whole = all(isinstance(found[k], str) for k in ("fingerprint", "path"))
        is_whole = is_whole and isinstance(found["seen"], dict)
    except (ValueError, TypeError, KeyError, RecursionError):
        is_whole = False
    if not is_whole:
        raise StudyError(f"{path}: damaged; delete its folder and score the set again")
    return found


def scored_parts(home: ExternalSet, models: pd.Series) -> list[Path]:
    """The tables of these models' predictions on a set, in the order of the models."""
    return [path for model in models if (path := home.predictions(model)).is_file()]


def read_other_faces(folder: Path, models: pd.Series) -> list[OtherFaces]:
    """Every set that any of the models was scored on.

    Raises:
        StudyError: A file is damaged.
    """
    found = []
    for home in Folder(folder).confirm.externals():
        known, parts = described(home), scored_parts(home, models)
        if known is None or not parts:
            continue
        predictions = pd.concat([read_table(p, "predictions") for p in parts])
        found.append(OtherFaces(name=home.path.name, predictions=predictions, seen=known["seen"]))
    return found
