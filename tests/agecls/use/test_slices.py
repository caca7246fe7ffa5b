import numpy as np
import pandas as pd
import pytest

from agecls.use.slices import cluster_mean, slices


def predictions(rows):
    columns = ["model", "image", "cluster", "true", "predicted"]
    return pd.DataFrame(rows, columns=columns)


def test_one_cluster_has_a_mean_and_no_interval():
    found = cluster_mean(np.array([1.0, 0.0, 1.0, 1.0]), np.array([4, 4, 4, 4]))
    assert found.value == 0.75
    assert np.isnan([found.low, found.high]).all()
    assert str(found) == "75.0 % (no interval: one cluster)"


def test_clusters_that_agree_within_widen_the_interval():
    values = np.repeat([0.0, 1.0], 50)
    single = cluster_mean(values, np.arange(100))
    grouped = cluster_mean(values, np.repeat(np.arange(10), 10))
    assert single.value == grouped.value == 0.5
    # ten clusters of ten: the deviation of the mean is sqrt(10) times as large
    assert 2.5 < (grouped.high - grouped.low) / (single.high - single.low) < 3.8
    assert single.high - single.low == pytest.approx(2 * 1.96 * 0.05, abs=0.03)


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
    found = {s.name: s for s in slices(rows)}
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
    found = {s.name: s.n_images for s in slices(rows)}
    assert found == {"all": 4, "class a 0-6": 4, "role GM": 1, "role S": 2}


def test_images_without_a_known_cluster_are_independent():
    rows = predictions([("m", f"{k}.jpg", None, "a", "a") for k in range(3)])
    rows["cluster"] = rows["cluster"].astype("Int64")
    assert slices(rows)[0].n_clusters == 3
