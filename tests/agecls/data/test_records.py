from pathlib import Path

import pytest

from agecls.data.records import read_records
from agecls.data.rows import FRAME_COLUMNS, QUARANTINE_COLUMNS
from agecls.errors import DataLayoutError
from tests.agecls.pictures import write_family_set, write_picture

DATA = Path(__file__).parents[4] / "shared" / "data"
KOREAN, UTKFACE = DATA / "korean_faces", DATA / "utkface"


def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataLayoutError, match="nowhere does not exist; give a data folder"):
        read_records(tmp_path / "nowhere")


def test_a_folder_without_a_layout_is_an_error_that_lists_the_layouts(tmp_path: Path) -> None:
    write_picture(tmp_path / "holiday.jpg")
    with pytest.raises(DataLayoutError, match=r"1 images in it.*UTKFace names; folders named by"):
        read_records(tmp_path)


def test_a_file_that_is_no_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataLayoutError, match=r"neither a folder nor a \.csv or \.parquet"):
        read_records(write_picture(tmp_path / "x.jpg"))


def test_a_root_with_no_usable_row_is_an_error_that_names_the_first_reason(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("path,label\ngone.jpg,a\nlost.jpg,b\n")
    with pytest.raises(DataLayoutError, match=r"2 entries and none is usable.*labels\.csv, row 2"):
        read_records(tmp_path)
    path.write_text("path,label\n")
    with pytest.raises(DataLayoutError, match="no entry and none is usable"):
        read_records(tmp_path)


def test_family_csvs_win_over_everything_else(tmp_path: Path) -> None:
    write_family_set(tmp_path, "train", [["F1", "D", "a", "x.jpg"]])
    (tmp_path / "labels.csv").write_text("path,label\ntrain_images/x.jpg,h\n")
    write_picture(tmp_path / "b" / "y.jpg")
    records = read_records(tmp_path)
    assert records.layout == "family csv"
    assert records.frame["label"].tolist() == [0]


def test_a_table_wins_over_folders_only_if_it_lists_images_and_classes(tmp_path: Path) -> None:
    write_picture(tmp_path / "b" / "y.jpg")
    (tmp_path / "labels.csv").write_text("path,label\nb/y.jpg,h\n")
    assert read_records(tmp_path).layout == "table"
    (tmp_path / "labels.csv").write_text("note\nsomething else\n")
    assert read_records(tmp_path).layout == "class folders"


def test_two_tables_are_not_guessed_between(tmp_path: Path) -> None:
    write_picture(tmp_path / "y.jpg")
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("path,label\ny.jpg,h\n")
    with pytest.raises(DataLayoutError, match="has no layout that is known"):
        read_records(tmp_path)
    assert read_records(tmp_path / "two.csv").frame["label"].tolist() == [7]


def test_all_columns_are_there_also_when_nothing_fills_them(tmp_path: Path) -> None:
    write_picture(tmp_path / "b" / "y.jpg")
    records = read_records(tmp_path)
    assert tuple(records.frame.columns) == FRAME_COLUMNS
    assert tuple(records.quarantine.columns) == QUARANTINE_COLUMNS
    assert records.frame["collected_age"].dtype == "Int64"
    assert records.frame["person_id"].tolist() == [None]


@pytest.mark.skipif(not KOREAN.is_dir(), reason=f"{KOREAN} is not on this machine")
def test_the_korean_faces_read_whole_though_their_test_split_is_withheld() -> None:
    records = read_records(KOREAN)
    assert records.frame["split"].value_counts().to_dict() == {"train": 10_025, "val": 1_539}
    assert records.quarantine.empty
    train = records.frame[records.frame["split"] == "train"]
    counts = train["label"].value_counts().sort_index().tolist()
    assert counts == [2121, 1951, 1728, 1216, 1487, 814, 444, 264]
    assert records.frame["collected_age"].notna().all()


@pytest.mark.skipif(not UTKFACE.is_dir(), reason=f"{UTKFACE} is not on this machine")
def test_utkface_reads_but_for_the_ages_over_80() -> None:
    records = read_records(UTKFACE)
    assert len(records.frame) + len(records.quarantine) == 9_780
    assert not records.quarantine["is_bad"].any()
    mended = {"61_1_20170109142408075.jpg.chip.jpg", "61_3_20170109150557335.jpg.chip.jpg"}
    frame = records.frame[records.frame["image_path"].isin(mended)]
    assert frame["years"].tolist() == [61, 61]
    assert records.frame["years"].max() == 80


FACE_OF_25 = "25_0_2_20170116174525125.jpg"


@pytest.mark.parametrize(
    "names", [("utk_train", "utk_val"), ("trn", "tst"), ("80_train", "20_test")]
)
def test_splits_are_told_by_a_word_of_a_folder_s_name(tmp_path: Path, names) -> None:
    for name in names:
        write_picture(tmp_path / name / FACE_OF_25)
    assert read_records(tmp_path).frame["split"].nunique() == 2


@pytest.mark.parametrize(("split", "other"), [("train", "unseen"), ("test", "rest")])
def test_pictures_beside_a_lone_split_are_not_mixed_with_it(
    tmp_path: Path, split: str, other: str
) -> None:
    for name in (split, other):
        write_picture(tmp_path / name / FACE_OF_25)
    with pytest.raises(
        DataLayoutError, match=f"{split} names a split, but images in {other} are in none. Name"
    ):
        read_records(tmp_path)


def test_a_set_that_is_all_of_one_split_is_split_anew(tmp_path: Path) -> None:
    write_picture(tmp_path / "train" / FACE_OF_25)
    assert read_records(tmp_path).frame["split"].isna().all()


def test_of_several_folders_with_a_layout_none_is_advised_alone(tmp_path: Path) -> None:
    for gender in ("female", "male"):
        write_picture(tmp_path / gender / "20-30" / "1.jpg")
    with pytest.raises(
        DataLayoutError, match=r"2 of its folders have one each .female, male."
    ) as no:
        read_records(tmp_path)
    assert "a CSV with columns path and age" in str(no.value)


def test_files_without_an_ending_are_told_where_nothing_else_is_there(tmp_path: Path) -> None:
    write_picture(tmp_path / "a" / "1.jpg").rename(tmp_path / "a" / "1")
    with pytest.raises(DataLayoutError, match=r"1 file is not read: a/ .1 without an ending."):
        read_records(tmp_path)


def test_a_path_that_leads_nowhere_is_named_as_it_was_given(tmp_path: Path) -> None:
    asked = tmp_path / "nowhere" / "{age}"
    with pytest.raises(DataLayoutError, match="does not exist") as error:
        read_records(asked)
    assert str(error.value).startswith(str(asked))
