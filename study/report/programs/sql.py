"""Questions in SQL to a study's tables: each parquet file of its folder is a view by its name.

DuckDB looks at the tables through Arrow, and at nothing else: no file, no network, no extension,
no variable of ours, and no setting can be changed back. One statement that reads is taken.
"""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

import pyarrow as pa
import pyarrow.dataset as ds

from study.errors import StudyError, TablesError
from study.folder.folder import Folder

if TYPE_CHECKING:
    import duckdb

Form = Literal["csv", "json"]

_CLOSED: Final = (
    "set timezone = 'UTC'",
    "set temp_directory = ''",  # what does not fit in memory is told, and writes nothing
    "set enable_external_access = false",
    "set python_enable_replacements = false",  # our variables are no tables
    "set lock_configuration = true",
)
"""What is said once the views are there; the last keeps the others."""

_READING: Final = ("SELECT", "EXPLAIN")
_ROWS: Final = 10_000


def ask(folder: Path, question: str, out: TextIO, *, form: Form) -> None:
    """Write the answer: a header and a line a row, or a list of objects.

    Args:
        folder: The study's.
        question: One statement that reads, such as `select arm, max(val_accuracy) from trials …`.
        out: Where it goes.
        form: csv, null as nothing; or json, null as null.

    Raises:
        StudyError: DuckDB is not installed, or the question is none that it answers.
        TablesError: A table is damaged.
    """
    if find_spec("duckdb") is None:
        raise StudyError("duckdb is not installed; pip install 'agecls-study[sql]'")
    import duckdb

    with duckdb.connect() as base:
        names = _let_see(base, Folder(folder))
        try:
            _check_reads(base, question)
            answer = base.sql(question).to_arrow_reader(_ROWS)
            _write(answer, out, form)
        except (duckdb.Error, pa.ArrowException) as error:
            told = str(error).partition("\n")[0].rstrip("!")  # then the place, drawn in lines
            raise StudyError(f"{told}; there are {', '.join(names)}") from error


def _let_see(base: "duckdb.DuckDBPyConnection", folder: Folder) -> list[str]:
    """Let it see every table and nothing else; the tables' names."""
    paths = sorted(folder.tables())
    for path in paths:
        try:
            base.register(path.stem, ds.dataset(path, format="parquet"))
        except (pa.ArrowException, OSError, UnicodeError) as error:
            first = str(error).partition("\n")[0]
            raise TablesError(
                f"{path}: not a whole parquet file ({first}); restore it or write it again"
            ) from error
    for statement in _CLOSED:
        base.execute(statement)
    return [path.stem for path in paths]


def _check_reads(base: "duckdb.DuckDBPyConnection", question: str) -> None:
    """Let one statement pass that reads.

    Raises:
        StudyError: It is none, several, or one that would change something.
    """
    found = base.extract_statements(question)
    if len(found) != 1:
        raise StudyError(f"{len(found)} statements; ask one that reads, such as select … from …")
    kind = found[0].type.name
    if kind not in _READING:
        raise StudyError(f"{kind.lower()}: nothing is changed here; ask with select … from …")


def _write(answer: pa.RecordBatchReader, out: TextIO, form: Form) -> None:
    names = answer.schema.names
    if form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(value) for value in row] for row in _rows(answer))
        return
    if twice := [name for name in names if names.count(name) > 1]:
        raise StudyError(f"two columns are called {twice[0]}; name one with as")
    opening = "["
    for row in _rows(answer):
        told = {name: _plain(value) for name, value in zip(names, row, strict=True)}
        text = json.dumps(told, ensure_ascii=False, allow_nan=False)
        out.write(f"{opening}\n  {text}")
        opening = ","
    out.write("[]\n" if opening == "[" else "\n]\n")


def _rows(answer: pa.RecordBatchReader) -> Iterator[Sequence[Any]]:
    for batch in answer:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _plain(value: Any) -> Any:
    """A value as JSON has it: no NaN, times in ISO form, whole numbers without a point."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _cell(value: Any) -> Any:
    """A value as CSV has it: nothing for null, true and false, the rest as in JSON."""
    plain = _plain(value)
    if isinstance(plain, bool | list | dict):
        return json.dumps(plain, ensure_ascii=False)
    return plain
