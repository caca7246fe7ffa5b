"""What CACD2000's own list tells of its images, and what is done without it."""

import unicodedata
from pathlib import Path

import pytest

from agecls.data.loading import Reading, load_data
from agecls.data.records import Records, read_records
from agecls.errors import DataLayoutError
from tests.agecls.data.layouts.fifty import celebrities
from tests.agecls.pictures import write_picture

RANKS = (1, 2, 3, 5, 6, 50)
LISTED = [
    (f"{10 + 20 * n}_Jo_O'Name_{rank}_{n:04}.jpg", rank, rank) for rank in RANKS for n in (1, 2)
]
META = "celebrity2000_meta.mat"


def draw(root: Path, names: list[str], meta: bytes | None) -> Path:
    for seed, name in enumerate(names):
        write_picture(root / "CACD2000" / name, seed)
    if meta is not None:
        (root / META).write_bytes(meta)
    return root


def by_split(records: Records) -> dict[str, set[str]]:
    frame = records.frame
    return {split: set(of["person_id"]) for split, of in frame.groupby("split")}


def test_ranks_tell_splits_and_identities_tell_persons(tmp_path: Path) -> None:
    draw(tmp_path, [name for name, *_ in LISTED], celebrities(*LISTED))
    records = read_records(tmp_path)
    assert by_split(records) == {"val": {"1", "2"}, "test": {"3", "5"}, "train": {"6", "50"}}
    assert len(records.quarantine) == 0
    assert "val are persons of rank 1 and 2" in records.notes[1]
    assert not any("not read" in note for note in records.notes)


@pytest.mark.parametrize(
    "listed",
    [
        "25_Léa_O'Name_0001.jpg",
        unicodedata.normalize("NFD", "25_Léa_O'Name_0001.jpg"),
    ],
)
@pytest.mark.parametrize(
    "on_disk",
    [
        "25_Léa_O'Name_0001.jpg",
        unicodedata.normalize("NFD", "25_Léa_O'Name_0001.jpg"),
        "25_L茅a_OName_0001.jpg",  # unpacked where names are GBK, apostrophes taken out
        "25_L+®a_O'Name_0001.jpg",  # in an old code page
    ],
)
def test_names_that_archives_spell_differently_are_the_listed_ones(
    listed: str, on_disk: str, tmp_path: Path
) -> None:
    others = [name for name, *_ in LISTED[2:]]
    draw(tmp_path, [*others, on_disk], celebrities(*LISTED, (listed, 77, 9)))
    frame = read_records(tmp_path).frame
    assert frame.set_index("image_path")["person_id"][f"CACD2000/{on_disk}"] == "77"


def test_what_is_not_listed_or_listed_for_two_persons_is_set_aside(tmp_path: Path) -> None:
    exact, garbled = "30_Ann_Bé_0001.jpg", "30_Ann_B茅_0001.jpg"
    names = [*(name for name, *_ in LISTED), "30_Who_Knows_0001.jpg", exact, garbled]
    listed = celebrities(*LISTED, (exact, 8, 9), ("30_Ann_B_0001.jpg", 9, 9))
    records = read_records(draw(tmp_path, names, listed))
    aside = records.quarantine
    assert sorted(aside["image_path"]) == [
        f"CACD2000/{garbled}", "CACD2000/30_Who_Knows_0001.jpg",
    ]  # fmt: skip
    assert set(aside["reason"]) == {f"{META} does not list it"}
    assert not aside["is_bad"].any()
    assert "8" in set(records.frame["person_id"])


def test_without_the_list_names_tell_persons_and_that_is_said(tmp_path: Path) -> None:
    data = load_data(draw(tmp_path / "set", [name for name, *_ in LISTED], None), Reading(size=8))
    notes = data.summary["notes"]
    assert "persons are told by names such as 53_{person}_0001.jpg" in notes
    assert f"{META} is not there: names alone tell persons, and no ranks tell splits" in notes
    assert data.summary["splits"]["made"] == ["val", "test"]


def test_folders_of_splits_and_a_set_of_one_kind_of_rank_keep_the_ranks_out(
    tmp_path: Path,
) -> None:
    in_folders = tmp_path / "folders"
    for seed, (name, *_) in enumerate(LISTED):
        write_picture(in_folders / ("train", "val")[seed % 2] / name, seed)
    (in_folders / META).write_bytes(celebrities(*LISTED))
    assert by_split(read_records(in_folders))["train"] == {str(rank) for rank in RANKS}
    alone = [entry for entry in LISTED if entry[2] > 5]
    records = read_records(
        draw(tmp_path / "train only", [name for name, *_ in alone], celebrities(*alone))
    )
    assert records.frame["split"].isna().all()
    assert records.notes == (f"persons are told by identity in {META}",)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "cannot be read as CACD2000's list of images"),
        (b"MATLAB 5.0 MAT-file" + bytes(200), "cannot be read as CACD2000's list of images"),
        (
            b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM",
            "is in MATLAB's format of version 7.3",
        ),
        (celebrities(*LISTED)[:900], "cannot be read as CACD2000's list of images"),
    ],
)
def test_a_list_that_cannot_be_read_is_one_line(
    content: bytes, expected: str, tmp_path: Path
) -> None:
    draw(tmp_path, [name for name, *_ in LISTED], content)
    with pytest.raises(DataLayoutError, match=expected) as refusal:
        read_records(tmp_path)
    assert "remove it to go by the names alone" in str(refusal.value)
    assert "\n" not in str(refusal.value)
