"""What a column of a table may hold: types that mean the same, values in their range."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from study.errors import TablesError
from study.folder.column import FLAG, REAL, TEXT, TIME, WHOLE, Column
from study.folder.columns import KEYS, Kind

_ROUNDING: Final = 1e-6


def cast(path: Path, column: Column, array: pa.ChunkedArray) -> pa.ChunkedArray:
    """The array in the column's type.

    Raises:
        TablesError: The array's own type means something else, or a value does not fit.
    """
    if array.null_count == len(array):  # without a value the type means nothing
        return pa.nulls(len(array), column.type or TEXT)
    if pa.types.is_dictionary(array.type):
        array = pc.cast(array, array.type.value_type)
    found, wanted = array.type, column.type
    is_text = pa.types.is_string(found) or pa.types.is_large_string(found)
    is_text = is_text or pa.types.is_string_view(found)
    is_number = pa.types.is_integer(found) or pa.types.is_floating(found)
    fits = {
        TEXT: is_text,
        REAL: is_number,
        WHOLE: is_number,
        FLAG: pa.types.is_boolean(found),
        TIME: is_text or pa.types.is_timestamp(found),
    }
    if wanted is None:  # a factor that nobody described: the widest type of its kind
        kinds = {
            TEXT: is_text,
            FLAG: fits[FLAG],
            WHOLE: pa.types.is_integer(found),
            REAL: is_number,
        }
        wanted = next((type_ for type_, is_it in kinds.items() if is_it), TEXT)
    if not fits[wanted]:
        raise TablesError(f"{path}: column `{column.name}` is {found}; expected {wanted}")
    if wanted == WHOLE and pa.types.is_floating(found):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, found), array)
    try:
        # only times may lose digits: nanoseconds that pandas adds by itself
        return pc.cast(array, wanted, safe=not pa.types.is_timestamp(found))
    except pa.ArrowInvalid as error:
        raise TablesError(f"{path}: column `{column.name}` is not {wanted}: {error}") from error


def check_values(path: Path, table: pa.Table, columns: Sequence[Column], kind: Kind) -> None:
    """Refuse a table that holds what its columns must not, naming the first such row.

    Raises:
        TablesError: A value is missing, out of its range, or names a row twice.
    """
    for column in columns:
        values = table[column.name].to_pandas()
        problem = values.isna() & column.is_filled
        expected = "a value"
        if column.is_fraction and not problem.any():
            problem = (values < -_ROUNDING) | (values > 1 + _ROUNDING)
            expected = "a fraction 0..1, not per cent"
        elif column.values and not problem.any():
            problem = ~(values.isna() | values.isin(column.values))
            expected = "one of " + ", ".join(column.values)
        elif column.name == "epoch" and not problem.any():
            problem = values < 1
            expected = "epochs counted from 1"
        refuse_first(path, column.name, values, problem, expected)
    keys = list(KEYS.get(kind, ()))
    if keys:
        frame = table.select(keys).to_pandas()
        expected = f"each {' and '.join(keys)} once"
        refuse_first(path, keys[0], frame[keys[0]], frame.duplicated(), expected)


def refuse_first(
    path: Path, name: str, values: pd.Series, problem: pd.Series, expected: str
) -> None:
    """Refuse a column if a row has a problem.

    Raises:
        TablesError: Names the file, the first such row (from 1), the value and what is expected.
    """
    rows = np.flatnonzero(problem)
    if len(rows):
        value = values.tolist()[rows[0]]  # plain Python, whose repr people can read
        found = "nothing" if pd.isna(value) else repr(value)
        raise TablesError(
            f"{path}, row {rows[0] + 1}: column `{name}` holds {found}; expected {expected}"
        )
