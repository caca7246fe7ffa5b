"""The folder of what can be made again, and how things appear in it: whole or not at all."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from agecls.errors import AgeclsError


def cache_folder() -> Path:
    """The cache: $AGECLS_CACHE, else $XDG_CACHE_HOME or ~/.cache and /agecls."""
    if own := os.environ.get("AGECLS_CACHE"):
        return Path(own).expanduser()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared).expanduser() / "agecls"
    return Path("~/.cache/agecls").expanduser()


@contextmanager
def writing_to(cache: Path) -> Iterator[None]:
    """Turn a failure to write below the cache into an error that names the folder and the cure.

    Raises:
        AgeclsError: The body raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise AgeclsError(
            f"the cache folder {cache} cannot be written: {error.strerror or error}; set "
            f"AGECLS_CACHE to a folder with space that you can write"
        ) from error


@contextmanager
def new_folder_beside(target: Path) -> Iterator[Path]:
    """An empty folder on the target's file system; what is left of it afterwards is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(prefix=f".{target.name[:32]}-", dir=target.parent))
    # a folder inside, since only this user may enter mkdtemp's own
    folder = private / "new"
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(private, ignore_errors=True)


def publish(folder: Path, target: Path, *, is_whole: Callable[[Path], bool]) -> None:
    """Rename a finished folder to the target, unless a whole one is there already.

    Whoever opens the target finds the old folder or a new one, also when several processes make
    the same thing: the first one's stays.

    Args:
        folder: Made by `new_folder_beside`.
        target: Its lasting name.
        is_whole: Whether the folder at a path can be used; if not, it is replaced.
    """
    while True:
        try:
            folder.rename(target)
        except OSError:
            if not target.exists():
                raise
        else:
            return
        if is_whole(target):
            return
        with new_folder_beside(target) as away, suppress(FileNotFoundError):
            target.rename(away / "damaged")


def remove_abandoned(parent: Path) -> None:
    """Remove unfinished folders that killed processes left here more than a day ago."""
    oldest = time.time() - 86_400
    for folder in parent.glob(".*-*"):
        with suppress(OSError):  # another process may be removing it too
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write and read back, which appears at the path when the body ends.

    An error or a kill leaves what was there; the new bytes are on the disk before the new name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o644)  # mkstemp makes files that only their owner reads
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the renaming itself is durable, where the system can
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    with whole_file(path) as file:
        file.write(data)
