"""Parquet files that hold the pictures themselves, as Hugging Face's datasets library has them.

A picture is a struct of its file's `bytes` and its `path`; a class is a number whose name stands
in the schema's metadata, under `huggingface`: {"info": {"features": {"label": {"names": ["cat",
"dog"], "_type": "ClassLabel"}}}}, where -1 is a picture without a class. Splits are told by the
files' names, `train-00000-of-00003.parquet` (older ones have a hash behind), or by their folders'.
The files lie in the folder, in `data/` there, or, as the hub converts them, in folders such as
`train/0000.parquet`. Sources: src/datasets/features/image.py, features/features.py and
arrow_dataset.py (`push_to_hub`) of github.com/huggingface/datasets;
huggingface.co/docs/dataset-viewer/parquet.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agecls.classes import Classes
from agecls.data.folders import split_of_name, split_of_table, splits_of_path, subfolders
from agecls.data.label_files import MAX_ROWS, Table, reading_parquet
from agecls.data.layouts.tabular import KNOWN, LABELS, table_rows, with_classes_of
from agecls.data.rows import Read, make_rows, reject, set_splits
from agecls.data.within import image_column, path_of_row
from agecls.errors import DataLayoutError

_FOLDER: Final = "data"


class Shard(NamedTuple):
    """One of the files.

    Attributes:
        path: Relative to the root.
        table: Columns `image_path`, one of classes or ages, and those of splits and persons that
            are there; only rows that have a class.
        unlabelled: Numbers of the rows that have none.
        names: The classes, where the schema names them.
        others: Columns that are not read.
    """

    path: str
    table: Table
    unlabelled: list[int]
    names: tuple[str, ...] | None
    others: list[str]


def find_shards(root: Path) -> list[Path]:
    """The parquet files of pictures in a folder, in order of their names; none if it has none.

    Raises:
        DataLayoutError: One beside them cannot be read.
    """
    splits = [root / name for name in subfolders(root) if split_of_name(name) is not None]
    for folders in ([root], [root / _FOLDER], splits):
        paths = sorted(path for folder in folders for path in folder.glob("*.parquet"))
        schemas = {path: _schema(path) for path in paths if path.is_file()}
        found = [p for p, s in schemas.items() if s is not None and image_column(s) is not None]
        broken = [path for path, schema in schemas.items() if schema is None]
        if found and broken:
            raise DataLayoutError(
                f"{broken[0]} is not a parquet file that can be read, and {found[0].name} beside "
                f"it holds pictures; fetch it anew, or take it out"
            )
        if found:
            return found
    return []


def has_pictures(path: Path) -> bool:
    """Whether a file is a parquet file that holds pictures."""
    schema = _schema(path) if path.suffix.lower() == ".parquet" else None
    return schema is not None and image_column(schema) is not None


def shard_rows(
    root: Path, paths: Sequence[Path], classes: Classes, column: str | None = None
) -> Read:
    """Rows of the files' pictures; one without a class is set aside.

    Args:
        root: The folder that image paths are relative to.
        paths: From `find_shards`.
        classes: Those that are asked for.
        column: Where they are taken from; None: the first known one, or the only one with names.

    Raises:
        DataLayoutError: A file cannot be read, has no such column, or names other classes than
            the others.
    """
    shards = _read(root, paths, column)
    parts, notes = [], []
    for shard in shards:
        table = shard.table
        if column is not None:
            table = with_classes_of(table, column, classes)
        read = table_rows(root, table, classes)
        parts.append(read.rows)
        notes += read.notes
        if shard.unlabelled:
            parts.append(_without_class(shard))
    rows = pd.concat(parts, ignore_index=True)
    if rows["split"].isna().all():
        set_splits(rows, [_splits(path) for path in rows["image_path"]])
    if shards[0].others:
        notes.append(f"columns that are not used: {', '.join(shards[0].others)}")
    return Read(rows, list(dict.fromkeys(notes)))


def shard_labels(
    root: Path, paths: Sequence[Path], column: str | None = None
) -> tuple[str, ...] | list[str]:
    """The classes as the files name them in order, or else the labels of all their rows."""
    shards = _read(root, paths, column)
    if (names := shards[0].names) is not None:
        return names
    return [
        str(value)
        for shard in shards
        for name in shard.table.columns
        if name in LABELS or name == column
        for value in shard.table.columns[name]
    ]


def _read(root: Path, paths: Sequence[Path], column: str | None) -> list[Shard]:
    shards = [_shard(path.relative_to(root).as_posix(), path, column) for path in paths]
    for shard in shards:
        if shard.names != shards[0].names:
            raise DataLayoutError(
                f"{root}: {shard.path} names other classes than {shards[0].path}; keep files of "
                f"one set together"
            )
    return shards


def _shard(name: str, path: Path, column: str | None) -> Shard:
    with reading_parquet(path), pq.ParquetFile(path) as file:
        schema, n_rows = file.schema_arrow, file.metadata.num_rows
        if n_rows > MAX_ROWS:
            raise DataLayoutError(f"{path} has {n_rows:,} rows, more than {MAX_ROWS:,}")
        plain = {f.name.strip().lower(): f.name for f in schema if not pa.types.is_nested(f.type)}
        label = _label(path, schema, plain, column)
        wanted = [n for n in plain if n == label or (n in KNOWN and n not in LABELS)]
        columns = file.read(columns=[plain[n] for n in wanted]).to_pydict()
    names = _names(schema, plain[label])
    labels = [_text(value, names) for value in columns[plain[label]]]
    kept = [row for row, text in enumerate(labels) if text is not None]
    called = label if label in LABELS or column is not None else "label"
    values: dict[str, list[Any]] = {"image_path": [path_of_row(name, row + 1) for row in kept]}
    values[called] = [labels[row] for row in kept]
    values |= {n: [columns[plain[n]][row] for row in kept] for n in wanted if n != label}
    return Shard(
        path=name,
        table=Table(path.name, values, [row + 1 for row in kept], {}),
        unlabelled=[row + 1 for row, text in enumerate(labels) if text is None],
        names=names,
        others=sorted(plain.keys() - set(wanted)),
    )


def _label(path: Path, schema: pa.Schema, plain: dict[str, str], column: str | None) -> str:
    """The column of classes or ages.

    Raises:
        DataLayoutError: There is none, or there are several and nobody says which.
    """
    named = [n for n, spelled in plain.items() if _names(schema, spelled) is not None]
    if column is None:
        known = next((n for n in LABELS if n in plain), None)
        if known is not None or len(named) == 1:
            return known or named[0]
    elif column in plain:
        return column
    wanted = f"`{column}`" if column is not None else "classes that is known"
    shown = ", ".join(named or plain) or "none"
    example = path.parent / f"{{{(named or list(plain) or ['label'])[0]}}}"
    raise DataLayoutError(
        f"{path} has no column of {wanted}; those it has are {shown}; give the one to learn as "
        f"'{example}'"
    )


def _text(value: Any, names: tuple[str, ...] | None) -> str | None:
    """A label as its name; None for one that says that there is none."""
    if value is None or (names is not None and value == -1):
        return None
    is_named = names is not None and isinstance(value, int) and 0 <= value < len(names)
    return names[value] if names is not None and is_named else str(value)


def _names(schema: pa.Schema, column: str) -> tuple[str, ...] | None:
    """The names of a column's classes, where the metadata have them as the library writes them."""
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])
        names = info["info"]["features"][column]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    are_texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if are_texts and names else None


def _without_class(shard: Shard) -> pd.DataFrame:
    name = shard.table.name
    rows = make_rows(
        [path_of_row(shard.path, number) for number in shard.unlabelled],
        where=[f"{name}, row {number}" for number in shard.unlabelled],
    )
    reject(rows, [True] * len(rows), "it has no class", is_bad=False)
    return rows


def _splits(path: str) -> set[str]:
    """The split that a file's name tells, else the one of its folder."""
    file = path.rpartition("/")[0]
    own = split_of_table(file.rpartition("/")[2])
    return splits_of_path(path) if own is None else {own}


def _schema(path: Path) -> pa.Schema | None:
    """What a parquet file says of its columns, or None if it cannot be read."""
    try:
        return pq.read_schema(path)
    except Exception:  # pyarrow raises many kinds for damaged files
        return None
