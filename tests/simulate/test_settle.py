"""The judge of settling, small enough for every run; the five-hundred-study run is slow."""

import numpy as np
import pandas as pd
import pytest

from study.analysis.settle.evidence import Questions
from study.analysis.settle.trained import Trainings
from tests.simulate.settle import SETTINGS, judge_many, measures
from tests.simulate.settle_worlds import N_FOLDS, Setting, accuracy, draw_truth


def measured(setting: str, studies: int, first: int = 5000) -> pd.Series:
    rows = judge_many(range(first, first + studies), SETTINGS[setting])
    return measures(rows).set_index("measure")["value"]


@pytest.mark.parametrize("seed", range(4))
def test_the_effects_that_a_study_states_are_those_of_its_rows(seed: int):
    truth = draw_truth(np.random.default_rng(seed), Setting(nested=seed % 2))
    for question, effect in zip(
        Questions.of(truth.design, truth.claims).each, truth.effects, strict=True
    ):
        assert question.contrast.weights @ truth.rows == pytest.approx(effect)


def test_folds_hold_about_as_many_images_and_trainings_differ_as_much_as_was_asked():
    truth = draw_truth(np.random.default_rng(1), Setting(noise=(1.4, 1.4), failing=(0, 0)))
    images = np.bincount(truth.fold_of, weights=truth.sizes)
    assert images.max() < 1.05 * images.min()
    many = truth.train(200, np.random.default_rng(2))
    found = Trainings.of(many, accuracy, N_FOLDS)
    of_fold = [found.scores[(found.rows == 0) & (found.folds == fold)] for fold in range(N_FOLDS)]
    other = [found.scores[(found.rows == 1) & (found.folds == fold)] for fold in range(N_FOLDS)]
    sd = np.sqrt(np.mean([np.var(a - b, ddof=1) for a, b in zip(of_fold, other, strict=True)]))
    luck = np.sqrt((truth.luck[:2] ** 2).mean() + truth.image_noise**2)
    assert sd / np.sqrt(2) == pytest.approx(luck, rel=0.15)


def test_a_few_studies_are_judged_well():
    values = measured("usual", 60)
    assert values["studies_with_a_false_verdict"] <= 0.1
    assert values["coverage"] >= 0.92
    assert values["far_settled"] >= 0.8
    assert values["times_seeds"] > 2


def test_the_judge_sees_false_verdicts_where_truth_lies_at_every_limit():
    rows = judge_many(range(40), SETTINGS["every truth lies at its limit"])
    assert (rows["distance"] == 0).all()
    assert (rows["false"] == rows["settled"]).all()
    assert rows.groupby("study")["settled"].any().mean() < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["usual", "a level always fails in 20 %", "nothing matters"])
def test_five_hundred_studies_meet_the_targets(setting: str):
    values = measured(setting, 500)
    assert values["studies_with_a_false_verdict"] <= 0.05
    assert values["coverage"] >= 0.93
    if setting == "usual":
        assert values["far_settled"] >= 0.90
