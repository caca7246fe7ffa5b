"""The eight age classes; nowhere else are they written.

An age class is handled as its index 0..7 everywhere in the code and as its letter a..h in files.
"""

from typing import Final

CLASSES: Final = ("a", "b", "c", "d", "e", "f", "g", "h")
N_CLASSES: Final = len(CLASSES)
YEARS: Final = (
    (0, 6),
    (7, 12),
    (13, 19),
    (20, 30),
    (31, 45),
    (46, 55),
    (56, 66),
    (67, 80),
)
"""Youngest and oldest age in years of each class, both included."""

MIDPOINTS: Final = tuple((low + high) / 2 for low, high in YEARS)
"""Middle of each class in years, for an expected age from probabilities."""

NAMES: Final = tuple(f"{c} {low}-{high}" for c, (low, high) in zip(CLASSES, YEARS, strict=True))
"""Label for people: letter and years, as in "d 20-30"."""


def class_of_years(years: int) -> int | None:
    """Index of the class that contains an age in years, or None outside 0..80."""
    for index, (low, high) in enumerate(YEARS):
        if low <= years <= high:
            return index
    return None


def class_of_letter(letter: str) -> int | None:
    """Index of the class with this letter, in either case, or None if there is none."""
    cleaned = letter.strip().lower()
    return CLASSES.index(cleaned) if cleaned in CLASSES else None
