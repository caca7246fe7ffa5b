import csv
from collections import Counter
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from agecls.audit.findings import audit_faces, duplicates_by_place
from agecls.classes import EIGHT
from agecls.errors import DataLayoutError
from agecls.faces.face_set import FaceSet, draw_face_set
from tests.agecls.pictures import (
    encoded,
    family_rows,
    write_family_csv,
    write_family_set,
    write_picture,
)

KOREAN = Path(__file__).resolve().parents[4] / "shared" / "data" / "korean_faces"


def row_of(root, path):
    """Split, person and class of an image, from its CSV."""
    split, name = path.split("_images/")
    with (root / f"custom_{split}_dataset.csv").open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["image_path"] == name)
    return split, f"{row['family_id']}/{row['person_id']}", row["age_class"]


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A drawn set with duplicates and leaks, its findings, and the list of what was planted."""
    root = tmp_path_factory.mktemp("planted") / "set"
    faces = FaceSet(
        families=12, val_families=5, test_families=5, size=48, seed=3, duplicates=7, leaks=4
    )
    draw_face_set(root, faces)
    with (root / "planted.csv").open(newline="") as file:
        rows = [(row["kind"], row["copy"], row["original"]) for row in csv.DictReader(file)]
    return root, audit_faces(root), rows


def pairs_of(findings, kind):
    paths = findings.images["image_path"]
    groups = findings.groups[findings.groups["kind"] == kind]
    return [{paths[row] for row in rows} for rows in groups["rows"]]


def test_every_planted_duplicate_and_leak_is_found_and_nothing_else(planted):
    _, findings, rows = planted
    found = {frozenset(pair) for pair in pairs_of(findings, "identical")}
    assert found == {frozenset(row[1:]) for row in rows}
    assert len(rows) == 7 + 4 + 4
    assert pairs_of(findings, "near") == []
    assert not findings.groups["is_conflict"].any()
    places = duplicates_by_place(findings.groups, findings.images)
    assert places.to_dict("records") == [
        {"kind": "identical", "place": place, "groups": n, "images": 2 * n, "conflicts": 0}
        for place, n in (("train", 7), ("train and test", 4), ("train and val", 4))
    ]


def test_the_leak_table_counts_the_planted_leaks(planted):
    root, findings, rows = planted
    leaks = findings.leaks.set_index(["one", "other"])
    hosts = {split: set() for split in ("val", "test")}
    for kind, copy, _ in rows:
        split, person, _ = row_of(root, copy)
        if kind == "leak":
            hosts[split].add(person)
    for split, persons in hosts.items():
        row = leaks.loc[("train", split)]
        assert row["same_content"] == 4
        assert row["near_duplicate"] == row["same_person"] == row["same_family"] == 0
        # all pictures of a person who got another's, but the leaked ones themselves
        own = findings.images["person_id"].isin(persons).sum()
        assert row["linked_person"] == own - 4
        assert row["images"] == (findings.images["split"] == split).sum()


def test_persons_are_linked_by_the_planted_copies(planted):
    root, findings, rows = planted
    expected = Counter(
        tuple(sorted((row_of(root, copy)[1], row_of(root, original)[1])))
        for _, copy, original in rows
    )
    found = {(row.person, row.other): row.shared for row in findings.persons.itertuples()}
    assert found == dict(expected)
    assert findings.persons["is_other_family"].all()


def test_drawn_faces_have_no_impossible_class_and_no_unusable_file(planted):
    _, findings, _ = planted
    assert findings.impossible.empty
    assert findings.quarantine.empty
    assert findings.images["collected_age"].notna().all()
    assert findings.images[["width", "height"]].drop_duplicates().to_numpy().tolist() == [[48, 48]]


def test_near_duplicates_in_drawn_faces_are_the_planted_ones(tmp_path):
    root = tmp_path / "set"
    draw_face_set(root, FaceSet(families=6, val_families=3, test_families=0, size=64, seed=5))
    tables = {s: pd.read_csv(root / f"custom_{s}_dataset.csv") for s in ("train", "val")}
    originals = tables["train"].iloc[::20]
    expected = []
    # to train and to val in turn, under a new person of another family, re-encoded or resized
    for number, row in enumerate(originals.itertuples()):
        split = ("train", "val")[number % 2]
        name = f"F{990 + number:04}_AGE_GM_90_{row.age_class}1.jpg"
        with Image.open(root / "train_images" / row.image_path) as image:
            altered = image.resize((80, 80)) if number % 3 else image
            (root / f"{split}_images" / name).write_bytes(encoded(altered, "JPEG", quality=85))
        person = [f"F{990 + number:04}", "GM", row.age_class, name, row.photo_age]
        new = pd.DataFrame([person])
        new.columns = tables[split].columns
        tables[split] = pd.concat([tables[split], new])
        expected.append({f"train_images/{row.image_path}", f"{split}_images/{name}"})
    for split, table in tables.items():
        table.to_csv(root / f"custom_{split}_dataset.csv", index=False)
    findings = audit_faces(root)
    assert len(expected) >= 5
    found = pairs_of(findings, "near")
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))
    assert pairs_of(findings, "identical") == []
    assert findings.leaks["near_duplicate"].tolist() == [len(expected) // 2]
    assert findings.leaks["same_content"].tolist() == [0]
    assert len(findings.persons) == len(expected)


def test_duplicates_under_several_classes_are_conflicts(tmp_path):
    write_family_set(tmp_path, "train", family_rows(2), seeds=[0, 1, 2, 3, 4, 0, 2, 7])
    findings = audit_faces(tmp_path)
    groups = findings.groups
    assert groups["classes"].tolist() == [("a", "b"), ("c",)]
    assert groups["is_conflict"].tolist() == [True, False]
    assert groups["rows"].tolist() == [(0, 5), (2, 6)]
    places = duplicates_by_place(groups, findings.images)
    assert places[["groups", "images", "conflicts"]].to_numpy().tolist() == [[2, 4, 1]]


def test_a_group_of_two_in_each_of_two_splits_counts_in_three_places(tmp_path):
    write_family_set(tmp_path, "train", family_rows(1), seeds=[0, 0, 2, 3])
    write_family_set(tmp_path, "val", family_rows(1, first=801), seeds=[0, 0, 12, 13])
    findings = audit_faces(tmp_path)
    places = duplicates_by_place(findings.groups, findings.images)
    assert places[["place", "groups", "images"]].to_numpy().tolist() == [
        ["train", 1, 2],
        ["train and val", 1, 4],
        ["val", 1, 2],
    ]


def test_persons_are_linked_through_a_third_but_paired_only_where_they_share(tmp_path):
    # F0001 and F0002 share file 1, F0002 and F0003 file 6; a second file 6 adds no picture
    seeds = [0, 1, 2, 3, 1, 6, 6, 7, 8, 6, 10, 11]
    write_family_set(tmp_path, "train", family_rows(3), seeds=seeds)
    findings = audit_faces(tmp_path)
    links = findings.persons[["person", "other", "shared"]].to_numpy().tolist()
    assert links == [["F0001/D", "F0002/D", 1], ["F0002/D", "F0003/D", 1]]
    assert findings.images["identity"].nunique() == 1
    assert findings.images["alike"].nunique() == 12 - 3


def test_a_class_above_the_persons_age_is_impossible(tmp_path):
    names = [(5, "a"), (7, "b"), (6, "b"), (30, "d"), (30, "e"), (55, "g"), (56, "g")]
    rows = [["F0001", "M", c, f"F0001_AGE_M_{age}_{c}{i}.jpg"] for i, (age, c) in enumerate(names)]
    write_family_set(tmp_path, "train", rows)
    impossible = audit_faces(tmp_path).impossible
    assert impossible["row"].tolist() == [2, 4, 5]
    assert impossible["years_short"].tolist() == [1, 1, 1]


def test_unusable_files_are_told_however_many_they_are(tmp_path):
    rows = family_rows(1)
    write_family_set(tmp_path, "train", rows)
    for row in rows[1:]:
        (tmp_path / "train_images" / row[3]).write_bytes(b"no picture")
    findings = audit_faces(tmp_path)
    assert len(findings.images) == 1
    assert set(findings.quarantine["reason"]) == {"it is not an image of a known format"}


def test_a_set_without_splits_and_persons_is_audited_as_a_whole(tmp_path):
    for number, letter in enumerate(EIGHT.names):
        write_picture(tmp_path / letter / f"{number % 5}.png", number % 5)
    findings = audit_faces(tmp_path)
    assert findings.splits == ("all",)
    assert findings.leaks.empty
    assert findings.drift.empty
    assert findings.persons.empty
    assert findings.groups["splits"].tolist() == [("all",)] * 3


def test_every_pair_of_splits_is_compared(planted):
    _, findings, _ = planted
    pairs = list(combinations(("train", "val", "test"), 2))
    assert list(zip(findings.drift["one"], findings.drift["other"], strict=True)) == pairs
    assert list(zip(findings.leaks["one"], findings.leaks["other"], strict=True)) == pairs


def test_progress_names_its_steps_and_ends_at_the_total(tmp_path):
    write_family_set(tmp_path, "train", family_rows(1))
    told = []
    audit_faces(tmp_path, progress=lambda *step: told.append(step))
    assert told[-1] == ("reading sizes", 4, 4)
    assert ("reading images", 4, 4) in told


def test_a_set_of_which_nothing_can_be_read_is_an_error(tmp_path):
    rows = family_rows(1)
    write_family_csv(tmp_path, "train", rows)
    for row in rows:
        (tmp_path / "train_images" / row[3]).write_bytes(b"")
    with pytest.raises(DataLayoutError, match="4 of 4 images cannot be used"):
        audit_faces(tmp_path)


@pytest.mark.skipif(not KOREAN.is_dir(), reason=f"{KOREAN} is not on this machine")
def test_the_korean_faces_hold_the_duplicates_that_are_known_to_be_there():
    findings = audit_faces(KOREAN)
    places = duplicates_by_place(findings.groups, findings.images)
    assert places.to_numpy().tolist() == [
        ["identical", "train", 2457, 5692, 1],
        ["identical", "val", 312, 624, 0],
        ["near", "train", 229, 520, 1],
    ]
    assert findings.leaks.drop(columns="images").to_numpy().tolist() == [
        ["train", "val"] + [0] * 5
    ]
    # the hash's neighbours that are other photographs lie far below
    assert findings.near["correlation"].min() > 0.998
