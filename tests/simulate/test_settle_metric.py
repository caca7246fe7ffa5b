"""The judge of claims on macro F1, small enough for every run."""

from tests.simulate.settle_metric import FACTORS, WORLDS, coverage, judge
from tests.study.asked.test_factors import study_of


def test_intervals_of_a_score_that_is_no_mean_hold_its_truth():
    study, world = study_of(*FACTORS), WORLDS["focal sees rare classes"]
    found = coverage(judge(study, world, 30), judge(study, world, 100, first=1_000_000))
    assert (found["covered"] >= 0.85).all()
    assert found.loc["focal_macro", "half_width"] < 1.6
    # what helps rare classes shows in the mean over classes, hardly in that over images
    assert found.loc["focal_macro", "truth"] > found.loc["focal", "truth"] + 1.0
