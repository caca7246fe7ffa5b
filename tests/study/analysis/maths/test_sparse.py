import numpy as np
import pytest
from scipy import stats

from study.analysis import Analysis
from study.analysis.maths.basis import build_basis
from study.analysis.maths.effects import Surface
from study.analysis.maths.sparse import SparsePairs, _evidence
from study.analysis.search.answers import _fit
from study.analysis.search.imputation import Imputed
from tests.study.analysis.conftest import TRUE_VARIANCE


@pytest.fixture(scope="module")
def surface(planted: Analysis) -> Surface:
    frames = planted.frames
    n = len(frames.trials)
    nothing = Imputed(rows=np.zeros(n, dtype=bool), draws=np.empty((0, 1)))
    return _fit(frames, build_basis(frames.box), nothing, np.random.default_rng(0))


def test_the_evidence_of_a_prior_is_that_of_the_whole_response(rng: np.random.Generator):
    # 30 rows, three columns of which the last two are the term; hand-made normal densities
    phi, y, noise = rng.standard_normal((30, 3)), rng.standard_normal(30), 0.7
    d = np.array([2.0, 0.5, 0.3])
    covariance = np.linalg.inv(phi.T @ phi / noise**2 + np.diag(1 / d))
    mean = covariance @ phi.T @ y / noise**2
    tried = np.array([[1e-6, 1e-6], [0.2, 0.1], [4.0, 1.0]])
    logs = _evidence(d[1:], covariance[1:, 1:], mean[1:], tried)
    direct = [
        stats.multivariate_normal.logpdf(
            y, cov=(phi * np.append(d[0], candidate)) @ phi.T + noise**2 * np.eye(30)
        )
        for candidate in tried
    ]
    np.testing.assert_allclose(np.diff(logs), np.diff(direct), rtol=1e-4)


def test_only_the_planted_pair_is_held_for_real(surface: Surface):
    chances = SparsePairs()._weighed(surface, np.array([True, True, True, False]))
    names = [axis.name for axis in surface.basis.box.axes]
    real = {
        tuple(names[i] for i in term.axes): 1 - chance[0]
        for term, chance in zip(surface.basis.pairs, chances, strict=True)
    }
    assert real.pop(("init", "lr")) > 0.95
    assert max(real.values()) < 0.6
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)


def test_total_shares_are_the_planted_ones_and_lie_in_their_intervals(planted: Analysis):
    frame = planted.importance.set_index("factor")
    total = sum(TRUE_VARIANCE.values())
    for name in frame.index:
        true = sum(v for names, v in TRUE_VARIANCE.items() if name in names) / total
        assert frame.loc[name, "total_share"] == pytest.approx(true, abs=0.08)
    assert (frame["total_share"] >= frame["share"]).all()
    assert frame["total_share"].between(frame["total_low"], frame["total_high"]).all()
    assert frame.loc["loss", "total_share"] < 0.02
