import pandas as pd

from tests.simulate.winners import judge_one, summary


def test_every_way_says_something_of_every_arm_s_winner():
    found = judge_one(0, 100)
    assert len(found) == 4
    assert found.notna().all(axis=None)
    assert (found["shrunk"] < found["judged"]).all()
    assert (found["three"] <= found["judged"]).all()


def test_optimism_is_a_mean_of_studies():
    rows = pd.DataFrame({"judged": [1.0, 3.0, 0.0, 0.0], "study": [0, 0, 1, 1]})
    told = summary(rows).loc["judged"]
    assert told["optimism"] == 1.0
    assert told["studies"] == 2
    assert told["low"] < 1 < told["high"]
