"""Pictures that are no files of their own: a row of a parquet file, a box of a photograph.

Their paths go on behind the file, as if it were a folder: `train.parquet/17` is its 17th row, the
first one being 1, and `photo.jpg/10,20,110,140` what lies in photo.jpg from column 10 and row 20
up to column 110 and row 140. No file on disk can have such a path. Nothing is written out.
"""

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agecls.errors import ImageError

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels, right and bottom not included; may leave the picture."""

MAX_GROUP_BYTES: Final = 2**30
"""Larger groups of rows are refused: one is read at a time, and takes as much memory."""

_KEPT_BYTES: Final = 256 * 2**20
"""Groups of rows that are kept, since rows are read in order but by several threads; two at least,
however large."""

_WITHIN: Final = re.compile(
    r"(?P<file>.*\.[A-Za-z]+)/(?P<box>-?[0-9]+,-?[0-9]+,-?[0-9]+,-?[0-9]+)|"
    r"(?P<table>.*\.parquet)/(?P<row>[0-9]+)",
    re.IGNORECASE | re.DOTALL,
)


class Within(NamedTuple):
    """Where a picture is: its file, and what of the file it is.

    Attributes:
        file: Path of what lies on disk.
        box: Its part of a photograph; None: all.
        row: Its row of a parquet file, from 1; None: the file is no table.
    """

    file: str
    box: Box | None = None
    row: int | None = None


def within(path: str) -> Within:
    """What a picture's path means."""
    match = _WITHIN.fullmatch(path) if path[-1:].isdigit() else None
    if match is None:
        return Within(path)
    if match["row"] is not None:
        return Within(match["table"], row=int(match["row"]))
    left, top, right, bottom = map(int, match["box"].split(","))
    return Within(match["file"], box=(left, top, right, bottom))


def path_of_box(file: str, box: Box) -> str:
    """The path of a part of a photograph."""
    return f"{file}/{','.join(map(str, box))}"


def photographs(paths: Iterable[str]) -> list[str | None]:
    """Of each path that is a box, its photograph: others of it are not independent."""
    places = map(within, paths)
    return [None if place.box is None else place.file for place in places]


def path_of_row(file: str, row: int) -> str:
    """The path of a picture in a row of a parquet file, the first one being 1."""
    return f"{file}/{row}"


def image_column(schema: pa.Schema) -> str | None:
    """The first column of pictures with their bytes, as the datasets library stores them."""
    return next((field.name for field in schema if _is_image(field.type)), None)


def row_bytes(file: str, row: int) -> tuple[bytes, tuple[int, int]]:
    """A row's picture, and the file's size and mtime_ns when it was read.

    Raises:
        ImageError: The file or the row is not there, is damaged or holds no bytes.
    """
    try:
        found = os.stat(file)  # noqa: PTH116  Path.stat takes three times as long
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"the file cannot be read: {reason}") from error
    stamp = (found.st_size, found.st_mtime_ns)
    data = _GROUPS.cell(file, stamp, row)
    if data is None:
        raise ImageError("its cell holds no bytes; write the set with its pictures embedded")
    return data, stamp


class _Groups:
    """Groups of rows that were read last, for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[tuple[str, tuple[int, int]], list[int]] = {}
        self._kept: OrderedDict[tuple[str, tuple[int, int], int], Any] = OrderedDict()

    def cell(self, file: str, stamp: tuple[int, int], row: int) -> bytes | None:
        """A row's bytes; None where it holds none."""
        with self._lock:
            ends = self._ends_of(file, stamp)
            group = next((n for n, end in enumerate(ends) if row <= end), None)
            if group is None or row < 1:
                raise ImageError(f"the file has no row {row:,}")
            key = (file, stamp, group)
            if key not in self._kept:
                self._kept[key] = _read_group(file, group)
                self._drop_old()
            self._kept.move_to_end(key)
            cells = self._kept[key]
        if isinstance(cells, str):
            raise ImageError(cells)
        found: bytes | None = cells[row - 1 - (ends[group - 1] if group else 0)].as_py()
        return found

    def _ends_of(self, file: str, stamp: tuple[int, int]) -> list[int]:
        """The last row of each group."""
        if (file, stamp) not in self._ends:
            try:
                metadata = pq.read_metadata(file)
                groups = map(metadata.row_group, range(metadata.num_row_groups))
                self._ends[file, stamp] = list(accumulate(group.num_rows for group in groups))
            except Exception as error:  # pyarrow raises many kinds for damaged files
                raise ImageError(f"{Path(file).name} is no whole parquet file") from error
        return self._ends[file, stamp]

    def _drop_old(self) -> None:
        while len(self._kept) > 2 and sum(map(_size, self._kept.values())) > _KEPT_BYTES:
            self._kept.popitem(last=False)


_GROUPS: Final = _Groups()


def _read_group(file: str, group: int) -> Any:
    """The cells of a group of rows, or why it cannot be read, which is tried once."""
    try:
        with pq.ParquetFile(file) as table:
            n_bytes = table.metadata.row_group(group).total_byte_size
            if n_bytes > MAX_GROUP_BYTES:
                return (
                    f"its group of rows holds {n_bytes:,} bytes, more than {MAX_GROUP_BYTES:,}; "
                    "write the file in smaller groups"
                )
            name = image_column(table.schema_arrow)
            if name is None:
                return "the file has no column of pictures"
            cells = table.read_row_group(group, columns=[f"{name}.bytes"]).column(0)
        return pc.struct_field(cells, "bytes")
    except Exception as error:  # pyarrow raises many kinds for damaged files
        return f"its group of rows is damaged: {' '.join(str(error).split())[:200]}"


def _size(cells: Any) -> int:
    return 0 if isinstance(cells, str) else int(cells.nbytes)


def _is_image(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return False
    fields = {field.name: field.type for field in kind}
    data = fields.get("bytes")
    return "path" in fields and (
        data is not None and (pa.types.is_binary(data) or pa.types.is_large_binary(data))
    )
