import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agecls.data.records import Records, read_records
from agecls.errors import DataLayoutError
from tests.agecls.pictures import write_family_csv, write_family_set, write_picture


def table_of(root: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    path = root / "labels.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def reasons(records: Records) -> dict[str, str]:
    return dict(zip(records.quarantine["where"], records.quarantine["reason"], strict=True))


def test_family_csvs_become_records_with_persons_unique_over_the_set(tmp_path: Path) -> None:
    train = [["F0001", "D", "a", "F0001_AGE_D_18_a1.jpg"], ["F0002", "D2", "H", "x.JPG"]]
    write_family_set(tmp_path, "train", train)
    write_family_set(tmp_path, "val", [["F0801", "GM", "g", "F0801_AGE_GM_75_g.jpg"]])
    records = read_records(tmp_path)
    assert records.layout == "family csv"
    assert records.root == tmp_path
    assert records.quarantine.empty
    frame = records.frame
    assert frame["image_path"].tolist() == [
        "train_images/F0001_AGE_D_18_a1.jpg",
        "train_images/x.JPG",
        "val_images/F0801_AGE_GM_75_g.jpg",
    ]
    assert frame["split"].tolist() == ["train", "train", "val"]
    assert frame["label"].tolist() == [0, 7, 6]
    assert frame["label"].dtype == "int64"
    assert frame["person_id"].tolist() == ["F0001/D", "F0002/D2", "F0801/GM"]
    assert frame["family_id"].tolist() == ["F0001", "F0002", "F0801"]
    assert frame["role"].tolist() == ["D", "D2", "GM"]
    assert frame["collected_age"].tolist() == [18, pd.NA, 75]
    assert frame["years"].isna().all()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949"])
def test_a_family_csv_may_come_from_a_korean_spreadsheet(tmp_path: Path, encoding: str) -> None:
    write_picture(tmp_path / "train_images" / "딸.jpg")
    write_family_csv(tmp_path, "train", [["가족1", "D", "a", "딸.jpg"]], encoding=encoding)
    frame = read_records(tmp_path).frame
    assert frame["family_id"].tolist() == ["가족1"]
    assert frame["image_path"].tolist() == ["train_images/딸.jpg"]


def test_hostile_rows_are_quarantined_with_their_file_and_row(tmp_path: Path) -> None:
    write_picture(tmp_path / "train_images" / "ok.jpg")
    write_picture(tmp_path / "secret.jpg")
    (tmp_path / "train_images" / "folder.jpg").mkdir()
    names = [
        ("ok.jpg", "a", None),
        (str(tmp_path / "secret.jpg"), "a", "the path is absolute"),
        (r"C:\pictures\x.jpg", "a", "the path is absolute"),
        (r"\\server\x.jpg", "a", "the path is absolute"),
        ("../secret.jpg", "a", "the path has `..`"),
        (r"sub\..\..\secret.jpg", "a", "the path has `..`"),
        ("ok.jpg", "k", "age_class 'k' is not a letter a..h"),
        ("ok.jpg", "", "age_class '' is not"),
        ("missing.jpg", "a", "there is no such file"),
        ("no_folder/missing.jpg", "a", "there is no such file"),
        ("nul\0/x.jpg", "a", "there is no such file"),
        ("folder.jpg", "a", "it is a folder"),
        ("", "a", "the path is empty"),
        ("./ok.jpg", "a", "the same path is in custom_train_dataset.csv, row 2"),
        ("ok.jpg,extra", "a", "the row has 5 fields, the header 4"),
    ]
    write_family_csv(tmp_path, "train", [["F1", "D", letter, name] for name, letter, _ in names])
    records = read_records(tmp_path)
    assert records.frame["image_path"].tolist() == ["train_images/ok.jpg"]
    found = reasons(records)
    for row, (name, _, reason) in enumerate(names, start=2):
        if reason is not None:
            assert reason in found.pop(f"custom_train_dataset.csv, row {row}"), name
    assert found == {}
    assert records.quarantine["is_bad"].all()


def test_a_path_listed_with_two_classes_is_not_used_at_all(tmp_path: Path) -> None:
    rows = [["F1", "D", "a", "x.jpg"], ["F1", "D", "b", "y.jpg"], ["F1", "D", "c", "x.jpg"]]
    write_family_set(tmp_path, "train", rows)
    records = read_records(tmp_path)
    assert records.frame["image_path"].tolist() == ["train_images/y.jpg"]
    assert set(records.quarantine["reason"]) == {"the same path is listed with different classes"}


def test_empty_family_or_person_is_quarantined(tmp_path: Path) -> None:
    rows = [["", "D", "a", "x.jpg"], ["F1", " ", "b", "y.jpg"], ["F1", "D", "c", "z.jpg"]]
    write_family_set(tmp_path, "train", rows)
    assert reasons(read_records(tmp_path)) == {
        "custom_train_dataset.csv, row 2": "family_id is empty",
        "custom_train_dataset.csv, row 3": "person_id is empty",
    }


def test_a_family_csv_without_a_column_or_its_images_is_an_error(tmp_path: Path) -> None:
    path = write_family_csv(tmp_path, "val", [])
    path.write_text("family_id,person_id,image_path\n")
    with pytest.raises(DataLayoutError, match=r"custom_val_dataset\.csv .* no column `age_class`"):
        read_records(tmp_path)
    write_family_csv(tmp_path, "val", [["F1", "D", "a", "x.jpg"]])
    (tmp_path / "val_images").rmdir()
    with pytest.raises(DataLayoutError, match=r"val_images/, which .* does not have"):
        read_records(tmp_path)


def test_a_split_without_a_csv_beside_others_is_read_from_its_names(tmp_path: Path) -> None:
    write_family_set(tmp_path, "train", [["F1", "D", "a", "F1_AGE_D_18_a1.jpg"]])
    write_picture(tmp_path / "test_images" / "F9_AGE_M_50_f2.JPG")
    frame = read_records(tmp_path).frame
    assert frame["split"].tolist() == ["train", "test"]
    assert frame["label"].tolist() == [0, 5]


@pytest.mark.parametrize("path_name", ["image_path", "path", "file", "Filename"])
@pytest.mark.parametrize("label_name", ["label", "age_class", "class", "age"])
def test_a_table_s_columns_may_have_several_names(
    tmp_path: Path, path_name: str, label_name: str
) -> None:
    write_picture(tmp_path / "x.jpg")
    path = table_of(tmp_path, [path_name, label_name], [["x.jpg", "b 7-12"]])
    for root in (tmp_path, path):
        records = read_records(root)
        assert records.layout == "table"
        assert records.root == tmp_path
        assert records.frame["label"].tolist() == [1]


def test_a_parquet_reads_as_the_csv_of_the_same_table(tmp_path: Path) -> None:
    values = {
        "path": ["1.jpg", "sub/2.jpg", "3.jpg", "gone.jpg"],
        "age": [3, 40, 99, 5],
        "split": ["train", "Valid", "test", "train"],
        "person_id": ["p", "q", "q", None],
    }
    for folder in ("csv", "parquet"):
        for name in values["path"][:3]:
            write_picture(tmp_path / folder / str(name))
    pd.DataFrame(values).to_csv(tmp_path / "csv" / "t.csv", index=False)
    pd.DataFrame(values).to_parquet(tmp_path / "parquet" / "t.parquet")
    one, other = read_records(tmp_path / "csv"), read_records(tmp_path / "parquet")
    pd.testing.assert_frame_equal(one.frame, other.frame)
    assert one.frame["label"].tolist() == [0, 4]
    assert one.frame["years"].tolist() == [3, 40]
    assert one.frame["split"].tolist() == ["train", "val"]
    assert one.quarantine["reason"].tolist() == other.quarantine["reason"].tolist()
    assert one.quarantine["is_bad"].tolist() == [False, True]


def test_ages_become_classes_and_those_without_one_are_set_aside(tmp_path: Path) -> None:
    ages = ["0", "6", "7", "12.9", "66", "80", "81", "-1", "old", "", "nan", "d"]
    for number in range(len(ages)):
        write_picture(tmp_path / f"{number}.jpg")
    table_of(tmp_path, ["path", "age"], [[f"{i}.jpg", age] for i, age in enumerate(ages)])
    records = read_records(tmp_path)
    assert records.frame["label"].tolist() == [0, 0, 1, 1, 6, 7, 3]
    assert records.frame["years"].tolist() == [0, 6, 7, 12, 66, 80, pd.NA]
    bad = records.quarantine.set_index("where")["is_bad"].to_dict()
    assert bad == {
        "labels.csv, row 8": False,
        **{f"labels.csv, row {row}": True for row in (9, 10, 11, 12)},
    }


def test_a_number_in_a_label_column_is_refused_since_it_may_mean_two_things(
    tmp_path: Path,
) -> None:
    write_picture(tmp_path / "x.jpg")
    table_of(tmp_path, ["path", "label"], [["x.jpg", "3"]])
    with pytest.raises(DataLayoutError, match=r"`label` is a number; .* name the column `age`"):
        read_records(tmp_path)


def test_splits_have_several_spellings_and_no_unknown_name(tmp_path: Path) -> None:
    names = ["train", "VAL", "valid", "validation", "test", "rest", ""]
    for number in range(len(names)):
        write_picture(tmp_path / f"{number}.jpg")
    header = ["path", "label", "split"]
    table_of(tmp_path, header, [[f"{i}.jpg", "a", name] for i, name in enumerate(names)])
    records = read_records(tmp_path)
    assert records.frame["split"].tolist() == ["train", "val", "val", "val", "test"]
    assert reasons(records) == {
        "labels.csv, row 7": "split 'rest' is not one of train, val, test",
        "labels.csv, row 8": "the split is empty, and others are not",
    }


def test_a_table_s_persons_are_numbered_within_families_if_it_has_families(
    tmp_path: Path,
) -> None:
    write_picture(tmp_path / "1.jpg")
    write_picture(tmp_path / "2.jpg")
    header = ["path", "label", "family_id", "person"]
    table_of(tmp_path, header, [["1.jpg", "a", "F1", "D"], ["2.jpg", "a", "F2", "D"]])
    assert read_records(tmp_path).frame["person_id"].tolist() == ["F1/D", "F2/D"]
    table_of(tmp_path, ["path", "label", "person"], [["1.jpg", "a", "p"], ["2.jpg", "a", ""]])
    frame = read_records(tmp_path).frame
    assert frame["person_id"].tolist() == ["p", None]
    assert frame["family_id"].tolist() == [None, None]


def test_names_with_markup_quotes_and_newlines_survive(tmp_path: Path) -> None:
    names = ["<img src=x onerror=alert(1)>.jpg", 'say "hi", you.jpg', "two\nlines.jpg", "a'b;.jpg"]
    for number, name in enumerate(names):
        write_picture(tmp_path / name, number)
    table_of(tmp_path, ["path", "label"], [[name, "a"] for name in names])
    frame = read_records(tmp_path).frame
    assert frame["image_path"].tolist() == names
    assert json.loads(json.dumps(frame["image_path"].tolist())) == names


def test_a_table_without_paths_or_classes_is_an_error_that_shows_its_columns(
    tmp_path: Path,
) -> None:
    path = table_of(tmp_path, ["name", "label"], [["x.jpg", "a"]])
    for root in (path, tmp_path):
        with pytest.raises(DataLayoutError, match=r"no column of paths .*columns are name, label"):
            read_records(root)
    table_of(tmp_path, ["path", "years"], [["x.jpg", "3"]])
    with pytest.raises(DataLayoutError, match=r"no column of classes .*columns are path, years"):
        read_records(path)


@settings(max_examples=150, deadline=None)
@given(
    data=st.one_of(st.binary(max_size=200), st.text(alphabet='",;\n\rpathlbe.ax/\0', max_size=80))
)
def test_any_bytes_after_a_good_row_give_records_or_a_layout_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes | str
) -> None:
    root = tmp_path_factory.getbasetemp() / "fuzzed"
    write_picture(root / "x.jpg")
    tail = data.encode() if isinstance(data, str) else data
    (root / "labels.csv").write_bytes(b"path,label\nx.jpg,a\n" + tail)
    try:
        records = read_records(root)
    except DataLayoutError:
        return
    assert set(records.frame["image_path"]) <= {"x.jpg"}
    assert records.quarantine["reason"].notna().all()


@pytest.mark.parametrize(
    "column",
    ["id_num", "identity", "Subject", "name", "user_id", "person", "PersonID", "Subject ID"],
)
def test_persons_stand_in_columns_of_many_names_and_other_columns_are_named(
    tmp_path: Path, column: str
) -> None:
    for number in range(3):
        write_picture(tmp_path / f"{number}.jpg")
    header = ["path", "age", column, "gender", ""]
    rows = [["0.jpg", "3", "anna", "f", "0"], ["1.jpg", "30", "anna", "f", "1"]]
    table_of(tmp_path, header, [*rows, ["2.jpg", "5", "ben", "m", "2"]])
    records = read_records(tmp_path)
    assert records.frame["person_id"].tolist() == ["anna", "anna", "ben"]
    assert records.notes == ("columns of labels.csv that are not used: gender, without a name",)


@pytest.mark.parametrize("names", [("young", "old"), ("0.png", "1.png")])
def test_a_name_that_is_a_class_s_or_a_file_s_is_no_person(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    rows = []
    for number in range(4):
        write_picture(tmp_path / f"{number}.jpg")
        rows.append([f"{number}.jpg", "ah"[number % 2], names[number % 2]])
    table_of(tmp_path, ["path", "label", "name"], rows)
    records = read_records(tmp_path)
    assert records.frame["person_id"].isna().all()
    assert records.notes == ("columns of labels.csv that are not used: name",)


@pytest.mark.parametrize("age", ["-1", "-1.0", "-0.5"])
def test_an_age_below_0_is_unknown(tmp_path: Path, age: str) -> None:
    for number in range(2):
        write_picture(tmp_path / f"{number}.jpg")
    table_of(tmp_path, ["path", "age"], [["0.jpg", "30"], ["1.jpg", age]])
    assert reasons(read_records(tmp_path)) == {
        "labels.csv, row 3": "age -1 is below 0: an unknown age; leave it out"
    }


def test_ages_of_0_1_2_and_no_others_are_years_where_the_column_says_so(tmp_path: Path) -> None:
    for number in range(4):
        write_picture(tmp_path / f"{number}.jpg")
    rows = [[f"{number}.jpg", str(number)] for number in range(4)]
    table_of(tmp_path, ["path", "age"], rows)
    with pytest.raises(DataLayoutError, match=r"only the values 0 to 3, .* column age_years"):
        read_records(tmp_path)
    table_of(tmp_path, ["path", "age_years"], rows)
    assert read_records(tmp_path).frame["years"].tolist() == [0, 1, 2, 3]


def test_a_column_of_splits_may_have_another_name_if_it_holds_nothing_else(tmp_path: Path) -> None:
    for number in range(2):
        write_picture(tmp_path / f"{number}.jpg")
    for values, splits in ((("Train", "dev"), ["train", "val"]), (("left", "test"), [None, None])):
        rows = [["0.jpg", "a", values[0]], ["1.jpg", "b", values[1]]]
        table_of(tmp_path, ["path", "label", "subset"], rows)
        assert read_records(tmp_path).frame["split"].tolist() == splits


def test_a_name_that_two_files_below_the_folder_have_is_not_guessed(tmp_path: Path) -> None:
    for name in ("x/1.jpg", "y/1.jpg", "y/2.jpg"):
        write_picture(tmp_path / name)
    table_of(tmp_path, ["path", "label"], [["1.jpg", "a"], ["2.jpg", "b"]])
    records = read_records(tmp_path)
    assert records.frame["image_path"].tolist() == ["y/2.jpg"]
    assert reasons(records) == {
        "labels.csv, row 2": "2 files have this name: x/1.jpg, y/1.jpg; write its folder too"
    }


def test_paths_may_begin_with_the_folder_s_own_name(tmp_path: Path) -> None:
    write_picture(tmp_path / "faces" / "img" / "1.jpg")
    table_of(tmp_path / "faces", ["path", "label"], [["data/Faces/img/1.jpg", "a"]])
    assert read_records(tmp_path / "faces").frame["image_path"].tolist() == ["img/1.jpg"]


def test_an_image_listed_in_the_tables_of_two_splits_is_used_once(tmp_path: Path) -> None:
    for number in range(2):
        write_picture(tmp_path / f"{number}.jpg")
    (tmp_path / "train.csv").write_text("path,label\n0.jpg,a\n1.jpg,b\n")
    (tmp_path / "val.csv").write_text("path,label\n1.jpg,b\n")
    records = read_records(tmp_path)
    assert records.layout == "tables"
    assert reasons(records) == {"val.csv, row 2": "the same path is in train.csv, row 3"}


def test_a_parquet_of_whole_images_says_that_they_are_no_paths(tmp_path: Path) -> None:
    images = [[[0, 255], [255, 0]]]
    pd.DataFrame({"image": images, "label": ["a"]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataLayoutError, match="`image` holds whole images: write them to files"):
        read_records(tmp_path)
