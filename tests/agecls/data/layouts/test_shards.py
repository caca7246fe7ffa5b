"""Parquet files of pictures, written here as the datasets library writes them."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agecls.classes import EIGHT, Classes
from agecls.data import within
from agecls.data.decoding import decode
from agecls.data.loading import Reading, load_data
from agecls.data.packing import open_pack
from agecls.data.records import own_classes, read_records
from agecls.errors import DataLayoutError
from tests.agecls.pictures import picture_bytes

NAMES = ("emu", "cat", "dog")
ZOO = Classes(NAMES, None, is_ordered=False)


def write_shard(
    path: Path,
    pictures: Sequence[bytes | None],
    *,
    names: Mapping[str, Sequence[str]] | None = None,
    group: int = 100,
    **columns: Sequence[Any],
) -> Path:
    """A file of the library: `image`, the columns, and in the schema the names of classes.

    Args:
        path: The file.
        pictures: Bytes of each picture's file.
        names: Of the classes of a column; the column `label` has NAMES if it is there.
        group: Rows a group; the library's is 100.
        **columns: Values by name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {"label": NAMES} if names is None and "label" in columns else names or {}
    features = {"image": {"_type": "Image"}} | {
        column: {"names": list(some), "_type": "ClassLabel"} for column, some in named.items()
    }
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    cells = [None if data is None else {"bytes": data, "path": "x.png"} for data in pictures]
    table = pa.table({"image": pa.array(cells, kind), **{n: list(v) for n, v in columns.items()}})
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(told), path, row_group_size=group)
    return path


def drawn(first: int, n: int) -> list[bytes]:
    return [picture_bytes(seed) for seed in range(first, first + n)]


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Three shards of train and one of validation, 40 pictures in groups of four rows."""
    for number in range(3):
        write_shard(
            tmp_path / "zoo" / "data" / f"train-0000{number}-of-00003.parquet",
            drawn(10 * number, 10),
            label=[row % 3 for row in range(10)],
            group=4,
        )
    held = tmp_path / "zoo" / "data" / "validation-00000-of-00001-b42a775f407cee45.parquet"
    write_shard(held, drawn(30, 10), label=[row % 3 for row in range(10)], group=4)
    (tmp_path / "zoo" / "README.md").write_text("---\ndataset_info: {}\n---\n")
    return tmp_path / "zoo"


def test_labels_come_by_name_and_splits_by_the_files_names(zoo: Path) -> None:
    records = read_records(zoo, classes=ZOO)
    assert records.layout == "parquet images"
    assert records.frame["split"].value_counts().to_dict() == {"train": 30, "val": 10}
    assert records.frame["label"].tolist() == [row % 3 for row in range(10)] * 4
    assert records.frame["image_path"].iloc[11] == "data/train-00001-of-00003.parquet/2"
    assert records.quarantine.empty
    assert records.notes == ("1 file is not read: 1 .md",)
    sorted_names = Classes(tuple(sorted(NAMES)), None, is_ordered=False)
    assert read_records(zoo, classes=sorted_names).frame["label"].tolist()[:3] == [2, 0, 1]


def test_its_classes_are_those_of_the_schema_in_their_order(zoo: Path) -> None:
    assert own_classes(zoo) == ZOO
    assert own_classes(zoo / "data" / "train-00000-of-00003.parquet") == ZOO


def test_pixels_are_those_of_the_cells_and_nothing_is_written_beside_them(
    zoo: Path, tmp_path: Path
) -> None:
    before = sorted(zoo.rglob("*"))
    data = load_data(zoo, Reading(size=8, classes=ZOO))
    assert sorted(zoo.rglob("*")) == before
    assert (len(data.train.labels), len(data.val.labels)) == (30, 10)
    expected = np.stack([decode(picture, 8) for picture in drawn(0, 40)])
    np.testing.assert_array_equal(data.images[:40], expected)


def test_a_second_look_finds_the_pack_and_a_changed_shard_is_read_anew(
    zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = zoo / "data" / "train-00002-of-00003.parquet"
    for path in zoo.rglob("*.parquet"):
        # older than the clock's tick, so that the manifest trusts it
        os.utime(path, ns=(10**18, 10**18))
    first = open_pack(read_records(zoo, classes=ZOO), 8)
    read = []
    monkeypatch.setattr(within._GROUPS, "cell", lambda *cell: read.append(cell))
    assert open_pack(read_records(zoo, classes=ZOO), 8).key == first.key
    assert read == []
    monkeypatch.undo()
    write_shard(shard, drawn(90, 10), label=[row % 3 for row in range(10)])
    again = open_pack(read_records(zoo, classes=ZOO), 8)
    assert again.key != first.key
    np.testing.assert_array_equal(again.images[20], decode(picture_bytes(90), 8))
    np.testing.assert_array_equal(again.images[19], first.images[19])


def test_damaged_pictures_empty_cells_and_missing_labels_are_counted_with_their_rows(
    tmp_path: Path,
) -> None:
    pictures = [*drawn(0, 94), b"no picture", None, *drawn(96, 4)]
    labels = [row % 3 for row in range(97)] + [-1, None, 7]
    write_shard(tmp_path / "train-00000-of-00001.parquet", pictures, label=labels)
    pack = open_pack(read_records(tmp_path, classes=ZOO), 8, max_bad_share=0.05)
    found = pack.quarantine.set_index("image_path")
    reasons = {path.rpartition("/")[2]: reason for path, reason in found["reason"].items()}
    assert reasons == {
        "98": "it has no class",
        "99": "it has no class",
        "100": "label '7' is not one of the 3 classes emu..dog",
        "95": "it is not an image of a known format",
        "96": "its cell holds no bytes; write the set with its pictures embedded",
    }
    assert found["is_bad"].sum() == 3
    assert len(pack.frame) == 95


def test_a_damaged_group_of_rows_costs_its_rows_and_a_damaged_file_is_named(
    zoo: Path, tmp_path: Path
) -> None:
    shard = zoo / "data" / "train-00000-of-00003.parquet"
    data = bytearray(shard.read_bytes())
    at = data.index(picture_bytes(4)[60:120])
    data[at - 80 : at - 60] = b"\xff" * 20  # the head of its page
    shard.write_bytes(data)
    records = read_records(zoo, classes=ZOO)
    pack = open_pack(records, 8, max_bad_share=0.2)
    assert pack.quarantine["image_path"].tolist() == [
        f"data/train-00000-of-00003.parquet/{row}" for row in (5, 6, 7, 8)
    ]
    assert pack.quarantine["is_bad"].all()
    shard.write_bytes(shard.read_bytes()[:500])
    with pytest.raises(DataLayoutError, match=r"train-00000-of-00003\.parquet is not a parquet"):
        read_records(zoo, classes=ZOO)


def test_files_of_the_hub_s_conversion_have_their_splits_above_them(tmp_path: Path) -> None:
    for split, first in (("train", 0), ("test", 4)):
        write_shard(
            tmp_path / "default" / split / "0000.parquet", drawn(first, 4), label=[0, 1, 2, 0]
        )
    records = read_records(tmp_path / "default", classes=ZOO)
    assert records.frame["split"].tolist() == ["test"] * 4 + ["train"] * 4
    with pytest.raises(DataLayoutError, match=r"its folder default has: give .*default"):
        read_records(tmp_path, classes=ZOO)


def test_one_split_alone_is_split_anew_and_a_file_of_no_split_beside_others_is_refused(
    tmp_path: Path,
) -> None:
    write_shard(tmp_path / "train-00000-of-00001.parquet", drawn(0, 9), label=[0, 1, 2] * 3)
    assert read_records(tmp_path, classes=ZOO).frame["split"].isna().all()
    write_shard(tmp_path / "test-00000-of-00001.parquet", drawn(9, 9), label=[0, 1, 2] * 3)
    write_shard(tmp_path / "unlabeled-00000-of-00001.parquet", drawn(18, 9), label=[0, 1, 2] * 3)
    records = read_records(tmp_path, classes=ZOO)
    assert len(records.frame) == 18
    assert set(records.quarantine["reason"]) == {"it is in no split, and others are"}


def test_ages_in_years_and_persons_are_read_from_their_columns(tmp_path: Path) -> None:
    path = write_shard(
        tmp_path / "faces.parquet", drawn(0, 4), age=[3, 33, 90, 33], subject=["x", "y", "z", "y"]
    )
    records = read_records(path)
    assert records.frame["label"].tolist() == [0, 4, 4]
    assert records.frame["person_id"].tolist() == ["x", "y", "y"]
    assert records.quarantine["reason"].tolist() == [
        "age 90 has no class; the classes end at 80 years"
    ]


def test_labels_may_be_texts(tmp_path: Path) -> None:
    path = write_shard(
        tmp_path / "train.parquet", drawn(0, 4), names={}, label=["dog", "10", "9", "dog"]
    )
    classes = own_classes(path)
    assert classes is not None
    assert classes.names == ("9", "10", "dog")
    assert read_records(path, classes=classes).frame["label"].tolist() == [2, 1, 0, 2]


def test_of_several_columns_of_classes_one_must_be_asked_for(tmp_path: Path) -> None:
    write_shard(
        tmp_path / "train-00000-of-00001.parquet",
        drawn(0, 4),
        names={"fine_label": ("apple", "bee", "cup"), "coarse_label": ("food", "other")},
        fine_label=[0, 1, 2, 0],
        coarse_label=[0, 1, 1, 0],
    )
    with pytest.raises(DataLayoutError, match=r"fine_label, coarse_label; give .*\{fine_label\}'"):
        read_records(tmp_path, classes=ZOO)
    asked = tmp_path / "{coarse_label}"
    classes = own_classes(asked)
    assert classes == Classes(("food", "other"), None, is_ordered=False)
    assert read_records(asked, classes=classes).frame["label"].tolist() == [0, 1, 1, 0]
    with pytest.raises(DataLayoutError, match="no column of `shape`"):
        read_records(tmp_path / "{shape}", classes=ZOO)


def test_shards_that_name_other_classes_are_not_one_set(zoo: Path) -> None:
    other = zoo / "data" / "train-00001-of-00003.parquet"
    write_shard(other, drawn(0, 3), names={"label": ("x", "y", "z")}, label=[0, 1, 2])
    with pytest.raises(DataLayoutError, match=r"train-00001-of-00003\.parquet names other"):
        read_records(zoo, classes=ZOO)


@pytest.mark.parametrize(
    "told",
    [b"", b"[", b"[" * 9999, b'{"info": 3}', b'{"info": {"features": {"label": {"names": 5}}}}'],
)
def test_metadata_that_name_nothing_leave_numbers_as_labels(told: bytes, tmp_path: Path) -> None:
    path = write_shard(tmp_path / "train.parquet", drawn(0, 3), label=[0, 1, 0])
    table = pq.read_table(path).replace_schema_metadata({b"huggingface": told})
    pq.write_table(table, path)
    assert own_classes(path) == Classes(("0", "1"), None, is_ordered=False)
    with pytest.raises(DataLayoutError, match="`label` is a number; write a letter"):
        read_records(path, classes=EIGHT)


def test_a_group_too_large_for_memory_is_refused_before_it_is_read(
    zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(within, "MAX_GROUP_BYTES", 100)
    with pytest.raises(DataLayoutError, match="more than 100; write the file in smaller groups"):
        open_pack(read_records(zoo, classes=ZOO), 8)


def test_a_file_with_any_bytes_changed_is_read_or_refused_in_words(tmp_path: Path) -> None:
    path = write_shard(
        tmp_path / "s" / "train.parquet", drawn(0, 12), label=[0, 1, 2] * 4, group=4
    )
    good, rng = path.read_bytes(), np.random.default_rng(0)
    said = []
    for number in range(60):
        data = bytearray(good)
        # half of the changes in what the file says of itself
        first = len(data) - 1200 if number % 2 else 0
        for at in rng.integers(first, len(data), rng.integers(1, 7)):
            data[at] = rng.integers(0, 256)
        path.write_bytes(data)
        try:
            records = read_records(tmp_path / "s", classes=ZOO)
            open_pack(records, 8, max_bad_share=0.99)
            said.append("read")
        except DataLayoutError as error:
            said.append(str(error))
    assert not any("\n" in text for text in said)
    assert 10 < said.count("read") < 50
