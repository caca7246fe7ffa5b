"""What lies in a data root: images at any depth, links followed; splits that folders name.

A folder's entries come in the order of their names, so that equal roots make equal records.
"""

import os
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from agecls.data.decoding import FORMATS
from agecls.data.within import within

SPLIT_NAMES: Final = {
    "train": "train",
    "trn": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "development": "val",
    "test": "test",
    "testing": "test",
    "tst": "test",
}
"""How a data root may spell a split, in lower case."""

UNOPENED_SUFFIXES: Final = frozenset(
    (
        *(".heic", ".heif", ".hif", ".jxl", ".jp2", ".j2k", ".jpx", ".tga", ".psd"),
        *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
        *(() if "AVIF" in FORMATS else (".avif",)),
    )
)
"""Endings, in lower case, of photographs that `agecls.data.decoding` does not open."""

IMAGE_SUFFIXES: Final = UNOPENED_SUFFIXES | frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp", ".dib"),
        *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
    )
)
"""Endings, in lower case, of the files that a folder layout takes for images."""

_SYSTEM_FOLDERS: Final = frozenset(("__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found"))
"""What computers leave beside files: a Mac's archives, thumbnails of network drives, …"""

_MAX_LINKS: Final = 3
"""Linked folders on one path; folders that are linked with each other would have no end."""

_WITH_SPLIT: Final = re.compile(
    r"(?:(?:images?|imgs?|faces?)[ _-])?"
    rf"(?P<split>{'|'.join(sorted(SPLIT_NAMES, key=len, reverse=True))})"
    r"(?:[ _-]?(?:set|data|dataset|split|images?|imgs?|faces?|pictures|photos|part))?"
    r"(?:[ _-]?[0-9]+)?",
    re.IGNORECASE,
)


class Found(NamedTuple):
    """What a path leads to: its spelling on disk, why it is unusable, whether it is there."""

    path: str
    problem: str | None
    is_there: bool = True


class Listing:
    """Looks paths up below a root; lists each folder once."""

    def __init__(self, root: Path) -> None:
        """A listing of nothing yet."""
        self._root = root
        self._folders: dict[str, _Folder] = {}

    def look_up(self, path: str) -> Found:
        """The file of this path, or the one whose path differs only in spelling if it is alone.

        Of a picture in a file, that file is looked up.
        """
        place = within(path)
        if place.file != path:
            found = self.look_up(place.file)
            return found._replace(path=found.path + path[len(place.file) :])
        folder, name = posixpath.split(path)
        entry = self._at(folder).entries.get(name)
        if entry is not None:
            return Found(path, _problem_of(entry))
        at = ""
        parts = path.replace("\\", "/").split("/")
        for n, part in enumerate(parts):
            there = self._at(at)
            if there.problem is not None:
                return Found(path, there.problem, is_there=False)
            alike = there.alike(part)
            if not alike:
                near = there.same_stem(part) if n == len(parts) - 1 else None
                problem = "there is no such file" + (f", only {near}" if near else "")
                return Found(path, problem, is_there=False)
            if len(alike) > 1:
                names = ", ".join(sorted(alike)[:3])
                return Found(path, f"{len(alike)} names are spelled nearly so: {names}; write one")
            entry, at = there.entries[alike[0]], posixpath.join(at, alike[0])
        return (
            Found(path, "the path is empty", False)
            if entry is None
            else Found(at, _problem_of(entry))
        )

    def _at(self, folder: str) -> "_Folder":
        if folder not in self._folders:
            try:
                with os.scandir(self._root / folder) as entries:
                    self._folders[folder] = _Folder({entry.name: entry for entry in entries})
            except PermissionError:
                problem = f"its folder {folder or '.'} may not be read by this user"
                self._folders[folder] = _Folder({}, problem)
            except (OSError, ValueError):  # no such folder; a NUL in its name
                self._folders[folder] = _Folder({})
        return self._folders[folder]


class _Folder:
    """A folder's entries by name, and by what remains of a name when its spelling is ignored."""

    def __init__(self, entries: dict[str, os.DirEntry[str]], problem: str | None = None) -> None:
        self.entries = entries
        self.problem = problem

    def alike(self, name: str) -> list[str]:
        """The entry of this name, else those composed so, else those that differ in case too."""
        if name in self.entries:
            return [name]
        near = self._by_key.get(_key(name), [])
        composed = unicodedata.normalize("NFC", name)
        return [o for o in near if unicodedata.normalize("NFC", o) == composed] or near

    def same_stem(self, name: str) -> str | None:
        """An entry that differs in its ending only."""
        return self._by_stem.get(posixpath.splitext(_key(name))[0])

    @cached_property
    def _by_key(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.entries:
            found.setdefault(_key(name), []).append(name)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, str]:
        return {posixpath.splitext(_key(n))[0]: n for n in sorted(self.entries, reverse=True)}


class FilesByEnd:
    """Finds files of a root by the last parts of their paths, in any spelling of these."""

    def __init__(self, root: Path) -> None:
        """The files of a data root; reads all its folders but those that may not be read."""
        self._by_end: dict[tuple[str, ...], list[str]] = {}
        for path in sorted(_below(root, "", None, (), may_be_closed=True)):
            parts = _parts(path)
            for n in range(1, len(parts) + 1):
                self._by_end.setdefault(parts[-n:], []).append(path)

    def ending_with(self, path: str) -> list[str]:
        """Paths, relative to the root, that end with this one."""
        file = within(path).file
        return [found + path[len(file) :] for found in self._by_end.get(_parts(file), [])]


def images_below(root: Path, folders: Iterable[str], *, depth: int | None) -> list[str]:
    """Paths, relative to the root and sorted, of entries that are named like images.

    Folders that are named like images are in the list (readers reject them); hidden entries are
    not. Links to folders are followed, but not into a folder that holds them.

    Args:
        root: The data root.
        folders: Relative to the root; "" is the root itself.
        depth: Levels of folders below each one that are searched too; None: all.

    Raises:
        OSError: A folder cannot be read.
    """
    found: list[str] = []
    for folder in folders:
        above = _above(root, folder)
        found += (path for path in _below(root, folder, depth, above) if _is_image(path))
    return sorted(found)


def unread_files(root: Path, read: Collection[str]) -> list[str]:
    """Paths, relative to the root and sorted, of visible files that are not among those read.

    A folder that may not be read stands for what is in it.
    """
    return sorted(set(_below(root, "", None, (), may_be_closed=True)) - set(read))


def summarised(paths: Sequence[str], *, most: int = 5) -> str:
    """Files by folder of the root and ending, for people: "extra/ (38 .jpg), 2 .txt"."""
    counts: Counter[tuple[str, str]] = Counter()
    for path in paths:
        top, slash, _ = path.partition("/")
        kind = posixpath.splitext(path)[1].lower() or "without an ending"
        kind = "folder that may not be read" if path.endswith("/") else kind
        counts[top if slash else "", kind] += 1
    places: dict[str, list[str]] = {}
    for (top, kind), n in sorted(counts.items()):
        places.setdefault(top, []).append(f"{n:,} {kind}")
    shown = [
        f"{top}/ ({' and '.join(kinds)})" if top else ", ".join(kinds)
        for top, kinds in list(places.items())[:most]
    ]
    rest = len(places) - len(shown)
    return ", ".join(shown) + (f", and {rest:,} more folders" if rest else "")


def subfolders(folder: Path) -> list[str]:
    """Names of the visible folders in a folder, links among them, sorted."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if not is_hidden(e.name) and _is_folder(e))


def is_hidden(name: str) -> bool:
    """Whether an entry of this name is passed over."""
    return name.startswith(".") or name in _SYSTEM_FOLDERS


def split_of_name(name: str) -> str | None:
    """The split that a folder's name tells, as in "Training", "test_images" or "utk_val_80"."""
    match = _WITH_SPLIT.fullmatch(name)
    if match is not None:
        return SPLIT_NAMES[match["split"].lower()]
    # words apart are a phrase, in which "train" may be a vehicle; Dev is also a person's name
    return None if " " in name or "dev" in name.lower() else _split_among_words(name)


def split_of_table(name: str) -> str | None:
    """The one split that a table's file name tells among its words, as in labels_train.csv."""
    return _split_among_words(posixpath.splitext(name)[0])


def splits_of_path(path: str) -> set[str]:
    """The splits that the folders of a path name; more than one contradict each other."""
    parts = within(path).file.split("/")[:-1]
    return {split for part in parts if (split := split_of_name(part)) is not None}


def _split_among_words(name: str) -> str | None:
    words = re.split(r"[^a-z]+", name.lower())
    splits = {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}
    return splits.pop() if len(splits) == 1 else None


def _above(root: Path, folder: str) -> tuple[tuple[int, int], ...]:
    """Device and inode of the root and of the folders between it and this one."""
    parts = folder.split("/") if folder else []
    stats = [(root / "/".join(parts[:n])).stat() for n in range(len(parts))]
    return tuple((found.st_dev, found.st_ino) for found in stats)


def _below(
    root: Path,
    folder: str,
    depth: int | None,
    above: tuple[tuple[int, int], ...],
    links: int = 0,
    *,
    may_be_closed: bool = False,
) -> Iterator[str]:
    """Paths of the visible files in and below a folder, and of folders named like images.

    Args:
        root: The data root.
        folder: Relative to it.
        depth: Levels below that are searched too; None: all.
        above: Device and inode of the folders on the way.
        links: How many of them were links.
        may_be_closed: Whether a folder that may not be read is a path of its own, not an error.

    Raises:
        OSError: A folder cannot be read.
    """
    found = (root / folder).stat()
    own = (found.st_dev, found.st_ino)
    if own in above:
        return
    try:
        entries = os.scandir(root / folder)
    except PermissionError:
        if not (may_be_closed and folder):
            raise
        yield f"{folder}/"
        return
    with entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            path = f"{folder}/{entry.name}" if folder else entry.name
            n_links = links + entry.is_symlink()
            if _is_image(entry.name) or not _is_folder(entry):
                yield path
            elif depth != 0 and n_links <= _MAX_LINKS:
                below = None if depth is None else depth - 1
                yield from _below(
                    root, path, below, (*above, own), n_links, may_be_closed=may_be_closed
                )


def _parts(path: str) -> tuple[str, ...]:
    return tuple(_key(path).replace("\\", "/").split("/"))


def _is_image(path: str) -> bool:
    return posixpath.splitext(path)[1].lower() in IMAGE_SUFFIXES


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _problem_of(entry: os.DirEntry[str]) -> str | None:
    try:
        is_file, is_folder = entry.is_file(), entry.is_dir()
    except OSError:  # a link that leads to itself must not end the listing of its folder
        is_file = is_folder = False
    suffix = posixpath.splitext(entry.name)[1].lower()
    if is_folder:
        return "it is a folder, not a file"
    if not is_file:
        what = "a link that leads nowhere" if entry.is_symlink() else "not a file"
        return f"it is {what}"
    if suffix in UNOPENED_SUFFIXES:
        return f"a {suffix} file is not opened here; convert it to JPEG or PNG"
    return None


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
