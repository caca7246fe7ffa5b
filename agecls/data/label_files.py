"""The files that tables of labels come in: CSV in the encodings that people have, and parquet."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from agecls.errors import DataLayoutError

TABLE_SUFFIXES: Final = (".csv", ".parquet")

MAX_ROWS: Final = 10_000_000
"""Of a parquet file; the largest sets of faces have fewer images."""

MAX_BYTES: Final = 2 * 2**30
"""Of a parquet file once decompressed."""


@dataclass(frozen=True)
class Table:
    """A table's columns as found.

    Attributes:
        name: The file's name.
        columns: Values by column name (lower case, no spaces around); text if from a CSV.
        numbers: Row of the file of each value; a CSV's header is row 1.
        uneven: Rows left out because they have more or fewer fields than the header, with why.
        nested: Columns of a parquet file whose cells are no single values, such as whole images.
    """

    name: str
    columns: dict[str, list[Any]]
    numbers: list[int]
    uneven: dict[int, str]
    nested: frozenset[str] = frozenset()

    def where(self) -> list[str]:
        """What a person looks up to find each row."""
        return [f"{self.name}, row {number}" for number in self.numbers]

    def first_of(self, names: Sequence[str]) -> str | None:
        """The first of the names that the table has as a column of single values."""
        return next((n for n in names if n in self.columns and n not in self.nested), None)


def read_table(path: Path) -> Table:
    """The table of a CSV or parquet file.

    Raises:
        DataLayoutError: The file cannot be read, has no header or names a column twice.
    """
    return _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)


def _read_csv(path: Path) -> Table:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataLayoutError(f"{path} cannot be read: {error.strerror}") from error
    text = _decode(path, data)
    first_line = text[: text.find("\n")] if "\n" in text else text
    # spreadsheets of some locales write semicolons
    delimiter = max(",;\t", key=first_line.count)
    columns: dict[str, list[Any]]
    # strict: a quote that is never closed would otherwise swallow the rows after it
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        lines = list(reader)
    except csv.Error as error:
        raise DataLayoutError(
            f"{path.name} in {path.parent}, line {reader.line_num}: {error}; check the quotes on "
            f"and before that line"
        ) from error
    if not lines or not lines[0]:
        raise DataLayoutError(f"{path} is empty or begins with an empty line, not with a header")
    header = _header(path, lines[0])
    width = len(header)
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line][1:]
    even = [(number, line) for number, line in numbered if len(line) == width]
    uneven = {
        number: f"the row has {len(line)} fields, the header {width}"
        for number, line in numbered
        if len(line) != width
    }
    if even:
        values = zip(*(line for _, line in even), strict=True)
        columns = {name: list(v) for name, v in zip(header, values, strict=True)}
    else:
        columns = {name: [] for name in header}
    return Table(path.name, columns, [number for number, _ in even], uneven)


@contextmanager
def reading_parquet(path: Path) -> Iterator[None]:
    """Within the block, the file is read.

    Raises:
        DataLayoutError: It is damaged, or what the block says.
    """
    try:
        yield
    except DataLayoutError:
        raise
    except Exception as error:  # pyarrow raises many kinds for damaged files
        why = " ".join(str(error).split())
        raise DataLayoutError(f"{path} is not a parquet file that can be read: {why}") from error


def _read_parquet(path: Path) -> Table:
    """Nested columns are not looked into: each of their cells reads as their type."""
    with reading_parquet(path):
        with pq.ParquetFile(path) as file:
            fields = {field.name: field.type for field in file.schema_arrow}
            header = _header(path, file.schema_arrow.names)
            plain = [name for name, kind in fields.items() if not pa.types.is_nested(kind)]
            problem = _excess(file, {name: fields[name] for name in plain})
            n_rows = file.metadata.num_rows
        if problem is not None:
            raise DataLayoutError(f"{path} {problem}; give a table of paths and classes")
        # each text once in memory, however many rows repeat it
        texts = [name for name in plain if _is_text(fields[name])]
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            frame = file.read(columns=plain).to_pandas(ignore_metadata=True)
        # here, since text that is not UTF-8 is found only now
        values = {name: frame[name].astype(object).tolist() for name in plain}
    columns = {
        key: values[name] if name in values else [str(fields[name])] * n_rows
        for key, name in zip(header, fields, strict=True)
    }
    nested = frozenset(k for k, n in zip(header, fields, strict=True) if n not in values)
    return Table(path.name, columns, list(range(1, n_rows + 1)), {}, nested)


def _excess(file: pq.ParquetFile, plain: dict[str, pa.DataType]) -> str | None:
    """Why a file is too large for a table of labels, by what it says of itself, or None.

    A parquet file of a few kilobytes can hold a billion rows.
    """
    metadata = file.metadata
    if metadata.num_rows > MAX_ROWS:
        return f"has {metadata.num_rows:,} rows, more than {MAX_ROWS:,}"
    # not the columns' own sizes: looking at those of a damaged file ends the process
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    n_bytes = sum(group.total_byte_size for group in groups)
    wide = (t.byte_width for t in plain.values() if pa.types.is_fixed_size_binary(t))
    n_bytes += metadata.num_rows * sum(wide)
    if n_bytes > MAX_BYTES:
        return f"holds {n_bytes:,} bytes, more than {MAX_BYTES:,}"
    return None


def _is_text(kind: pa.DataType) -> bool:
    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def _decode(path: Path, data: bytes) -> str:
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ["utf-16"] if is_utf16 else ["utf-8-sig", "cp949"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataLayoutError(f"{path} is neither UTF-8 nor CP949 text; save it as UTF-8")


def _header(path: Path, names: Sequence[str]) -> list[str]:
    header = [name.strip().lower() for name in names]
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise DataLayoutError(f"{path} has two columns `{twice[0]}`; keep one of them")
    return header
