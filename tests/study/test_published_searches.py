"""Searches in the forms of Optuna's and Ray Tune's own first examples, run here and imported."""

import math

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.svm import SVC

from study.asked.study_file import load_study
from study.import_from import main
from study.report.__main__ import main as report


def parabola(trial):
    """A number, and the square of how far it is from 2."""
    return (trial.suggest_float("x", -10, 10) - 2) ** 2


def of_two_kinds(trial):
    """A classifier out of two, each with a setting of its own."""
    images, kinds = load_iris(return_X_y=True)
    if trial.suggest_categorical("classifier", ["SVC", "RandomForest"]) == "SVC":
        net = SVC(C=trial.suggest_float("svc_c", 1e-10, 1e10, log=True), gamma="auto")
    else:
        depth = trial.suggest_int("rf_max_depth", 2, 32, log=True)
        net = RandomForestClassifier(max_depth=depth, n_estimators=5, random_state=0)
    return cross_val_score(net, images, kinds, cv=3).mean()


def of_steps(trial):
    """A classifier trained step by step, which a pruner may stop."""
    images, kinds = load_iris(return_X_y=True)
    ours, theirs, known, asked = train_test_split(images, kinds, test_size=0.25, random_state=0)
    net = SGDClassifier(alpha=trial.suggest_float("alpha", 1e-5, 1e-1, log=True), random_state=0)
    for step in range(20):
        net.partial_fit(ours, known, classes=np.unique(kinds))
        trial.report(1 - net.score(theirs, asked), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return 1 - net.score(theirs, asked)


@pytest.mark.parametrize(
    ("objective", "direction", "pruner", "factors"),
    [
        (parabola, "minimize", None, {"x"}),
        (of_two_kinds, "maximize", None, {"classifier", "svc_c", "rf_max_depth"}),
        (of_steps, "minimize", optuna.pruners.MedianPruner(), {"alpha"}),
    ],
)
def test_a_first_example_of_optuna_is_imported_and_reported(
    tmp_path, objective, direction, pruner, factors
):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = f"sqlite:///{tmp_path / 'example.db'}"
    sampler = optuna.samplers.TPESampler(seed=0)
    done = optuna.create_study(
        storage=storage, study_name="it", direction=direction, sampler=sampler, pruner=pruner
    )
    done.optimize(objective, n_trials=25)
    home = tmp_path / "theirs"
    assert main(["optuna", storage, "theirs", "--out", str(tmp_path)]) == 0
    assert report(["theirs", "--out", str(tmp_path)]) == 0
    study = load_study(home / "study.toml")
    assert {f.name for f in study.factors if f.role != "fixed" and f.name != "epochs"} == factors
    assert study.measure.is_minimised == (direction == "minimize")
    trials = pd.read_parquet(home / "trials.parquet")
    pruned = [t for t in done.trials if t.state == optuna.trial.TrialState.PRUNED]
    assert (trials["status"] == "stopped").sum() == len(pruned)
    assert len(trials) == 25
    if objective is of_two_kinds:  # what does not exist is told from what was lost
        is_svc = trials["config/classifier"] == "SVC"
        assert trials["config/svc_c"].notna().equals(is_svc)
    if pruner is not None:
        assert len(pruned) > 0


def blurred(config):
    """A width and a height, and a score that falls with the steps."""
    from ray import tune

    for step in range(1, 5):
        score = 1 / (0.1 + config["width"] * step / 100) + config["height"] * 0.1
        tune.report({"mean_loss": score, "step": step})


@pytest.mark.ray
def test_a_first_example_of_ray_tune_is_imported_and_reported(tmp_path):
    import ray
    from ray import tune
    from ray.tune.schedulers import AsyncHyperBandScheduler

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        space = {"width": tune.uniform(1, 20), "height": tune.uniform(-100, 100)}
        config = tune.TuneConfig(
            metric="mean_loss",
            mode="min",
            num_samples=8,
            scheduler=AsyncHyperBandScheduler(max_t=4, grace_period=1),
        )
        run = tune.RunConfig(name="first", storage_path=str(tmp_path / "ray"), verbose=0)
        found = tune.Tuner(blurred, param_space=space, tune_config=config, run_config=run).fit()
    finally:
        ray.shutdown()
    words = ["ray", str(tmp_path / "ray" / "first"), "theirs", "--out", str(tmp_path)]
    assert main([*words, "--metric", "mean_loss", "--direction", "minimize"]) == 0
    assert report(["theirs", "--out", str(tmp_path)]) == 0
    trials = pd.read_parquet(tmp_path / "theirs" / "trials.parquet")
    lengths = sorted(result.metrics["training_iteration"] for result in found)
    assert sorted(trials["epochs_run"]) == lengths
    assert (trials["status"] == "completed").sum() == sum(n == 4 for n in lengths)
    assert (trials["status"] == "stopped").sum() == sum(n < 4 for n in lengths) > 0
    assert math.isclose(
        trials.loc[trials["status"] == "completed", "mean_loss"].min(),
        min(r.metrics["mean_loss"] for r in found if r.metrics["training_iteration"] == 4),
    )
