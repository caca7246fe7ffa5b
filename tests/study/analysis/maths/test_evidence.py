from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from study.analysis.maths.evidence import ScalePrior, fit, fit_robustly, unpenalised
from study.analysis.maths.roads import ColumnRoad, RowRoad, Rows


@pytest.fixture
def prior(rng: np.random.Generator) -> ScalePrior:
    return ScalePrior(
        groups=np.eye(3)[rng.integers(3, size=12)],
        offset=rng.normal(scale=0.3, size=12),
        mean=np.zeros(4),
        sd=np.ones(4),
    )


@pytest.fixture
def rows(rng: np.random.Generator) -> Rows:
    return Rows(
        design=rng.standard_normal((30, 12)),
        response=rng.standard_normal((30, 3)),
        looseness=rng.choice([1.0, 2.5], 30),
    )


SCALES = np.array([0.2, -0.4, 0.1, -0.3])


def test_both_roads_lead_to_the_same_posterior(rows: Rows, prior: ScalePrior):
    d, sigma = prior.variances(SCALES), float(np.exp(SCALES[-1]))
    first, second = RowRoad(rows), ColumnRoad(rows)
    a, b = first.moments(d, sigma), second.moments(d, sigma)
    assert a.value == pytest.approx(b.value)
    np.testing.assert_allclose(a.slope, b.slope)
    np.testing.assert_allclose(a.mean, b.mean)
    np.testing.assert_allclose(first.covariance(d, sigma), second.covariance(d, sigma), atol=1e-12)
    np.testing.assert_allclose(first.means(d, sigma), second.means(d, sigma))
    np.testing.assert_allclose(
        first.fisher(d, sigma, prior.groups), second.fisher(d, sigma, prior.groups)
    )
    for one, other in zip(
        first.leave_one_out(d, sigma), second.leave_one_out(d, sigma), strict=True
    ):
        np.testing.assert_allclose(one, other)


def test_the_evidence_is_the_normal_density_of_the_response(rows: Rows, prior: ScalePrior):
    d, sigma = prior.variances(SCALES), 0.7
    covariance = (rows.design * d) @ rows.design.T + np.diag(sigma**2 * rows.looseness)
    density = stats.multivariate_normal(np.zeros(30), covariance)
    expected = np.mean([density.logpdf(rows.response[:, k]) for k in range(3)])
    found = RowRoad(rows).moments(d, sigma).value
    assert found == pytest.approx(expected + 15 * np.log(2 * np.pi))


def test_the_gradient_is_the_slope_of_the_evidence(rows: Rows, prior: ScalePrior):
    road = RowRoad(rows)

    def value(scales: np.ndarray) -> float:
        return road.moments(prior.variances(scales), float(np.exp(scales[-1]))).value

    slope = road.moments(prior.variances(SCALES), float(np.exp(SCALES[-1]))).slope
    found = np.append(2 * prior.groups.T @ slope[:-1], slope[-1])
    step = 1e-5
    expected = [(value(SCALES + step * e) - value(SCALES - step * e)) / 2e-5 for e in np.eye(4)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_leaving_one_out_equals_refitting_without_it(rows: Rows, prior: ScalePrior):
    d, sigma = prior.variances(SCALES), 0.7
    rows = replace(rows, response=rows.response[:, :1])
    predicted, sd = RowRoad(rows).leave_one_out(d, sigma)
    others = np.arange(30) != 4
    rest = RowRoad(
        Rows(
            design=rows.design[others],
            response=rows.response[others],
            looseness=rows.looseness[others],
        )
    )
    at = rows.design[4]
    assert predicted[4] == pytest.approx(float(at @ rest.moments(d, sigma).mean))
    spread = at @ rest.covariance(d, sigma) @ at + sigma**2 * rows.looseness[4]
    assert sd[4] == pytest.approx(float(np.sqrt(spread)))


@pytest.mark.parametrize("road", [RowRoad, ColumnRoad])
def test_draws_have_the_mean_and_covariance_of_the_posterior(
    road: type[RowRoad] | type[ColumnRoad],
    rows: Rows,
    prior: ScalePrior,
    rng: np.random.Generator,
):
    d = prior.variances(SCALES)
    made = road(rows)
    draws = made.draw(d, 0.7, 40_000, rng, 1)
    np.testing.assert_allclose(draws.mean(axis=0), made.means(d, 0.7)[1], atol=0.02)
    np.testing.assert_allclose(np.cov(draws.T), made.covariance(d, 0.7), atol=0.01)


def test_scales_find_what_varies_and_what_does_not(rng: np.random.Generator):
    design = rng.standard_normal((300, 20))
    weights = np.concatenate([rng.normal(scale=2.0, size=10), np.zeros(10)])
    response = design @ weights + rng.normal(scale=0.5, size=300)
    groups = np.zeros((20, 2))
    groups[:10, 0], groups[10:, 1] = 1, 1
    prior = ScalePrior(groups=groups, offset=np.zeros(20), mean=np.zeros(3), sd=np.full(3, 2.0))
    fitted = fit(Rows(design=design, response=response[:, None], looseness=np.ones(300)), prior)
    active, idle, noise = np.exp(fitted.scales)
    assert active == pytest.approx(np.sqrt(np.mean(weights[:10] ** 2)), rel=0.2)
    assert idle < 0.1
    assert noise == pytest.approx(0.5, rel=0.15)


def test_an_outlier_is_weighed_down(rng: np.random.Generator):
    design = np.column_stack([np.ones(80), rng.standard_normal(80)])
    response = design @ [1.0, 2.0] + rng.normal(scale=0.3, size=80)
    response[7] += 15
    prior = ScalePrior(
        groups=np.array([[1.0], [1.0]]), offset=np.zeros(2), mean=np.zeros(2), sd=np.ones(2)
    )
    rows = Rows(design=design, response=response[:, None], looseness=np.ones(80))
    plain = fit(rows, prior)
    robust = fit_robustly(rows, prior, seen=np.ones(80, dtype=bool))
    assert np.abs(robust.mean - [1.0, 2.0]).max() < np.abs(plain.mean - [1.0, 2.0]).max()
    assert robust.sigma < plain.sigma
    assert robust.road.rows.looseness[7] == robust.road.rows.looseness.max() == 5.0


def test_unpenalised_estimates_are_generalised_least_squares(rows: Rows, prior: ScalePrior):
    fitted = fit(replace(rows, response=rows.response[:, :1]), prior)
    d = prior.variances(fitted.scales)
    columns = np.array([2, 5])
    others = np.setdiff1d(np.arange(12), columns)
    v = (rows.design[:, others] * d[others]) @ rows.design[:, others].T
    v += np.diag(fitted.sigma**2 * rows.looseness)
    inverse = np.linalg.inv(v)
    phi = rows.design[:, columns]
    information = phi.T @ inverse @ phi
    expected = np.linalg.solve(information, phi.T @ inverse @ rows.response[:, 0])
    estimate, covariance = unpenalised(fitted, columns)
    np.testing.assert_allclose(estimate, expected)
    np.testing.assert_allclose(covariance, np.linalg.inv(information))


def test_what_was_imputed_widens_the_unpenalised_estimate(rows: Rows, prior: ScalePrior):
    together = fit(rows, prior)
    one_set = together.road.rows.response.mean(axis=1, keepdims=True)
    alone = replace(together, road=RowRoad(replace(together.road.rows, response=one_set)))
    columns = np.array([1])
    wide, narrow = unpenalised(together, columns)[1], unpenalised(alone, columns)[1]
    assert wide[0, 0] > 1.05 * narrow[0, 0]
    np.testing.assert_allclose(unpenalised(together, columns)[0], unpenalised(alone, columns)[0])
