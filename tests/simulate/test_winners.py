import pandas as pd
import pytest

from tests.simulate.winners import judge_one, summary, told_one


def test_every_way_says_something_of_every_arm_s_winner():
    found = judge_one(0, 100)
    assert len(found) == 4
    assert found.notna().all(axis=None)
    assert (found["shrunk"] < found["judged"]).all()
    assert (found["three"] <= found["judged"]).all()


def test_optimism_is_a_mean_of_studies():
    rows = pd.DataFrame({"judged": [1.0, 3.0, 0.0], "study": [0, 0, 1]})  # 4/3 over arms
    told = summary(rows).loc["judged"]
    assert told["mean"] == 1.0
    assert told["rms"] == pytest.approx((10 / 3) ** 0.5)
    assert (told["studies"], told["arms"]) == (2, 3)
    assert told["low"] < 1 < told["high"]


def test_the_report_s_worth_is_held_against_the_truth_of_its_recipe():
    found = told_one(0, 100)
    assert len(found) == 4
    assert (found["told"] < found["best"]).all()
    assert (found["half_width"] > 0).all()
    assert not found.loc[found["told"].abs() > 2 * found["half_width"], "covers"].any()
