from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agecls.intervals import Clusters, Estimate, over_sets, share_interval, two_level
from tests.simulate.coverage import World, coverage


def estimate_of(sums, clusters, n_draws=2000, seed=0):
    """Of means: `sums` (C, K) per cluster and model."""
    draws = clusters.draws(n_draws, np.random.default_rng(seed))
    drawn = (draws @ sums) / (draws @ clusters.sizes)[:, None]
    return two_level(sums.sum(axis=0) / clusters.sizes.sum(), drawn, clusters)


def test_a_case_small_enough_for_a_pencil():
    # Two clusters of one image, two models: scores (1, 0) and (0.6, 0.8).
    values = np.array([[1.0, 0.6], [0.0, 0.8]])  # cluster x model
    # Every draw of two clusters of two: first twice, one of each (twice as often), second twice.
    draws = np.array([[2, 0], [1, 1], [1, 1], [0, 2]])
    found = two_level(values.mean(axis=0), draws @ values / 2, Clusters.of(np.array([0, 1])))
    assert found.value == pytest.approx(0.6)
    # V_clusters: means over models 0.8, 0.6, 0.6, 0.4 have variance 0.02, times C / (C - 1) = 2.
    # V_seeds: model means 0.5 and 0.7, sample variance 0.02, over 2 models.
    # V_both: model 1 less the mean is 0.2, -0.1, -0.1, -0.4 with variance 0.045, and model 2
    # the same mirrored; their sum times 2 over 2 models times 1.
    v_clusters, v_seeds, v_both = 0.04, 0.01, 0.09
    assert found.error**2 == pytest.approx(v_clusters + max(v_seeds - v_both, 0))
    assert found.by_clusters == 0  # all of it may be luck of seed and cluster together
    assert found.freedom == 1


def test_seeds_that_differ_on_all_images_alike_add_their_variance_of_the_mean():
    values = np.array([[0.1, 0.3], [0.5, 0.7]])  # model 2 is 0.2 better in both clusters
    draws = np.array([[2, 0], [1, 1], [1, 1], [0, 2]])
    found = two_level(values.mean(axis=0), draws @ values / 2, Clusters.of(np.array([0, 1])))
    assert found.by_clusters == pytest.approx(0.04)  # s^2 / 2 of 0.2 and 0.6
    assert found.by_seeds == pytest.approx(0.01)  # s^2 / 2 of 0.3 and 0.5


def test_one_model_on_independent_images_agrees_with_scipys_bootstrap():
    values = np.random.default_rng(0).binomial(1, 0.7, size=400).astype(float)
    ours = estimate_of(values[:, None], Clusters.of(np.arange(400)), n_draws=8000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=8000, method="percentile", rng=np.random.default_rng(1)
    )
    assert ours.value == values.mean()
    assert ours.error == pytest.approx(theirs.standard_error, rel=0.03)
    assert ours.interval() == pytest.approx(tuple(theirs.confidence_interval), abs=0.004)


def test_images_of_a_cluster_that_agree_count_as_one():
    once = np.random.default_rng(0).binomial(1, 0.7, size=60).astype(float)
    single = estimate_of(once[:, None], Clusters.of(np.arange(60)))
    tenfold = estimate_of(10 * once[:, None], Clusters.of(np.repeat(np.arange(60), 10)))
    assert tenfold.error == pytest.approx(single.error)
    assert tenfold.freedom == pytest.approx(single.freedom)


def test_sums_per_cluster_do_not_depend_on_the_order_of_images():
    labels = np.array([7, 3, 7, 9, 3])
    clusters = Clusters.of(labels)
    features = np.arange(10.0).reshape(5, 2)
    assert clusters.sizes.tolist() == [2, 2, 1]
    # clusters 3 (rows 1 and 4), 7 (rows 0 and 2) and 9 (row 3)
    assert clusters.sums(features).tolist() == [[10, 12], [4, 6], [6, 7]]


def test_draws_hold_as_many_clusters_as_there_are():
    clusters = Clusters.of(np.arange(30))
    draws = clusters.draws(500, np.random.default_rng(0))
    assert (draws.sum(axis=1) == 30).all()
    assert draws.mean(axis=0) == pytest.approx(np.ones(30), abs=0.2)


@pytest.mark.parametrize(("size", "n"), [(1, 50), (7, 20)])
def test_equal_clusters_are_corrected_as_any_sample_is(size, n):
    clusters = Clusters.of(np.repeat(np.arange(n), size))
    assert clusters.growth == pytest.approx(n / (n - 1))
    assert clusters.freedom == pytest.approx(n - 1)


def test_one_huge_cluster_leaves_few_degrees_of_freedom():
    clusters = Clusters.of(np.concatenate([np.zeros(60), np.arange(1, 50)]))
    assert clusters.freedom < 10
    assert clusters.growth > 1.1


def test_a_single_cluster_says_nothing_of_others():
    found = estimate_of(np.array([[3.0, 4.0]]), Clusters.of(np.zeros(5, dtype=int)))
    low, high = found.interval()
    assert not low > 0
    assert not high < 1


def test_p_values_and_the_interval_are_two_sides_of_one_test():
    found = Estimate(
        value=2.0, by_clusters=0.5, by_seeds=0.5, freedom=7.3, n_seeds=5, clusters_freedom=40
    )
    low, high = found.interval(0.9)
    assert found.p_above(low) == pytest.approx(0.05)
    assert found.p_below(high) == pytest.approx(0.05)
    assert found.p_above(2.0) == pytest.approx(0.5)
    assert found.p_above(0.0) + found.p_below(0.0) == pytest.approx(1)


def test_a_standard_error_of_0_is_no_certainty():
    found = Estimate(
        value=0.0, by_clusters=0.0, by_seeds=0.0, freedom=1.0, n_seeds=3, clusters_freedom=9
    )
    assert np.isnan(found.interval()).all()
    assert {f(x) for f in (found.p_above, found.p_below) for x in (-1, 0, 1)} == {1.0}


def of_share(value, error=0.0, freedom=20.0):
    return Estimate(
        value=value, by_clusters=error**2, by_seeds=0.0, freedom=freedom, n_seeds=1,
        clusters_freedom=freedom,
    )  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), [(0.0, (0, 0.3085)), (1.0, (0.6915, 1))])
def test_none_or_all_of_ten_clusters_leave_three_in_ten_open(value, expected):
    # 1 - 0.025 ** (1 / 10), however many images there are
    for n_images in (10, 500):
        found = share_interval(of_share(value), n_images=n_images, n_clusters=10)
        assert found == pytest.approx(expected, abs=1e-4)


def test_a_share_of_independent_images_near_an_end_has_clopper_and_pearsons_interval():
    # 1 of 50 images: standard error sqrt(0.02 * 0.98 / 50)
    found = share_interval(
        of_share(0.02, np.sqrt(0.02 * 0.98 / 50), freedom=49), n_images=50, n_clusters=50
    )
    known = stats.binomtest(1, 50).proportion_ci(method="exact")
    assert found == pytest.approx((known.low, known.high), abs=1e-6)


def test_a_share_far_from_both_ends_keeps_its_t_interval():
    found = of_share(0.5, 0.05)
    assert share_interval(found, n_images=100, n_clusters=30) == found.interval()


@given(
    value=st.floats(0, 1),
    error=st.floats(0, 0.5),
    n_clusters=st.integers(1, 60),
    per_cluster=st.integers(1, 9),
)
def test_the_interval_of_a_share_holds_it_stays_in_range_and_is_never_a_point(
    value, error, n_clusters, per_cluster
):
    found = of_share(value, error, freedom=max(1, n_clusters - 1))
    n_images = n_clusters * per_cluster
    low, high = share_interval(found, n_images=n_images, n_clusters=n_clusters)
    assert 0 <= low <= value + 1e-9
    assert value - 1e-9 <= high <= 1
    assert low < high or error > 0


@pytest.mark.parametrize(("share", "correlation"), [(0.02, 0.15), (0.97, 0.02)])
def test_intervals_of_rare_and_common_shares_cover_where_the_cut_t_interval_does_not(
    share, correlation
):
    rng = np.random.default_rng(0)
    held = {"t": 0, "share": 0}
    for _ in range(300):
        labels = np.repeat(np.arange(30), rng.geometric(1 / 5, size=30))
        a, b = (p * (1 - correlation) / correlation for p in (share, 1 - share))
        hits = (rng.random(len(labels)) < rng.beta(a, b, size=30)[labels]).astype(float)
        clusters = Clusters.of(labels)
        draws = clusters.draws(200, rng)
        drawn = (draws @ clusters.sums(hits)) / (draws @ clusters.sizes)
        found = two_level(hits.mean(keepdims=True), drawn[:, None], clusters)
        low, high = found.interval()
        held["t"] += low <= share <= high
        low, high = share_interval(found, n_images=len(hits), n_clusters=30)
        held["share"] += low <= share <= high
    assert held["share"] / 300 >= 0.95
    assert held["t"] / 300 < 0.9


def test_more_seeds_shrink_their_own_part_only():
    found = Estimate(
        value=2.0, by_clusters=1.0, by_seeds=3.0, freedom=3, n_seeds=3, clusters_freedom=100
    )
    assert found.with_seeds(3)[0] == pytest.approx(found.error)
    error, freedom = found.with_seeds(9)
    assert error**2 == pytest.approx(2.0)
    assert freedom == pytest.approx(4 / (1 / 8 + 1 / 100))


def test_two_thousand_draws_of_900_clusters_and_10_seeds_take_less_than_a_second():
    from time import process_time

    clusters = Clusters.of(np.repeat(np.arange(900), 5))
    sums = np.random.default_rng(0).normal(size=(900, 10))
    begin = process_time()
    estimate_of(sums, clusters)
    assert process_time() - begin < 1


@pytest.mark.parametrize(("n_seeds", "seed_points"), [(3, 0.0), (3, 2.0), (10, 2.0)])
def test_intervals_of_paired_arms_cover_the_truth(n_seeds, seed_points):
    world = World(n_seeds=n_seeds, n_clusters=50, sizes="even", seed_points=seed_points)
    found = coverage(world, n=300, n_draws=200, seed=11)
    # 300 studies: 95 % ± 2.5 points is two standard errors
    assert 0.92 <= found["coverage"] <= 0.98
    assert abs(found["bias_points"]) < 0.5


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("n_seeds", "n_clusters", "seed_points"), list(product((3, 5, 10), (50, 200, 900), (0.0, 2.0)))
)
def test_coverage_is_within_two_points_of_95_per_cent(n_seeds, n_clusters, seed_points):
    world = World(n_seeds=n_seeds, n_clusters=n_clusters, sizes="even", seed_points=seed_points)
    found = coverage(world, n=1000, n_draws=200, seed=3)
    assert 0.93 - 0.014 <= found["coverage"] <= 0.97 + 0.011  # two standard errors beyond


def test_taking_percentiles_of_both_levels_would_not_cover():
    """The reason for this module: a naive two-level bootstrap of three seeds."""
    world = World(n_seeds=3, n_clusters=200, sizes="single", seed_points=10.0, seed_shared=0.0)
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(300):
        cluster, right = world.draw(rng)
        differ = Clusters.of(cluster).sums(right[:, 1] - right[:, 0])
        draws = Clusters.of(cluster).draws(200, rng)
        seeds = rng.multinomial(3, [1 / 3] * 3, size=200)
        naive = ((draws @ differ / len(cluster)) * seeds).sum(axis=1) / 3
        low, high = np.quantile(naive, [0.025, 0.975])
        hits.append(low <= world.truth <= high)
    assert np.mean(hits) < 0.9


def test_the_change_between_two_sets_is_small_enough_for_a_pencil_too():
    # The four images of the first pencil case, and a second set of two images of their own.
    here = np.array([[1.0, 0.6], [0.0, 0.8]])  # cluster x model
    there = np.array([[0.2, 0.4], [0.4, 0.2]])
    draws = np.array([[2, 0], [1, 1], [1, 1], [0, 2]])
    clusters = Clusters.of(np.array([0, 1]))
    sets = [(draws @ there / 2, clusters), (draws @ here / 2, clusters)]
    change = there.mean(axis=0) - here.mean(axis=0)
    found = over_sets(change, sets)
    assert found.value == pytest.approx((0.3 - 0.5 + 0.3 - 0.7) / 2)
    # V_clusters: 0.04 as above, and 0 there, where both images have a mean over models of 0.3.
    # V_seeds: changes -0.2 and -0.4, sample variance 0.02, over 2 models.
    # V_both: 0.09 as above; there model 1 less the mean is -0.1, 0, 0, 0.1 with variance 0.005,
    # and model 2 the same mirrored: 0.01 times 2 over 2.
    v_clusters, v_seeds, v_both = 0.04 + 0.0, 0.01, 0.09 + 0.01
    assert found.error**2 == pytest.approx(v_clusters + max(v_seeds - v_both, 0))


def test_one_set_is_no_special_case():
    sums = np.random.default_rng(2).normal(size=(40, 5))
    clusters = Clusters.of(np.arange(40))
    drawn = clusters.draws(300, np.random.default_rng(0)) @ sums / 40
    assert over_sets(sums.mean(axis=0), [(drawn, clusters)]) == two_level(
        sums.mean(axis=0), drawn, clusters
    )


def test_a_second_set_s_clusters_widen_the_interval_and_its_own_seeds_do_not():
    rng = np.random.default_rng(3)
    here, there = rng.normal(size=(50, 1)), rng.normal(size=(20, 1))
    sets = []
    for images in (here, there):
        clusters = Clusters.of(np.arange(len(images)))
        draws = clusters.draws(4000, np.random.default_rng(1))
        sets.append((draws @ images / len(images), clusters))
    found = over_sets(there.mean(axis=0) - here.mean(axis=0), sets)
    expected = here.var(ddof=1) / 50 + there.var(ddof=1) / 20
    assert found.error**2 == pytest.approx(expected, rel=0.06)
    # Welch's degrees of freedom
    parts = (here.var(ddof=1) / 50, 49), (there.var(ddof=1) / 20, 19)
    welch = expected**2 / sum(v**2 / f for v, f in parts)
    assert found.freedom == pytest.approx(welch, rel=0.06)


def test_intervals_of_a_change_between_two_sets_cover_the_truth():
    """Models whose seeds shift both sets alike, on sets of other images: 300 worlds."""
    rng = np.random.default_rng(5)
    truth, hits = -0.1, []
    for _ in range(300):
        skill = rng.normal(scale=0.02, size=4)  # a seed's luck, the same on both sets
        both = []
        for n, size, mean in ((60, 4, 0.5), (90, 1, 0.5 + truth)):
            hard = rng.normal(scale=0.25, size=(n, 1)).repeat(size, axis=0)
            noise = rng.normal(scale=0.4, size=(n * size, 4))
            both.append((mean + skill + hard + noise, Clusters.of(np.arange(n).repeat(size))))
        sets = []
        for images, clusters in both:
            draws = clusters.draws(200, rng)
            sums = clusters.sums(images)
            sets.append(((draws @ sums) / (draws @ clusters.sizes)[:, None], clusters))
        change = both[1][0].mean(axis=0) - both[0][0].mean(axis=0)
        low, high = over_sets(change, sets).interval()
        hits.append(low <= truth <= high)
    assert 0.92 <= np.mean(hits) <= 0.98  # 95 % and two standard errors of 300 worlds
