from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agecls.data.splits import (
    complete_splits,
    count_leaks,
    deduplicate,
    draw_splits,
    find_clusters,
)

value = st.one_of(st.none(), st.integers(0, 8).map(str))
rows = st.lists(st.tuples(value, value, st.integers(0, 12).map(str)), min_size=1, max_size=40)


def test_images_are_linked_through_family_person_and_content_in_chains() -> None:
    families = ["F1", "F1", "F2", None, None, None]
    persons = [None, "p", "q", "q", "r", None]
    contents = ["1", "2", "3", "4", "5", "5"]
    # F1 holds 0, 1; q links 2 and 3; content 5 links 4 and 5
    found = find_clusters([families, persons, contents])
    assert found.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.dtype == np.int64
    contents[5] = "2"
    assert find_clusters([families, persons, contents]).tolist() == [0, 0, 1, 1, 2, 0]


def test_images_that_share_nothing_are_alone() -> None:
    assert find_clusters([[None, None, None], ["1", "2", "3"]]).tolist() == [0, 1, 2]


@settings(deadline=None)
@given(rows)
def test_clusters_equal_those_of_repeated_merging(images: list[tuple[Any, ...]]) -> None:
    expected = list(range(len(images)))
    for _ in images:
        for i, one in enumerate(images):
            for j, other in enumerate(images):
                if any(a == b and a is not None for a, b in zip(one, other, strict=True)):
                    expected[i] = expected[j] = min(expected[i], expected[j])
    found = find_clusters(list(zip(*images, strict=True)))
    assert found.tolist() == [sorted(set(expected)).index(root) for root in expected]


def test_a_split_without_images_takes_from_another_where_train_has_one_cluster_only() -> None:
    clusters = np.array([0] * 9 + [1, 0, 0, 2])  # found by the property below
    labels = np.array([0] * 10 + [1, 1, 1])
    drawn = draw_splits(labels, clusters, {"val": 0.15, "test": 0.15}, seed=0)
    assert set(drawn) == {"train", "val", "test"}


@settings(deadline=None)
@given(rows, st.integers(0, 5), st.data())
def test_a_drawn_split_never_parts_a_cluster_and_is_never_empty_if_it_can_be_filled(
    images: list[tuple[Any, ...]], seed: int, data: st.DataObject
) -> None:
    labels = np.array(
        data.draw(st.lists(st.integers(0, 7), min_size=len(images), max_size=len(images))),
        dtype=np.int64,
    )
    clusters = find_clusters(list(zip(*images, strict=True)))
    drawn = draw_splits(labels, clusters, {"val": 0.15, "test": 0.15}, seed=seed)
    pairs = set(zip(clusters.tolist(), drawn.tolist(), strict=True))
    assert len(pairs) == clusters.max() + 1
    n_filled = min(3, clusters.max() + 1)
    assert [name for name in ("train", "val", "test") if name in drawn] == [
        "train",
        "val",
        "test",
    ][:n_filled]


def test_drawn_splits_have_their_shares_of_each_class() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(8, size=2_000, p=[0.21, 0.2, 0.17, 0.12, 0.15, 0.08, 0.05, 0.02])
    clusters = rng.integers(0, 500, size=2_000)
    drawn = draw_splits(labels, clusters, {"val": 0.15, "test": 0.15}, seed=0)
    n_by_class = np.bincount(labels, minlength=8)
    for name, share in {"train": 0.7, "val": 0.15, "test": 0.15}.items():
        found = np.bincount(labels[drawn == name], minlength=8)
        assert np.abs(found - share * n_by_class).max() <= 3, name


def test_the_seed_alone_decides_between_equal_draws() -> None:
    labels = np.arange(80, dtype=np.int64) % 8
    clusters = np.arange(80, dtype=np.int64)
    draws = [draw_splits(labels, clusters, {"val": 0.2}, seed=seed) for seed in (0, 0, 1)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


@pytest.mark.parametrize(
    ("splits", "made"),
    [
        ([None] * 8, ("val", "test")),
        (["train"] * 8, ("val",)),
        (["train"] * 6 + ["test"] * 2, ("val",)),
        (["train"] * 6 + ["val"] * 2, ()),
        (["train"] * 4 + ["val"] * 2 + ["test"] * 2, ()),
        (["test"] * 8, ()),
    ],
)
def test_official_splits_are_kept_and_missing_ones_made(
    splits: list[str | None], made: tuple[str, ...]
) -> None:
    labels, clusters = np.arange(8) % 2, np.arange(8)
    completed, found = complete_splits(splits, labels, clusters, seed=0)
    assert found == made
    for before, after in zip(splits, completed, strict=True):
        if before in (None, "train"):
            assert after == "train" or after in made
        else:
            assert after == before
    assert set(made) <= set(completed)


def test_one_cluster_is_not_parted_to_make_a_split() -> None:
    completed, made = complete_splits([None] * 5, np.arange(5) % 2, np.zeros(5, int), seed=0)
    assert made == ()
    assert completed.tolist() == ["train"] * 5


def test_of_identical_files_the_first_is_kept_and_none_if_their_classes_differ() -> None:
    contents = ["x", "y", "x", "z", "y", "x", "z"]
    labels = [0, 1, 0, 2, 3, 0, 2]
    found = deduplicate(labels, contents)
    assert found.keep.tolist() == [True, False, False, True, False, False, False]
    assert (found.copies, found.conflicting_groups, found.conflicting_images) == (3, 1, 2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("vwxyz")), max_size=20))
def test_every_image_is_kept_a_copy_or_in_conflict(images: list[tuple[int, str]]) -> None:
    labels = [label for label, _ in images]
    contents = [content for _, content in images]
    found = deduplicate(labels, contents)
    assert found.keep.sum() + found.copies + found.conflicting_images == len(images)
    kept = [content for content, keep in zip(contents, found.keep, strict=True) if keep]
    assert len(kept) == len(set(kept))
    assert found.conflicting_groups == len(set(contents)) - len(kept)


def test_leaks_count_images_of_the_later_split_by_kind() -> None:
    frame = pd.DataFrame(
        {
            "content": ["1", "2", "2", "3", "1", "4"],
            "person_id": ["p", "q", "q", None, "s", "p"],
            "family_id": ["F", "G", "G", None, "F", "F"],
        },
        dtype=object,
    )
    splits = ["train", "train", "val", "val", "test", "test"]
    assert count_leaks(frame, splits) == {
        "train-val": {"same_content": 1, "same_person": 1, "same_family": 1},
        "train-test": {"same_content": 1, "same_person": 1, "same_family": 2},
        "val-test": {"same_content": 0, "same_person": 0, "same_family": 0},
    }
    assert list(count_leaks(frame, ["train"] * 5 + ["val"])) == ["train-val"]
