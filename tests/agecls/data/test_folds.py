import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agecls.data.folds import Clustered, Folds, counted, draw_folds
from agecls.errors import DataLayoutError

NAMES = ("young", "old")


def families(n, *, size=4, seed=0):
    """`n` families of about `size` pictures, each of both classes."""
    sizes = size + np.random.default_rng(seed).integers(-1, 2, n)
    clusters = np.repeat(np.arange(n), sizes)
    return Clustered(np.arange(len(clusters)) % 2, clusters, NAMES)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 7), st.integers(0, 3), st.data())
def test_folds_part_no_cluster_and_leave_no_image_out(k, seed, data):
    images = families(data.draw(st.integers(k, 40)), seed=seed)
    clusters = images.clusters
    folds = draw_folds(images, k, seed=seed)
    assert set(folds.of_image) == set(range(k))
    for cluster in np.unique(clusters):
        assert len(set(folds.of_image[clusters == cluster])) == 1
    for fold in range(k):
        held, trained = folds.held_out(fold), folds.trained_on(fold)
        assert sorted([*held, *trained]) == list(range(len(clusters)))
        assert not set(clusters[held]) & set(clusters[trained])


def test_folds_are_alike_in_size_and_in_each_class():
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(191), rng.integers(10, 90, 191))
    labels = rng.choice(8, size=len(clusters), p=[0.2, 0.2, 0.15, 0.15, 0.15, 0.09, 0.04, 0.02])
    images = Clustered(labels, clusters, "abcdefgh")
    found = counted(draw_folds(images, 5, seed=0), images)
    assert max(found["images"]) < 1.03 * min(found["images"])
    assert max(found["clusters"]) - min(found["clusters"]) <= 4
    for by_fold in found["classes"].values():
        assert max(by_fold) - min(by_fold) <= 0.03 * sum(by_fold)


def test_the_same_seed_draws_the_same_folds_and_another_one_others():
    first, again, other = (draw_folds(families(40), 5, seed=seed) for seed in (3, 3, 4))
    assert (first.of_image == again.of_image).all()
    assert first.digest == again.digest
    assert (first.of_image != other.of_image).any()
    assert first.digest != other.digest


def test_images_that_are_not_used_are_in_no_fold_and_trained_on_by_none():
    images = families(10)
    used = np.ones(len(images.labels), dtype=bool)
    used[[3, 7]] = False
    folds = draw_folds(images, 5, seed=0, used=used)
    assert np.flatnonzero(folds.of_image == -1).tolist() == [3, 7]
    for fold in range(5):
        assert not {3, 7} & {*folds.held_out(fold), *folds.trained_on(fold)}


def test_what_folds_hold_is_counted():
    folds = Folds(np.array([0, 0, 1, 1, 1, -1]), 2)
    labels, clusters = np.array([0, 1, 0, 0, 1, 1]), np.array([5, 5, 6, 6, 7, 7])
    assert counted(folds, Clustered(labels, clusters, NAMES)) == {
        "k": 2,
        "by": "cluster",
        "images": [2, 3],
        "clusters": [1, 2],
        "classes": {"young": [1, 2], "old": [1, 1]},
        "majority": 0.6,
    }


def refusal(labels, clusters, k, **more):
    images = Clustered(np.array(labels), np.array(clusters), NAMES, **more)
    with pytest.raises(DataLayoutError) as error:
        draw_folds(images, k, seed=0)
    return str(error.value)


def test_fewer_clusters_than_folds_are_refused_with_a_way_out():
    said = refusal([0, 1, 0, 1], [1, 1, 2, 2], 3)
    assert re.search("hold 2 clusters of families, persons .* too few for 3 folds", said)
    assert "ask for fewer folds ([folds] k), or add images of other persons" in said


def test_a_class_in_fewer_clusters_than_folds_is_refused_by_its_name():
    said = refusal([0, 0, 0, 1, 1], [1, 2, 3, 3, 3], 3)
    assert "class old lies in 1 clusters" in said
    assert "fewer than the 3 folds" in said


def test_where_clusters_are_files_the_refusal_says_so():
    assert "hold 2 files, too few for 5 folds" in refusal([0, 1], [0, 1], 5, by="image")


def test_a_class_that_nobody_has_stands_in_no_way():
    images = families(10)
    some = replace(images, labels=images.labels * 5, names="abcdefgh")
    assert draw_folds(some, 5, seed=0).k == 5
