import pandas as pd
import pytest

from tests.simulate.folds_faces import draw_families
from tests.simulate.settle_faces import FAMILIES, Asked, summary, whole_run

TRUTHS = {"hidden": 2.0, "luck": 0.0}


def row(run, blocks, claim, verdict, low, high):
    return {
        "run": run, "blocks": blocks, "claim": claim, "verdict": verdict, "low": low,
        "high": high, "n_trainings": 8 * blocks,
    }  # fmt: skip


def test_verdicts_are_wrong_at_any_look_and_intervals_are_judged_at_the_end():
    rows = pd.DataFrame(
        [
            row(0, 5, "hidden", "refuted", 1.0, 3.0),
            row(0, 6, "hidden", "supported", 1.0, 3.0),
            row(0, 6, "luck", "unresolved", 1.0, 3.0),
            row(1, 5, "hidden", "unresolved", 5.0, 6.0),
            row(1, 6, "hidden", "supported", 1.0, 3.0),
            row(1, 6, "luck", "supported", -1.0, 1.0),
            row(2, 6, "hidden", "supported", 1.0, 3.0),
            row(2, 6, "luck", "unresolved", -1.0, 1.0),
        ]
    )
    said = summary(rows, TRUTHS)
    assert said[0] == "3 runs, 144 trainings"
    assert said[1].endswith("(2 of 3)")  # a turn on the way, and a verdict at the very limit
    assert said[2].endswith("(5 of 6)")


@pytest.mark.timeout(300)
def test_the_real_stage_settles_a_study_of_drawn_families(tmp_path):
    asked = Asked.at(tmp_path)
    assert asked.effects(asked.design.signs[:, 0] * 1.5)["hidden"] == pytest.approx(3.0)
    rows = pd.DataFrame(whole_run(draw_families(FAMILIES), asked, 0))
    assert set(rows["claim"]) == {"hidden", "length", "rate", "luck"}
    assert rows["blocks"].unique().tolist() == [1, 2, 3, 5, 6]
    assert rows["n_trainings"].max() == 48
    # a hidden layer is worth two points, half of the epochs cost two
    assert rows["estimate"].abs().max() < 15
    assert (rows["low"] < rows["high"]).all()
