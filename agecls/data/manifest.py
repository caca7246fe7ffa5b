"""What each file of a data root held when it was last read, so that it need not be read again."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from agecls.data.decoding import content_of, read_image_file
from agecls.data.within import within
from agecls.errors import ImageError
from agecls.files import write_whole

UNREADABLE: Final = "unreadable"
"""Stands for the content of a file that could not be read."""

# a file written in the tick of its reading could change again and keep its time
_SETTLED_NS: Final = 2_000_000_000


class Stamp(NamedTuple):
    """What tells without reading that a file is the same; then its content."""

    size: int
    mtime_ns: int
    content: str


def known_contents(root: str, paths: Sequence[str], manifest: Path) -> list[str] | None:
    """Each file's content, read only where the file is new or changed; None if all are."""
    stamps = _read_manifest(manifest)
    known = {
        path: stamp
        for path in paths
        if (stamp := stamps.get(path)) is not None and _is_unchanged(f"{root}/{path}", stamp)
    }
    if not known:
        return None
    read = {path: _read_stamp(f"{root}/{path}") for path in paths if path not in known}
    remember(manifest, read)
    contents = {path: stamp.content for path, stamp in known.items()}
    contents |= {path: stamp.content for path, stamp in read.items() if stamp is not None}
    return [contents.get(path, UNREADABLE) for path in paths]


def remember(manifest: Path, stamps: Mapping[str, Stamp | None]) -> None:
    """Add stamps to the manifest; files that could not be read or changed just now stay out."""
    latest = time.time_ns() - _SETTLED_NS
    settled = {p: s for p, s in stamps.items() if s is not None and s.mtime_ns < latest}
    if settled:
        write_whole(manifest, json.dumps(_read_manifest(manifest) | settled).encode())


def _is_unchanged(file: str, stamp: Stamp) -> bool:
    try:
        found = os.stat(within(file).file)  # noqa: PTH116  Path.stat takes three times as long
    except (OSError, ValueError):
        return False
    return (found.st_size, found.st_mtime_ns) == (stamp.size, stamp.mtime_ns)


def _read_stamp(file: str) -> Stamp | None:
    try:
        data, size_and_time = read_image_file(file)
    except ImageError:
        return None
    return Stamp(*size_and_time, content_of(data, within(file).box))


def _read_manifest(path: Path) -> dict[str, Stamp]:
    """Stamps by path; empty if there is no manifest or it is damaged: it can be made again."""
    try:
        found = json.loads(path.read_bytes())
        stamps = {name: Stamp(*stamp) for name, stamp in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return {name: stamp for name, stamp in stamps.items() if isinstance(stamp.content, str)}
