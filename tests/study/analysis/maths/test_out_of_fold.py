import numpy as np
import pytest

from agecls.intervals import Clusters, Estimate
from study.analysis.maths.out_of_fold import FoldedClusters, both_estimands, pool


def of_sizes(sizes, of_cluster):
    sizes = np.asarray(sizes)
    clusters = Clusters.of(np.repeat(np.arange(len(sizes)), sizes))
    return FoldedClusters(clusters=clusters, of_cluster=np.asarray(of_cluster))


def judged(values, folds, usable=None, n_draws=4000):
    """Both estimands of the mean over images; values are sums of clusters (S, C)."""
    values = np.asarray(values, dtype=float)
    if usable is None:
        usable = np.ones((len(values), len(folds.numbers)), dtype=bool)
    sums = np.stack([values, np.broadcast_to(folds.clusters.sizes, values.shape)], axis=-1)
    pooled = pool(
        sums, usable, folds, lambda s: {"mean": s[..., 0] / s[..., 1]}, n_draws=n_draws, seed=0
    )
    return both_estimands([(1.0, pooled)], "mean", [usable], folds)


def noise(n_seeds, folds, rng, *, data=0.0, training=0.0, both=0.0):
    """Cluster means: a part of the cluster, one of the fold's training, one of both (S, C)."""
    trainings = training * rng.normal(size=(n_seeds, len(folds.numbers)))
    c = len(folds.of_cluster)
    found = trainings[:, folds.of_cluster] + data * rng.normal(size=c)
    return found + both * rng.normal(size=(n_seeds, c))


def test_as_many_clusters_are_drawn_of_a_fold_as_it_has():
    folds = of_sizes([1] * 10, [0, 0, 0, 1, 1, 1, 1, 2, 2, 2])
    draws = folds.draws(50, np.random.default_rng(0))
    for fold, n in ((0, 3), (1, 4), (2, 3)):
        assert (draws[:, folds.within(fold)].sum(axis=1) == n).all()
    assert draws.max() > 1


def test_of_equal_clusters_each_fold_corrects_its_own():
    growth, freedom = of_sizes([3] * 12, [0, 1, 2, 3] * 3).correction()
    assert growth == pytest.approx(3 / 2)
    assert freedom == pytest.approx(4 * 2)


def test_folds_that_are_left_out_leave_the_others_as_they_are():
    folds = of_sizes([1, 2, 3, 4], [0, 1, 0, 2]).having(np.array([0, 2]))
    assert folds.clusters.sizes.tolist() == [1, 3, 4]
    assert folds.of_cluster.tolist() == [0, 0, 2]
    assert folds.of_image.tolist() == [0, 0, 0, 0, 2, 2, 2, 2]


def test_where_trainings_do_alike_the_recipe_has_the_data_corrected():
    folds = of_sizes([1] * 100, np.arange(100) % 5)
    values = np.tile(noise(1, folds, np.random.default_rng(1), data=1.0), (3, 1))
    both = judged(values, folds)
    assert both.nets.by_clusters == pytest.approx(values[0].var() / 100, rel=0.2)
    assert both.recipe.by_clusters == pytest.approx((1 + 5 / 4) * both.nets.by_clusters)
    assert both.recipe.by_seeds == pytest.approx(0, abs=1e-12)


def test_luck_of_trainings_is_counted_by_fold_and_is_nothing_to_these_nets():
    folds = of_sizes([1] * 20, np.arange(20) % 2)
    # each training lifts all clusters of its fold alike: +-1 in one fold, +-3 in the other
    values = np.array([[1.0, 3.0] * 10, [-1.0, -3.0] * 10])
    both = judged(values, folds)
    assert both.nets.value == 0
    assert both.nets.by_clusters == pytest.approx(0, abs=1e-12)
    # variance of a fold's mean of two: 1 and 9; a quarter of their sum
    assert both.recipe.by_seeds == pytest.approx((1 + 9) / 4)
    assert both.recipe.error**2 == pytest.approx(10 / 4)


def test_of_one_training_a_fold_the_folds_are_what_repeats():
    folds = of_sizes([1] * 40, np.arange(40) % 4)
    level = np.array([0.0, 1.0, 2.0, 5.0])
    both = judged(level[None, folds.of_cluster], folds)
    assert both.recipe.error**2 == pytest.approx(level.var(ddof=1) / 4)
    assert both.recipe.freedom >= 3


def test_what_one_training_adds_to_one_cluster_is_no_data():
    folds = of_sizes([1] * 400, np.arange(400) % 5)
    rng, expected = np.random.default_rng(2), 1 / (4 * 400)
    found = [judged(noise(4, folds, rng, both=1.0), folds, n_draws=500) for _ in range(30)]
    assert np.mean([b.nets.by_clusters for b in found]) == pytest.approx(expected, rel=0.05)
    # parts that are cut off at 0 add a little; with all of it data it would be 2.25 times as much
    assert expected < np.mean([b.recipe.error**2 for b in found]) < 1.5 * expected


def test_a_training_that_is_left_out_is_made_up_by_its_fold():
    folds = of_sizes([2] * 10, np.arange(10) % 2)
    usable = np.array([[True, True], [False, True], [True, True]])
    values = np.array([[1.0] * 10, [np.nan, 5.0] * 5, [3.0] * 10])
    both = judged(np.nan_to_num(values, nan=99.0), folds, usable)
    assert both.nets.value == pytest.approx(((1 + 3) / 2 + (1 + 5 + 3) / 3) / 2 / 2)
    # halves of two images a cluster, halves of two folds; 2 of mean 2 and 3 of mean 3 trainings
    squares = (2 * 1**2 + 2 * 2**2) / (2 * 2) ** 2
    assert both.recipe.error**2 == pytest.approx(squares / 3 * (1 / 2 + 1 / 3), rel=0.01)


def test_a_score_that_no_draw_has_is_not_told():
    folds = of_sizes([1] * 10, np.arange(10) % 2)
    values = np.full((2, 10), np.nan)
    assert judged(values, folds) is None


def test_more_seeds_add_degrees_of_freedom_in_every_fold():
    estimate = Estimate(
        value=0.0, by_clusters=0.0, by_seeds=1.0, freedom=5, n_seeds=2, clusters_freedom=100,
        folds=5,
    )  # fmt: skip
    assert estimate.with_seeds(4) == pytest.approx((np.sqrt(0.5), 15))
    assert estimate.with_seeds(1) == pytest.approx((np.sqrt(2), 4))


def pooled_of(values, usable, folds, n_draws=400):
    """Of one arm: its seeds that have a training, pooled."""
    is_own = usable.any(axis=1)
    values = np.asarray(values, dtype=float)[is_own]
    sums = np.stack([values, np.broadcast_to(folds.clusters.sizes, values.shape)], axis=-1)
    return pool(
        sums, usable[is_own], folds, lambda s: {"mean": s[..., 0] / s[..., 1]},
        n_draws=n_draws, seed=0,
    )  # fmt: skip


def test_two_arms_with_the_same_trainings_are_as_sure_as_their_differences():
    folds, rng = of_sizes([1] * 60, np.arange(60) % 5), np.random.default_rng(2)
    common = noise(4, folds, rng, training=1.0, both=0.5)
    first, second = (common + noise(4, folds, rng, training=0.5, both=1.0) for _ in range(2))
    usable = np.ones((4, 5), dtype=bool)
    usable[1, 2] = usable[0, 4] = False
    arms = [(1.0, pooled_of(first, usable, folds)), (-1.0, pooled_of(second, usable, folds))]
    ours = both_estimands(arms, "mean", [usable, usable], folds).recipe
    theirs = judged(first - second, folds, usable, n_draws=400).recipe
    assert (ours.value, ours.by_clusters, ours.by_seeds, ours.freedom) == pytest.approx(
        (theirs.value, theirs.by_clusters, theirs.by_seeds, theirs.freedom)
    )


@pytest.mark.parametrize("common", [0.0, 2.0])
def test_arms_with_other_numbers_of_seeds_are_as_sure_as_they_vary(common):
    """Three seeds of one arm and six of the other, with and without luck that a seed shares."""
    folds, rng = of_sizes([1] * 40, np.arange(40) % 5), np.random.default_rng(3)
    few, many = np.zeros((6, 5), dtype=bool), np.ones((6, 5), dtype=bool)
    few[:3] = True
    found, told = [], []
    for _ in range(200):
        shared = noise(6, folds, rng, training=common)
        first = shared + noise(6, folds, rng, training=2.0, both=0.5)
        second = shared + noise(6, folds, rng, training=1.0, both=0.5)
        arms = [
            (1.0, pooled_of(first, few, folds, 20)),
            (-1.0, pooled_of(second, many, folds, 20)),
        ]
        both = both_estimands(arms, "mean", [few, many], folds)
        found.append(both.recipe.value)
        told.append(both.recipe.error**2)
    own, at_clusters = 2.0**2 / 15 + 1.0**2 / 30, 0.25 / 3 / 40 + 0.25 / 6 / 40
    unpaired = common**2 * (1 / 15 + 1 / 30 - 2 * 15 / (15 * 30))
    assert np.var(found) == pytest.approx(own + at_clusters + unpaired, rel=0.25)
    assert np.mean(told) == pytest.approx(own + at_clusters + unpaired, rel=0.12)


def test_seeds_that_one_arm_lacks_are_not_taken_for_pairs():
    """Luck that a seed shares cancels only where both arms have the seed."""
    folds, rng = of_sizes([1] * 40, np.arange(40) % 5), np.random.default_rng(4)
    shared = noise(6, folds, rng, training=2.0)
    first, second = (shared + noise(6, folds, rng, training=0.1) for _ in range(2))
    every, three = np.ones((6, 5), dtype=bool), np.zeros((6, 5), dtype=bool)
    three[:3] = True
    errors = [
        both_estimands(
            [(1.0, pooled_of(first, own, folds)), (-1.0, pooled_of(second, every, folds))],
            "mean", [own, every], folds,
        ).recipe.error
        for own in (every, three)
    ]  # fmt: skip
    assert errors[1] > 5 * errors[0]
