from pathlib import Path

import pytest

from agecls.classes import DECADES, Classes
from agecls.data.records import Records, read_records
from agecls.errors import DataLayoutError
from tests.agecls.pictures import write_picture

ADIENCE = Classes.from_years(
    ((0, 2), (4, 6), (8, 13), (15, 20), (25, 32), (38, 43), (48, 53), (60, 100))
)
FAIRFACE = Classes.from_years(
    ((0, 2), (3, 9), (10, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69), (70, 100))
)


def draw_adience(root: Path, folds: list[list[tuple[str, str]]]) -> None:
    """Folds of (user, age)."""
    face = 0
    for n, fold in enumerate(folds):
        rows = ["user_id\toriginal_image\tface_id\tage\tgender\tx\ty"]
        for user, age in fold:
            face += 1
            rows.append(f"{user}\t{face}_o.jpg\t{face}\t{age}\tf\t0\t0")
            write_picture(
                root / "faces" / user / f"coarse_tilt_aligned_face.{face}.{face}_o.jpg", seed=face
            )
        (root / f"fold_{n}_data.txt").write_text("\n".join(rows) + "\n")


def labels_by_age(records: Records, ages: list[str]) -> dict[str, int]:
    found = dict(zip(records.frame["image_path"], records.frame["label"], strict=True))
    faces = {int(path.split(".")[1]): label for path, label in found.items()}
    return {age: int(faces[n]) for n, age in enumerate(ages, start=1) if n in faces}


def test_adience_s_labels_its_odd_ones_and_its_users(tmp_path: Path) -> None:
    own = ["(0, 2)", "(4, 6)", "(8, 12)", "(15, 20)"]
    own += ["(25, 32)", "(38, 43)", "(48, 53)", "(60, 100)"]
    odd = ["(38, 42)", "(27, 32)", "2", "29", "13", "57", "35", "(38, 48)", "(8, 23)", "None"]
    ages = own + odd
    parts = [ages[:5], ages[5:11], ages[11:]]
    folds = [[(f"{n % 4}@N0{k}", age) for n, age in enumerate(p)] for k, p in enumerate(parts)]
    draw_adience(tmp_path, folds)
    records = read_records(tmp_path, classes=ADIENCE)
    assert records.layout == "age ranges"
    expected = {age: n for n, age in enumerate(own)}
    expected |= {"(38, 42)": 5, "(27, 32)": 4, "2": 0, "29": 4, "13": 2}
    assert labels_by_age(records, ages) == expected
    assert records.frame["person_id"].tolist()[:5] == ["0@N00", "1@N00", "2@N00", "3@N00", "0@N00"]
    assert not records.quarantine["is_bad"].any()
    assert records.quarantine["reason"].tolist() == [
        "no class holds all ages of '57'",
        "no class holds all ages of '35'",
        "no class holds all ages of '(38, 48)'",
        "no class holds all ages of '(8, 23)'",
        "age 'None' tells no years",
    ]


def test_adience_s_aligned_faces_are_read_where_there_are_no_others(tmp_path: Path) -> None:
    draw_adience(tmp_path, [[("7@N1", "(0, 2)"), ("8@N1", "(60, 100)")]])
    for face in list((tmp_path / "faces").rglob("*.jpg")):
        name = face.name.replace("coarse_tilt_", "landmark_")
        write_picture(tmp_path / "aligned" / face.parent.name / name)
        face.unlink()
        face.parent.rmdir()
    (tmp_path / "faces").rmdir()
    records = read_records(tmp_path, classes=ADIENCE)
    assert records.frame["image_path"].tolist() == [
        "aligned/7@N1/landmark_aligned_face.1.1_o.jpg",
        "aligned/8@N1/landmark_aligned_face.2.2_o.jpg",
    ]


def test_adience_s_folds_are_asked_for_by_a_path_and_share_no_user(tmp_path: Path) -> None:
    folds = [[(f"{n}@N{k}", "(0, 2)") for n in range(2)] for k in range(5)]
    draw_adience(tmp_path, folds)
    tested = []
    for k in range(5):
        frame = read_records(tmp_path / f"{{fold_{k}}}", classes=ADIENCE).frame
        users = {split: set(part["person_id"]) for split, part in frame.groupby("split")}
        assert users["test"] == {f"0@N{k}", f"1@N{k}"}
        assert users["val"] == {f"0@N{(k + 1) % 5}", f"1@N{(k + 1) % 5}"}
        assert len(users["train"]) == 6
        assert not users["train"] & (users["val"] | users["test"])
        tested += frame.loc[frame["split"] == "test", "image_path"].tolist()
    assert len(tested) == len(set(tested)) == 10
    assert read_records(tmp_path, classes=ADIENCE).frame["split"].isna().all()
    with pytest.raises(DataLayoutError, match=r"\{fold_5\} asks for a fold of .* \{fold_4\}"):
        read_records(tmp_path / "{fold_5}", classes=ADIENCE)
    (tmp_path / "fold_3_data.txt").unlink()
    with pytest.raises(DataLayoutError, match=r"expected \{fold_0\} to \{fold_4\} and"):
        read_records(tmp_path / "{fold_0}", classes=ADIENCE)


def draw_fairface(root: Path) -> None:
    ages = ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70"]
    for split in ("train", "val"):
        rows = ["file,age,gender,race,service_test"]
        for n, age in enumerate(ages):
            rows.append(f"{split}/{n}.jpg,{age},Male,East Asian,True")
            write_picture(root / split / f"{n}.jpg", seed=n)
        (root / f"fairface_label_{split}.csv").write_text("\n".join(rows) + "\n")


def test_fairface_s_ranges_are_classes_that_hold_them(tmp_path: Path) -> None:
    draw_fairface(tmp_path)
    records = read_records(tmp_path, classes=FAIRFACE)
    assert records.frame["label"].tolist() == [*range(9), *range(9)]
    assert records.frame["split"].tolist() == ["train"] * 9 + ["val"] * 9
    coarse = Classes.from_years(((0, 19), (20, 49), (60, 120)))
    assert read_records(tmp_path, classes=coarse).frame["label"].tolist()[:8] == [
        *(0, 0, 0, 1, 1, 1, 2, 2)
    ]


def test_a_class_that_no_range_can_be_refuses_the_set(tmp_path: Path) -> None:
    draw_fairface(tmp_path)
    with pytest.raises(DataLayoutError, match=r"class 13-19 holds none.*years = \[\[0, 2\], \[3"):
        read_records(tmp_path, classes=DECADES)
