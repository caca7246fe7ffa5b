import numpy as np
import pytest

from agecls.audit.drift import COLUMNS, prior_drift


def drift(train, val, *, clusters=None):
    labels = np.array(train + val, dtype=np.int64)
    splits = np.array(["train"] * len(train) + ["val"] * len(val), dtype=object)
    if clusters is None:
        clusters = np.arange(len(labels))
    return prior_drift(labels, splits, np.asarray(clusters), names=("train", "val")).iloc[0]


def test_the_distance_is_half_the_sum_of_the_differences_of_shares():
    row = drift([0, 0, 0, 1], [0, 1, 1, 2])  # 3/4, 1/4, 0 against 1/4, 1/2, 1/4
    assert row["distance"] == pytest.approx((0.5 + 0.25 + 0.25) / 2)
    assert (row["images_one"], row["images_other"]) == (4, 4)


def test_equal_shares_are_no_drift():
    row = drift([0, 1] * 50, [0, 1] * 10)
    assert row["distance"] == 0
    assert row["p"] == 1


def test_other_shares_in_many_images_are_drift():
    row = drift([0, 1] * 200, [0, 0, 0, 1] * 50)
    assert row["distance"] == pytest.approx(0.25)
    assert row["p"] == pytest.approx(1 / 1000)
    assert row["distance"] > row["chance_high"]


def test_related_images_count_as_one_draw():
    train, val = [0] * 100 + [1] * 100, [0] * 150 + [1] * 50
    alone = drift(train, val)
    # the same images, but eight persons with fifty each
    related = drift(train, val, clusters=np.arange(400) // 50)
    assert (related["clusters_one"], related["clusters_other"]) == (4, 4)
    assert alone["p"] == pytest.approx(1 / 1000)
    assert related["p"] > 0.2


def test_p_is_small_as_often_as_it_says_when_nothing_drifts(monkeypatch):
    monkeypatch.setattr("agecls.audit.drift.N_SHUFFLES", 99)
    rng = np.random.default_rng(5)
    p = [
        drift(rng.integers(0, 4, 60).tolist(), rng.integers(0, 4, 30).tolist())["p"]
        for _ in range(100)
    ]
    # binomial(100, 0.1): 2 to 21 covers all but 0.05 %
    assert 2 <= sum(value <= 0.1 for value in p) <= 21


def test_one_split_has_nothing_to_differ_from():
    frame = prior_drift(
        np.array([0]), np.array(["all"], dtype=object), np.array([0]), names=("all",)
    )
    assert frame.empty
    assert list(frame.columns) == COLUMNS
