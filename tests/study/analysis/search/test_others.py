import numpy as np
import pandas as pd
import pytest

from study.analysis import Analysis
from study.analysis.search.others import other_importances


def test_other_peoples_numbers_carry_the_question_that_they_answer(planted: Analysis):
    frame = other_importances(planted.frames, seed=0)
    assert set(frame["method"]) == {"fANOVA", "PED-ANOVA"}
    np.testing.assert_allclose(frame.groupby("method")["share"].sum(), 1.0)
    answers = frame.groupby("method")["answers"].first()
    assert "where the best 10 % of the trials lie" in answers["PED-ANOVA"]
    # a factor that exists in a part of the box has no place in theirs
    assert set(frame["factor"]) == {"init", "lr", "loss"}


def test_the_forest_agrees_on_what_is_large_in_a_design(planted: Analysis):
    frame = other_importances(planted.frames, seed=0)
    shares = frame[frame["method"] == "fANOVA"].set_index("factor")["share"]
    assert shares["loss"] < 0.1
    assert shares["init"] == pytest.approx(4 / 8.46, abs=0.2)


def test_a_large_table_is_sampled_and_says_so(planted: Analysis):
    frame = other_importances(planted.frames, seed=0, most=50)
    assert set(frame["n_trials"]) == {50}
    assert set(frame["n_full"]) == {120}


def test_an_analysis_has_them_when_asked_and_only_once(planted: Analysis):
    pd.testing.assert_frame_equal(planted.others, other_importances(planted.frames, seed=1))
    assert planted.others is planted.others
