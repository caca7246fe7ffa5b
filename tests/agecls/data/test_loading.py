import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agecls.data.arrays import at_most
from agecls.data.decoding import decode
from agecls.data.loading import SPLIT_COLUMNS, FaceData, Reading, load_data
from agecls.errors import DataLayoutError
from agecls.faces import face_set as faces
from tests.agecls.pictures import (
    family_rows,
    picture_bytes,
    write_family_csv,
    write_family_set,
    write_picture,
)


def family_set(root: Path) -> Path:
    """Train with two copies of a file and one conflict, val with a leak, test with a copy."""
    train = family_rows(3)
    # 0 is seen twice more; 6 under two classes
    write_family_set(root, "train", train, seeds=[0, 1, 2, 3, 0, 5, 6, 6, 0, 9, 10, 11])
    for row in (4, 8):
        train[row][2] = train[0][2]
    write_family_csv(root, "train", train)
    write_family_set(root, "val", family_rows(1, first=801), seeds=[20, 1, 22, 23])
    write_family_set(root, "test", family_rows(1, first=851, letters="abc"), seeds=[30, 30, 31])
    return root


def test_data_are_the_decoded_images_of_each_split(tmp_path: Path) -> None:
    data = load_data(family_set(tmp_path / "set"), Reading(size=16))
    assert data.test is not None
    for split in (data.train, data.val, data.test):
        assert type(split.images) is np.ndarray
        assert tuple(split.frame.columns) == SPLIT_COLUMNS
        assert split.frame["label"].tolist() == split.labels.tolist()
        for path, image in zip(split.frame["image_path"], split.images, strict=True):
            assert np.array_equal(image, decode((tmp_path / "set" / path).read_bytes(), 16))
    assert np.array_equal(data.val.images[1], decode(picture_bytes(1), 16))
    assert data.val.labels.tolist() == [0, 1, 2, 3]
    assert data.val.labels.dtype == np.int64


def test_duplicates_in_train_are_left_out_and_counted(tmp_path: Path) -> None:
    root = family_set(tmp_path / "set")
    data = load_data(root, Reading(size=8))
    letters = [path.removesuffix("1.jpg")[-1] for path in data.train.frame["image_path"]]
    families = [path.split("/")[1][:5] for path in data.train.frame["image_path"]]
    kept = [f"{family}{letter}" for family, letter in zip(families, letters, strict=True)]
    assert kept == ["F0001a", "F0001b", "F0001c", "F0001d", "F0002b", "F0003b", "F0003c", "F0003d"]
    assert data.summary["duplicates"] == {
        "removed": True,
        "copies": 2,
        "conflicting_groups": 1,
        "conflicting_images": 2,
        "val_copies": 0,
        "test_copies": 1,
    }
    whole = load_data(root, Reading(size=8, deduplicate=False))
    assert len(whole.train.labels) == 12
    assert whole.summary["duplicates"] == data.summary["duplicates"] | {"removed": False}


def test_leaks_between_official_splits_are_counted_and_nothing_is_removed(tmp_path: Path) -> None:
    data = load_data(family_set(tmp_path / "set"), Reading(size=8))
    assert data.summary["leaks"]["train-val"] == {
        "same_content": 1,
        "same_person": 0,
        "same_family": 0,
    }
    assert data.summary["leaks"]["train-test"]["same_content"] == 0
    assert data.summary["images"] == {"train": 8, "val": 4, "test": 3}
    assert data.summary["splits"]["made"] == []


def test_clusters_join_families_and_identical_files_across_splits(tmp_path: Path) -> None:
    data = load_data(family_set(tmp_path / "set"), Reading(size=8))
    assert data.test is not None
    # file 0 joins the three families of train, file 1 joins val to them
    assert set(data.train.frame["cluster"]) == {0}
    assert set(data.val.frame["cluster"]) == {0}
    assert set(data.test.frame["cluster"]) == {1}
    assert data.summary["clusters"] == {"train": 1, "val": 1, "test": 1}
    assert data.summary["families"] == {"train": 3, "val": 1, "test": 1}


def test_the_summary_is_json_and_states_counts_and_majorities(tmp_path: Path) -> None:
    data = load_data(family_set(tmp_path / "set"), Reading(size=8))
    summary = json.loads(json.dumps(data.summary, allow_nan=False))
    assert summary == data.summary
    assert summary["layout"] == "family csv"
    assert summary["size"] == 8
    none = dict.fromkeys("efgh", 0)
    assert summary["classes"]["train"] == {"a": 1, "b": 3, "c": 2, "d": 2, **none}
    assert summary["absent_classes"]["test"] == ["d", "e", "f", "g", "h"]
    assert summary["majority"] == {"train": 3 / 8, "val": 1 / 4, "test": 1 / 3}
    assert summary["quarantined"] == {"bad": 0, "set_aside": 0, "first": []}


def test_the_quarantine_is_in_the_summary_bad_files_first(tmp_path: Path) -> None:
    for number, folder in enumerate(["3", "30", "99", "3", "30", "3", "30"]):
        write_picture(tmp_path / "set" / f"age_{folder}" / f"<b>{number}.png", number)
    (tmp_path / "set" / "age_30" / "broken.png").write_bytes(b"")
    data = load_data(tmp_path / "set", Reading(size=8, max_bad_share=0.2))
    assert data.summary["quarantined"]["bad"] == 1
    assert data.summary["quarantined"]["set_aside"] == 1
    first = data.summary["quarantined"]["first"]
    assert [row["reason"] for row in first] == [
        "the file is empty",
        "age 99 has no class; the classes end at 80 years",
    ]
    assert first[1]["image_path"] == "age_99/<b>2.png"
    assert len(data.quarantine) == 2


def drawn_clusters(data: FaceData) -> list[set[int]]:
    assert data.test is not None
    return [set(split.frame["cluster"]) for split in (data.train, data.val, data.test)]


def test_splits_are_made_by_person_where_a_set_has_none(tmp_path: Path) -> None:
    lines = ["path,label,person"]
    for number in range(60):
        write_picture(tmp_path / "set" / f"{number}.png", number)
        lines.append(f"{number}.png,{'abcd'[number % 4]},p{number // 3}")
    (tmp_path / "set" / "labels.csv").write_text("\n".join(lines))
    data = load_data(tmp_path / "set", Reading(size=8, seed=3))
    train, val, test = drawn_clusters(data)
    assert not train & val
    assert not train & test
    assert not val & test
    assert len(train | val | test) == 20
    assert data.summary["images"] == {"train": 42, "val": 9, "test": 9}
    assert data.summary["splits"]["made"] == ["val", "test"]
    assert "seed 3" in data.summary["splits"]["how"]
    same, other = (load_data(tmp_path / "set", Reading(size=8, seed=s)) for s in (3, 4))
    assert same.fingerprint == data.fingerprint
    assert other.fingerprint != data.fingerprint


def test_val_alone_is_made_from_train_and_no_test(tmp_path: Path) -> None:
    write_family_set(tmp_path / "set", "train", family_rows(20), seeds=range(80))
    data = load_data(tmp_path / "set", Reading(size=8))
    assert data.test is None
    assert data.summary["images"] == {"train": 68, "val": 12}
    assert data.summary["leaks"] == {
        "train-val": {"same_content": 0, "same_person": 0, "same_family": 0}
    }
    assert data.summary["splits"]["how"].startswith("val (15%) made here with seed 0")


def test_the_fingerprint_changes_with_contents_labels_size_and_deduplication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = family_set(tmp_path / "set")
    prints = [load_data(root, Reading(size=8)).fingerprint]
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "other"))
    assert load_data(root, Reading(size=8, seed=9)).fingerprint == prints[0]
    prints.append(load_data(root, Reading(size=9)).fingerprint)
    prints.append(load_data(root, Reading(size=8, deduplicate=False)).fingerprint)
    write_picture(root / "val_images" / "F0801_AGE_D_30_a1.jpg", 77)
    prints.append(load_data(root, Reading(size=8)).fingerprint)
    rows = family_rows(1, first=801)
    rows[0][2] = "h"
    write_family_csv(root, "val", rows)
    prints.append(load_data(root, Reading(size=8)).fingerprint)
    assert len(set(prints)) == 5


def test_arrays_share_memory_and_survive_a_pickle(tmp_path: Path) -> None:
    data = load_data(family_set(tmp_path / "set"), Reading(size=8))
    assert data.test is not None
    arrays = data.arrays()
    for images in (arrays.images, data.train.images, data.val.images, data.test.images):
        assert np.shares_memory(images, data.images)
    assert arrays.size == 8
    again = pickle.loads(pickle.dumps(arrays))
    for one in (arrays, again):
        assert np.array_equal(one.images[one.train[:]], data.train.images)
        assert np.array_equal(one.val_images[:], data.val.images)
        assert np.array_equal(one.train_labels, data.train.labels)
        assert np.array_equal(one.val_labels, data.val.labels)


def test_the_test_split_never_travels_to_those_who_train(tmp_path: Path) -> None:
    data = load_data(family_set(tmp_path / "set"), Reading(size=8))
    assert data.test is not None
    buffers: list[pickle.PickleBuffer] = []  # as Ray takes arrays
    rest = pickle.dumps(data.arrays(), protocol=5, buffer_callback=buffers.append)
    sent = rest + b"".join(buffer.raw() for buffer in buffers)
    assert data.val.images.tobytes() in sent
    for image in data.test.images:
        assert image.tobytes() not in sent


def test_some_training_images_are_drawn_by_seed_and_the_others_are_not_held(
    tmp_path: Path,
) -> None:
    data = load_data(family_set(tmp_path / "set"), Reading(size=8))
    chosen = at_most(3, 8, seed=1)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert len(chosen) == 3
    assert (at_most(3, 8, seed=1) == chosen).all()
    some = data.arrays().trained_on(chosen)
    assert np.array_equal(some.images[some.train[:]], data.train.images[chosen])
    assert np.array_equal(some.train_labels, data.train.labels[chosen])
    assert np.array_equal(some.val_images[:], data.val.images)
    assert np.array_equal(some.val_labels, data.val.labels)
    assert len(some.images) == 3 + len(data.val.labels)
    everything = data.arrays()
    for most in (None, 8, 9):
        assert everything.trained_on(at_most(most, 8, seed=1)) is everything


def test_a_fold_is_two_arrays_of_places_over_the_same_images(tmp_path: Path) -> None:
    arrays = load_data(family_set(tmp_path / "set"), Reading(size=8)).arrays()
    fold = replace(arrays, train=np.arange(4, 12), val=np.arange(4))
    assert fold.images is arrays.images
    assert np.array_equal(fold.val_images[1:3], arrays.images[1:3])
    assert fold.images[fold.train].shape == (8, 8, 8, 3)
    assert fold.train_labels.tolist() == arrays.labels[4:].tolist()


def test_a_class_absent_from_val_is_stated(tmp_path: Path) -> None:
    root = tmp_path / "set"
    write_family_set(root, "train", family_rows(2), seeds=range(8))
    write_family_set(root, "val", family_rows(1, first=801, letters="ab"), seeds=[20, 21])
    absent = load_data(root, Reading(size=8)).summary["absent_classes"]
    assert absent == {"train": ["e", "f", "g", "h"], "val": ["c", "d", "e", "f", "g", "h"]}


def test_one_class_is_an_error(tmp_path: Path) -> None:
    for number in range(8):
        write_picture(tmp_path / "set" / "c" / f"{number}.png", number)
    with pytest.raises(DataLayoutError, match=r"train has only class c .*two or more classes"):
        load_data(tmp_path / "set", Reading(size=8))


def test_one_person_without_val_is_an_error(tmp_path: Path) -> None:
    write_family_set(tmp_path / "set", "train", family_rows(1))
    with pytest.raises(DataLayoutError, match="no val split, and none can be made: all 4 images"):
        load_data(tmp_path / "set", Reading(size=8))


def test_a_set_without_train_is_an_error(tmp_path: Path) -> None:
    write_family_set(tmp_path / "set", "val", family_rows(1, first=801))
    with pytest.raises(DataLayoutError, match="images of val but none of train"):
        load_data(tmp_path / "set", Reading(size=8))


def test_train_that_is_one_conflict_is_an_error(tmp_path: Path) -> None:
    write_family_set(tmp_path / "set", "train", family_rows(1, letters="ab"), seeds=[1, 1])
    write_family_set(tmp_path / "set", "val", family_rows(1, first=801))
    with pytest.raises(DataLayoutError, match="train has no image without a duplicate"):
        load_data(tmp_path / "set", Reading(size=8))


def test_drawn_faces_are_drawn_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = faces.FaceSet(families=2, val_families=1, test_families=1, size=16)
    monkeypatch.setattr(faces, "DEFAULT", small)
    monkeypatch.setattr(
        faces, "SOURCE", faces.FaceSet(families=2, val_families=1, test_families=0, size=16)
    )
    data = load_data("synthetic", Reading(size=16))
    assert data.summary["layout"] == "family csv"
    assert data.summary["root"] == "synthetic"
    assert data.test is not None
    source = load_data("synthetic-source", Reading(size=16))
    assert source.test is None
    assert len(list((cache / "drawn").iterdir())) == 2

    def draw_again(*_: object, **__: object) -> None:
        raise AssertionError("drawn a second time")

    monkeypatch.setattr(faces, "draw_face_set", draw_again)
    assert load_data("synthetic", Reading(size=16)).fingerprint == data.fingerprint


def test_data_load_without_torch() -> None:
    code = "import sys, agecls.data.loading; sys.exit(bool({'torch', 'ray'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
