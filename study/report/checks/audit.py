"""What the data are and what is wrong with them, from the summary that the run recorded.

The summary is of `agecls.data.loading.load_data`. A folder that another tool wrote has none, or
parts of one; whatever is missing is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agecls.classes import Classes
from study.analysis.checks.recorded import audit_summary
from study.folder.provenance import Known
from study.folder.tables import StudyTables
from study.report.wording import count, listed, percent, some_of

MOST_CLASSES: Final = 20
"""Classes up to which each one's images are listed at once."""

_CAPTION: Final = "Images of each class, and their share of the split"
_CAPTION_OF_AGES: Final = (
    "Images of each age class (letter and years), and their share of the split"
)


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """One class: its name and, per split, images, their share and that as a bar's length."""

    name: str
    cells: tuple[tuple[int, str, float], ...]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The summary as the report shows it.

    Attributes:
        facts: Name and text of each finding.
        splits: The splits that the set has.
        classes: One row per class; empty where the counts are unknown.
        caption: What these rows say.
        quarantined: File, place and reason of the first unusable ones.
    """

    facts: tuple[tuple[str, str], ...]
    splits: tuple[str, ...]
    classes: tuple[ClassRow, ...]
    caption: str
    quarantined: tuple[tuple[str, str, str], ...]

    @property
    def are_folded(self) -> bool:
        """Whether there are too many classes to scroll past."""
        return len(self.classes) > MOST_CLASSES


def audit_data(tables: StudyTables) -> Audit | None:
    """The audit, or None where nothing was recorded."""
    summary = audit_summary(tables)
    if not summary:
        return None
    own = tables.study.classes
    counts = {
        str(split): {c: n for c in own.names if isinstance(n := by_class.get(c), int)}
        for split, by_class in summary.table("classes").items()
        if isinstance(by_class, Mapping)
    }
    first = summary.table("quarantined").tables("first")
    return Audit(
        facts=tuple((name, text) for name, text in _facts(tables, summary) if text),
        splits=tuple(counts),
        classes=tuple(_class_row(own, i, counts) for i in range(len(own))) if counts else (),
        caption=_CAPTION_OF_AGES if own.years is not None else _CAPTION,
        quarantined=tuple(
            (str(row.get("image_path")), str(row.get("where")), str(row.get("reason")))
            for row in first
        ),
    )


def _facts(tables: StudyTables, summary: Known) -> list[tuple[str, str]]:
    images, quarantined = summary.table("images"), summary.table("quarantined")
    size, notes = summary.get("size", tables.study.size), summary.get("notes")
    return [
        ("Set", str(summary.get("root", tables.study.data))),
        ("Layout", str(summary.get("layout", ""))),
        ("How it was read", "; ".join(map(str, notes)) if isinstance(notes, list) else ""),
        ("Images", _per_split(images) + f", at {size} × {size} pixels"),
        ("Persons", _per_split(summary.table("persons"))),
        ("Families", _per_split(summary.table("families"))),
        ("Splits", str(summary.table("splits").get("how", ""))),
        ("Folds", str(tables.known.table("folds").get("how", ""))),
        (
            "Commonest class",
            listed(
                [
                    f"{percent(share)} of {split}"
                    for split, share in summary.table("majority").items()
                ]
            ),
        ),
        ("Classes without images", _absent(summary)),
        ("Unusable", _unusable(quarantined, tables.study.classes)),
        ("Duplicates", _duplicates(summary.table("duplicates"))),
        ("Leaks between splits", _leaks(summary.table("leaks"))),
    ]


def _per_split(counts: Known) -> str:
    known = {split: n for split, n in counts.items() if isinstance(n, int) and n}
    return listed([f"{n:,} {split}" for split, n in known.items()])


def _absent(summary: Known) -> str:
    lacking = summary.table("absent_classes").items()
    return "; ".join(
        f"{', '.join(letters) if len(letters) <= MOST_CLASSES else some_of(letters, 8)} in {split}"
        for split, letters in lacking
        if letters
    )


def _unusable(quarantined: Known, classes: Classes) -> str:
    if not quarantined:
        return ""
    bad, aside = quarantined.get("bad", 0), quarantined.get("set_aside", 0)
    text = f"{count(bad, 'file or row')}".replace("file or rows", "files or rows")
    return text + (f", and {aside:,} set aside for {classes.gap}" if aside else "")


def _duplicates(duplicates: Known) -> str:
    if not duplicates:
        return ""
    copies, conflicts = duplicates.get("copies", 0), duplicates.get("conflicting_images", 0)
    done = "left out" if duplicates.get("removed") else "trained on, as the study asks"
    text = "none in train"
    if copies or conflicts:
        text = f"{copies:,} byte-identical copies in train {done}"
        text += f", and {conflicts:,} whose copies carry other classes" if conflicts else ""
    kept = [(s, duplicates.get(f"{s}_copies", 0)) for s in ("val", "test")]
    return text + "".join(f"; {n:,} in {split} kept" for split, n in kept if n)


def _leaks(leaks: Known) -> str:
    found = [
        f"{pair.replace('-', ' → ')}: {n:,} images with the {kind.replace('_', ' ')}"
        for pair in leaks
        for kind, n in leaks.table(pair).items()
        if n
    ]
    return "; ".join(found) or ("none found" if leaks else "")


def _class_row(classes: Classes, index: int, counts: Mapping[str, Mapping[str, int]]) -> ClassRow:
    name = classes.names[index]
    cells = []
    for by_class in counts.values():
        n, total = by_class.get(name, 0), sum(by_class.values()) or 1
        largest = max(by_class.values(), default=0) or 1
        cells.append((n, percent(n / total), round(n / largest, 3)))
    return ClassRow(name=classes.captions[index], cells=tuple(cells))
