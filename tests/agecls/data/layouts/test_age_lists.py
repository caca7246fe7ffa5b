import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agecls.data.packing import open_pack
from agecls.data.records import read_records
from agecls.errors import DataLayoutError
from tests.agecls.pictures import write_picture


def write(path: Path, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")


def test_appa_real_is_read_by_real_age_from_the_faces_that_were_cut_out(tmp_path: Path) -> None:
    header = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age"
    for n, folder in enumerate(("train", "valid", "test")):
        write(tmp_path / f"gt_avg_{folder}.csv", header, f"{n:06}.jpg,36,60.5,1.0,{n + 3}")
        write(tmp_path / f"gt_{folder}.csv", "file_name,rating", f"{n:06}.jpg,5")
        write_picture(tmp_path / folder / f"{n:06}.jpg", seed=n)
        write_picture(tmp_path / folder / f"{n:06}.jpg_face.jpg", seed=n + 3)
    records = read_records(tmp_path)
    assert records.layout == "age lists"
    assert records.frame["image_path"].tolist() == [
        "train/000000.jpg_face.jpg", "valid/000001.jpg_face.jpg", "test/000002.jpg_face.jpg",
    ]  # fmt: skip
    assert records.frame["split"].tolist() == ["train", "val", "test"]
    assert records.frame["years"].tolist() == [3, 4, 5]
    assert "real_age, not apparent_age_avg; pictures are the faces cut out" in records.notes[0]


def test_appa_real_s_apparent_ages_are_asked_for_by_their_column(tmp_path: Path) -> None:
    header = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age"
    for n, folder in enumerate(("train", "valid")):
        write(tmp_path / f"gt_avg_{folder}.csv", header, f"{n:06}.jpg,36,{n + 60}.5,1.0,3")
        write_picture(tmp_path / folder / f"{n:06}.jpg", seed=n)
    records = read_records(tmp_path / "{apparent_age_avg}")
    assert records.frame["years"].tolist() == [60, 62]  # to the nearest, halves to the even one
    assert records.frame["split"].tolist() == ["train", "val"]
    assert records.notes == ("ages are apparent_age_avg, not real_age",)
    assert read_records(tmp_path / "{real_age}").frame["years"].tolist() == [3, 3]
    with pytest.raises(DataLayoutError, match=r"\{gender\} asks for a column of"):
        read_records(tmp_path / "{gender}")


def test_clap_2016_is_read_by_the_mean_of_the_guesses(tmp_path: Path) -> None:
    for n, folder in enumerate(("train", "valid", "test")):
        rows = [f"{n}{k}.jpg,{10 * n + k}.6,2.5" for k in range(2)]
        write(tmp_path / f"{folder}_gt.csv", "image,mean,stdv", *rows)
        for k in range(2):
            write_picture(tmp_path / folder / f"{n}{k}.jpg", seed=2 * n + k)
    records = read_records(tmp_path)
    assert records.layout == "age lists"
    assert records.frame["years"].tolist() == [1, 2, 11, 12, 21, 22]
    assert records.frame["split"].tolist() == ["train", "train", "val", "val", "test", "test"]
    assert "ages are means of what people guessed, to the nearest year" in records.notes


def test_clap_2015_has_lines_without_a_header(tmp_path: Path) -> None:
    for n, split in enumerate(("Train", "Validation", "Test")):
        rows = [f"image_{n}{k}.jpg;{10 * n + k};4.5" for k in range(3)]
        write(tmp_path / f"{split}.csv", *rows, *(["image_9.jpg"] if n == 0 else []))
        for k in range(3):
            write_picture(tmp_path / split / f"image_{n}{k}.jpg", seed=3 * n + k)
    records = read_records(tmp_path)
    assert records.layout == "age lists"
    assert records.frame["years"].tolist() == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert records.frame["image_path"].iloc[3] == "Validation/image_10.jpg"
    assert records.frame["split"].tolist() == ["train"] * 3 + ["val"] * 3 + ["test"] * 3
    assert records.quarantine["where"].tolist() == ["Train.csv, row 4"]
    assert records.quarantine["reason"].tolist() == ["the line is not image;mean;deviation"]


def test_lists_of_names_and_ages_that_do_not_match_are_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "train" / "1.jpg")
    write(tmp_path / "list" / "train_name.txt", "1.jpg", "2.jpg")
    write(tmp_path / "list" / "train_age.txt", "30")
    with pytest.raises(DataLayoutError, match=r"2 lines and list/train_age\.txt 1; expected one"):
        read_records(tmp_path)


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        ([0, 1, 2, 0], ["train", "val", "test", "train"]),
        ([0, 5, 7, 9], ["train", "train", "val", "test"]),
    ],
)
def test_folders_of_the_benchmark_s_json_are_splits_and_unknown_ages_are_told(
    folders: list[int], splits: list[str], tmp_path: Path
) -> None:
    entries = []
    for n, folder in enumerate([*folders, 0]):
        write_picture(tmp_path / "set" / f"{n}.jpg", seed=n)
        age = 20 + n if n < len(folders) else -1
        entries.append(
            {"img_path": f"set/{n}.jpg", "id_num": n // 2, "age": age, "folder": folder}
        )
    (tmp_path / "set.json").write_text(json.dumps(entries))
    records = read_records(tmp_path)
    assert records.frame["split"].tolist() == splits
    assert records.frame["years"].tolist() == [20, 21, 22, 23]
    assert records.frame["person_id"].tolist() == ["0", "0", "1", "1"]
    assert "1 of the entries of set.json have no known age" in records.notes


def test_the_benchmark_s_faces_are_cut_out_by_the_upright_box_of_their_corners(
    tmp_path: Path,
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "1.png")
    turned = [14, 8, 33, 11, 30, 30, 11, 27]  # from the upper left on clockwise
    bad = [[14, 8, 33, 11], [14, 8, 33, 11, 30, 30, 11, "27"], "14 8 33 11", [float("nan")] * 8]
    boxes = [turned, None, *bad]
    entries = [
        {"img_path": "1.png", "id_num": n, "age": 20 + n, "folder": n, "aligned_bbox": box}
        for n, box in enumerate(boxes)
    ]
    (tmp_path / "set.json").write_text(json.dumps(entries))
    records = read_records(tmp_path)
    assert records.frame["image_path"].tolist() == ["1.png/11,8,33,30"]
    assert records.frame["years"].tolist() == [20]
    found = records.quarantine[["reason", "is_bad"]].to_numpy().tolist()
    assert found[-1] == ["its face is not seen", False]
    assert found[:-1] == [["its aligned_bbox is not eight numbers", True]] * len(bad)
    assert records.quarantine["where"].tolist() == [
        *(f"set.json, row {row}" for row in (3, 4, 5, 6)), "set.json, row 2",
    ]  # fmt: skip
    pack = open_pack(records, 22, max_bad_share=0.9)
    np.testing.assert_array_equal(pack.images[0], pixels[8:30, 11:33])


@pytest.mark.parametrize("text", ["{}", "[1]", '[{"img_path": "1.jpg"}]', "[[[", "[]"])
def test_another_json_is_no_database(text: str, tmp_path: Path) -> None:
    write_picture(tmp_path / "1.jpg")
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(DataLayoutError, match=r"no layout that is known.*1 \.json"):
        read_records(tmp_path)
