import pytest

from agecls.audit.checks import checks
from agecls.audit.findings import audit_faces
from agecls.audit.summary import summary_lines
from agecls.audit.wording import class_counts, counted
from tests.agecls.pictures import family_rows, write_family_csv, write_family_set, write_picture


def levels(findings):
    return {check.title: check.level for check in checks(findings)}


def test_a_sound_set_has_no_problem_but_its_absent_classes(tmp_path):
    write_family_set(tmp_path, "train", family_rows(5), seeds=range(20))
    write_family_set(tmp_path, "val", family_rows(2, first=801), seeds=range(50, 58))
    found = levels(audit_faces(tmp_path))
    assert found.pop("Classes") == "problem"  # e to h have no image
    assert found.pop("Sizes") == "note"  # 16 pixels
    assert set(found.values()) == {"fine"}


def test_what_a_set_does_not_tell_is_unknown_rather_than_fine(tmp_path):
    for number in range(8):
        write_picture(tmp_path / "abcdefgh"[number] / f"{number}.png", number)
    found = levels(audit_faces(tmp_path))
    assert {title for title, level in found.items() if level == "unknown"} == {
        "Leaks between splits",
        "Persons under several names",
        "Classes above the person's age",
        "Class shares between splits",
    }


def test_persons_of_one_family_who_share_a_picture_are_told_apart(tmp_path):
    rows = [
        ["F0001", "D", "a", "F0001_AGE_D_20_a1.jpg"],
        ["F0001", "S", "a", "F0001_AGE_S_20_a1.jpg"],
        ["F0002", "S", "a", "F0002_AGE_S_20_a1.jpg"],
        ["F0003", "S", "b", "F0003_AGE_S_20_b1.jpg"],
    ]
    write_family_set(tmp_path, "train", rows, seeds=[0, 0, 0, 1])
    check = next(c for c in checks(audit_faces(tmp_path)) if c.title.startswith("Persons"))
    assert check.level == "problem"
    assert check.text == (
        "3 of 4 persons share pictures with others; by them they are 1 person. 2 pairs of names "
        "in different families, 1 within one."
    )


def test_drift_is_a_note_with_its_numbers(tmp_path):
    train = [[f"F{n:04}", "D", "ab"[n % 2], f"F{n:04}_AGE_D_30_x{n}.jpg"] for n in range(40)]
    val = [[f"F{n:04}", "D", "a", f"F{n:04}_AGE_D_30_x{n}.jpg"] for n in range(801, 821)]
    write_family_set(tmp_path, "train", train, seeds=range(40))
    write_family_set(tmp_path, "val", val, seeds=range(50, 70))
    check = next(c for c in checks(audit_faces(tmp_path)) if c.title.startswith("Class shares"))
    assert check.level == "note"
    assert check.text.startswith("Train and val differ by 50.0 % (total variation; chance alone")
    assert "n = 40 and 20 clusters of related images" in check.text


def test_ages_without_a_class_are_a_note_and_bad_rows_a_problem(tmp_path):
    write_picture(tmp_path / "25_0_2_20170116174525125.jpg", 0)
    write_picture(tmp_path / "90_0_2_20170116174525126.jpg", 1)
    assert levels(audit_faces(tmp_path))["Unusable files and rows"] == "note"
    (tmp_path / "26_0_2_20170116174525127.jpg").write_bytes(b"")
    check = checks(audit_faces(tmp_path))[0]
    assert check.level == "problem"
    assert check.text == (
        "1 cannot be used: the file is empty (1). 1 image set aside for an age without a class."
    )


def test_counts_by_class_and_split_are_those_of_the_tables(tmp_path):
    write_family_set(tmp_path, "train", family_rows(3), seeds=range(12))
    write_family_set(tmp_path, "val", family_rows(1, first=801, letters="ah"), seeds=(20, 21))
    counts = class_counts(audit_faces(tmp_path))
    assert counts["train"].tolist() == [3, 3, 3, 3, 0, 0, 0, 0]
    assert counts["val"].tolist() == [1, 0, 0, 0, 0, 0, 0, 1]


def test_an_empty_split_is_left_out(tmp_path):
    write_family_set(tmp_path, "train", family_rows(1))
    write_family_csv(tmp_path, "val", [])
    lines = [line for _, line in summary_lines(audit_faces(tmp_path))]
    assert lines[2].split() == ["class", "train"]


@pytest.mark.parametrize(("n", "text"), [(0, "0 images"), (1, "1 image"), (2457, "2,457 images")])
def test_nouns_agree_with_their_numbers(n, text):
    assert counted(n, "image") == text
