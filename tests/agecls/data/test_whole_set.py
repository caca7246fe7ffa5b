from pathlib import Path

import numpy as np
import pytest

from agecls.data.decoding import decode
from agecls.data.loading import SPLIT_COLUMNS, Reading, load_data
from agecls.data.whole_set import load_whole
from agecls.errors import DataLayoutError
from tests.agecls.pictures import family_rows, picture_bytes, write_family_set, write_picture


def test_a_set_with_a_test_split_alone_is_whole(tmp_path: Path) -> None:
    root = tmp_path / "set"
    write_family_set(root, "test", family_rows(1, first=851, letters="abc"), seeds=[30, 31, 32])
    with pytest.raises(DataLayoutError, match="none of train"):
        load_data(root, Reading(size=16))
    whole = load_whole(root, size=16)
    assert whole.images.labels.tolist() == [0, 1, 2]
    assert tuple(whole.images.frame.columns) == SPLIT_COLUMNS
    assert np.array_equal(whole.images.images[1], decode(picture_bytes(31), 16))
    assert whole.summary["images"] == 3
    assert whole.summary["classes"]["a"] == 1


def test_all_splits_count_and_copies_share_a_cluster(tmp_path: Path) -> None:
    root = tmp_path / "set"
    rows = family_rows(3, letters="abc")
    write_family_set(root, "train", rows, seeds=[0, 1, 2, 3, 4, 5, 6, 7, 8])
    write_family_set(root, "val", family_rows(1, first=801, letters="abc"), seeds=[20, 1, 22])
    whole = load_whole(root, size=16)
    assert len(whole.images.labels) == 12
    assert whole.summary["copies"] == 1
    frame = whole.images.frame
    twins = frame[frame["content"].duplicated(keep=False)]
    assert len(twins) == 2
    assert twins["cluster"].nunique() == 1
    assert whole.summary["clusters"] == frame["cluster"].nunique() == 3


def test_names_with_ages_make_a_set_in_which_each_image_is_a_cluster(tmp_path: Path) -> None:
    root = tmp_path / "set"
    ages = (3, 10, 25, 25, 90)  # the last one has no class
    for n, age in enumerate(ages):
        write_picture(root / f"{age}_0_2_2017011618372639{n}.jpg.chip.jpg", n)
    whole = load_whole(root, size=16)
    assert sorted(whole.images.labels.tolist()) == [0, 1, 3, 3]
    assert whole.summary["clusters"] == 4
    assert (whole.summary["set_aside"], whole.summary["bad"]) == (1, 0)
    assert whole.summary["majority"] == 0.5


def test_the_fingerprint_is_of_the_pixels_labels_and_size(tmp_path: Path) -> None:
    for name, seeds in (("one", [0, 1, 2]), ("same", [0, 1, 2]), ("other", [0, 1, 3])):
        write_family_set(tmp_path / name, "test", family_rows(1, letters="abc"), seeds=seeds)
    of = {n: load_whole(tmp_path / n, size=16) for n in ("one", "same", "other")}
    assert of["one"].fingerprint == of["same"].fingerprint != of["other"].fingerprint
    assert load_whole(tmp_path / "one", size=8).fingerprint != of["one"].fingerprint
