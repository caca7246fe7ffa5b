from dataclasses import replace

import numpy as np
import pytest

from study.analysis.settle.contrasts import main_effects
from study.analysis.settle.effects import Layout
from study.analysis.settle.trained import OVERLAP, Trainings
from tests.study.analysis.settle.conftest import N_FOLDS, accuracy, design_of, trained, trainings

DESIGN = design_of(3)
WEIGHTS = DESIGN.signs[:, 0] / 4  # eight rows: half of them on either side
MAINS = main_effects(DESIGN.levels)
TRUE = DESIGN.signs @ np.array([2.0, -1.0, 0.0]) / 2


def layout(some) -> Layout:
    return Layout(trainings(some), MAINS)


def test_with_all_cells_an_effect_is_the_difference_of_means(rng):
    some = trained(TRUE, 4, rng)
    cells = trainings(some)
    first = DESIGN.signs[cells.rows, 0] == 1

    effect = Layout(cells, MAINS).effect(WEIGHTS)

    assert effect.estimate.value == pytest.approx(
        cells.scores[first].mean() - cells.scores[~first].mean()
    )
    assert (effect.n_trainings, effect.n_clusters, effect.n_folds) == (32, 80, 4)


def test_where_clusters_do_alike_the_variance_is_that_of_residuals(rng):
    cells = trainings(trained(TRUE, 4, rng))
    table = cells.scores.reshape(4, 8)
    residuals = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    luck = (residuals**2).sum() / (3 * 7)

    estimate = Layout(cells, MAINS).effect(WEIGHTS).estimate

    assert estimate.by_seeds == pytest.approx(luck * 4 / 32, rel=1e-6)
    assert estimate.by_clusters == pytest.approx(luck * OVERLAP * 4 / 8, rel=1e-6)
    assert estimate.freedom == pytest.approx(21, rel=1e-6)


def test_cells_that_are_missing_are_filled_by_least_squares(rng):
    some = trained(TRUE, 3, rng, noise=0.0)
    some = [t for t in some if (t.row, t.block) not in {(0, 0), (3, 1), (5, 2), (5, 0)}]
    assert layout(some).effect(WEIGHTS).estimate.value == pytest.approx(2.0)


def test_a_row_of_which_no_net_learned_is_made_good_by_main_effects(rng):
    some = [t for t in trained(TRUE, 3, rng, noise=0.0) if t.row != 2]
    effect = layout(some).effect(WEIGHTS)
    assert effect.estimate.value == pytest.approx(2.0)


def test_pairs_widen_what_is_known_once_a_row_is_missing(rng):
    pair = TRUE + 1.5 * DESIGN.signs[:, 1] * DESIGN.signs[:, 2]
    whole = trained(pair, 3, rng, noise=0.1)
    some = [t for t in whole if t.row != 2]
    assert layout(whole).effect(WEIGHTS).estimate.error < 0.1
    assert layout(some).effect(WEIGHTS).estimate.error > 0.3


def test_a_level_that_no_net_learned_with_tells_nothing(rng):
    some = [t for t in trained(TRUE, 3, rng) if DESIGN.signs[t.row, 0] == 1]
    assert layout(some).effect(WEIGHTS) is None


def test_one_block_takes_pairs_for_luck(rng):
    pair = TRUE + 1.5 * DESIGN.signs[:, 1] * DESIGN.signs[:, 2]
    estimate = layout(trained(pair, 1, rng, noise=0.0)).effect(WEIGHTS).estimate
    # eight rows less a constant and three main effects leave four; one of them holds the pair
    assert estimate.by_seeds == pytest.approx(8 * 1.5**2 / 4 * 4 / 8)
    assert estimate.freedom == pytest.approx(4)


def test_blocks_that_take_turns_tell_something_before_a_row_was_trained_twice(rng):
    design = replace(DESIGN, levels=DESIGN.levels * 2, turns=2)
    rows = np.tile(TRUE, 2)
    mains = np.column_stack([np.tile(MAINS, (2, 1)), np.arange(16) >= 8])
    some = trainings(trained(rows, 2, rng, design=design))
    assert some.rows.tolist() == list(range(16))
    estimate = Layout(some, mains).effect(np.tile(WEIGHTS, 2) / 2).estimate
    assert estimate.value == pytest.approx(2.0, abs=1.0)
    # sixteen trainings less two blocks and three main effects
    assert estimate.freedom == pytest.approx(11)


def test_what_clusters_add_is_told_from_what_trainings_add(rng):
    calm = trained(TRUE, 5, rng, noise=0.0, cluster=10.0)
    luck, residual, _ = layout(calm).luck
    assert luck < 0.3 * residual


@pytest.mark.parametrize("power", [1, 2])
def test_the_parts_of_clusters_are_those_of_any_score_of_sums(rng, power):
    some = trained(TRUE, 1, rng, cluster=15.0)[:1]

    def score(sums: np.ndarray) -> np.ndarray:
        return accuracy(sums) ** power

    found = Trainings.of(some, score, N_FOLDS)
    sums = some[0].sums
    drawn = rng.integers(len(sums), size=(4000, len(sums)))
    spread = 100 * score(sums[drawn].sum(axis=1)).std()
    assert np.sqrt((found.parts**2).sum()) == pytest.approx(spread, rel=0.1)
    assert found.scores[0] == pytest.approx(100 * score(sums.sum(axis=0)))


def test_more_blocks_are_expected_to_leave_what_clusters_and_training_sets_do(rng):
    effect = layout(trained(TRUE, 5, rng, cluster=10.0)).effect(WEIGHTS)
    assert effect.expected(5)[0] == pytest.approx(effect.estimate.error)
    assert effect.expected(10)[0] < effect.estimate.error
    assert effect.expected(10**6)[0] ** 2 == pytest.approx(effect.estimate.by_clusters, rel=1e-3)
