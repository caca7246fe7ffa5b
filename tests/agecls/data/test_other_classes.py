"""Data roots whose classes are not the eight."""

import pytest

from agecls.classes import DECADES, EIGHT, Classes
from agecls.data.layouts.class_folders import folder_classes
from agecls.data.records import read_records
from agecls.errors import DataLayoutError
from agecls.faces.face_set import FaceSet, draw_face_set
from tests.agecls.pictures import write_family_set, write_picture

ANIMALS = Classes(("cat", "dog", "emu"), None, is_ordered=False)


def animals(root, *, split=""):
    for k, name in enumerate(ANIMALS.names):
        for n in range(2):
            # as AFAD's, which would tell persons were they faces
            write_picture(root / split / name / f"63866{k}-{n}.jpg")
    return root


def test_folders_are_classes_that_are_no_ages_and_nobody_is_a_person(tmp_path):
    records = read_records(animals(tmp_path), classes=ANIMALS)
    assert records.layout == "class folders"
    assert records.classes == ANIMALS
    assert records.frame["label"].tolist() == [0, 0, 1, 1, 2, 2]
    assert records.frame["person_id"].isna().all()


def test_a_folder_of_no_class_is_set_aside_with_its_reason(tmp_path):
    write_picture(animals(tmp_path) / "gnu" / "1.jpg")
    write_picture(tmp_path / "7" / "1.jpg")
    records = read_records(tmp_path, classes=ANIMALS)
    assert len(records.frame) == 6
    assert (
        records.quarantine["reason"].tolist()
        == ["its folder is not named by a class: one of the 3 classes cat..emu"] * 2
    )


def test_names_that_are_numbers_are_names(tmp_path):
    for name in "0123456789abcdef":
        write_picture(tmp_path / name / "1.jpg")
    records = read_records(tmp_path, classes=folder_classes(tmp_path))
    assert records.frame["label"].tolist() == list(range(16))
    assert records.frame["years"].isna().all()


def test_ages_of_no_decade_are_set_aside_and_the_gap_is_named(tmp_path):
    for age in (0, 9, 10, 12, 13, 69, 70, 116, 121):
        write_picture(tmp_path / f"{age}_0_2_20170116174525125.jpg")
    records = read_records(tmp_path, classes=DECADES)
    found = dict(zip(records.frame["years"], records.frame["label"], strict=True))
    assert found == {0: 0, 9: 0, 13: 1, 69: 6, 70: 7, 116: 7}
    assert sorted(records.quarantine["reason"]) == [
        "age 10 has no class; none lies between 9 and 13 years",
        "age 12 has no class; none lies between 9 and 13 years",
        "age 121 has no class; the classes end at 120 years",
    ]
    assert not records.quarantine["is_bad"].any()


def test_folders_of_the_class_s_years_are_its_own(tmp_path):
    for name in DECADES.names:
        write_picture(tmp_path / name / "1.jpg")
    assert folder_classes(tmp_path) == DECADES
    records = read_records(tmp_path, classes=DECADES)
    assert sorted(records.frame["label"]) == list(range(8))


def test_a_table_lists_labels_that_are_texts_or_numbers(tmp_path):
    for n in range(4):
        write_picture(tmp_path / "img" / f"{n}.jpg")
    rows = ["path,label", "img/0.jpg,emu", "img/1.jpg,Cat", "img/2.jpg,gnu", "img/3.jpg,7"]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    records = read_records(tmp_path, classes=ANIMALS)
    assert records.frame["label"].tolist() == [2, 0]
    assert records.quarantine["reason"].tolist() == [
        "label 'gnu' is not one of the 3 classes cat..emu",
        "label '7' is not one of the 3 classes cat..emu",
    ]
    numbers = Classes(("6", "7"), None, is_ordered=False)
    assert read_records(tmp_path, classes=numbers).frame["image_path"].tolist() == ["img/3.jpg"]


def test_names_that_tell_only_ages_or_letters_have_none_of_the_classes(tmp_path):
    write_picture(tmp_path / "25_0_2_20170116174525125.jpg")
    with pytest.raises(DataLayoutError, match="nothing tells its class; expected one of the 3"):
        read_records(tmp_path, classes=ANIMALS)
    write_picture(tmp_path / "family" / "F0001_AGE_D_18_a1.jpg")
    with pytest.raises(DataLayoutError, match="nothing tells its class; expected years such as"):
        read_records(tmp_path / "family", classes=DECADES)


@pytest.mark.parametrize("split", ["", "train"])
def test_folders_of_no_age_are_offered_as_classes(tmp_path, split):
    root = animals(tmp_path / "zoo", split=split)
    with pytest.raises(DataLayoutError, match=r"cat, dog, emu\), give --classes folders"):
        read_records(root)
    assert folder_classes(root) == ANIMALS


def test_ranges_that_overlap_and_single_folders_are_no_ages(tmp_path):
    for name in ("0-9", "5-19"):
        write_picture(tmp_path / name / "1.jpg")
    assert folder_classes(tmp_path) == Classes(("0-9", "5-19"), None, is_ordered=False)
    write_picture(tmp_path / "one" / "only" / "1.jpg")
    assert folder_classes(tmp_path / "one") is None


@pytest.mark.parametrize("classes", [DECADES, Classes.from_years(((0, 17), (18, 120)))])
def test_drawn_faces_have_ages_of_any_years(tmp_path, classes):
    draw_face_set(
        tmp_path / "faces", FaceSet(families=8, val_families=2, test_families=0, size=16)
    )
    records = read_records(tmp_path / "faces", classes=classes)
    eight = read_records(tmp_path / "faces").frame
    assert eight["years"].notna().all()
    assert [EIGHT.of_years(years) for years in eight["years"]] == eight["label"].tolist()
    assert [classes.of_years(y) for y in records.frame["years"]] == records.frame["label"].tolist()
    assert not records.quarantine["is_bad"].any()
    is_in_gap = [classes.of_years(years) is None for years in eight["years"]]
    assert len(records.quarantine) == sum(is_in_gap)
    assert any(is_in_gap) == (classes is DECADES)


def test_a_family_table_with_an_age_that_is_none_has_its_letter(tmp_path):
    write_family_set(tmp_path, "train", [["F1", "D", "d", "1.png"], ["F1", "S", "c", "2.png"]])
    path = tmp_path / "custom_train_dataset.csv"
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{head},photo_age", f"{lines[0]},40", f"{lines[1]},"]) + "\n")
    records = read_records(tmp_path)
    assert records.frame["label"].tolist() == [4, 2]
