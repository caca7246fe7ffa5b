"""Findings -> the tables of an audit's page, as text; pictures only if asked for."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from agecls.audit.findings import Findings, duplicates_by_place
from agecls.audit.wording import LEAK_WORDS, place_name, share
from agecls.classes import NAMES
from agecls.data.decoding import decode, read_image_file
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

    cells: tuple[str, ...]
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
    yield _leaks(findings)
    yield _places(findings)
    yield _groups(findings, show_faces)
    yield _persons(findings)
    yield _impossible(findings, show_faces)
    yield _drift(findings)
    yield _quarantine(findings)
    yield _sizes(findings)


def _listing(
    id: str, title: str, note: str, columns: Sequence[str], rows: Sequence[Row], total: int
) -> Listing:
    return Listing(id, title, note, tuple(columns), tuple(rows), total)


def _leaks(findings: Findings) -> Listing:
    rows = [
        Row(
            (
                f"{row['other']} ({row['images']:,} images)",
                row["one"],
                *(f"{row[kind]:,}" for kind in LEAK_WORDS),
            )
        )
        for row in findings.leaks.to_dict("records")
    ]
    words = [f"with {word}" for word in LEAK_WORDS.values()]
    return _listing(
        "leaks",
        "Leaks between splits",
        "Images of the first split that have something in the second. An image can count in "
        "several columns.",
        ["Images of", "have in", *words],
        rows,
        len(rows),
    )


def _places(findings: Findings) -> Listing:
    rows = [
        Row(
            (
                row.kind,
                place_name(row.place),
                f"{row.groups:,}",
                f"{row.images:,}",
                f"{row.conflicts:,}",
            )
        )
        for row in duplicates_by_place(findings.groups, findings.images).itertuples()
    ]
    return _listing(
        "places",
        "Duplicates by split",
        "A group holds all files of one photograph. Near groups hold the identical copies of "
        "their files, too.",
        ["Kind", "Where", "Groups", "Images", "Groups with several classes"],
        rows,
        len(rows),
    )


def _groups(findings: Findings, show_faces: bool) -> Listing:
    groups = findings.groups.assign(n_splits=findings.groups["splits"].map(len))
    # the gravest first: wrong labels, then leaks
    ordered = groups.sort_values(["is_conflict", "n_splits"], ascending=False, kind="stable")
    rows = []
    for group in ordered.head(SHOWN_ROWS).itertuples():
        places = ", ".join(place_name(split) for split in group.splits)
        cells = (group.kind, places, ", ".join(group.classes))
        rows.append(_row_of_files(findings, cells, group.rows, show_faces))
    return _listing(
        "groups",
        "Groups of duplicates",
        "Those with several classes come first, then those across splits.",
        ["Kind", "Splits", "Classes", "Files"],
        rows,
        len(groups),
    )


def _persons(findings: Findings) -> Listing:
    ordered = findings.persons.sort_values("shared", ascending=False, kind="stable")
    rows = [
        Row(
            (
                row.person,
                row.other,
                "different" if row.is_other_family else "one",
                f"{row.shared:,}",
                ", ".join(row.splits),
            )
        )
        for row in ordered.head(SHOWN_ROWS).itertuples()
    ]
    return _listing(
        "persons",
        "Persons under several names",
        "Two names that share many pictures are one person; a single shared picture may be a "
        "misplaced file.",
        ["Person", "Other name", "Families", "Shared pictures", "Splits"],
        rows,
        len(ordered),
    )


def _impossible(findings: Findings, show_faces: bool) -> Listing:
    ordered = findings.impossible.sort_values("years_short", ascending=False, kind="stable")
    images = findings.images
    rows = [
        _row_of_files(
            findings,
            (
                NAMES[images["label"].iat[found.row]],
                f"{images['collected_age'].iat[found.row]}",
                place_name(images["split"].iat[found.row]),
            ),
            (found.row,),
            show_faces,
        )
        for found in ordered.head(SHOWN_ROWS).itertuples()
    ]
    return _listing(
        "ages",
        "Classes above the person's age",
        "Nobody is older in a picture than when the set was collected.",
        ["Class", "Age when collected", "Split", "File"],
        rows,
        len(ordered),
    )


def _drift(findings: Findings) -> Listing:
    rows = [
        Row(
            (
                f"{row.one} and {row.other}",
                share(row.distance),
                f"{share(row.chance_low)} to {share(row.chance_high)}",
                f"{row.p:.3f}",
                f"{row.images_one:,} and {row.images_other:,}",
                f"{row.clusters_one:,} and {row.clusters_other:,}",
            )
        )
        for row in findings.drift.itertuples()
    ]
    return _listing(
        "drift",
        "Class shares between splits",
        "Total variation is the share of one split's images that would have to change class to "
        "give the other's shares.",
        ["Splits", "Total variation", "95 % range by chance", "p", "Images", "Clusters"],
        rows,
        len(rows),
    )


def _quarantine(findings: Findings) -> Listing:
    # bad ones first: ages without a class need no action
    ordered = findings.quarantine.sort_values("is_bad", ascending=False, kind="stable")
    rows = [
        Row((row.where, row.reason, "unusable" if row.is_bad else "set aside"))
        for row in ordered.head(SHOWN_ROWS).itertuples()
    ]
    return _listing(
        "unusable",
        "Unusable files and rows",
        "",
        ["Where", "Why", "What it is"],
        rows,
        len(ordered),
    )


def _sizes(findings: Findings) -> Listing:
    shapes = findings.images[["width", "height", "format"]].value_counts()
    rows = [
        Row((f"{width} × {height}", kind, f"{n:,}", share(n / len(findings.images))))
        for (width, height, kind), n in shapes.head(SHOWN_ROWS).items()
    ]
    return _listing(
        "sizes",
        "Sizes and formats",
        "Pixels as stored in the files, before any turn that EXIF asks for.",
        ["Width × height", "Format", "Images", "Share"],
        rows,
        len(shapes),
    )


def _row_of_files(
    findings: Findings, cells: tuple[str, ...], rows: Sequence[int], show_faces: bool
) -> Row:
    paths = tuple(findings.images["image_path"].iloc[list(rows[:SHOWN_FILES])])
    shown = paths[:SHOWN_FACES] if show_faces else ()
    faces = tuple(face for path in shown if (face := _face(findings.root, path)) is not None)
    return Row(cells, paths, len(rows) - len(paths), faces)


def _face(root: Path, path: str) -> Face | None:
    """The picture as it is now, or None if its file was removed or damaged since."""
    try:
        pixels = decode(read_image_file(root / path)[0], _FACE_SIZE)
    except ImageError:
        return None
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    text = base64.b64encode(file.getvalue()).decode()
    return Face(f"data:image/jpeg;base64,{text}", path)
