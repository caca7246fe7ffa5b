"""Hostile tables and file names: every row is used as it says, or set aside with a reason."""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from agecls.classes import EIGHT
from agecls.data.label_files import read_table
from agecls.data.loading import Reading, load_data
from agecls.data.records import Records, read_records
from agecls.errors import DataLayoutError
from tests.agecls.pictures import picture_bytes, write_picture
from tests.hostile.cases import EDITS, NAMES, Edit, cases, damaged, is_one_line, memory, try_out

GOOD = ("1.png", "sub/2.png", "한국.png")
LETTERS = st.sampled_from([*EIGHT.names, "A", " b ", "k", "", "0-6", "7", "ab", "\u0430", "nan"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with good pictures, and one beside it that nobody may reach."""
    for number, name in enumerate(GOOD):
        write_picture(tmp_path / "set" / "train_images" / name, number)
    write_picture(tmp_path / "beside.png", 9)
    return tmp_path / "set"


def paths_from(root: Path) -> st.SearchStrategy[str]:
    """Paths as rows may have them: good, roundabout, leaving the root, absolute, senseless."""
    outside = str(root.parent / "beside.png")
    up = st.sampled_from(["..", "../..", "sub/../..", "sub\\..\\..", "./..", "train_images/../.."])
    return st.one_of(
        st.sampled_from([*GOOD, "./1.png", "sub//2.png", "sub/./2.png", " 1.png", "1.png "]),
        up.map(lambda p: f"{p}/beside.png"),
        st.sampled_from([outside, f"file://{outside}", f"/{outside}", f"~/../..{outside}"]),
        st.sampled_from(["C:\\1.png", "c:1.png", "\\\\server\\x", "sub", ".", "", " ", "a\0b"]),
        NAMES,
    )


def csv_bytes(rows: Iterable[Iterable[str]]) -> bytes:
    """A CSV in which every cell is quoted, so that any text is one cell."""
    quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return "\n".join(quoted).encode()


def check_paths(records: Records, root: Path) -> None:
    """Every path used is a file inside the root, once, and no reason is missing."""
    assert records.frame["image_path"].is_unique
    for path in records.frame["image_path"]:
        assert ".." not in path.split("/")
        assert (root / path).resolve().is_relative_to(root.resolve())
        assert (root / path).is_file()
    assert records.frame["label"].between(0, 7).all()
    assert records.quarantine["reason"].str.len().gt(0).all()


@cases(60, 800)
def test_each_row_of_a_family_csv_is_used_as_it_stands_or_set_aside(n: int, root: Path) -> None:
    def check(rows: list[tuple[str, str, str, str]]) -> None:
        header = ("family_id", "person_id", "age_class", "image_path")
        (root / "custom_train_dataset.csv").write_bytes(csv_bytes([header, *rows]))
        try:
            records = read_records(root)
        except DataLayoutError as error:
            assert is_one_line(str(error))  # noqa: PT017 - rows may all be usable
            return
        check_paths(records, root)
        assert len(records.frame) + len(records.quarantine) == len(rows)
        asked = {
            (os.path.normpath(f"train_images/{path}"), letter.strip().lower())
            for *_, letter, path in rows
        }
        for path, label in records.frame[["image_path", "label"]].itertuples(index=False):
            assert (path, EIGHT.names[label]) in asked

    cell = st.one_of(st.sampled_from(["F1", "D", ""]), NAMES)
    rows = st.lists(st.tuples(cell, cell, LETTERS, paths_from(root)), max_size=6)
    try_out(n, check, rows=rows)


@cases(40, 800)
def test_a_damaged_csv_gives_paths_inside_the_root_or_one_line(n: int, root: Path) -> None:
    header = ("family_id", "person_id", "age_class", "image_path")
    rows = [("F1", "D", "a", name) for name in GOOD] * 3
    whole = csv_bytes([header, *rows])

    def check(edits: list[Edit], encoding: str) -> None:
        data = damaged(whole.decode().encode(encoding), edits)
        (root / "custom_train_dataset.csv").write_bytes(data)
        try:
            records = read_records(root)
        except DataLayoutError as error:
            assert is_one_line(str(error))  # noqa: PT017 - some damage only costs rows
            return
        check_paths(records, root)

    encodings = st.sampled_from(["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-be", "utf-32"])
    try_out(n, check, edits=EDITS, encoding=encodings)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp500"])
def test_an_encoding_that_cannot_be_known_is_refused_not_misread(
    root: Path, encoding: str
) -> None:
    rows = [("family_id", "person_id", "age_class", "image_path"), ("F1", "D", "a", "한국.png")]
    text = "\n".join(",".join(row) for row in rows)
    (root / "custom_train_dataset.csv").write_bytes(text.encode(encoding, "replace"))
    with pytest.raises(DataLayoutError) as caught:
        read_records(root)
    assert is_one_line(str(caught.value))
    assert "custom_train_dataset.csv" in str(caught.value)


CELLS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.one_of(st.sampled_from([*GOOD, "a", "h", "0-6", "train"]), NAMES),
    "whole": st.integers(-(2**63), 2**63 - 1),
    "real": st.floats(),
    "flag": st.booleans(),
    "bytes": st.binary(max_size=4),
    "list": st.lists(st.integers(0, 9), max_size=2),
    "table": st.fixed_dictionaries({"x": st.integers(0, 9)}),
    "day": st.dates(),
    "time": st.datetimes(),
    "decimal": st.decimals(-99, 99, places=2),
}


@cases(50, 800)
def test_a_parquet_of_any_types_gives_paths_inside_the_root_or_one_line(
    n: int, root: Path
) -> None:
    images = root / "train_images"

    @st.composite
    def columns(draw: st.DrawFn) -> dict[str, list[Any]]:
        size = draw(st.integers(0, 4))
        paths = st.lists(paths_from(images), min_size=size, max_size=size)
        found: dict[str, list[Any]] = {"path": draw(paths)} if draw(st.booleans()) else {}
        names = ["image_path", "label", "age", "age_class", "split", "person_id", "family_id", ""]
        for name in draw(st.lists(st.sampled_from(names), unique=True, max_size=5)):
            cells = st.one_of(st.none(), CELLS[draw(st.sampled_from(sorted(CELLS)))])
            found[name] = draw(st.lists(cells, min_size=size, max_size=size))
        return found

    def check(values: dict[str, list[Any]]) -> None:
        table = pa.table({name: pa.array(column) for name, column in values.items()})
        pq.write_table(table, images / "labels.parquet")
        try:
            records = read_records(images / "labels.parquet")
        except DataLayoutError as error:
            assert is_one_line(str(error))  # noqa: PT017 - rows may all be usable
            return
        check_paths(records, images)
        assert len(records.frame) + len(records.quarantine) == table.num_rows

    try_out(n, check, values=columns())


@cases(30, 500)
def test_a_damaged_parquet_of_labels_gives_paths_inside_the_root_or_one_line(
    n: int, root: Path
) -> None:
    path = root / "train_images" / "labels.parquet"
    pd.DataFrame({"path": GOOD, "label": ["a", "b", "c"]}).to_parquet(path)
    whole = path.read_bytes()

    def check(edits: list[Edit]) -> None:
        path.write_bytes(damaged(whole, edits))
        try:
            records = read_records(path)
        except DataLayoutError as error:
            assert is_one_line(str(error))  # noqa: PT017 - damage to unread bytes costs nothing
            return
        check_paths(records, path.parent)

    try_out(n, check, edits=EDITS)


def many_rows(path: Path) -> None:
    """Row groups of 5 million times the same text, which parquet keeps in a few bytes."""
    rows = pa.DictionaryArray.from_arrays(pa.array(np.zeros(5_000_000, np.int8)), ["1.png"])
    table = pa.table({"path": rows, "label": rows})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(3):
            writer.write_table(table, row_group_size=len(rows))


def long_texts(path: Path) -> None:
    """Few rows, of texts that differ in their last letter and are long before compression."""
    texts = [pa.array(["x" * 20_000_000 + letter], pa.large_string()) for letter in "abc"]
    schema = pa.schema({"path": pa.large_string()})
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for text in texts:
            writer.write_table(pa.table({"path": text}))


def wide_cells(path: Path) -> None:
    """One value of a megabyte, a thousand times."""
    rows = pa.array([bytes(2**20)], pa.binary(2**20)).take(pa.array(np.zeros(500, np.int64)))
    table = pa.table({"path": rows})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(2):
            writer.write_table(table)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("make", [many_rows, long_texts, wide_cells])
def test_a_parquet_bomb_is_refused_by_what_it_says_of_itself(
    root: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "agecls.data.label_files.MAX_BYTES", 2**25
    )  # smaller bombs are made faster
    path = root / "train_images" / "labels.parquet"
    make(path)
    assert path.stat().st_size < 1_000_000, "a bomb is small"
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now
    before, started = memory("VmRSS"), time.process_time()
    with pytest.raises(DataLayoutError, match=r"labels\.parquet .* more than") as caught:
        read_records(path)
    assert is_one_line(str(caught.value))
    assert time.process_time() - started < 5
    assert memory("VmHWM") - before < 2**25


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")
def test_a_long_text_that_a_million_rows_repeat_is_in_memory_once(root: Path) -> None:
    path = root / "train_images" / "labels.parquet"
    index = pa.array(np.zeros(300_000, np.int8))
    names = pa.DictionaryArray.from_arrays(index, ["x" * 100_000])
    pq.write_table(pa.table({"path": names, "label": names}), path)
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    table = read_table(path)
    assert len(table.columns["path"]) == 300_000
    assert memory("VmHWM") - before < 200 * 2**20  # 60 GB if each row had its own


def test_nested_columns_of_any_size_are_not_looked_into(root: Path) -> None:
    path = root / "train_images" / "labels.parquet"
    nested = pa.array([[b"picture"], []], pa.list_(pa.binary()))
    pq.write_table(
        pa.table({"path": ["1.png", "sub/2.png"], "label": ["a", "b"], "x": nested}), path
    )
    assert read_table(path).columns["x"] == ["list<element: binary>"] * 2
    assert read_records(path).frame["label"].tolist() == [0, 1]


def in_class_folders(root: Path, name: str) -> Path:
    return root / "a" / f"{name}.png"


def in_families(root: Path, name: str) -> Path:
    return root / f"{name.replace('_', '-')}_AGE_D_18_a1.jpg"


@cases(30, 300)
def test_hostile_file_names_are_used_letter_by_letter_or_set_aside(n: int, tmp_path: Path) -> None:
    number = itertools.count()

    def check(names: list[str], place: Callable[[Path, str], Path]) -> None:
        root = tmp_path / str(next(number))
        write_picture(place(root, "good"))
        made = {place(root, name.replace("/", "").lstrip(".")) for name in names}
        for path in made:
            path.write_bytes(picture_bytes(0))
        records = read_records(root)
        check_paths(records, root)
        used = {root / path for path in records.frame["image_path"]}
        assert used <= made | {place(root, "good")}
        assert len(records.frame) + len(records.quarantine) == len(made | {place(root, "good")})
        assert (records.frame["label"] == 0).all()

    places = st.sampled_from([in_class_folders, in_families])
    try_out(n, check, names=st.lists(NAMES, max_size=4), place=places)


@cases(30, 300)
def test_any_small_set_is_split_without_a_leak_or_refused_in_one_line(
    n: int, tmp_path: Path
) -> None:
    contents = [picture_bytes(seed) for seed in range(4)]
    number = itertools.count()

    def check(rows: list[tuple[str, str, str, int, str]]) -> None:
        root = tmp_path / f"set{next(number)}"
        root.mkdir()
        lines = ["path,label,family_id,person_id,split"]
        for index, (family, person, letter, content, split) in enumerate(rows):
            (root / f"{index}.png").write_bytes(contents[content])
            lines.append(f"{index}.png,{letter},{family},{person},{split}")
        (root / "labels.csv").write_text("\n".join(lines))
        try:
            data = load_data(root, Reading(size=16, max_bad_share=1.0))
        except DataLayoutError as error:
            assert is_one_line(str(error))  # noqa: PT017 - the set may be sound
            return
        json.dumps(data.summary, allow_nan=False)
        splits = {"train": data.train, "val": data.val, "test": data.test}
        for name, split in splits.items():
            if split is None:
                continue
            for path, label, pixels in zip(
                split.frame["image_path"], split.labels, split.images, strict=True
            ):
                *_, letter, content, stated = rows[int(path.removesuffix(".png"))]
                assert letter == EIGHT.names[label]
                assert stated in ("", name) or (name, stated) == ("val", "train")
                assert np.array_equal(pixels, pictures[content])
        assert len(set(data.train.labels.tolist())) >= 2
        assert data.train.frame["content"].is_unique
        if "val" in data.summary["splits"]["made"]:
            assert not set(data.train.frame["cluster"]) & set(data.val.frame["cluster"])

    pictures = pixels_of(contents)
    row = st.tuples(
        st.sampled_from(["", "F1", "F2", "F3"]),
        st.sampled_from(["", "D", "M"]),
        st.sampled_from("abbk"),
        st.integers(0, 3),
        st.just(""),
    )
    split = st.sampled_from(["train", "train", "val", "test", ""])
    sets = st.one_of(
        st.lists(row, min_size=1, max_size=12),
        st.lists(st.tuples(row, split).map(lambda r: (*r[0][:4], r[1])), min_size=1, max_size=12),
        st.lists(row.map(lambda r: ("F1", "D", *r[2:])), min_size=1, max_size=6),  # one person
        st.lists(row.map(lambda r: (*r[:2], "a", *r[3:])), min_size=1, max_size=6),  # one class
    )
    try_out(n, check, rows=sets)


def pixels_of(contents: list[bytes]) -> list[np.ndarray]:
    from agecls.data.decoding import decode

    return [decode(content, 16) for content in contents]
