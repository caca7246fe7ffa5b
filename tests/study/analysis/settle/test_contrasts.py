import numpy as np
import pytest

from study.analysis.settle.contrasts import contrast_of, products
from study.asked.claims.difference import DifferenceClaim
from study.asked.factors import Factor
from study.plan.settle_rows import Column, settle_design
from tests.study.analysis.settle.conftest import design_of
from tests.study.asked.test_factors import GAMMA, INIT, VARIANT, study_of

FACTORS = (
    INIT,
    VARIANT,
    GAMMA,
    *(Factor(name=f"f{i}", role="tuned", levels=("lo", "hi")) for i in range(5)),
)


def nested_design(n: int):
    factors = FACTORS[:n]
    claims = [
        DifferenceClaim(
            name=f.name, text="so", factor=f.name, better=f.levels[1], worse=f.levels[0], least=0.0
        )
        for f in factors
    ]
    return settle_design(study_of(*factors), claims)


@pytest.mark.parametrize("n", [1, 3, 6, 8])
def test_where_all_factors_exist_a_contrast_is_the_difference_of_means(n):
    design = design_of(n)
    for column, signs in zip(design.columns, design.signs.T, strict=True):
        found = contrast_of(column, design.levels)
        assert found.weights == pytest.approx(2 * signs / len(signs))
        assert not found.mixed


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7, 8])
def test_no_pair_disturbs_a_factor_that_exists_in_half_of_the_rows(n):
    design = nested_design(n)
    place = [column.claim for column in design.columns].index("zero_gamma")
    rng = np.random.default_rng(n)

    found = contrast_of(design.columns[place], design.levels)

    assert not found.mixed
    truth = 1.7 * design.signs[:, place] / 2
    for pair, product in products(design.levels):
        if set(pair) != {"zero_gamma", "init"}:
            truth = truth + rng.normal() * product
    assert found.weights @ truth == pytest.approx(1.7)


def test_a_pair_that_cannot_be_kept_apart_is_named():
    rows = [
        {"a": a, "b": b, "c": c}
        for a, b, c in [("x", "x", "x"), ("x", "y", "y"), ("y", "x", "y"), ("y", "y", "x")]
    ]
    found = contrast_of(Column(claim="a", factor="a", first="x", second="y"), rows)
    assert found.weights == pytest.approx([0.5, 0.5, -0.5, -0.5])
    assert set(found.mixed) == {("b", "c")}
