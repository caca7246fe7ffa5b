import numpy as np
import pytest

from study.analysis import Analysis, analyse
from tests.study.analysis.conftest import (
    GAMMA,
    INIT,
    LOSS,
    NO_EPOCHS,
    RATE,
    planted_trials,
    small_study,
)


def contrast(analysis: Analysis, factor: str, kind: str):
    frame = analysis.contrasts
    return frame[(frame["factor"] == factor) & (frame["kind"] == kind)].iloc[0]


def test_the_average_contrast_is_the_planted_one(planted: Analysis):
    row = contrast(planted, "init", "average")
    assert (row["level_a"], row["level_b"]) == ("scratch", "pretrained")
    assert row["low"] <= -4.0 <= row["high"]
    assert row["high"] - row["low"] < 1.0
    assert row["n_trials"] == 60


def test_the_contrast_of_a_conditional_factor_is_where_it_exists(planted: Analysis):
    row = contrast(planted, "zero_gamma", "average")
    assert row["low"] <= -3.0 <= row["high"]
    assert row["n_trials"] == 30


def test_the_tuned_contrast_compares_the_best_of_each_side(planted: Analysis):
    # best scratch: lr at its top with slope 6 - 2, gamma true; best pretrained: slope 6 + 2
    scratch, pretrained = -2 + 4 / 2 + 1.5, 2 + 8 / 2
    row = contrast(planted, "init", "tuned")
    assert row["low"] <= scratch - pretrained <= row["high"]
    assert row["estimate"] == pytest.approx(scratch - pretrained, abs=0.8)


def test_a_side_without_full_length_support_is_withheld(rng: np.random.Generator):
    study = small_study(INIT, RATE, GAMMA, LOSS)
    trials = planted_trials(60, rng)
    few = trials["config/loss"] == "corn"
    trials = trials[~few | (few.cumsum() <= 5)]
    analysis = analyse(study, trials, NO_EPOCHS, seed=0)
    frame = analysis.contrasts[analysis.contrasts["factor"] == "loss"]
    poor = (frame["level_a"] == "corn") | (frame["level_b"] == "corn")
    assert frame.loc[poor, ["estimate", "low", "high"]].isna().all(axis=None)
    assert frame.loc[poor, "reason"].str.contains("corn has 5 full-length trials").all()
    assert frame.loc[~poor, "estimate"].notna().all()


def test_trials_that_a_search_chose_give_wider_intervals(rng: np.random.Generator):
    study = small_study(INIT, RATE, GAMMA, LOSS)
    trials = planted_trials(60, rng)
    drawn = analyse(study, trials, NO_EPOCHS, seed=0)
    chosen = analyse(study, trials.assign(origin="search"), NO_EPOCHS, seed=0)
    narrow, wide = (contrast(a, "init", "average") for a in (drawn, chosen))
    assert wide["estimate"] == narrow["estimate"]
    assert wide["high"] - wide["low"] == pytest.approx(1.5 * (narrow["high"] - narrow["low"]))
