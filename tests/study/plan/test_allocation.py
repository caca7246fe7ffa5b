import pytest

from study.plan.allocation import Noise, allocate, needs

PAIR = {"a": 1.0, "b": -1.0}


def test_seeds_go_as_the_spread():
    """Neyman's: 2 to 1 of twelve seeds where one arm's spread is twice the other's."""
    assert allocate({"a": 4.0, "b": 1.0}, {"a": 2, "b": 2}, 8) == {"a": 8, "b": 4}


def test_no_arm_loses_what_it_had():
    assert allocate({"a": 100.0, "b": 1.0}, {"a": 2, "b": 5}, 2) == {"a": 4, "b": 5}


def test_arms_that_gain_alike_have_alike_in_the_order_of_arms():
    assert allocate({"a": 1.0, "b": 1.0, "c": 1.0}, dict.fromkeys("abc", 2), 4) == {
        "a": 4, "b": 3, "c": 3,
    }  # fmt: skip


def test_seeds_that_nobody_needs_go_to_those_with_fewest():
    assert allocate({"a": 0.0, "b": 0.0}, {"a": 3, "b": 2}, 3) == {"a": 4, "b": 4}


def of(variance, freedom=5, learned=1.0):
    return Noise(variance=variance, freedom=freedom, learned=learned)


def test_an_arm_s_spread_counts_by_its_degrees_of_freedom_beside_that_of_all():
    need = needs({"a": of(3.0), "b": of(1.0)}, [PAIR])
    assert need == {"a": pytest.approx(2.5), "b": pytest.approx(1.5)}
    need = needs({"a": of(4.0, freedom=1), "b": of(1.0)}, [PAIR])
    assert need == {"a": pytest.approx((4.0 + 5 * 1.5) / 6), "b": pytest.approx(1.25)}


def test_an_arm_whose_nets_fail_needs_more_for_as_many_that_learn():
    need = needs({"a": of(1.0), "b": of(1.0, learned=0.8)}, [PAIR])
    assert need == {"a": 1.0, "b": pytest.approx(1.25)}


def test_arms_of_no_comparison_need_nothing_and_those_of_two_twice_as_much():
    noise = dict.fromkeys("abc", of(1.0)) | {"d": None}
    need = needs(noise, [PAIR, {"a": 1.0, "c": -1.0}])
    assert need == {"a": 2.0, "b": 1.0, "c": 1.0, "d": 0.0}


def test_a_spread_that_nothing_tells_counts_as_the_mean():
    assert needs({"a": of(3.0), "b": of(1.0), "c": None}, [])["c"] == pytest.approx(2.0)
    assert needs({"a": None, "b": None}, []) == {"a": 1.0, "b": 1.0}
