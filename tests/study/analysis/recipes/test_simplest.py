"""From planted effects to the simplest recipe that is as good."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from study.analysis import Analysis, analyse
from study.analysis.recipes.simplest import Simplest
from study.asked.factors import Factor, Range
from study.asked.plans import Imported
from study.asked.study import Study
from study.measure import Scale
from tests.study.analysis.conftest import NO_EPOCHS, full_trials, small_study

INIT = Factor(name="init", role="arm", levels=("scratch", "pretrained"))
LOSS = Factor(name="loss", role="tuned", levels=("cross_entropy", "focal"))
EMA = Factor(name="ema", role="tuned", levels=(0.0, 0.99))
WARMUP = Factor(name="warmup", role="tuned", ranges=(Range(low=0.0, high=0.4),))
STUDY = small_study(INIT, LOSS, EMA, WARMUP)


def planted(
    n: int = 160, *, noise: float = 0.4, ema_adds: float = 5.0, focal_adds: float = 0.1
) -> pd.DataFrame:
    """Pretrained 4 points above scratch, ema above none, focal above; warm-up does nothing."""
    rng = np.random.default_rng(3)
    init, loss, ema = np.arange(n) % 2, np.arange(n) // 2 % 2, np.arange(n) // 4 % 2
    points = 60 + 4 * init + ema_adds * ema + focal_adds * loss
    points += rng.normal(scale=noise, size=n)
    configs = pd.DataFrame(
        {
            "init": np.array(INIT.levels)[init],
            "loss": np.array(LOSS.levels)[loss],
            "ema": np.array(EMA.levels)[ema],
            "warmup": (rng.permutation(n) + 0.5) / n * 0.4,
        }
    )
    return full_trials(configs, points)


def analysed(trials: pd.DataFrame, study: Study = STUDY) -> Analysis:
    return analyse(study, trials, NO_EPOCHS, seed=0)


def steps(found: Analysis, arm: str, *chosen: str, **params: float) -> pd.DataFrame:
    told = Simplest(**params)(found.frames, found.surface, found.support, chosen=chosen)
    return told[told["arm"] == arm].fillna({"factor": "-"}).set_index("factor")


@pytest.fixture(scope="module")
def plain() -> Analysis:
    return analysed(planted())


def test_what_does_nothing_goes_to_its_default_and_what_matters_stays(plain: Analysis) -> None:
    told = steps(plain, "pretrained", "t7")  # focal, ema, some warm-up
    assert told["outcome"].to_dict() == {
        "-": "start",
        "loss": "moved",
        "warmup": "moved",
        "ema": "kept",
    }
    last = json.loads(told["recipe"].dropna().iloc[-1])
    assert last == {"init": "pretrained", "loss": "cross_entropy", "ema": 0.99, "warmup": 0.1}
    assert list(told["step"].dropna()) == [0, 1, 2]
    assert set(told["trial_id"]) == {"t7"}


def test_what_is_given_up_is_the_planted_difference(plain: Analysis) -> None:
    told = steps(plain, "pretrained", "t7")
    ema = told.loc["ema"]
    assert ema["low"] < 5.1 < ema["high"]
    assert ema["estimate"] == pytest.approx(5.1, abs=0.4)
    assert ema["probability"] == 0
    assert ema["reason"] == "within 1 point with probability 0.00"
    moved = told[told["outcome"] == "moved"]
    assert (moved["probability"] >= 0.9).all()
    assert (moved["high"] < 1.0).all()


def test_small_losses_add_up_to_the_margin_and_no_further() -> None:
    """Either of two moves is within a point, both together are not."""
    told = steps(analysed(planted(noise=0.2, ema_adds=0.55, focal_adds=0.65)), "pretrained", "t7")
    assert told.loc["ema", "outcome"] == "moved"
    assert told.loc["loss", "outcome"] == "kept"
    assert told.loc["loss", "estimate"] == pytest.approx(1.2, abs=0.2)


def test_without_a_chosen_trial_it_begins_with_the_best_by_the_surface(plain: Analysis) -> None:
    told = steps(plain, "scratch")
    start = json.loads(told["recipe"].iloc[0])
    means = plain.surface.at(plain.frames.x)[0]  # type: ignore[union-attr]
    of_arm = (plain.frames.trials["arm"] == "scratch").to_numpy()
    best = plain.frames.configs[of_arm].iloc[int(np.argmax(means[of_arm]))]
    assert start == {name: best[name] for name in start}
    assert start["ema"] == 0.99


def test_an_uncertain_surface_moves_nothing() -> None:
    told = steps(analysed(planted(40, noise=6.0)), "pretrained")
    assert "moved" not in set(told["outcome"])
    assert (told.loc[told["outcome"] == "kept", "probability"] < 0.9).all()


def test_a_default_that_too_few_trials_stand_behind_is_none_to_move_to() -> None:
    trials = planted()
    is_default = trials["config/loss"] == "cross_entropy"
    few = trials[~is_default | (is_default.cumsum() <= 5)]
    told = steps(analysed(few), "pretrained")
    assert told.loc["loss", "outcome"] == "kept"
    assert told.loc["loss", "reason"].startswith("5 full-length trials at or near this loss")


def test_a_default_at_which_trainings_collapse_is_none_to_move_to() -> None:
    trials = planted(200)
    at_default = (trials["config/loss"] == "cross_entropy") & (trials["config/init"] != "scratch")
    is_failing = at_default & (at_default.cumsum() <= 15)
    failing = trials.assign(collapsed=is_failing)
    told = steps(analysed(failing), "pretrained")
    assert told.loc["loss", "outcome"] == "kept"
    assert told.loc["loss", "reason"] == (
        "15 of the arm's 50 trainings at or near this loss collapsed"
    )
    assert steps(analysed(failing), "scratch").loc["loss", "outcome"] == "moved"


def test_a_search_that_drew_nothing_by_design_is_believed_less(plain: Analysis) -> None:
    chosen = analysed(planted().assign(origin="search"))
    wide, narrow = (steps(one, "pretrained", "t7").loc["ema"] for one in (chosen, plain))
    assert wide["high"] - wide["low"] == pytest.approx(1.5 * (narrow["high"] - narrow["low"]))


def test_too_few_trials_tell_nothing_and_say_why() -> None:
    few = analysed(planted(8))
    told = Simplest()(few.frames, few.surface, few.support)
    assert list(told["outcome"]) == ["untold", "untold"]
    assert told["reason"].str.contains("only 8 full-length trials").all()
    one_arm = planted(60)
    keep = (one_arm["config/init"] == "scratch") | (np.arange(60) < 10)
    found = analysed(one_arm[keep].reset_index(drop=True))
    lonely = steps(found, "pretrained")
    assert list(lonely["outcome"]) == ["untold"]
    assert list(lonely["n_trials"]) == [found.frames.rows("full").sum()] == [keep.sum()]
    assert lonely["reason"].iloc[0].startswith("5 full-length trials in the arm")


def test_a_confirmed_recipe_outside_the_ranges_is_not_simplified() -> None:
    trials = planted()
    trials.loc[7, "config/warmup"] = 0.9
    told = steps(analysed(trials), "pretrained", "t7")
    assert list(told["outcome"]) == ["untold"]
    assert "lies outside the ranges" in told["reason"].iloc[0]


def test_of_a_minimised_metric_what_is_given_up_is_in_its_own_unit() -> None:
    """Points of the analysis are turned round, and a nat is many of them."""
    scale = Scale(smallest=0.01, unit="nats", is_minimised=True)
    study = replace(STUDY, metric="loss", imported=Imported(source="a table", scale=scale))
    trials = planted()
    trials["loss"] = 10 - trials["val_accuracy"] * 100 / 25  # a point is 0.04 nats
    told = steps(analysed(trials, study), "pretrained", "t7")
    assert told.loc["ema", "estimate"] == pytest.approx(5.1 / 25, abs=0.02)
    assert told["margin"].iloc[0] == pytest.approx(0.04)
