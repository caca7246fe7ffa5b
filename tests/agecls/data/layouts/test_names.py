import os
from pathlib import Path

import pandas as pd
import pytest

from agecls.classes import EIGHT
from agecls.data.records import read_records
from tests.agecls.pictures import write_picture


def test_family_names_tell_everything_without_csvs(tmp_path: Path) -> None:
    write_picture(tmp_path / "train_images" / "F0001_AGE_D2_18_a1.jpg")
    write_picture(tmp_path / "train_images" / "F0059_AGE_M_45_e.JPG")
    write_picture(tmp_path / "val_images" / "F0801_AGE_GF_80_h12.jpg")
    write_picture(tmp_path / "val_images" / "F0801_AGE_GF_80_k1.jpg")
    (tmp_path / "val_images" / "Thumbs.db").write_bytes(b"")
    records = read_records(tmp_path)
    assert records.layout == "family names"
    frame = records.frame
    assert frame["split"].tolist() == ["train", "train", "val"]
    assert frame["label"].tolist() == [0, 4, 7]
    assert frame["person_id"].tolist() == ["F0001/D2", "F0059/M", "F0801/GF"]
    assert frame["family_id"].tolist() == ["F0001", "F0059", "F0801"]
    assert frame["role"].tolist() == ["D2", "M", "GF"]
    assert frame["collected_age"].tolist() == [18, 45, 80]
    assert records.quarantine["image_path"].tolist() == ["val_images/F0801_AGE_GF_80_k1.jpg"]
    assert "{family}_AGE_{role}" in records.quarantine["reason"][0]


def test_family_names_in_one_folder_have_no_split(tmp_path: Path) -> None:
    write_picture(tmp_path / "all" / "F0001_AGE_D_18_b1.jpg")
    frame = read_records(tmp_path).frame
    assert frame["image_path"].tolist() == ["all/F0001_AGE_D_18_b1.jpg"]
    assert frame["split"].tolist() == [None]


def test_utkface_names_give_years_and_ages_without_a_class_are_set_aside(tmp_path: Path) -> None:
    good = ["1_0_2_20161219140623097.jpg.chip.jpg", "80_1_0_20170109142408075.jpg"]
    for name in [*good, "81_1_4_20170109142408075.jpg", "61_7_20170109150557335.jpg.chip.jpg"]:
        write_picture(tmp_path / "part1" / name)
    records = read_records(tmp_path)
    assert records.layout == "utkface"
    assert records.frame["image_path"].tolist() == [f"part1/{name}" for name in good]
    assert records.frame["label"].tolist() == [0, 7]
    assert records.frame["years"].tolist() == [1, 80]
    assert records.frame["person_id"].tolist() == [None, None]
    quarantine = records.quarantine.set_index("image_path")
    assert not quarantine.loc["part1/81_1_4_20170109142408075.jpg", "is_bad"]
    assert quarantine.loc["part1/61_7_20170109150557335.jpg.chip.jpg", "is_bad"]


def test_the_malformed_names_of_utkface_are_mended(tmp_path: Path) -> None:
    stamp = "_0_2_20161219140623097.jpg"
    mended = {
        "24_0_1_20170116220224657 .jpg.chip.jpg": 24,
        "39_1_20170116174525125.jpg.chip.jpg": 39,
        "53__0_20170116184028385.jpg": 53,
        "55_0_0_20170116232725357jpg.chip.jpg": 55,
        "61_1_20170109142408075.jpg.chip.jpg": 61,
        "61_1_20170109150557335.jpg.chip.jpg": 61,
        "61_3_20170109150557335.jpg": 61,
    }
    for name in [*mended, *(f"{age}{stamp}" for age in range(1, 10))]:
        write_picture(tmp_path / name)
    records = read_records(tmp_path)
    assert records.layout == "utkface"
    assert records.quarantine.empty
    years = dict(zip(records.frame["image_path"], records.frame["years"], strict=True))
    assert years.items() >= mended.items()


def test_names_of_age_sets_tell_ages_persons_and_splits(tmp_path: Path) -> None:
    for n, path in enumerate(["train/0_MariaCallas_35_f.jpg", "train/1_Glenn_Close_101_f.jpg",
                              "test/2_MariaCallas_40_f.jpg", "test/3_GoldieHawn_7_m.jpg",
                              "test/family.jpg"]):  # fmt: skip
        write_picture(tmp_path / path, seed=n)
    records = read_records(tmp_path)
    assert records.layout == "age names"
    frame = records.frame.set_index("image_path")
    assert frame["years"].to_dict() == {
        "test/2_MariaCallas_40_f.jpg": 40,
        "test/3_GoldieHawn_7_m.jpg": 7,
        "train/0_MariaCallas_35_f.jpg": 35,
    }
    assert frame["split"].tolist() == ["test", "test", "train"]
    reasons = records.quarantine.set_index("image_path")["reason"]
    assert reasons["test/family.jpg"] == "the name is not {number}_{name}_{age}_{gender}.jpg"
    assert "age 101 has no class" in reasons["train/1_Glenn_Close_101_f.jpg"]


def test_morph_names_tell_ages_where_its_csv_is_not_there(tmp_path: Path) -> None:
    for name in ("009055_1M54.JPG", "009055_2M55.JPG", "010000_0F20.JPG", "010001_0F21.JPG"):
        write_picture(tmp_path / "Album2" / name)
    records = read_records(tmp_path)
    assert records.layout == "age names"
    assert records.frame["years"].tolist() == [54, 55, 20, 21]
    assert records.frame["person_id"].tolist() == ["009055", "009055", "010000", "010001"]


def test_class_folders_may_be_named_by_letter_years_both_or_an_age(tmp_path: Path) -> None:
    expected = {}
    for index, (letter, (low, high)) in enumerate(zip(EIGHT.names, EIGHT.years, strict=True)):
        names = [letter, f"{letter}_{low}-{high}", f"{letter.upper()} {low}-{high}"]
        names += [f"{low}-{high}", str(low), f"{high:03}"]
        for name in names:
            write_picture(tmp_path / name / "x.jpg")
            expected[f"{name}/x.jpg"] = index
    records = read_records(tmp_path)
    assert records.layout == "class folders"
    assert records.quarantine.empty
    found = dict(zip(records.frame["image_path"], records.frame["label"], strict=True))
    assert found == expected
    years = records.frame.set_index("image_path")["years"]
    assert years["006/x.jpg"] == 6
    assert years["0-6/x.jpg"] is pd.NA
    assert records.frame["split"].isna().all()


def test_class_folders_may_stand_in_split_folders_and_have_folders_inside(tmp_path: Path) -> None:
    write_picture(tmp_path / "train" / "a" / "deep" / "er" / "x.JPEG")
    write_picture(tmp_path / "validation" / "20-30" / "y.png")
    write_picture(tmp_path / "Test" / "7" / "z.webp")
    frame = read_records(tmp_path).frame.set_index("image_path")
    assert frame["split"].to_dict() == {
        "train/a/deep/er/x.JPEG": "train",
        "validation/20-30/y.png": "val",
        "Test/7/z.webp": "test",
    }
    assert frame["label"].tolist() == [1, 0, 3]
    assert frame.loc["Test/7/z.webp", "years"] == 7
    assert frame.loc["validation/20-30/y.png", "years"] is pd.NA


def test_what_stands_beside_class_folders_is_quarantined_not_ignored(tmp_path: Path) -> None:
    write_picture(tmp_path / "a" / "ok.jpg")
    write_picture(tmp_path / "unsorted" / "x.jpg")
    write_picture(tmp_path / "a_7-12" / "torn.jpg")
    write_picture(tmp_path / "99" / "old.jpg")
    write_picture(tmp_path / "loose.jpg")
    write_picture(tmp_path / ".cache" / "hidden.jpg")
    (tmp_path / "a" / "folder.jpg").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    records = read_records(tmp_path)
    assert records.frame["image_path"].tolist() == ["a/ok.jpg"]
    quarantine = records.quarantine.set_index("image_path")
    assert quarantine["reason"].str.split(":").str[0].to_dict() == {
        "loose.jpg": "it lies outside the class folders",
        "99/old.jpg": "age 99 has no class; the classes end at 80 years",
        "a/folder.jpg": "it is a folder, not a file",
        "a_7-12/torn.jpg": "its folder is not named by a class",
        "unsorted/x.jpg": "its folder is not named by a class",
    }
    assert quarantine.index[~quarantine["is_bad"]].tolist() == ["99/old.jpg"]


def test_a_name_that_is_not_unicode_is_quarantined(tmp_path: Path) -> None:
    write_picture(tmp_path / "a" / "ok.jpg")
    raw = os.fsencode(tmp_path / "a") + b"/\xb5\xfe.jpg"
    try:
        with open(raw, "wb") as file:  # noqa: PTH123  Path takes no bytes
            file.write(b"x")
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    records = read_records(tmp_path)
    assert records.frame["image_path"].tolist() == ["a/ok.jpg"]
    assert records.quarantine["reason"].tolist() == [
        "the file's name is not valid UTF-8; rename it"
    ]
    assert records.quarantine["image_path"][0].encode()
