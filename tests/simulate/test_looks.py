import pandas as pd

from tests.simulate.looks import judge_one, summary


def test_a_claim_is_judged_at_every_look_against_one_truth():
    rows = judge_one(0, (20,))
    assert len(rows) == 2 * 11
    assert (rows.groupby("claim")["truth"].nunique() == 1).all()
    first, second = (rows["high"] - rows["low"]).groupby(rows["look"]).median()
    assert second < first  # a look at more trials sees more
    assert not rows.loc[rows["verdict"] == "unresolved", "wrong"].any()
    settled = rows[(rows["unit"] == "share") & (rows["verdict"] != "unresolved")]
    assert set(settled["verdict"]) == {"supported", "refuted"}
    assert (
        settled["wrong"] == ((settled["truth"] > 0) != (settled["verdict"] == "supported"))
    ).all()


def test_a_verdict_that_was_wrong_once_stays_wrong_and_settles_nothing():
    told = pd.DataFrame(
        {
            "study": 0, "claim": ["a", "a", "b", "b"], "unit": "share", "look": [1, 2, 1, 2],
            "truth": [-0.1, -0.1, 0.2, 0.2], "low": [0.1, -0.2, -0.1, 0.1],
            "high": [0.3, 0.2, 0.3, 0.3],
            "verdict": ["supported", "unresolved", "unresolved", "supported"],
            "wrong": [True, False, False, False],
        }
    )  # fmt: skip
    first, second = summary(told, n_boot=10).to_dict("records")
    assert (first["wrong"], second["wrong"]) == (0.5, 0.5)
    assert (first["settled"], second["settled"]) == (0.0, 0.5)
    assert (first["covered"], second["covered"]) == (0.5, 1.0)
