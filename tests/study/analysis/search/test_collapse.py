import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from study.analysis.search.collapse import Collapse, fit_logistic, how_often_learned
from study.analysis.search.frames import tidy
from study.asked.study import Study
from tests.study.analysis.conftest import LOSS, NO_EPOCHS, full_trials, small_study


def test_the_logistic_fit_equals_scikit_learns(rng: np.random.Generator):
    design = np.column_stack([np.ones(300), rng.standard_normal((300, 2))])
    chance = 1 / (1 + np.exp(-(design @ [0.3, 1.5, -1.0])))
    event = (rng.uniform(size=300) < chance).astype(float)
    mode, covariance = fit_logistic(design, event, 2.0)
    # scikit-learn has one prior for all columns; a scaled intercept column makes ours the same
    reference = LogisticRegression(C=4.0, fit_intercept=False, tol=1e-8)
    reference.fit(design * [3.0, 1.0, 1.0], event)
    np.testing.assert_allclose(mode, reference.coef_[0] * [3.0, 1.0, 1.0], atol=1e-3)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def cliff_trials(study: Study, rng: np.random.Generator, n: int = 200) -> pd.DataFrame:
    """Scratch collapses above a rate of 0.1; pretrained never."""
    init = rng.choice(["scratch", "pretrained"], n)
    top, bottom = np.where(init == "scratch", 0, -2), np.where(init == "scratch", -2, -4)
    rate = 10 ** rng.uniform(bottom, top)
    configs = pd.DataFrame({"init": init, "lr": rate, "zero_gamma": None, "loss": "ce"})
    trials = full_trials(configs, np.full(n, 50.0))
    trials["collapsed"] = (init == "scratch") & (rate > 0.1)
    return trials


def test_a_cliff_is_found_where_it_is_and_only_there(study: Study, rng: np.random.Generator):
    frame = Collapse()(tidy(study, cliff_trials(study, rng), NO_EPOCHS))
    scratch = frame[frame["arm"] == "scratch"]
    assert scratch["probability"].iloc[0] < 0.1
    assert scratch["probability"].iloc[-1] > 0.9
    crossing = np.interp(0.5, scratch["probability"], np.log10(scratch["value"]))
    assert crossing == pytest.approx(-1.0, abs=0.25)
    assert frame.loc[frame["arm"] == "pretrained", "probability"].max() < 0.15
    assert (frame["low"] <= frame["probability"]).all()
    assert (frame["probability"] <= frame["high"]).all()


def test_counts_are_of_the_arm(study: Study, rng: np.random.Generator):
    trials = cliff_trials(study, rng)
    frame = Collapse()(tidy(study, trials, NO_EPOCHS)).groupby("arm").first()
    by_arm = trials.groupby("config/init")["collapsed"]
    assert frame["n_trials"].to_dict() == by_arm.count().to_dict()
    assert frame["n_collapsed"].to_dict() == by_arm.sum().to_dict()


def test_a_study_without_a_rate_gets_one_row_per_arm():
    study = small_study(LOSS)
    trials = full_trials(pd.DataFrame({"loss": ["ce", "focal"] * 5}), np.full(10, 50.0))
    frame = Collapse()(tidy(study, trials, NO_EPOCHS))
    assert frame["arm"].tolist() == ["all"]
    assert frame["n_trials"].tolist() == [10]
    assert frame["probability"].iloc[0] < 0.3


def test_how_often_design_trials_learn_is_counted_by_level(study: Study, rng: np.random.Generator):
    trials = cliff_trials(study, rng).assign(origin="design")
    is_scratch = trials["config/init"] == "scratch"
    trials["config/zero_gamma"] = pd.Series(True, index=trials.index).where(is_scratch, None)
    counted = how_often_learned(tidy(study, trials, NO_EPOCHS))
    inside = tidy(study, trials, NO_EPOCHS).trials["inside"].to_numpy()
    init = counted[counted["factor"] == "init"].set_index("level")
    for level in ("scratch", "pretrained"):
        here = inside & (trials["config/init"] == level)
        k, n = int((here & ~trials["collapsed"]).sum()), int(here.sum())
        assert init.loc[level, ["k", "n"]].tolist() == [k, n]
        assert init.loc[level, "low"] <= k / n <= init.loc[level, "high"]
    assert "lr" not in set(counted["factor"])
    # a search trial goes where it is good, and may be stopped: it tells nothing of how often
    searched = tidy(study, trials.assign(origin="search"), NO_EPOCHS)
    assert (how_often_learned(searched)["n"] == 0).all()
