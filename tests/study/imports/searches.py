"""Searches as other tools leave them on disk, small and made here."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

EPOCHS = 9


def end_of(rate: float, net: str) -> float:
    """What a trial's loss comes to."""
    return 0.05 * (math.log10(rate) + 3) ** 2 + (0.2 if net == "mlp" else 0.0)


def objective(trial: optuna.Trial) -> float:
    """A minimised loss with a curve; momentum only with SGD; a rate at which training diverges."""
    net = trial.suggest_categorical("net", ["ORG", "mlp", None])
    optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"])
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    trial.suggest_int("layers", 1, 5)
    if optimizer == "sgd":
        trial.suggest_float("momentum", 0.0, 0.99)
    if rate > 5e-2:
        raise ValueError("loss is nan")
    value = math.nan
    for epoch in range(EPOCHS):
        value = end_of(rate, str(net)) + 1 / (epoch + 1)
        trial.report(value, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return value


def optuna_study(storage: Path, *, trials: int, name: str = "theirs") -> optuna.Study:
    """A study by TPE and successive halving, in a journal or, by its ending, in SQLite."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    is_sqlite = storage.suffix == ".db"
    study = optuna.create_study(
        storage=f"sqlite:///{storage}"
        if is_sqlite
        else JournalStorage(JournalFileBackend(str(storage))),
        study_name=name,
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.SuccessiveHalvingPruner(),
    )
    study.optimize(objective, n_trials=trials, catch=(ValueError,))
    return study


def ray_trial(
    experiment: Path,
    number: int,
    config: Mapping[str, Any],
    losses: Sequence[float],
    *,
    is_done: bool = True,
    error: str = "",
    has_params: bool = True,
) -> str:
    """The folder of a trial as Ray Tune writes it; its name."""
    name = f"train_{number:08x}_{number}_2026-11-28_07-40-39"
    home = experiment / name
    home.mkdir(parents=True)
    rows = [
        {
            "loss": loss,
            "timestamp": 1795851664 + k,
            "checkpoint_dir_name": None,
            "done": is_done and k == len(losses),
            "training_iteration": k,
            "trial_id": f"{number:08x}",
            "pid": 7,
            "hostname": "node",
            "config": config,
        }
        for k, loss in enumerate(losses, 1)
    ]
    (home / "result.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with (home / "progress.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [key for key in rows[0] if key != "config"] if rows else [])
        writer.writeheader()
        writer.writerows({k: v for k, v in row.items() if k != "config"} for row in rows)
    if has_params:
        (home / "params.json").write_text(json.dumps(config, indent=2))
    (home / "params.pkl").write_bytes(HOSTILE)
    if error:
        (home / "error.txt").write_text(f"Traceback (most recent call last):\n{error}\n")
    return name


def ray_state(experiment: Path, trials: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
    """The experiment's own file: by the folder's name each trial's status and configuration."""
    told = [
        json.dumps(
            {
                "trial_id": name.split("_")[1],
                "config": config,
                "status": status,
                "relative_logdir": name,
                "placement_group_factory": "80054e2e",
            }
        )
        for name, (status, config) in trials.items()
    ]
    state = {
        "trial_data": [[one, "{}"] for one in told],
        "runner_data": {"_metric": "loss", "_stopper": {"_type": "CLOUDPICKLE_FALLBACK"}},
        "stats": {"start_time": 1795851639.5},
    }
    (experiment / "experiment_state-2026-11-28_07-40-39.json").write_text(json.dumps(state))
    (experiment / "tuner.pkl").write_bytes(HOSTILE)


HOSTILE = b"cos\nabort\n(tR."
"""Ends the process that unpickles it."""
