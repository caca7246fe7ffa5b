"""`python -m tests.bench.peers NAME FOLDER …`: what a user would write instead, as a process.

Prints one line of JSON: images trained on and peak memory. `ray` is Ray Tune's function form as in
its PyTorch tutorial, a fresh process per trial; `optuna` is `study.optimize` with its median
pruner; `notebook` is a for loop over configurations, as the earlier study's notebooks had it.
"""

import argparse
import json
import os
import random
import resource
import sys
from pathlib import Path
from typing import Any

from agecls.machine import cores

WORKERS = 2
"""Of each data loader, as the tutorials have it; more where there are more cores a trial."""


def notebook(asked: argparse.Namespace) -> dict[str, float]:
    """One after the other in this process, with all its threads."""
    from tests.bench.peer_loop import train

    rng = random.Random(0)
    trained = 0
    for _ in range(asked.trials):
        config = {"lr": 10 ** rng.uniform(-2, -1), "weight_decay": 10 ** rng.uniform(-5, -3)}
        trained += train(asked.folder, config, report=lambda epoch, value: False, **_size(asked))
    return {"images": trained, "peak_mib": _peak_mib()}


def optuna(asked: argparse.Namespace) -> dict[str, float]:
    """TPE and the median pruner; images of pruned trials count as far as they were trained."""
    import optuna as library

    from tests.bench.peer_loop import train

    library.logging.set_verbosity(library.logging.WARNING)
    trained = 0

    def objective(trial: Any) -> float:
        nonlocal trained
        config = {
            "lr": trial.suggest_float("lr", 1e-2, 1e-1, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-5, 1e-3, log=True),
        }
        values: list[float] = []

        def report(epoch: int, value: float) -> bool:
            values.append(value)
            trial.report(value, epoch)
            return bool(trial.should_prune()) and epoch < asked.epochs

        trained += train(asked.folder, config, report=report, **_size(asked))
        if len(values) < asked.epochs:
            raise library.TrialPruned
        return values[-1]

    study = library.create_study(
        direction="maximize",
        sampler=library.samplers.TPESampler(seed=0),
        pruner=library.pruners.MedianPruner(),
    )
    study.optimize(objective, n_trials=asked.trials)
    return {"images": trained, "peak_mib": _peak_mib()}


def ray(asked: argparse.Namespace) -> dict[str, float]:
    """One CPU or a share of a GPU a trial, as many at a time as fit; FIFO: none is stopped."""
    import ray as library
    from ray import tune

    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    library.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    asked.folder = asked.folder.absolute()
    sizes = _size(asked)

    def trainable(config: dict[str, Any]) -> None:
        from tests.bench.peer_loop import train

        def report(epoch: int, value: float) -> bool:
            tune.report({"val_accuracy": value, "peak_mib": _peak_mib(), "images": 0})
            return False

        images = train(asked.folder, config, report=report, **sizes)
        tune.report({"val_accuracy": 0.0, "peak_mib": _peak_mib(), "images": images})

    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1, "gpu": asked.gpus_per_trial}),
        param_space={
            "lr": tune.loguniform(1e-2, 1e-1),
            "weight_decay": tune.loguniform(1e-5, 1e-3),
        },
        tune_config=tune.TuneConfig(
            num_samples=asked.trials, metric="val_accuracy", mode="max", reuse_actors=False
        ),
        run_config=tune.RunConfig(verbose=0, storage_path=str(asked.scratch.absolute())),
    )
    frame = tuner.fit().get_dataframe()
    library.shutdown()
    return {"images": float(frame["images"].sum()), "peak_mib": float(frame["peak_mib"].max())}


PEERS = {"ray": ray, "optuna": optuna, "notebook": notebook}


def _size(asked: argparse.Namespace) -> dict[str, Any]:
    return {
        "size": asked.size,
        "epochs": asked.epochs,
        "batch": asked.batch,
        "workers": max(WORKERS, cores() // asked.at_once),
        "device": "cuda" if asked.gpus_per_trial else "cpu",
    }


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run one peer."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("folder", type=Path, help="faces in the family layout")
    parser.add_argument("--scratch", type=Path, required=True)
    for name in ("size", "trials", "epochs", "batch"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--at-once", type=int, default=1, help="trials; only Ray's run so")
    parser.add_argument("--gpus-per-trial", type=float, default=0.0)
    asked = parser.parse_args()
    sys.stdout.write("\n" + json.dumps(PEERS[asked.peer](asked)) + "\n")


if __name__ == "__main__":
    main()
