import numpy as np

from study.analysis.confirm.confused import most_confused, order_by_confusion


def test_classes_that_are_confused_stand_side_by_side():
    rng = np.random.default_rng(0)
    group = rng.permutation(np.arange(100) // 4)  # 25 groups of four, scattered
    shares = np.where(group[:, None] == group, 0.1, 0.0) + 0.6 * np.eye(100)
    shares[7] = np.nan  # a class without images
    order = order_by_confusion(shares)
    assert sorted(order) == list(range(100))
    is_edge = np.diff(group[order]) != 0
    assert is_edge.sum() == 24


def test_one_direction_is_enough_to_stand_together():
    shares = np.eye(4)
    shares[0] = [0.5, 0, 0, 0.5]
    order = order_by_confusion(shares).tolist()
    assert abs(order.index(0) - order.index(3)) == 1


def test_the_worst_pairs_are_those_that_most_images_are_lost_to():
    shares = np.array([[0.8, 0.2, 0.0], [0.5, 0.5, 0.0], [np.nan, np.nan, np.nan]])
    # 20 of 100 images of the first class, 5 of 10 of the second one
    assert most_confused(shares, np.array([100, 10, 0]), 12) == [(0, 1), (1, 0)]
    assert most_confused(shares, np.array([100, 10, 0]), 1) == [(0, 1)]
    assert most_confused(np.eye(3), np.array([5, 5, 5]), 12) == []
