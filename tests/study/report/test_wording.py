import math

import pytest

from study.factors import Config
from study.report.wording import Measure, count, describe, inert, level, listed, percent


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
