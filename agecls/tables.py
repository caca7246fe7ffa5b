"""The files that tables of labels come in: CSV in the encodings that people have, and parquet."""

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from agecls.errors import DataLayoutError

TABLE_SUFFIXES: Final = (".csv", ".parquet")


@dataclass(frozen=True)
class Table:
    """A table's columns as found.

    Attributes:
        name: The file's name.
        columns: Values by column name (lower case, no spaces around); text if from a CSV.
        numbers: Row of the file of each value; a CSV's header is row 1.
        uneven: Rows left out because they have more or fewer fields than the header, with why.
    """

    name: str
    columns: dict[str, list[Any]]
    numbers: list[int]
    uneven: dict[int, str]

    def where(self) -> list[str]:
        """What a person looks up to find each row."""
        return [f"{self.name}, row {number}" for number in self.numbers]

    def first_of(self, names: Sequence[str]) -> str | None:
        """The first of the names that the table has as a column."""
        return next((name for name in names if name in self.columns), None)


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


def _read_parquet(path: Path) -> Table:
    try:
        frame = pd.read_parquet(path)
        # here, since text that is not UTF-8 is found only now
        values = [frame.iloc[:, i].astype(object).tolist() for i in range(frame.shape[1])]
    except Exception as error:  # pyarrow raises many kinds for damaged files
        raise DataLayoutError(f"{path} is not a parquet file that can be read: {error}") from error
    header = _header(path, [str(name) for name in frame.columns])
    columns = dict(zip(header, values, strict=True))
    return Table(path.name, columns, list(range(1, len(frame) + 1)), {})


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
