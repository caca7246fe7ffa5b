import numpy as np
import pytest
from scipy import stats

from study.analysis.maths.by_training import of_trainings


def test_without_folds_it_is_the_t_interval_of_the_seeds():
    scores = np.array([3.0, 4.0, 5.5, 4.2])
    found = of_trainings(scores[:, None])
    expected = stats.t.interval(0.95, 3, loc=scores.mean(), scale=stats.sem(scores))
    assert found.interval() == pytest.approx(expected)
    assert (found.n_seeds, found.folds, found.by_clusters) == (4, 1, 0)


def test_one_seed_on_folds_has_the_variance_of_nadeau_and_bengio():
    scores = np.array([3.0, 4.0, 5.5, 4.2, 3.9])
    found = of_trainings(scores[None])
    assert found.error**2 == pytest.approx(scores.var(ddof=1) * (1 / 5 + 1 / 4))
    assert found.freedom == pytest.approx(4)


def test_parts_of_seeds_folds_and_single_trainings_are_those_of_a_table_of_variance():
    scores = np.array([[1.0, 4.0, 2.0], [3.0, 5.0, 6.0]])
    found = of_trainings(scores)
    seeds, folds = scores.mean(axis=1), scores.mean(axis=0)
    left = scores - seeds[:, None] - folds + scores.mean()
    cells = (left**2).sum() / 2 / 6
    assert found.by_seeds == pytest.approx(seeds.var(ddof=1) / 2)
    of_folds, of_seeds = (1 + 3 / 2) * folds.var(ddof=1) / 3, seeds.var(ddof=1) / 2 - cells
    assert found.error**2 == pytest.approx(of_folds + of_seeds)
    assert found.value == pytest.approx(3.5)


def test_folds_that_agree_by_chance_do_not_look_sure():
    """Their part is never less than what single trainings alone would make of it."""
    scores = np.array([[1.0, 5.0, 3.0], [5.0, 1.0, 3.0], [3.0, 3.0, 3.0]])
    assert scores.mean(axis=0).tolist() == scores.mean(axis=1).tolist() == [3.0] * 3
    cells = (scores - 3).var() * 9 / 4 / 9
    assert of_trainings(scores).error ** 2 == pytest.approx((1 + 3 / 2) * cells)


def test_more_seeds_leave_the_part_of_the_folds_as_it_is(rng):
    scores = rng.normal(size=(1, 5)) * 3 + rng.normal(size=(20, 5))
    found = of_trainings(scores)
    wide, _ = found.with_seeds(1000)
    assert wide == pytest.approx(np.sqrt(found.by_clusters), rel=0.02)


def test_a_missing_score_takes_what_its_seed_and_fold_have_elsewhere():
    scores = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, np.nan], [4.0, 5.0, 6.0]])
    found = of_trainings(scores)
    assert found.value == pytest.approx(np.mean([1, 2, 3, 2, 3, 4, 4, 5, 6]))
    assert of_trainings(np.where(np.isnan(scores), 4.0, scores)).value == pytest.approx(
        found.value
    )


def test_nothing_is_told_where_seeds_and_folds_do_not_meet():
    scores = np.array([[1.0, np.nan], [np.nan, 2.0], [3.0, 4.0]])
    assert of_trainings(scores).n_seeds == 3
    apart = np.array([[1.0, 2.0, np.nan, np.nan], [np.nan, np.nan, 3.0, 4.0]])
    assert of_trainings(apart) is None
    assert (
        of_trainings(np.array([[1.0, 1.5, np.nan], [np.nan, np.nan, 2.0], [3.0] * 3])) is not None
    )
    assert of_trainings(np.full((2, 3), np.nan)) is None


@pytest.mark.parametrize(("n_seeds", "k"), [(2, 5), (5, 5), (3, 1), (5, 2), (10, 2), (10, 3)])
@pytest.mark.parametrize(("folds", "seeds"), [(1.0, 0.3), (0.0, 0.0), (0.2, 2.0)])
def test_intervals_of_95_percent_hold_the_truth_as_often(n_seeds, k, folds, seeds, rng):
    if k == 1 and not seeds:
        seeds = 1.0
    n, held = 400, 0
    for _ in range(n):
        common, own = rng.normal(), rng.normal(size=k)
        of_folds = folds * (np.sqrt(1 / k) * common + np.sqrt(1 - 1 / k) * own) * (k > 1)
        scores = of_folds + seeds * rng.normal(size=(n_seeds, 1)) + rng.normal(size=(n_seeds, k))
        low, high = of_trainings(scores).interval()
        held += low <= 0 <= high
    # 95 % less three standard errors
    assert held / n > 0.95 - 3 * np.sqrt(0.95 * 0.05 / n)


@pytest.fixture
def rng():
    return np.random.default_rng(24)


def test_differences_that_are_alike_but_for_rounding_are_no_certainty():
    """As of two arms of a function whose seeds move both by the same."""
    luck = np.array([[0.1, 0.7], [0.3, 0.2], [0.9, 0.4]])
    differences = (luck + 0.11) - luck
    assert len(set(differences.ravel())) > 1
    for scores in (differences, differences[:, :1]):
        assert of_trainings(scores).error == 0
