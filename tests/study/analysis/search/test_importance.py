import numpy as np
import pytest

from study.analysis import Analysis
from tests.study.analysis.conftest import TRUE_VARIANCE

TOTAL = sum(TRUE_VARIANCE.values())


def test_main_and_pair_shares_together_are_about_one(planted: Analysis):
    whole = planted.importance["share"].sum() + planted.interactions["share"].sum()
    assert whole == pytest.approx(1.0, abs=0.03)


def test_shares_are_near_the_planted_ones_and_their_intervals_hold_them(planted: Analysis):
    for row in planted.importance.to_dict("records"):
        true = TRUE_VARIANCE[(row["factor"],)] / TOTAL
        assert row["share"] == pytest.approx(true, abs=0.08)
        assert row["low"] <= true <= row["high"]


def test_a_total_share_adds_every_pair_of_the_factor(planted: Analysis):
    pairs, factors = planted.interactions, planted.importance.set_index("factor")
    mine = pairs[(pairs["factor_a"] == "lr") | (pairs["factor_b"] == "lr")]
    expected = factors.loc["lr", "share"] + mine["share"].sum()
    assert factors.loc["lr", "total_share"] == pytest.approx(expected, abs=0.02)
    assert factors.loc["lr", "total_share"] > factors.loc["lr", "share"] + 0.01


def test_planted_factors_matter_and_the_idle_one_does_not(planted: Analysis):
    verdicts = planted.importance.set_index("factor")["verdict"].to_dict()
    assert {verdicts.pop(name) for name in ("init", "lr", "zero_gamma")} == {"matters"}
    assert verdicts["loss"] in ("negligible", "unresolved")


def test_an_effect_that_is_not_shown_has_an_interval_from_zero(planted: Analysis):
    loss = planted.importance.set_index("factor").loc["loss"]
    assert (loss["low"], loss["sd_low"]) == (0.0, 0.0)
    assert loss["p_value"] > 0.03


def test_the_sd_of_a_main_effect_is_in_points(planted: Analysis):
    sds = planted.importance.set_index("factor")["sd"]
    assert sds["init"] == pytest.approx(2.0, abs=0.2)
    assert sds["lr"] == pytest.approx(np.sqrt(3), abs=0.25)


def test_the_planted_pair_is_found_and_no_other(planted: Analysis):
    pairs = planted.interactions
    found = pairs.loc[pairs["verdict"] == "matters", ["factor_a", "factor_b"]]
    assert found.to_numpy().tolist() == [["init", "lr"]]
