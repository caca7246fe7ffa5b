import numpy as np
import pandas as pd
import pytest

from study.analysis.maths.box import build_box, coordinates_of, encode, level_key
from study.asked.factors import Factor, Range
from study.asked.study import Study
from tests.study.analysis.conftest import INIT, small_study


def test_a_level_is_spelled_alike_whatever_type_a_table_stores_it_in():
    assert level_key(True) == level_key("True") == level_key(np.bool_(True)) == "true"
    assert level_key(64) == level_key(64.0) == level_key("64") == level_key(np.int64(64))
    assert level_key("sgd") == "sgd"


def test_a_number_becomes_its_place_in_the_range_of_its_own_condition(study: Study):
    configs = pd.DataFrame(
        {
            "init": ["scratch", "pretrained", "pretrained"],
            "lr": [0.1, 1e-3, 0.1],
            "zero_gamma": [True, None, None],
            "loss": ["ce", "corn", "focal"],
        }
    )
    x, inside = encode(build_box(study), configs)
    np.testing.assert_allclose(x[:2, 1], 0.5)
    assert x[2, 1] == pytest.approx(1.5)
    assert inside.tolist() == [True, True, False]
    assert x[:, 3].tolist() == [0, 2, 1]


def test_a_factor_that_does_not_exist_is_absent_even_where_a_table_fills_it(study: Study):
    configs = pd.DataFrame(
        {"init": ["pretrained"], "lr": [1e-3], "zero_gamma": [True], "loss": ["ce"]}
    )
    x, inside = encode(build_box(study), configs)
    assert np.isnan(x[0, 2])
    assert inside[0]


def test_a_missing_or_unknown_level_is_outside_the_box(study: Study):
    configs = pd.DataFrame(
        {
            "init": ["scratch", "scratch", "scratch"],
            "lr": [0.1, 0.1, np.nan],
            "zero_gamma": [None, True, True],
            "loss": ["ce", "hinge", "ce"],
        }
    )
    _, inside = encode(build_box(study), configs)
    assert not inside.any()


def test_a_column_that_the_table_lacks_puts_every_trial_outside(study: Study):
    configs = pd.DataFrame({"init": ["scratch"], "zero_gamma": [True], "loss": ["ce"]})
    _, inside = encode(build_box(study), configs)
    assert not inside.any()


def test_shares_of_existence_are_exact(study: Study):
    box = build_box(study)
    assert [axis.share for axis in box.axes] == [1.0, 1.0, 0.5, 1.0]
    assert box.together[1, 2] == 0.5


def test_a_condition_on_an_absent_factor_does_not_hold():
    child = Factor(name="child", role="tuned", levels=("a", "b"), when={"zero_gamma": True})
    parent = Factor(
        name="zero_gamma", role="tuned", levels=(False, True), when={"init": "scratch"}
    )
    box = build_box(small_study(INIT, parent, child))
    assert box.axes[2].share == 0.25
    sample = box.sample(4000, np.random.default_rng(0))
    assert np.isnan(sample[np.isnan(sample[:, 1]), 2]).all()
    assert np.mean(~np.isnan(sample[:, 2])) == pytest.approx(0.25, abs=0.03)


def test_the_condition_on_a_fixed_factor_is_settled_when_the_box_is_built():
    fixed = Factor(name="optimizer", role="fixed", levels=("sgd",))
    momentum = Factor(
        name="momentum",
        role="tuned",
        ranges=(Range(low=0.0, high=0.9),),
        when={"optimizer": "sgd"},
    )
    beta = Factor(
        name="beta", role="tuned", ranges=(Range(low=0.0, high=0.9),), when={"optimizer": "adam"}
    )
    box = build_box(small_study(fixed, momentum, beta))
    assert [(axis.name, axis.share) for axis in box.axes] == [("momentum", 1.0), ("beta", 0.0)]


def test_whole_numbers_lie_on_the_midpoints_of_equal_cells():
    epochs = Factor(name="epochs", role="tuned", ranges=(Range(low=3, high=6),))
    configs = pd.DataFrame({"epochs": [3, 4, 5, 6]})
    box = build_box(small_study(epochs), configs)
    x, inside = encode(box, configs)
    np.testing.assert_allclose(x[:, 0], [0.125, 0.375, 0.625, 0.875])
    assert inside.all()
    np.testing.assert_allclose(
        box.values(0, x[:, 0], box.axes[0].intervals[0]), [3.0, 4.0, 5.0, 6.0]
    )


def test_values_go_back_to_where_they_came_from(study: Study):
    box = build_box(study)
    interval = box.axes[1].intervals[1]
    np.testing.assert_allclose(
        box.values(1, np.array([0.0, 0.5, 1.0]), interval), [1e-4, 1e-3, 1e-2]
    )


def test_a_row_of_given_levels_leaves_the_others_open(study: Study):
    row = coordinates_of(build_box(study), {"loss": "focal"})
    assert row[3] == 1
    assert np.isnan(row[:3]).all()
