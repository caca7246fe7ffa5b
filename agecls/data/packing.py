"""Image files decoded once into one memory-mapped uint8 array, found again by their content.

A cache folder holds `packs/KEY/` (images.u8, pack.json) and `manifests/ROOT.json`, which tells a
later run the content of files that have kept their size and modification time, so that it opens
the pack without reading them. Everything appears by rename; two processes may build one pack.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from agecls.data.decoding import (
    DECODING_VERSION,
    content_of,
    decode,
    quiet_pillow,
    read_image_file,
)
from agecls.data.manifest import UNREADABLE, Stamp, known_contents, remember
from agecls.data.records import Records
from agecls.data.within import within
from agecls.errors import AgeclsError, DataLayoutError, ImageError
from agecls.files import (
    cache_folder,
    new_folder_beside,
    publish,
    remove_abandoned,
    write_whole,
    writing_to,
)
from agecls.machine import cores

PACK_FORMAT: Final = f"1.{DECODING_VERSION}"
SIZES: Final = range(8, 1025)
"""Sides, in pixels, that a pack can have."""

Progress = Callable[[int, int], None]
"""Told the number of images done and of all images."""

_FILES_PER_TASK: Final = 16
_TASKS_AHEAD: Final = 64


@dataclass(frozen=True)
class Pack:
    """The decodable images of a set of records.

    Attributes:
        key: Hash of the files' contents in order, the size and the pack format.
        path: The folder in the cache.
        images: (N, size, size, 3) uint8 RGB, a read-only memory map.
        frame: The records of the N images, in their order, and `content`: hash of the file.
        quarantine: The records' quarantine and the files that could not be decoded.
    """

    key: str
    path: Path
    images: npt.NDArray[np.uint8]
    frame: pd.DataFrame
    quarantine: pd.DataFrame


@dataclass(frozen=True)
class _Stored:
    """A pack as it lies on disk: images of all files but the failed ones (reason by index)."""

    images: npt.NDArray[np.uint8]
    failures: Mapping[int, str]


def open_pack(
    records: Records,
    size: int,
    *,
    max_bad_share: float = 0.02,
    progress: Progress | None = None,
) -> Pack:
    """The pack of these records at this size, built if it is not in the cache or was damaged.

    It lies in `agecls.files.cache_folder`.

    Args:
        records: From `read_records`.
        size: Side of the square images, in pixels.
        max_bad_share: Largest share of bad rows and files, of all that have a class.
        progress: Called from this thread while images are decoded.

    Raises:
        DataLayoutError: Too many files are bad, or the size is out of range.
        AgeclsError: The cache cannot be written.
    """
    if size not in SIZES:
        raise DataLayoutError(f"size is {size}; expected {SIZES.start} to {SIZES.stop - 1} pixels")
    folder = cache_folder()
    root = str(records.root.resolve())
    name = hashlib.blake2b(root.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    manifest_path = folder / "manifests" / f"{name}.json"
    paths: list[str] = records.frame["image_path"].tolist()

    with writing_to(folder):
        contents = known_contents(root, paths, manifest_path)
    stored = None
    if contents is not None:
        stored = _read_stored(_path(folder, contents, size), len(paths), size)
    if contents is None or stored is None:
        with writing_to(folder):
            contents = _build(root, paths, size, folder, manifest_path, progress)
        stored = _read_stored(_path(folder, contents, size), len(paths), size)
    if stored is None:
        raise AgeclsError(
            f"the pack {_path(folder, contents, size)} was removed or altered just after it was "
            f"written; run again"
        )
    path = _path(folder, contents, size)
    return _checked(
        Pack(
            key=path.name,
            path=path,
            images=stored.images,
            frame=_good(records.frame, contents, stored.failures),
            quarantine=_quarantine(records, stored.failures),
        ),
        records,
        folder / "quarantine" / f"{name}.csv",
        max_bad_share,
    )


def _checked(pack: Pack, records: Records, table: Path, max_bad_share: float) -> Pack:
    """The pack, or an error with the quarantine written to a table."""
    bad = pack.quarantine[pack.quarantine["is_bad"]]
    n = len(pack.frame) + len(bad)
    if len(pack.frame) and len(bad) <= max_bad_share * n:
        return pack
    with writing_to(table.parent.parent):
        write_whole(table, pack.quarantine.to_csv(index=False).encode())
    first = "; ".join(
        f"{where}: {reason}"
        for where, reason in bad[["where", "reason"]].head(3).itertuples(index=False)
    )
    raise DataLayoutError(
        f"{records.root}: {len(bad):,} of {n:,} images cannot be used, more than "
        f"{max_bad_share:.1%} ({first}). All of them with reasons: {table}. Fix or remove them"
        + (f", or allow a larger share: {_allowing(len(bad) / n)}" if len(pack.frame) else "")
    )


def _allowing(share: float) -> str:
    """How a study and a command allow this share."""
    rounded = math.ceil(share * 100) / 100
    where = "under [data] of a study file (agecls.pretrain: --max-bad-share)"
    return f"`max_bad_share = {rounded}` {where}"


def _good(
    frame: pd.DataFrame, contents: Sequence[str], failures: Mapping[int, str]
) -> pd.DataFrame:
    is_good = np.ones(len(frame), dtype=bool)
    is_good[list(failures)] = False
    known = frame.assign(content=pd.Series(contents, index=frame.index, dtype=object))
    return known[is_good].reset_index(drop=True)


def _quarantine(records: Records, failures: Mapping[int, str]) -> pd.DataFrame:
    if not failures:
        return records.quarantine
    paths = records.frame["image_path"].iloc[list(failures)].tolist()
    undecodable = pd.DataFrame(
        {"image_path": paths, "where": paths, "reason": list(failures.values()), "is_bad": True}
    )
    parts = [part for part in (records.quarantine, undecodable) if len(part)]
    return pd.concat(parts, ignore_index=True)


def _path(folder: Path, contents: Sequence[str], size: int) -> Path:
    """Where the pack lies; its name is its key."""
    text = "\n".join((PACK_FORMAT, str(size), *contents))
    return folder / "packs" / hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _build(
    root: str,
    paths: Sequence[str],
    size: int,
    folder: Path,
    manifest_path: Path,
    progress: Progress | None,
) -> list[str]:
    """Read and decode every file once, store pack and manifest; the files' contents."""
    contents: list[str] = []
    stamps: dict[str, Stamp | None] = {}
    failures: dict[int, str] = {}
    digest = hashlib.blake2b(digest_size=16)
    n_bytes = 0
    remove_abandoned(folder / "packs")
    with new_folder_beside(folder / "packs" / "building") as temporary:
        images_path = temporary / "images.u8"
        with images_path.open("wb") as file:
            decoded = _decode_all(root, paths, size)
            for index, (path, (stamp, pixels, reason)) in enumerate(
                zip(paths, decoded, strict=True)
            ):
                stamps[path] = stamp
                contents.append(UNREADABLE if stamp is None else stamp.content)
                if pixels is None:
                    failures[index] = reason
                else:
                    file.write(pixels)
                    digest.update(pixels)
                    n_bytes += len(pixels)
                if progress is not None:
                    progress(index + 1, len(paths))
            file.flush()
            os.fsync(file.fileno())
        description = {
            "format": PACK_FORMAT,
            "size": size,
            "failures": failures,
            "n_bytes": n_bytes,
            "mtime_ns": images_path.stat().st_mtime_ns,
            "digest": digest.hexdigest(),
        }
        (temporary / "pack.json").write_text(json.dumps(description), encoding="utf-8")
        publish(
            temporary,
            _path(folder, contents, size),
            is_whole=lambda path: _read_stored(path, len(paths), size) is not None,
        )
    remember(manifest_path, stamps)
    return contents


_Decoded = tuple[Stamp | None, bytes | None, str]


def _decode_all(root: str, paths: Sequence[str], size: int) -> Iterator[_Decoded]:
    """Stamp, pixels and reason of each file, in order; a bounded number waits in memory.

    By as many threads as there are cores: Pillow decodes without the interpreter's lock, and no
    process is forked beside Ray's or torch's threads.
    """

    def several(some: Sequence[str]) -> list[_Decoded]:
        return [_decode_file(root, path, size) for path in some]

    step = _FILES_PER_TASK * _TASKS_AHEAD
    with quiet_pillow(), ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(paths), step):
            window = paths[start : start + step]
            tasks = [
                window[i : i + _FILES_PER_TASK] for i in range(0, len(window), _FILES_PER_TASK)
            ]
            for results in pool.map(several, tasks):
                yield from results


def _decode_file(root: str, path: str, size: int) -> _Decoded:
    stamp = None
    try:
        data, size_and_time = read_image_file(f"{root}/{path}")
        box = within(path).box
        stamp = Stamp(*size_and_time, content_of(data, box))
        return stamp, decode(data, size, box=box).tobytes(), ""
    except ImageError as error:
        return stamp, None, str(error)


def _read_stored(path: Path, n_files: int, size: int) -> _Stored | None:
    """The pack in this folder, or None if it is not there, truncated or altered.

    Its checksum is computed only where the file's time differs from the recorded one (it was
    written to, or copied), so that opening takes no time otherwise.
    """
    try:
        description: dict[str, Any] = json.loads((path / "pack.json").read_bytes())
        failures = {int(index): str(reason) for index, reason in description["failures"].items()}
        images_path = path / "images.u8"
        found = images_path.stat()
        shape = (n_files - len(failures), size, size, 3)
        is_whole = (
            description["format"] == PACK_FORMAT
            and all(0 <= index < n_files for index in failures)
            and found.st_size == description["n_bytes"] == int(np.prod(shape))
        )
        if not is_whole:
            return None
        if found.st_mtime_ns != description["mtime_ns"]:
            with images_path.open("rb") as file:
                digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
            if digest.hexdigest() != description["digest"]:
                return None
        if shape[0] == 0:
            return _Stored(np.zeros(shape, np.uint8), failures)
        return _Stored(np.memmap(images_path, np.uint8, "r", shape=shape), failures)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
