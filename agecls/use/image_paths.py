"""What a user names on the command line -> the image files meant."""

import glob
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from agecls.data.folders import images_below
from agecls.errors import DataLayoutError

STDIN: Final = "-"


def image_paths(words: Sequence[str], listed: Iterable[str]) -> list[str]:
    """The files that the words name, each once, in the order of the words.

    A folder means the images in and below it, sorted; a word with `*`, `?` or `[` that is no
    file's name is a pattern, where `**` crosses folders; `-` stands for the list. A file is taken
    whatever its ending, and the list's entries unseen: what is no image becomes a row with the
    reason.

    Args:
        words: From the command line.
        listed: One path per line, as standard input has them; read only for `-`.

    Raises:
        DataLayoutError: A word names nothing, or a folder without an image.
    """
    found: list[str] = []
    for word in words:
        if word == STDIN:
            found += [line for text in listed if (line := text.rstrip("\r\n"))]
        else:
            found += _of_word(word)
    return list(dict.fromkeys(found))


def _of_word(word: str) -> list[str]:
    path = Path(word).expanduser()
    if path.is_dir():
        files = _of_folder(path)
        if not files:
            raise DataLayoutError(f"{word} has no image in it or below it")
        return files
    if path.exists():
        return [str(path)]
    if not glob.has_magic(word):
        raise DataLayoutError(f"{word} does not exist; give images, folders, patterns or -")
    files = [file for match in _matches(path) for file in match]
    if not files:
        raise DataLayoutError(f"nothing matches {word}; give images, folders, patterns or -")
    return files


def _matches(pattern: Path) -> Iterator[list[str]]:
    """The files of each match of the pattern, sorted by match."""
    # Path.glob takes no absolute pattern
    for match in sorted(glob.glob(str(pattern), recursive=True)):  # noqa: PTH207
        path = Path(match)
        if not path.is_dir():
            yield [match]
        elif "**" not in pattern.parts:  # which lists the files in its folders too
            yield _of_folder(path)


def _of_folder(folder: Path) -> list[str]:
    try:
        names = images_below(folder, [""], depth=None)
    except PermissionError as error:
        raise DataLayoutError(f"{error.filename} cannot be read: {error.strerror}") from error
    return [str(folder / name) for name in names if (folder / name).is_file()]
