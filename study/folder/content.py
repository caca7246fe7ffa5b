"""A hash of what a table says, whatever its file's encoding, row groups or compression."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def digest(table: pa.Table) -> str:
    """`ROWS:HEX`, of names, types, nulls and values (BLAKE2b of 16 bytes).

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
