"""Whether there is room for what a study writes, and where its checkpoints go."""

import shutil
import tempfile
from pathlib import Path

from study.asked.study import Study
from study.errors import StorageError
from study.folder.folder import Folder, Home
from study.folder.storage import Storage, below
from study.running.ray_session import Resources

CHECKPOINT_BYTES = 350_000_000
"""What a checkpoint takes at most: a ResNet-50's weights, their average and Adam's two moments,
25.6 million parameters of four bytes each; ResNet-101 is half as large again."""


def make_folder(folder: Path) -> None:
    """Make a folder that can be written.

    Raises:
        StorageError: It cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be written ({error.strerror}); choose another --out"
        ) from error


def storage_of(study: Study, home: Home, uri: str | None) -> Storage:
    """Where the checkpoints of what is run in `home` go: below it, or below `uri`.

    Below `uri` each study has a folder of its own name, and each stage one that holds those.
    """
    if uri is None:
        return Storage(str(home.checkpoints.absolute()))
    return Storage(
        below(uri if isinstance(home, Folder) else below(uri, home.path.name), study.name)
    )


def prepare(study: Study, home: Home, uri: str | None, resources: Resources) -> Storage:
    """Make a home and the place of its checkpoints, and look whether they can grow.

    Raises:
        StorageError: One of them cannot be written, or the disk is too small.
    """
    make_folder(home.path)
    if uri is None and study.trainable is None:  # nobody knows what a function keeps
        kept = len(study.arms) * (1 + 1) + resources.at_a_time_here()
        what = f"checkpoints and models of {len(study.arms)} arms"
        check_room(home.path, kept * CHECKPOINT_BYTES, what, "give --out or --storage elsewhere")
    place = storage_of(study, home, uri)
    place.prepare()
    return place


def check_room(folder: Path, need: int, what: str, way_out: str) -> None:
    """Refuse to write more than fits.

    Args:
        folder: Where it would lie.
        need: Bytes.
        what: In words, as a plural.
        way_out: What else may be done than to free some room.

    Raises:
        StorageError: The disk is too small.
    """
    free = shutil.disk_usage(folder).free
    if free < need:
        raise StorageError(
            f"{folder}: {free / 1e9:.1f} GB are free, but {what} may take {need / 1e9:.1f} GB. "
            f"Free some, or {way_out}."
        )
