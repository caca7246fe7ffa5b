"""The images a study trains on, as its study file asks for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from agecls.classes import FOLDERS, Classes
from agecls.data.folded import FoldedFaces, fold_faces
from agecls.data.loading import FaceData, Reading, load_data
from agecls.data.records import own_classes
from agecls.errors import DataLayoutError
from study.asked.plans import DEFAULT_FOLDS
from study.asked.study import Study
from study.errors import StudyFileError
from study.plan.streams import Stream, stream_seed
from study.quantities import some_of
from study.running.terminal import progress

MOST_NAMED: Final = 20
"""Classes that a line of the terminal names."""


def study_faces(study: Study, console: Console) -> FaceData:
    """Its faces at its size, split by its seed, without duplicates where it says so.

    Args:
        study: The resolved study.
        console: Where progress goes.

    Raises:
        DataLayoutError: No layout is recognised, or too much is unusable.
        AgeclsError: The cache cannot be written.
    """
    try:
        with progress(f"Reading {study.classes.subject}", console) as advance:
            data = load_data(study.data, reading_of(study), progress=advance)
    except DataLayoutError as error:
        path = Path(study.data).expanduser()
        if path.is_absolute() or path.exists():
            raise
        # older study files hold paths relative to where their command was given
        raise DataLayoutError(
            f"{error} (looked for in {Path.cwd()}, since the path is relative; go where the study "
            f"was begun, or say where its {study.classes.subject} lie now with --data PATH)"
        ) from error
    for line in described(data.summary, study.classes):
        console.print(line, highlight=False, markup=False)
    return data


def reading_of(study: Study) -> Reading:
    """How a study asks that its images are read."""
    return Reading(
        size=study.size,
        classes=study.classes,
        seed=study.seed,
        deduplicate=study.deduplicate,
        max_bad_share=study.max_bad_share,
    )


def study_folds(study: Study, faces: FaceData) -> FoldedFaces:
    """Train and val as the study's folds, the same in every stage.

    A stage that needs folds where the study file asks for none takes `DEFAULT_FOLDS`.

    Raises:
        DataLayoutError: The faces have too few clusters for them.
    """
    k = DEFAULT_FOLDS if study.folds is None else study.folds.k
    return fold_faces(faces, k, seed=stream_seed(study, Stream.FOLDS))


def classes_of_folders(data: str) -> Classes:
    """The classes that a data root names itself: folders, labels of a table, names in a schema.

    Raises:
        StudyFileError: It names no two.
        DataLayoutError: A table there cannot be read.
    """
    found = own_classes(Path(data).expanduser())
    if found is None:
        raise StudyFileError(
            f"classes {FOLDERS}: {data} has no two folders of images and no table of labels; give "
            "such a folder as --data, or other classes"
        )
    return found


def described(summary: Mapping[str, Any], own: Classes) -> list[str]:
    """What was read of a data root: layout, classes and images, and what was not, in lines.

    Args:
        summary: See `agecls.data.loading.load_data`.
        own: The study's classes.
    """
    images, classes = summary["images"], summary["classes"]
    there = [c for c in next(iter(classes.values())) if any(n[c] for n in classes.values())]
    splits = ", ".join(f"{n:,} {split}" for split, n in images.items())
    left_out = summary["quarantined"]
    aside = f"{left_out['set_aside']:,} set aside for {own.gap}"
    names = ", ".join(there) if len(there) <= MOST_NAMED else some_of(there, MOST_NAMED)
    return [
        f"{summary['root']}, read as {summary['layout']}: {len(there)} classes "
        f"({names}); images: {splits}; {left_out['bad']:,} unusable, {aside}",
        *(f"  {note}" for note in summary["notes"]),
    ]
