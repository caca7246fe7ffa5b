import numpy as np
import pandas as pd
import pytest

from study.analysis.maths.basis import build_basis
from study.analysis.search.frames import Frames, tidy
from study.analysis.search.imputation import Imputation
from study.asked.study import Study
from tests.study.analysis.conftest import full_trials


def half_stopped(study: Study, rng: np.random.Generator, n: int = 80) -> tuple[Frames, np.ndarray]:
    """Trials whose gain after epoch 3 is 10 points for `ce` and 4 for the rest; half stopped."""
    configs = pd.DataFrame(
        {
            "init": "pretrained",
            "lr": np.exp(rng.uniform(np.log(1e-4), np.log(1e-2), n)),
            "zero_gamma": None,
            "loss": rng.choice(["ce", "focal", "corn"], n),
        }
    )
    early = rng.normal(40, 3, n)
    final = early + np.where(configs["loss"] == "ce", 10, 4) + rng.normal(scale=0.5, size=n)
    trials = full_trials(configs, final)
    stopped = np.arange(n) % 2 == 1
    trials.loc[stopped, ["status", "epochs_run"]] = ["stopped", 3]
    trials.loc[stopped, "val_accuracy"] = early[stopped] / 100
    curves = np.linspace(early - 4, early, 3).T
    curves = np.hstack([curves, np.linspace(early, final, 7).T[:, 1:]]) / 100
    run = trials["epochs_run"].to_numpy()
    trial, epoch = np.nonzero(np.arange(9)[None, :] < run[:, None])
    epochs = pd.DataFrame(
        {
            "trial_id": trials["trial_id"].to_numpy()[trial],
            "epoch": epoch + 1,
            "val_accuracy": curves[trial, epoch],
        }
    )
    return tidy(study, trials, epochs), final


def test_stopped_trials_get_the_end_that_their_curve_and_recipe_foretell(
    study: Study, rng: np.random.Generator
):
    frames, final = half_stopped(study, rng)
    imputed = Imputation()(frames, build_basis(frames.box), rng)
    assert imputed.rows.sum() == 40
    error = imputed.draws.mean(axis=1) - final[imputed.rows]
    assert abs(error.mean()) < 0.4
    assert np.sqrt((error**2).mean()) < 1.0


def test_draws_carry_the_noise_of_a_trial(study: Study, rng: np.random.Generator):
    frames, _ = half_stopped(study, rng)
    draws = Imputation(n_draws=200)(frames, build_basis(frames.box), rng).draws
    assert np.median(draws.std(axis=1)) == pytest.approx(0.5, rel=0.5)


def test_nothing_is_imputed_where_too_few_trials_reached_their_end(
    study: Study, rng: np.random.Generator
):
    frames, _ = half_stopped(study, rng, n=20)
    imputed = Imputation()(frames, build_basis(frames.box), rng)
    assert not imputed.rows.any()
    assert Imputation().check(frames, build_basis(frames.box), rng).empty


def test_the_check_shows_what_taking_early_values_as_final_would_cost(
    study: Study, rng: np.random.Generator
):
    frames, _ = half_stopped(study, rng, n=160)
    check = Imputation().check(frames, build_basis(frames.box), rng).iloc[0]
    assert check["fraction"] == pytest.approx(1 / 3)
    assert (check["n_trials"], check["n_stopped"]) == (80, 80)
    assert check["naive_bias"] == pytest.approx(-6.0, abs=1.0)
    assert abs(check["bias"]) < 0.3
    assert check["rmse"] < 1.0
    assert check["coverage"] > 0.85
