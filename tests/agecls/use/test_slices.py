import numpy as np
import pandas as pd
import pytest

from agecls.classes import EIGHT, Classes
from agecls.use.slices import slices


def predictions(rows):
    columns = ["model", "image", "cluster", "true", "predicted"]
    return pd.DataFrame(rows, columns=columns)


def hits(values, clusters, model="m"):
    """Rows of one model that is right where the value is 1."""
    return [
        (model, f"{k:03}.jpg", cluster, "a", "a" if value else "d")
        for k, (value, cluster) in enumerate(zip(values, clusters, strict=True))
    ]


def accuracy_of(rows):
    return slices(predictions(rows), EIGHT)[0].accuracy


def test_one_cluster_has_a_mean_and_no_interval():
    found = accuracy_of(hits([1, 0, 1, 1], [4, 4, 4, 4]))
    assert found.value == 0.75
    assert np.isnan([found.low, found.high]).all()
    assert str(found) == "75.0 % (no interval: one cluster)"


def test_all_right_is_no_certainty():
    found = accuracy_of(hits([1] * 20, np.arange(20)))
    # of 20 clusters none wrong: 0.025^(1/20)
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(0.8316, abs=1e-4)


def test_clusters_that_agree_within_widen_the_interval():
    values = np.repeat([0, 1], 50)
    single = accuracy_of(hits(values, np.arange(100)))
    grouped = accuracy_of(hits(values, np.repeat(np.arange(10), 10)))
    assert single.value == grouped.value == 0.5
    # ten clusters of ten: the deviation of the mean is sqrt(10) times as large, t of 9 degrees
    # 2.262 where it was 1.984, and ten clusters vary by 10 / 9 more than their draws do
    wider = np.sqrt(10) * 2.262 / 1.984 * np.sqrt((10 / 9) / (100 / 99))
    assert grouped.high - grouped.low == pytest.approx(
        wider * (single.high - single.low), rel=0.05
    )
    assert single.high - single.low == pytest.approx(2 * 1.984 * 0.05, abs=0.01)


def test_seeds_that_differ_widen_the_interval():
    clusters = np.arange(40)
    even, odd = clusters % 2, np.ones(40, dtype=int)
    alike = accuracy_of(hits(even, clusters, "one") + hits(even, clusters, "two"))
    apart = accuracy_of(hits(even, clusters, "one") + hits(odd, clusters, "two"))
    assert apart.value == 0.75
    assert alike.high - alike.low == pytest.approx(2 * 2.02 * 0.08, abs=0.02)
    assert apart.high - apart.low > 2 * (alike.high - alike.low)  # two seeds, 50 and 100 %


def test_models_of_an_image_are_averaged_and_an_image_counts_once():
    rows = predictions(
        [
            ("one", "x.jpg", 1, "a", "a"),
            ("two", "x.jpg", 1, "a", "b"),
            ("one", "y.jpg", 2, "c", "e"),
            ("two", "y.jpg", 2, "c", "c"),
            ("one", "z.jpg", 3, "c", "c"),
            ("two", "z.jpg", 3, "c", "c"),
        ]
    )
    found = {s.name: s for s in slices(rows, EIGHT)}
    assert list(found) == ["all", "class a 0-6", "class c 13-19"]
    assert found["all"].n_images == found["all"].n_clusters == 3
    assert found["all"].accuracy.value == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert found["all"].one_off.value == pytest.approx((1 + 0.5 + 1) / 3)
    assert found["class c 13-19"].accuracy.value == 0.75


def test_roles_come_from_names_of_the_family_layout_without_their_number():
    names = [
        "test_images/F0851_AGE_S_20_a1.jpg",
        "test_images/F0851_AGE_S2_18_b1.jpg",
        "test_images/F0852_AGE_GM_70_h1.jpg",
        "elsewhere.jpg",
    ]
    rows = predictions([("m", name, k // 2, "a", "a") for k, name in enumerate(names)])
    found = {s.name: s.n_images for s in slices(rows, EIGHT)}
    assert found == {"all": 4, "class a 0-6": 4, "role GM": 1, "role S": 2}


def test_images_without_a_known_cluster_are_independent():
    rows = predictions([("m", f"{k}.jpg", None, "a", "a") for k in range(3)])
    rows["cluster"] = rows["cluster"].astype("Int64")
    assert slices(rows, EIGHT)[0].n_clusters == 3


def test_slices_are_those_of_the_models_classes():
    animals = Classes(("cat", "dog", "emu"), None, False)
    rows = predictions([("m", "x", 1, "emu", "emu"), ("m", "y", 2, "cat", "emu")])
    assert [s.name for s in slices(rows, animals)] == ["all", "class cat", "class emu"]
    assert [s.one_off.value for s in slices(rows, animals)] == [0.5, 0, 1]
