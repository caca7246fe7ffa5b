"""Searches in the forms of Optuna's and Ray Tune's own first examples, run here and imported."""

import json
import math
import os
import subprocess
import sys

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


RAY_SCRIPT = '''
"""A score that falls with the steps: a script of its own, as users have."""

import json
import sys

import ray
from ray import tune
from ray.tune.schedulers import AsyncHyperBandScheduler


def blurred(config):
    for step in range(1, 5):
        score = 1 / (0.1 + config["width"] * step / 100) + config["height"] * 0.1
        tune.report({"mean_loss": score, "step": step})


# "local": whatever other sessions of Ray this machine has
ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
space = {"width": tune.uniform(1, 20), "height": tune.uniform(-100, 100)}
config = tune.TuneConfig(
    metric="mean_loss",
    mode="min",
    num_samples=8,
    scheduler=AsyncHyperBandScheduler(max_t=4, grace_period=1),
)
run = tune.RunConfig(name="first", storage_path=sys.argv[1], verbose=0)
found = tune.Tuner(blurred, param_space=space, tune_config=config, run_config=run).fit()
print(json.dumps([[r.metrics["training_iteration"], r.metrics["mean_loss"]] for r in found]))
'''


@pytest.mark.ray
def test_a_first_example_of_ray_tune_is_imported_and_reported(tmp_path):
    # In a process of its own, as its author's: sessions of ours leave a token in this one and have
    # Ray write no results.
    (tmp_path / "first.py").write_text(RAY_SCRIPT)
    command = [sys.executable, str(tmp_path / "first.py"), str(tmp_path / "ray")]
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_"))}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, env=bare)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    words = ["ray", str(tmp_path / "ray" / "first"), "theirs", "--out", str(tmp_path)]
    assert main([*words, "--metric", "mean_loss", "--direction", "minimize"]) == 0
    assert report(["theirs", "--out", str(tmp_path)]) == 0
    trials = pd.read_parquet(tmp_path / "theirs" / "trials.parquet")
    assert sorted(trials["epochs_run"]) == sorted(length for length, _ in found)
    whole = [loss for length, loss in found if length == 4]
    assert (trials["status"] == "completed").sum() == len(whole)
    assert (trials["status"] == "stopped").sum() == len(found) - len(whole) > 0
    best = trials.loc[trials["status"] == "completed", "mean_loss"].min()
    assert math.isclose(best, min(whole))
