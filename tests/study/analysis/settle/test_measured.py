"""Trainings of a design that are one score each."""

import numpy as np
import pytest

from study.analysis.settle.evidence import Questions
from study.analysis.settle.measured import Measured, measured_trainings
from tests.study.analysis.settle.conftest import beats, design_of

DESIGN = design_of(3)
CLAIMS = [beats(f"f{i}") for i in range(3)]
QUESTIONS = Questions.of(DESIGN, CLAIMS)
SIGNS = np.array([[1 if row[f"f{i}"] == "hi" else -1 for i in range(3)] for row in DESIGN.levels])


def asked(score, blocks, k):
    """The first claim's effect where `score` says what each row has in each block."""
    each = [
        Measured(row=row, block=block, fold=block % k, score=score(row, block))
        for block in range(blocks)
        for row in DESIGN.rows_of(block)
    ]
    found = measured_trainings(each, n_folds=k, turns=DESIGN.turns)
    return QUESTIONS.answers(found)


def noisy(rng, *, of_fold=0.0, k=5):
    by_fold = of_fold * rng.normal(size=(len(DESIGN.levels), k))
    noise = rng.normal(size=(len(DESIGN.levels), 100))
    return lambda row, block: 1.5 * SIGNS[row, 0] + by_fold[row, block % k] + noise[row, block]


def test_an_effect_is_the_mean_difference_of_the_rows(rng):
    score = noisy(rng)
    effect = asked(score, 5, 5)[0].effect
    n = len(SIGNS)
    means = np.array([np.mean([score(row, b) for b in range(5)]) for row in range(n)])
    assert effect.estimate.value == pytest.approx(means @ SIGNS[:, 0] / (n / 2))
    assert (effect.n_trainings, effect.n_clusters, effect.estimate.n_seeds) == (5 * n, 0, 5)


def test_blocks_on_one_fold_count_as_one_so_that_more_of_them_do_not_look_like_more_data(rng):
    """Folds do everything: twenty blocks on five folds say what five do."""
    by_fold = rng.normal(size=(len(DESIGN.levels), 5))

    def score(row, block):
        return float(by_fold[row, block % 5])

    once, often = (asked(score, n, 5)[0].effect.estimate for n in (5, 20))
    assert often.error == pytest.approx(once.error)
    assert often.freedom == pytest.approx(once.freedom)
    assert often.n_seeds == 20


def test_overlapping_training_sets_widen_by_the_share_of_nadeau_and_bengio(rng):
    score = noisy(rng)
    with_folds, without = (
        asked(score, 5, 5)[0].effect.estimate,
        asked(lambda row, block: score(row, block), 5, 1)[0].effect.estimate,
    )
    assert with_folds.error**2 == pytest.approx(without.error**2 * (1 / 5 + 1 / 4) / (1 / 5))
    assert without.value == pytest.approx(with_folds.value)


def test_only_what_seeds_do_is_expected_to_fall_once_all_folds_were_seen(rng):
    of_seeds, of_folds = (
        asked(noisy(rng, of_fold=of_fold), 20, 5)[0].effect for of_fold in (0.0, 20.0)
    )
    assert of_seeds.estimate.by_seeds > 0.1 * of_seeds.estimate.by_clusters
    assert of_folds.estimate.by_seeds < 0.05 * of_folds.estimate.by_clusters
    now, later = of_folds.estimate.error, of_folds.expected(1000)[0]
    assert later == pytest.approx(now, rel=0.05)


def test_a_training_that_failed_is_no_cell_and_is_counted(rng):
    score = noisy(rng)
    failed = (int(np.flatnonzero(SIGNS[:, 0] == 1)[0]), 0)
    one = asked(lambda r, b: np.nan if (r, b) == failed else score(r, b), 5, 5)[0]
    n = len(SIGNS)
    assert one.effect.n_trainings == 5 * n - 1
    first, second = one.learned
    assert (first.k, first.n, second.k, second.n) == (
        5 * n // 2 - 1,
        5 * n // 2,
        *[5 * n // 2] * 2,
    )


def test_where_no_row_came_through_twice_on_a_fold_other_folds_tell_what_seeds_do(rng):
    """On the first fold each row failed once; it takes no degree of freedom from the second."""
    scores = rng.normal(size=12)
    scores[[0, 1, 8]] = np.nan
    each = [Measured(row=n % 3, block=n // 3, fold=n // 3 % 2, score=scores[n]) for n in range(12)]
    some = measured_trainings(each, n_folds=2)
    noise = some.cells(some.learned).of_seeds
    twice = scores[[[3, 4, 5], [9, 10, 11]]]
    left = twice - twice.mean(axis=0) - twice.mean(axis=1, keepdims=True) + twice.mean()
    assert noise == pytest.approx((left**2).sum() / 2 * (1 + 1 + 1 + 0.5 * 3) / 6)
