"""Words and counts that an audit's checks, summary, page and listings share."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from agecls.audit.findings import NO_SPLIT, Findings

LEAK_WORDS: Final = {
    "same_content": "the identical file",
    "near_duplicate": "a near duplicate",
    "same_person": "the same person",
    "linked_person": "a person linked by shared pictures",
    "same_family": "the same family",
}
"""Kinds of leak in reading order."""


def leak_words(findings: Findings) -> dict[str, str]:
    """The kinds of leak that the set can have, of pictures of nobody those of files."""
    files = ("same_content", "near_duplicate")
    return {k: word for k, word in LEAK_WORDS.items() if findings.is_of_people or k in files}


def class_counts(findings: Findings) -> pd.DataFrame:
    """Images by class (index: its name) and split (columns)."""
    labels, classes = findings.images["label"].to_numpy(), findings.classes
    split_of = findings.images["split"].to_numpy()
    return pd.DataFrame(
        {
            split: np.bincount(labels[split_of == split], minlength=len(classes))
            for split in findings.splits
        },
        index=list(classes.names),
    )


def counted(n: int, noun: str) -> str:
    """A number with its noun in the right form, as in "1 image" and "2,457 groups"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def share(part: float) -> str:
    """A fraction in per cent with one decimal."""
    return f"{part * 100:.1f} %"


def place_name(place: str) -> str:
    """A split, or two, for people."""
    return "the whole set" if place == NO_SPLIT else place


def totals(findings: Findings) -> Iterator[tuple[str, list[str]]]:
    """Images, persons, families and different pictures: a name and a text by split."""
    images = findings.images
    parts = [images[images["split"] == split] for split in findings.splits]
    yield "images", [f"{len(part):,}" for part in parts]
    of_people = (("persons", "person_id"), ("families", "family_id"))
    for name, column in of_people if findings.is_of_people else ():
        yield name, [f"{n:,}" if (n := part[column].nunique()) else "not known" for part in parts]
    yield "different pictures", [f"{part['alike'].nunique():,}" for part in parts]
