from dataclasses import replace

import numpy as np
import pytest

from study.analysis.maths.basis import build_basis, level_contrasts, numeric_columns
from study.analysis.maths.box import build_box, coordinates_of, drop_absent
from study.asked.factors import Factor
from study.asked.study import Study


def test_contrasts_of_two_levels_are_minus_and_plus_one():
    np.testing.assert_allclose(level_contrasts(2), [[-1.0], [1.0]])


@pytest.mark.parametrize("n_levels", [2, 3, 5])
def test_contrasts_are_orthonormal_over_equal_levels(n_levels: int):
    contrasts = level_contrasts(n_levels)
    np.testing.assert_allclose(
        contrasts.T @ contrasts / n_levels, np.eye(n_levels - 1), atol=1e-12
    )
    np.testing.assert_allclose(contrasts.mean(axis=0), 0, atol=1e-12)


def test_legendre_columns_have_their_known_values():
    columns = numeric_columns(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(columns[:, 0], np.sqrt(3) * np.array([-1, 0, 1]))
    np.testing.assert_allclose(columns[:, 1], np.sqrt(5) * np.array([1, -0.5, 1]))


def test_numeric_columns_are_orthonormal_over_the_range():
    u = (np.arange(20_000) + 0.5) / 20_000
    columns = numeric_columns(u)
    np.testing.assert_allclose(columns.T @ columns / len(u), np.eye(4), atol=1e-4)


@pytest.mark.parametrize("steps", [2, 3, 7])
def test_numeric_columns_of_whole_numbers_are_orthonormal_over_them(steps: int):
    grid = (np.arange(steps) + 0.5) / steps
    columns = numeric_columns(grid, steps=steps)
    assert columns.shape[1] == min(4, steps - 1)
    np.testing.assert_allclose(columns.T @ columns / steps, np.eye(columns.shape[1]), atol=1e-10)
    np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-10)


def test_the_whole_basis_is_orthonormal_under_the_reference_measure(
    study: Study, rng: np.random.Generator
):
    basis = build_basis(build_box(study))
    design = basis.matrix(basis.box.sample(200_000, rng))
    expected = np.diag(basis.weight)
    np.testing.assert_allclose(design.T @ design / len(design), expected, atol=0.03)


def test_columns_of_an_absent_factor_are_zero(study: Study, rng: np.random.Generator):
    basis = build_basis(build_box(study))
    x = basis.box.sample(50, rng)
    absent = np.isnan(x[:, 2])
    term = basis.mains[2]
    assert term.share == 0.5
    assert (basis.matrix(x)[absent, term.columns] == 0).all()
    assert (np.abs(basis.matrix(x)[~absent, term.columns]) == 1).all()


def test_a_factor_has_no_pair_with_what_decides_its_existence(study: Study):
    basis = build_basis(build_box(study))
    pairs = {term.axes for term in basis.pairs}
    assert (0, 2) not in pairs
    assert {(0, 1), (0, 3), (1, 2), (1, 3), (2, 3)} == pairs


def test_a_row_with_open_factors_is_the_mean_over_the_box(study: Study, rng: np.random.Generator):
    basis = build_basis(build_box(study))
    weights = rng.standard_normal(basis.size)
    x = basis.box.sample(200_000, rng)
    x[:, 3] = 2
    mean = float((basis.matrix(x) @ weights).mean())
    row = coordinates_of(basis.box, {"loss": "corn"})
    assert float(basis.matrix(row[None, :])[0] @ weights) == pytest.approx(mean, abs=0.05)


def test_some_columns_equal_the_same_columns_of_the_whole(study: Study, rng: np.random.Generator):
    basis = build_basis(build_box(study))
    x = basis.box.sample(10, rng)
    chosen = np.array([0, 3, basis.size - 1])
    np.testing.assert_array_equal(basis.matrix(x, columns=chosen), basis.matrix(x)[:, chosen])


def test_moving_one_factor_moves_only_its_columns_and_those_of_what_hangs_on_it(
    study: Study, rng: np.random.Generator
):
    child = Factor(name="child", role="tuned", levels=("a", "b"), when={"zero_gamma": True})
    basis = build_basis(build_box(replace(study, factors=(*study.factors, child))))
    axes = basis.box.axes
    here, there = basis.box.sample(500, rng), basis.box.sample(500, rng)
    here = np.where(np.isnan(here), 0.0, here)
    for i, axis in enumerate(axes):
        moved = here.copy()
        moved[:, i] = np.where(np.isnan(there[:, i]), 1.0, there[:, i])
        change = basis.matrix(drop_absent(axes, moved)) - basis.matrix(drop_absent(axes, here))
        found = np.flatnonzero((change != 0).any(axis=0))
        assert set(found) <= set(basis.moved_by(i).tolist()), axis.name
        assert len(found)
        assert len(basis.moved_by(i)) < basis.size - 1
