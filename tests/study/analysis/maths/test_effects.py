import numpy as np
import pytest

from study.analysis.maths.basis import build_basis
from study.analysis.maths.box import build_box
from study.analysis.maths.effects import SurfaceFit, scale_prior
from study.asked.study import Study
from tests.study.analysis.conftest import TRUE_VARIANCE, planted_trials


def test_a_pair_hangs_on_both_its_factors_and_on_the_scale_of_pairs(study: Study):
    basis = build_basis(build_box(study))
    groups = scale_prior(basis, 1.0).groups
    pair = next(t for t in basis.pairs if t.axes == (0, 1))
    assert np.flatnonzero(groups[pair.columns.start]).tolist() == [4, 5, 8]
    assert np.flatnonzero(groups[basis.mains[1].columns.start]).tolist() == [1]
    assert not groups[0].any()


def test_the_surface_predicts_unseen_configurations(study: Study, rng: np.random.Generator):
    box = build_box(study)
    basis = build_basis(box)

    def planted(x: np.ndarray) -> np.ndarray:
        slope = np.where(x[:, 0] == 0, 4, 8)
        gamma = np.nan_to_num(3 * (x[:, 2] - 0.5))
        return 50 + 4 * (x[:, 0] - 0.5) + slope * (x[:, 1] - 0.5) + gamma

    x = box.sample(150, rng)
    response = (planted(x) + rng.normal(scale=0.5, size=150))[:, None]
    surface = SurfaceFit()(basis, x, response, np.ones(150, dtype=bool), rng)
    unseen = box.sample(200, rng)
    mean, draws = surface.at(unseen)
    assert np.sqrt(np.mean((mean - planted(unseen)) ** 2)) < 0.3
    low, high = np.quantile(draws, [0.025, 0.975], axis=1)
    assert np.mean((low <= planted(unseen)) & (planted(unseen) <= high)) > 0.85
    assert surface.fitted.sigma == pytest.approx(0.5, abs=0.1)
    for term in basis.mains:
        true = TRUE_VARIANCE[(box.axes[term.axes[0]].name,)]
        assert np.median(surface.variance(term)) == pytest.approx(true, abs=0.6)


def test_blocks_are_told_from_factors_and_left_out_of_predictions(study: Study, rng):
    # easy blocks hold mostly one level of the first factor, which means that look as if it helped
    box = build_box(study)
    x = box.sample(200, rng)
    blocks = np.where(rng.random(200) < 0.8, 2 * (x[:, 0] > 0.5), rng.integers(4, size=200))
    easy = np.array([-3.0, -1.0, 1.0, 3.0])
    points = 50 + 2 * (x[:, 1] - 0.5) + easy[blocks] + rng.normal(scale=0.5, size=200)
    seen, alike = np.ones(200, dtype=bool), np.zeros(200, dtype=int)

    def effect_of_the_first(basis, of):
        surface = SurfaceFit()(basis, x, points[:, None], seen, rng, blocks=of)
        at = np.full((2, len(box.axes)), np.nan)
        at[:, 0] = 0, 1
        return surface, np.diff(surface.at(at)[0])[0]

    surface, told = effect_of_the_first(build_basis(box, n_blocks=4), blocks)
    _, taken_in = effect_of_the_first(build_basis(box), alike)

    assert abs(told) < 0.5 < 1.0 < abs(taken_in)
    assert surface.of_blocks(np.arange(4)) == pytest.approx(easy, abs=0.4)
    assert surface.of_blocks(np.array([-1]))[0] == 0
    assert surface.fitted.sigma == pytest.approx(0.5, abs=0.1)


def test_a_trial_of_no_known_block_is_of_the_average_one(study: Study, rng):
    box = build_box(study)
    basis = build_basis(box, n_blocks=3)
    x = box.sample(5, rng)

    design = basis.blocked(x, np.array([0, 1, 2, -1, 1]))

    assert design[:, -3:].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert (design[:, :-3] == build_basis(box).matrix(x)).all()
    assert (basis.matrix(x)[:, -3:] == 0).all()


def test_planted_variances_are_those_of_the_planted_trials():
    points = planted_trials(4000, np.random.default_rng(0), noise=0.0)["val_accuracy"] * 100
    assert points.var() == pytest.approx(sum(TRUE_VARIANCE.values()), rel=0.03)
