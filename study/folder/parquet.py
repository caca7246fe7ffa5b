"""The parquet file of one table: how it is written and how it is read.

Writing is strict, since only this project writes with it. Reading is lenient where nothing is
lost: a table that someone else wrote may lack columns that no analysis needs, and may hold more.
Whatever would make an answer wrong in silence is refused: a column of another type, an accuracy
in per cent, a trial twice.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agecls.files import write_whole
from study.asked.factors import Factor
from study.errors import TablesError
from study.folder.column import FLAG, REAL, WHOLE, Column
from study.folder.column_checks import cast, check_values
from study.folder.columns import (
    CONFIG_PREFIX,
    REPORTED,
    WITH_CONFIG,
    Kind,
    classes_among,
    columns_of,
)

SCHEMA_VERSION: Final = 1
"""Raised when a column changes its meaning; added columns do not count."""

_META_VERSION: Final = b"schema_version"
_META_STUDY: Final = b"study"
_META_KIND: Final = b"kind"
_META_CONTENT: Final = b"content"
"""Rows and a hash of all values: parquet's own checksums leave out the file's description of its
pages, where one wrong byte can turn a table into an empty one (pyarrow 26)."""


def write_table(
    path: Path,
    frame: pd.DataFrame,
    kind: Kind,
    *,
    study_name: str,
    factors: Sequence[Factor] = (),
    metric: str | None = None,
) -> None:
    """Write a frame as this kind of table, whole or not at all.

    Columns of the schema that the frame lacks are written as nulls.

    Args:
        path: The parquet file; replaced if there.
        frame: Any index; `config/<factor>` columns only where the table has them.
        kind: Which table.
        study_name: For the file's metadata.
        factors: The study's; each gets its `config/<factor>` column of its own type. Without
            them the columns in the frame are typed by their values.
        metric: Of a free study, see `columns_of`.

    Raises:
        TablesError: A column is unknown, lacks a needed value or holds a value that its type or
            range does not allow.
        OSError: The folder cannot be written.
    """
    if kind in WITH_CONFIG and not factors:
        config = [str(c) for c in frame.columns if str(c).startswith(CONFIG_PREFIX)]
        wanted = (*columns_of(kind), *(Column(name=c, about="", type=None) for c in config))
    else:
        wanted = columns_of(kind, factors, classes_among(map(str, frame.columns)), metric)
        wanted += _reported(kind, map(str, frame.columns), wanted, metric)
    names = [w.name for w in wanted]
    unknown = [str(c) for c in frame.columns if c not in names]
    if unknown:
        raise TablesError(
            f"{path}: column `{unknown[0]}` is not one of {kind}: {', '.join(names)}"
        )
    table = pa.table([_to_arrow(path, column, frame) for column in wanted], names=names)
    metadata = {
        _META_VERSION: str(SCHEMA_VERSION).encode(),
        _META_STUDY: study_name.encode(),
        _META_KIND: kind.encode(),
        _META_CONTENT: _digest(table).encode(),
    }
    check_values(path, table, wanted, kind)
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), sink, write_page_checksum=True)
    write_whole(path, sink.getvalue().to_pybytes())


def read_table(
    path: Path, kind: Kind, *, factors: Sequence[Factor] = (), metric: str | None = None
) -> pd.DataFrame:
    """A table as a frame: schema's columns, configuration, then whatever else the file holds.

    Whole numbers are `Int64`, flags `boolean`, reals `float64` (null is NaN), times UTC.

    Args:
        path: The parquet file, whoever wrote it.
        kind: Which table it has to be.
        factors: Types of the `config/<factor>` columns; without them, as the file has them.
        metric: Of a free study, see `columns_of`.

    Raises:
        TablesError: The file is missing, damaged, newer than this program, of another kind,
            lacks a needed column, or holds what a column must not.
    """
    table = _open(path)
    _check_metadata(path, table, kind)
    arrays: dict[str, pa.ChunkedArray] = {}
    wanted = columns_of(kind, factors, classes_among(table.column_names), metric)
    for column in wanted:
        if column.name in table.column_names:
            arrays[column.name] = cast(path, column, table[column.name])
        elif column.is_needed:
            raise TablesError(f"{path}: column `{column.name}` is missing; {kind} needs it")
        else:
            arrays[column.name] = pa.nulls(table.num_rows, column.type)
    check_values(path, pa.table(arrays), wanted, kind)
    for name in table.column_names:
        if name not in arrays:
            arrays[name] = table[name]
    return _to_frame(pa.table(arrays))


def as_table(
    frame: pd.DataFrame, kind: Kind, factors: Sequence[Factor] = (), metric: str | None = None
) -> pd.DataFrame:
    """A frame that `write_table` has taken as `read_table` gives it back."""
    wanted = columns_of(kind, factors, metric=metric)
    wanted += _reported(kind, map(str, frame.columns), wanted, metric)
    arrays = [_to_arrow(Path(kind), column, frame) for column in wanted]
    return _to_frame(pa.table(arrays, names=[column.name for column in wanted]))


def _reported(
    kind: Kind, names: Iterable[str], wanted: Sequence[Column], metric: str | None
) -> tuple[Column, ...]:
    """Of a table of a free study, a column for each name that is none of those it is to have."""
    if metric is None or kind not in REPORTED:
        return ()
    known = {column.name for column in wanted}
    others = (n for n in names if n not in known and not n.startswith(CONFIG_PREFIX))
    return tuple(Column(name=n, about="a metric that was reported", type=REAL) for n in others)


def _to_frame(table: pa.Table) -> pd.DataFrame:
    nullable = {WHOLE: pd.Int64Dtype(), FLAG: pd.BooleanDtype()}
    frame: pd.DataFrame = table.to_pandas(types_mapper=nullable.get)
    return frame


def _to_arrow(path: Path, column: Column, frame: pd.DataFrame) -> pa.Array:
    if column.name not in frame.columns:
        if column.is_needed and len(frame):
            raise TablesError(f"{path}: column `{column.name}` is needed and not in the frame")
        return pa.nulls(len(frame), column.type)
    try:
        array = pa.array(frame[column.name], from_pandas=True)
    # a number too large for 64 bits; a text that UTF-8 cannot hold
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError) as error:
        raise TablesError(f"{path}: column `{column.name}` mixes types: {error}") from error
    return cast(path, column, array)


def _open(path: Path) -> pa.Table:
    if not path.is_file():
        raise TablesError(f"{path}: no such file")
    try:
        # not read_table, which would take `a=b` in a folder's name for a column; not the path,
        # which pyarrow wants to be UTF-8
        with path.open("rb") as stream:
            table = pq.ParquetFile(stream, page_checksum_verification=True).read()
        table.validate(full=True)  # text that is not UTF-8
        names = table.column_names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TablesError(
            f"{path}: not a whole parquet file ({reason}); restore it or write it again"
        ) from error
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise TablesError(f"{path}: column `{repeated[0]}` is there twice")
    return table


def _check_metadata(path: Path, table: pa.Table, kind: Kind) -> None:
    """Refuse damage, another kind of table or a newer schema; other tools' tables say nothing."""
    metadata: Mapping[bytes, bytes] = table.schema.metadata or {}
    written = metadata.get(_META_CONTENT)
    if written is not None and not _is_content(table, written):
        raise TablesError(
            f"{path}: damaged, or changed after it was written: its values are not those that its "
            "checksum is of. Restore it from a copy, or have it made again with --resume."
        )
    found = metadata.get(_META_KIND, kind.encode()).decode(errors="replace")
    if found != kind:
        raise TablesError(f"{path}: holds the table {found!r}; expected {kind!r}")
    version = metadata.get(_META_VERSION, str(SCHEMA_VERSION).encode()).decode(errors="replace")
    if not version.isdecimal():
        raise TablesError(f"{path}: schema version {version!r} is not a whole number")
    if int(version) > SCHEMA_VERSION:
        raise TablesError(
            f"{path}: written by a newer agecls-study (schema {version}; this one reads up to "
            f"{SCHEMA_VERSION}); update with pip install -U agecls-study"
        )


def _is_content(table: pa.Table, written: bytes) -> bool:
    """Whether a table says what its checksum is of."""
    try:
        return _digest(table).encode() == written
    except pa.ArrowException:  # a type that no column has
        return False


def _digest(table: pa.Table) -> str:
    """What a table says, as `ROWS:HEX` of names, types, nulls and values (BLAKE2b of 16 bytes).

    The file's encoding, row groups and compression do not count.

    Args:
        table: Columns of text, whole numbers, reals, flags and times in microseconds.
    """
    total = hashlib.blake2b(digest_size=16)
    for name in table.column_names:
        column = table[name].combine_chunks()
        total.update(f"{name}\0{column.type}\0".encode())
        total.update(np.packbits(column.is_null().to_numpy(zero_copy_only=False)).tobytes())
        total.update(_values(column))
    return f"{table.num_rows}:{total.hexdigest()}"


def _values(column: pa.Array) -> bytes:
    """A column's values behind each other, little-endian; a null counts as nothing or 0."""
    if pa.types.is_null(column.type):
        return b""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = pc.fill_null(column, "")
        lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype("<i8")
        return bytes(lengths.tobytes()) + "".join(texts.to_pylist()).encode()
    if pa.types.is_floating(column.type):
        reals = pc.fill_null(column, 0.0)
        return bytes(reals.to_numpy(zero_copy_only=False).astype("<f8").tobytes())
    whole = column if pa.types.is_boolean(column.type) else column.cast(pa.int64())
    numbers = pc.fill_null(whole.cast(pa.int64()), 0)
    return bytes(numbers.to_numpy(zero_copy_only=False).astype("<i8").tobytes())
