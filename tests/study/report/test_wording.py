import math

import pytest

from study.asked.factors import Config
from study.report.wording import (
    Measure,
    count,
    describe,
    inert,
    interval,
    left_over,
    level,
    listed,
    only_first,
    percent,
    points,
    signed,
    some_of,
)


def test_accuracies_are_read_in_per_cent_and_other_metrics_as_they_are() -> None:
    accuracy, kappa = Measure("val_accuracy"), Measure("val_qwk")
    assert accuracy.text(0.6117) == "61.2\u202f%"
    assert kappa.text(0.6117) == "0.612"
    assert (accuracy.scale, kappa.scale) == (100.0, 1.0)
    assert kappa.label == "validation quadratic weighted kappa"
    assert Measure("val_mine").label == "val mine"


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_nothing_is_a_dash(nothing: float | None) -> None:
    assert Measure("val_accuracy").text(nothing) == "–"


def test_numbers_and_nouns_agree() -> None:
    assert count(0, "trial") == "0 trials"
    assert count(1, "trial") == "1 trial"
    assert count(10000, "trial") == "10,000 trials"
    assert percent(0.2437) == "24.4\u202f%"


def test_levels_keep_three_digits_and_flags_are_lower_case() -> None:
    assert [level(v) for v in (True, 64, 0.031251, 1e-5, "sgd")] == [
        "true", "64", "0.0313", "1e-05", "sgd",
    ]  # fmt: skip


def test_a_configuration_is_the_named_factors_that_exist() -> None:
    config: Config = {"init": "scratch", "lr": 0.03, "zero_gamma": False}
    assert describe(config, ["lr", "momentum", "zero_gamma"]) == "lr 0.03 · zero_gamma false"


def test_parts_are_joined_as_in_a_sentence() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_markup_becomes_letters() -> None:
    assert inert('<a href="x">&%{y}') == '&lt;a href="x"&gt;&amp;%&#123;y}'


def test_the_analysis_counts_in_hundredths_and_people_in_their_own_unit() -> None:
    accuracy, kappa = Measure("val_accuracy"), Measure("val_qwk")
    assert accuracy.of_points(61.17) == "61.2\u202f%"
    assert kappa.of_points(61.17) == "0.612"
    assert accuracy.difference(2.64) == "2.6 points"
    assert kappa.difference(2.64) == "0.026"
    assert accuracy.axis == "val. accuracy (%)"
    assert kappa.axis == "validation quadratic weighted kappa"


def test_of_many_names_some_are_given_and_the_others_counted() -> None:
    assert some_of(["a", "b", "c", "d"]) == "a, b, c and d"
    assert some_of(["a", "b", "c", "d", "e"]) == "a, b, c and 2 others"


@pytest.mark.parametrize(
    ("n_idle", "n_open", "text"),
    [
        (0, 0, ""),
        (1, 0, "1 pair is shown to be negligible"),
        (0, 3, "3 pairs are unresolved"),
        (1, 1, "of 2 pairs, 1 is shown to be negligible and 1 is unresolved"),
        (2, 5, "of 7 pairs, 2 are shown to be negligible and 5 are unresolved"),
    ],
)
def test_what_is_not_shown_to_matter_is_either_negligible_or_unresolved(
    n_idle: int, n_open: int, text: str
) -> None:
    assert left_over(n_idle, n_open, "pair") == text


def test_a_metric_is_named_with_its_split() -> None:
    assert Measure("test_accuracy").label == "test accuracy"
    assert Measure("test_accuracy").name == "accuracy"
    assert Measure("val_ece").text(0.1234) == "12.3\u202f%"
    assert Measure("test_accuracy").interval(0.612, 0.589, 0.634) == "61.2\u202f% [58.9, 63.4]"


def test_differences_have_a_sign_unless_they_round_to_nothing() -> None:
    assert [signed(value) for value in (9.14, -0.3, 0.04, -0.04)] == ["+9.1", "-0.3", "0.0", "0.0"]
    assert [points(value) for value in (1.0, 0.5, 2)] == ["1 point", "0.5 points", "2 points"]


def test_an_estimate_without_ends_stands_alone_and_none_is_a_dash() -> None:
    assert interval(9.14, 7.0, 11.2, signed) == "+9.1 [+7.0, +11.2]"
    assert interval(9.14, None, None, signed) == "+9.1"
    assert interval(None, None, None, signed) == interval(math.nan, 1, 2, signed) == "–"


def test_a_measure_writes_an_interval_where_there_is_one_and_its_unit_on_axes() -> None:
    accuracy, kappa = Measure("val_accuracy"), Measure("val_qwk")
    assert accuracy.interval(0.612, 0.589, 0.634) == "61.2\u202f% [58.9, 63.4]"
    assert accuracy.interval(0.612, math.nan, math.nan) == "61.2\u202f%"
    assert (accuracy.unit, kappa.unit) == (" (%)", "")
    assert (accuracy.y, kappa.y) == ("%{y:.1f}\u202f%", "%{y:.3f}")


def test_what_is_not_drawn_is_said_and_nothing_where_all_is() -> None:
    assert only_first(12, 14, "arms are drawn") == " Only the first 12 of 14 arms are drawn."
    assert only_first(4, 4, "arms are drawn") == ""
