"""Findings -> the tables of an audit's page, as text; pictures only if asked for."""

import base64
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
from PIL import Image

from agecls.audit.findings import Findings, duplicates_by_place, sizes
from agecls.audit.wording import leak_words, place_name, share
from agecls.data.decoding import decode, read_image_file
from agecls.data.within import within
from agecls.errors import ImageError

SHOWN_ROWS: Final = 200
"""Longest listing on the page."""

SHOWN_FILES: Final = 12
"""Most paths beside one row."""

SHOWN_FACES: Final = 6
"""Most pictures beside one row."""

_FACE_SIZE: Final = 96


@dataclass(frozen=True)
class Face:
    """A picture on the page: a data URI and the path of its file."""

    source: str
    path: str


@dataclass(frozen=True)
class Row:
    """Cells of text, then files (`n_more` others exist) and their pictures, if shown."""

    cells: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    n_more: int = 0
    faces: tuple[Face, ...] = ()


@dataclass(frozen=True)
class Listing:
    """A table of the page; `total` rows exist, `rows` are shown."""

    id: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    total: int


def listings(findings: Findings, *, show_faces: bool) -> Iterator[Listing]:
    """Every listing, empty ones too; call it within `agecls.data.decoding.quiet_pillow`."""
    images = findings.images

    def files(rows: Sequence[int]) -> Row:
        return _files(findings, rows, show_faces)

    yield _listing(
        "leaks",
        "Leaks between splits",
        "Images of the first split that have something in the second. An image can count in "
        "several columns.",
        findings.leaks,
        {
            "Images of": lambda row: f"{row.other} ({row.images:,} images)",
            "have in": lambda row: row.one,
            **{f"with {word}": _number_in(kind) for kind, word in leak_words(findings).items()},
        },
    )
    yield _listing(
        "places",
        "Duplicates by split",
        "A group holds all files of one photograph. Near groups hold the identical copies of "
        "their files, too.",
        duplicates_by_place(findings.groups, images),
        {
            "Kind": lambda row: row.kind,
            "Where": lambda row: place_name(row.place),
            "Groups": _number_in("groups"),
            "Images": _number_in("images"),
            "Groups with several classes": _number_in("conflicts"),
        },
    )
    groups = findings.groups.assign(n_splits=findings.groups["splits"].map(len))
    yield _listing(
        "groups",
        "Groups of duplicates",
        "Those with several classes come first, then those across splits.",
        # the gravest first: wrong labels, then leaks
        groups.sort_values(["is_conflict", "n_splits"], ascending=False, kind="stable"),
        {
            "Kind": lambda row: row.kind,
            "Splits": lambda row: ", ".join(place_name(split) for split in row.splits),
            "Classes": lambda row: ", ".join(row.classes),
        },
        files=("Files", lambda row: files(row.rows)),
    )
    yield _listing(
        "persons",
        "Persons under several names",
        "Two names that share many pictures are one person; a single shared picture may be a "
        "misplaced file.",
        findings.persons.sort_values("shared", ascending=False, kind="stable"),
        {
            "Person": lambda row: row.person,
            "Other name": lambda row: row.other,
            "Families": lambda row: "different" if row.is_other_family else "one",
            "Shared pictures": _number_in("shared"),
            "Splits": lambda row: ", ".join(row.splits),
        },
    )
    yield _listing(
        "ages",
        "Classes above the person's age",
        "Nobody is older in a picture than when the set was collected.",
        findings.impossible.sort_values("years_short", ascending=False, kind="stable"),
        {
            "Class": lambda row: findings.classes.captions[images["label"].iat[row.row]],
            "Age when collected": lambda row: str(images["collected_age"].iat[row.row]),
            "Split": lambda row: place_name(images["split"].iat[row.row]),
        },
        files=("File", lambda row: files((row.row,))),
    )
    yield _listing(
        "drift",
        "Class shares between splits",
        "Total variation is the share of one split's images that would have to change class to "
        "give the other's shares.",
        findings.drift,
        {
            "Splits": lambda row: f"{row.one} and {row.other}",
            "Total variation": lambda row: share(row.distance),
            "95 % range by chance": lambda row: (
                f"{share(row.chance_low)} to {share(row.chance_high)}"
            ),
            "p": lambda row: f"{row.p:.3f}",
            "Images": lambda row: f"{row.images_one:,} and {row.images_other:,}",
            "Clusters": lambda row: f"{row.clusters_one:,} and {row.clusters_other:,}",
        },
    )
    yield _listing(
        "unusable",
        "Unusable files and rows",
        "",
        # bad ones first: ages without a class need no action
        findings.quarantine.sort_values("is_bad", ascending=False, kind="stable"),
        {
            "Where": lambda row: row.where,
            "Why": lambda row: row.reason,
            "What it is": lambda row: "unusable" if row.is_bad else "set aside",
        },
    )
    yield _listing(
        "sizes",
        "Sizes and formats",
        "Pixels as stored in the files, before any turn that EXIF asks for.",
        sizes(images),
        {
            "Width × height": lambda row: f"{row.width} × {row.height}",
            "Format": lambda row: row.format,
            "Images": _number_in("images"),
            "Share": lambda row: share(row.images / len(images)),
        },
    )


def _listing(
    id: str,
    title: str,
    note: str,
    frame: pd.DataFrame,
    columns: Mapping[str, Callable[[Any], str]],
    files: tuple[str, Callable[[Any], Row]] | None = None,
) -> Listing:
    """The first rows of a frame, each cell by its column's function of the row.

    Args:
        id: Of the part of the page.
        title: Over it.
        note: Under that; may be empty.
        frame: In the order shown.
        columns: Header and function of each column.
        files: Header of the last column, and the files of a row.
    """
    rows = []
    for found in frame.head(SHOWN_ROWS).itertuples():
        row = Row() if files is None else files[1](found)
        rows.append(replace(row, cells=tuple(text(found) for text in columns.values())))
    headers = (*columns, *(() if files is None else files[:1]))
    return Listing(id, title, note, headers, tuple(rows), len(frame))


def _number_in(column: str) -> Callable[[Any], str]:
    return lambda row: f"{getattr(row, column):,}"


def _files(findings: Findings, rows: Sequence[int], show_faces: bool) -> Row:
    paths = tuple(findings.images["image_path"].iloc[list(rows[:SHOWN_FILES])])
    shown = paths[:SHOWN_FACES] if show_faces else ()
    faces = tuple(face for path in shown if (face := _face(findings.root, path)) is not None)
    return Row((), paths, len(rows) - len(paths), faces)


def _face(root: Path, path: str) -> Face | None:
    """The picture as it is now, or None if its file was removed or damaged since."""
    try:
        pixels = decode(read_image_file(root / path)[0], _FACE_SIZE, box=within(path).box)
    except ImageError:
        return None
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    text = base64.b64encode(file.getvalue()).decode()
    return Face(f"data:image/jpeg;base64,{text}", path)
