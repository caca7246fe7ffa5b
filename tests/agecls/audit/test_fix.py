import csv

import pandas as pd
import pytest

from agecls.audit.findings import audit_faces
from agecls.audit.fix import counts_of_fix, plan_fix, refuse_used_folder, write_fix
from agecls.data.records import read_records
from agecls.errors import DataLayoutError
from tests.agecls.pictures import family_rows, write_family_csv, write_family_set, write_picture


def fixed(root, out):
    findings = audit_faces(root)
    fix = plan_fix(findings)
    write_fix(findings, fix, out)
    return findings, fix


def removed(out):
    with (out / "removed.csv").open(newline="") as file:
        return {row["image_path"]: row["reason"] for row in csv.DictReader(file)}


@pytest.fixture
def faulty(tmp_path):
    """Copies in train, a conflict, leaks by file, person and family, and a broken file."""
    root = tmp_path / "set"
    train = family_rows(6)
    seeds = list(range(24))
    seeds[4] = 0  # F0002 a is a copy of F0001 a
    seeds[13] = 8  # F0004 b and F0003 a: one file, two classes
    write_family_set(root, "train", train, seeds=seeds)
    val = family_rows(2, first=801)
    # val's first picture is F0005's b: the two daughters count as one person
    write_family_set(root, "val", val, seeds=[17, 101, 102, 103, 104, 105, 106, 107])
    for row in val[4:]:  # val's second family is train's sixth
        row[0] = "F0006"
    val[0][2] = "b"
    write_family_csv(root, "val", val)
    (root / "train_images" / train[3][3]).write_bytes(b"broken")
    return root


def test_what_is_kept_is_free_of_duplicates_and_leaks_and_the_rest_has_a_reason(faulty, tmp_path):
    out = tmp_path / "fixed"
    findings, fix = fixed(faulty, out)
    assert removed(out) == {
        "train_images/F0002_AGE_D_30_a1.jpg": "copy of train_images/F0001_AGE_D_30_a1.jpg",
        "train_images/F0003_AGE_D_30_a1.jpg": "its copies have the classes a, b",
        "train_images/F0004_AGE_D_30_b1.jpg": "its copies have the classes a, b",
        # the original of val's first picture: the copy in train goes, not that in val
        "train_images/F0005_AGE_D_30_b1.jpg": "copy of val_images/F0801_AGE_D_30_a1.jpg",
        **{f"train_images/F0005_AGE_D_30_{c}1.jpg": "family or person also in val" for c in "acd"},
        **{
            f"train_images/F0006_AGE_D_30_{c}1.jpg": "family or person also in val" for c in "abcd"
        },
        "train_images/F0001_AGE_D_30_d1.jpg": "unusable: it is not an image of a known format",
    }
    assert counts_of_fix(findings, fix) == {
        "kept": {"train": 12, "val": 8},
        "left_out": {"copies": 2, "conflicting classes": 2, "linked to another split": 7},
        "unusable": 1,
        "made": [],
    }
    again = audit_faces(out)
    assert again.layout == "family csv"
    assert again.groups.empty
    assert again.leaks.drop(columns=["one", "other", "images"]).to_numpy().sum() == 0
    assert again.quarantine.empty


def test_rows_keep_their_class_person_and_picture(faulty, tmp_path):
    out = tmp_path / "fixed"
    fixed(faulty, out)
    columns = ["image_path", "split", "label", "person_id", "family_id", "role", "collected_age"]
    old = read_records(faulty).frame[columns]
    new = read_records(out).frame[columns]
    kept = old[old["image_path"].isin(new["image_path"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(new, kept)
    for path in new["image_path"]:
        assert (out / path).read_bytes() == (faulty / path).read_bytes()


def test_the_originals_are_linked_not_copied_and_not_touched(faulty, tmp_path):
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in faulty.rglob("*") if p.is_file()}
    out = tmp_path / "fixed"
    fixed(faulty, out)
    after = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in faulty.rglob("*") if p.is_file()}
    assert after == before
    assert (out / "train_images").readlink() == faulty.resolve() / "train_images"
    assert sorted(path.name for path in out.iterdir()) == [
        "custom_train_dataset.csv",
        "custom_val_dataset.csv",
        "removed.csv",
        "train_images",
        "val_images",
    ]


def test_a_set_without_splits_and_persons_gets_both(tmp_path):
    root = tmp_path / "set"
    for number in range(40):
        write_picture(root / "abcd"[number % 4] / f"{number}.png", number)
    write_picture(root / "a" / "copy.png", 0)
    findings, fix = fixed(root, tmp_path / "fixed")
    assert fix.made == ("val", "test")
    frame = read_records(tmp_path / "fixed").frame
    assert set(frame["split"]) == {"train", "val", "test"}
    assert len(frame) == frame["person_id"].nunique() == frame["family_id"].nunique() == 40
    labels = dict(zip(findings.images["image_path"], findings.images["label"], strict=True))
    for row in frame.itertuples():
        # train_images/b/5.png is the original's b/5.png
        assert labels[row.image_path.split("/", 1)[1]] == row.label


def test_a_missing_val_is_made_of_whole_persons_who_share_pictures(tmp_path):
    root = tmp_path / "set"
    seeds = list(range(80))
    for family in range(0, 20, 2):
        seeds[4 * family + 4] = seeds[4 * family]  # each two daughters share a picture
    write_family_set(root, "train", family_rows(20), seeds=seeds)
    findings, fix = fixed(root, tmp_path / "fixed")
    assert fix.made == ("val",)
    identity = findings.images["identity"]
    assert not set(identity[fix.splits == "train"]) & set(identity[fix.splits == "val"])
    assert (fix.splits == "val").sum() > 0


def test_nothing_is_written_where_train_would_be_empty(tmp_path):
    root = tmp_path / "set"
    write_family_set(root, "train", family_rows(1), seeds=[0, 1, 2, 3])
    write_family_set(root, "val", family_rows(1, first=801), seeds=[0, 1, 2, 3])
    with pytest.raises(DataLayoutError, match="no image of train would be left"):
        plan_fix(audit_faces(root))


def test_a_used_folder_or_one_inside_the_originals_is_refused(tmp_path):
    root = tmp_path / "set"
    (root / "b").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for out in (root, tmp_path / "file", tmp_path / "link"):
        with pytest.raises(DataLayoutError, match="exists and is not an empty folder"):
            refuse_used_folder(out, root)
    with pytest.raises(DataLayoutError, match="inside"):
        refuse_used_folder(root / "b" / "new", root)
    refuse_used_folder(tmp_path / "new", root)
    refuse_used_folder(tmp_path / "set2", root)


def test_an_empty_folder_is_taken(faulty, tmp_path):
    out = tmp_path / "fixed"
    out.mkdir()
    fixed(faulty, out)
    assert (out / "custom_train_dataset.csv").is_file()
