"""What an earlier study of the same faces printed, to stand beside a study's own arms.

Its four models are the reason for this project. The figures are theirs and are shown as such, and
only beside a study on the same faces, which the classes of its validation split tell: nobody
else's arms compare with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from study.asked.factors import Config, Level
from study.asked.study import Study
from study.folder.tables import StudyTables
from study.report.sources import pretrained_start

VAL_CLASSES: Final[Mapping[str, int]] = {
    "a": 375, "b": 367, "c": 270, "d": 239, "e": 173, "f": 79, "g": 32, "h": 4,
}  # fmt: skip
"""Images of each class in the validation split that it used."""

_NOTE: Final = (
    "The earlier study’s figures are its own: one seed, no interval, on its test split of 1,504 "
    "images at 128 pixels (commonest class 26.5 %), learning rates not tuned. “Pretrained” meant "
    "ImageNet there, and its BCD had no batch norm or ReLU inside the stem."
)


@dataclass(frozen=True, kw_only=True)
class EarlierModel:
    """One of its models.

    Attributes:
        name: What it called it.
        accuracy: On its test split, a fraction.
        init: Level of `init` that corresponds.
        variants: Levels of `variant` that correspond.
    """

    name: str
    accuracy: float
    init: str
    variants: tuple[str, ...]


MODELS: Final = (
    EarlierModel(name="ORG", accuracy=0.260, init="scratch", variants=("org",)),
    EarlierModel(name="TL", accuracy=0.500, init="pretrained", variants=("org",)),
    EarlierModel(name="BCD", accuracy=0.260, init="scratch", variants=("bcd", "bcd_seed")),
    EarlierModel(name="TL-BCD", accuracy=0.510, init="pretrained", variants=("bcd", "bcd_seed")),
)


def earlier_model(tables: StudyTables, cell: Config) -> EarlierModel | None:
    """The model that corresponds to an arm of a study on the same faces, if one does.

    Args:
        tables: The study.
        cell: The arm factors' levels.
    """
    if not _is_of_the_same_faces(tables):
        return None
    crossed = {f.name for f in tables.study.of_role("arm")}
    if not crossed <= {"init", "variant"}:
        return None  # an arm of anything else has no counterpart
    fixed: dict[str, Level] = {
        f.name: f.levels[0] for f in tables.study.of_role("fixed") if f.name in {"init", "variant"}
    }
    levels = fixed | dict(cell)
    return next(
        (
            model
            for model in MODELS
            if levels.get("init") == model.init and levels.get("variant") in model.variants
        ),
        None,
    )


def earlier_note(study: Study) -> str:
    """How its figures were got, and what is other here."""
    start = pretrained_start(study)
    here = f"; “pretrained” starts from {start}" if start else ""
    return f"{_NOTE} Here images are {study.size} pixels{here}."


def _is_of_the_same_faces(tables: StudyTables) -> bool:
    return tables.known.table("data", "summary", "classes").get("val") == dict(VAL_CLASSES)
