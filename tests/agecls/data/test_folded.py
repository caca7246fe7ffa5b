from dataclasses import replace

import numpy as np
import pytest

from agecls.data.folded import fold_faces
from agecls.data.loading import Reading, load_data
from agecls.errors import DataLayoutError
from tests.agecls.pictures import family_rows, write_family_set, write_picture


@pytest.fixture
def faces(tmp_path):
    """Six families: val has a copy of train's first file, its own file twice, and a conflict."""
    root = tmp_path / "set"
    write_family_set(root, "train", family_rows(4), seeds=range(16))
    # F0801's b is train's F0001 b, its d too, and F0802's a is another copy of F0001's b
    write_family_set(
        root, "val", family_rows(2, first=801), seeds=[20, 1, 22, 1, 1, 25, 26, 27]
    )  # fmt: skip
    write_family_set(root, "test", family_rows(1, first=851), seeds=range(40, 44))
    return load_data(root, Reading(size=8))


def test_arrays_of_a_fold_are_places_among_images_that_lie_once(faces):
    folded = fold_faces(faces, 3, seed=0)
    arrays = folded.arrays()
    for fold in range(3):
        one = arrays.fold(fold)
        assert one.images is arrays.images
        assert np.shares_memory(one.images, faces.images)
        assert one.labels is arrays.labels
        assert not set(one.train) & set(one.val)
        assert one.val_labels.tolist() == folded.held_out(fold).labels.tolist()
        paths = folded.held_out(fold).frame["image_path"].tolist()
        every = [*faces.train.frame["image_path"], *faces.val.frame["image_path"]]
        assert paths == [every[place] for place in one.val]
        assert one.folds is None


def test_a_fold_that_is_not_there_is_refused(faces):
    with pytest.raises(ValueError, match="there is no fold 3 of 3"):
        fold_faces(faces, 3, seed=0).arrays().fold(3)
    with pytest.raises(ValueError, match="there is no fold 0 of 0"):
        faces.arrays().fold(0)


def test_no_file_is_in_the_folds_twice_and_none_whose_copies_disagree(faces):
    folded = fold_faces(faces, 2, seed=0)
    # the file of F0001's b stands under b, b, d and a: nobody knows its class
    assert folded.summary["conflicting_groups"] == 1
    assert folded.summary["conflicting_images"] == 4
    assert (folded.folds.of_image == -1).sum() == 4
    assert sum(folded.summary["images"]) == 24 - 4


def test_later_copies_are_left_out_and_told(tmp_path):
    root = tmp_path / "set"
    write_family_set(root, "train", family_rows(4), seeds=range(16))
    # both families of val have train's first face
    write_family_set(
        root, "val", family_rows(2, first=801), seeds=[0, 21, 22, 23, 0, 25, 26, 27]
    )  # fmt: skip
    folded = fold_faces(load_data(root, Reading(size=8)), 2, seed=0)
    assert folded.summary["copies"] == 2
    assert np.flatnonzero(folded.folds.of_image < 0).tolist() == [16, 20]
    said = folded.summary["how"]
    assert "2 images are in none (2 later copies of a file, 0 whose" in said
    # families that share a file stay together
    home = {place: folded.folds.of_image[place] for place in (0, 17, 21)}
    assert len(set(home.values())) == 1


def test_copies_stay_together_where_the_study_keeps_them(tmp_path):
    root = tmp_path / "set"
    write_family_set(root, "train", family_rows(4), seeds=range(16))
    write_family_set(root, "val", family_rows(1, first=801), seeds=[0, 21, 22, 23])
    folded = fold_faces(load_data(root, Reading(size=8, deduplicate=False)), 2, seed=0)
    assert (folded.folds.of_image >= 0).all()
    assert folded.folds.of_image[0] == folded.folds.of_image[16]
    assert folded.summary["copies"] == 0


def test_a_set_without_persons_is_parted_by_image_which_is_said(tmp_path):
    root = tmp_path / "set"
    for letter in "ab":
        for number in range(8):
            path = root / letter / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_picture(path, seed=100 * (letter == "b") + number)
    faces = load_data(root, Reading(size=8))
    folded = fold_faces(faces, 2, seed=0)
    assert folded.summary["by"] == "image"
    assert "by image, since no family or person is known" in folded.summary["how"]


def test_the_refusal_names_the_data(faces):
    with pytest.raises(DataLayoutError, match=r"set: train and val together hold .* 50 folds"):
        fold_faces(faces, 50, seed=0)


def test_the_same_faces_have_the_same_digest_and_another_seed_another(faces):
    first, again = (fold_faces(faces, 2, seed=0).summary["digest"] for _ in range(2))
    assert first == again
    assert len({fold_faces(faces, 2, seed=s).summary["digest"] for s in range(8)}) > 1


def test_families_that_change_hands_change_the_digest(faces):
    # the fingerprint of faces knows files and classes, not whose they are
    train = faces.train.frame.assign(cluster=np.arange(len(faces.train.frame)) // 2)
    moved = replace(faces, train=replace(faces.train, frame=train))
    assert moved.fingerprint == faces.fingerprint
    digests = {fold_faces(f, 2, seed=0).summary["digest"] for f in (faces, moved)}
    assert len(digests) == 2
