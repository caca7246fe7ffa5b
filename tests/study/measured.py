"""A study of a function whose fresh seeds, and settling, are on disk: one score a training."""

from pathlib import Path

import numpy as np
import pandas as pd

from study.folder.folder import Folder

TOML = """\
[study]
name = "mine"
trainable = "mine:train"
metric = "loss"
direction = "minimize"
unit = "nats"
smallest = 0.02
trials = 40
epochs = 3
[factors.net]
role = "arm"
levels = ["deep", "wide"]
[factors.rate]
role = "tuned"
log = true
low = 0.001
high = 1.0
[factors.momentum]
role = "tuned"
levels = [0.0, 0.9]
[claims.deep]
text = "Deep nets lose less"
factor = "net"
better = "deep"
worse = "wide"
least = 0.05
[claims.momentum]
text = "Momentum helps"
factor = "momentum"
better = 0.9
worse = 0.0
least = 0.02
"""
"""Of a loss that is 0.2 nats lower in deep nets and moved by the rate."""

SHARE = TOML.replace('"loss"\ndirection = "minimize"\nunit = "nats"\nsmallest = 0.02', (
    '"accuracy"\nunit = "share"'
)).replace("least = 0.05", "least = 5.0").replace("least = 0.02", "least = 2.0")  # fmt: skip
FOLDED = TOML.replace("trials = 40", 'examples = "mine:examples"\ntrials = 40') + (
    "[folds]\nk = 5\nsearch = false\n"
)


def loss(net: str, rate: float) -> float:
    """Its mean."""
    return 1.0 - 0.2 * (net == "deep") + 0.03 * (np.log10(rate) + 1.5) ** 2


def write(folder: Path, toml: str = TOML, *, seeds: int = 4, failed: int = 0) -> Folder:
    """A folder with a search of 40 random trials and, of `seeds` fresh ones, confirmed arms.

    Args:
        folder: Made.
        toml: The study file.
        seeds: Of each arm; 0: nothing is confirmed.
        failed: How many trainings of `wide` diverged.
    """
    folder.mkdir(parents=True)
    home = Folder(folder)
    home.study_file.write_text(toml)
    study = home.read_study()
    rng = np.random.default_rng(24)
    sign = 1.0 if study.measure.is_minimised else -1.0

    def score(net: str, rate: float) -> float:
        of_loss = loss(net, rate) + rng.normal(0, 0.02)
        return of_loss if sign > 0 else 1.5 - of_loss

    trials, epochs = [], []
    for number in range(study.trials):
        net, rate = ("deep", "wide")[number % 2], 10 ** rng.uniform(-3, 0)
        end = score(net, rate)
        trials.append(
            {
                "trial_id": f"t{number}", "number": number, "arm": net, "origin": "design",
                "status": "completed", "seed": number, "config/net": net, "config/rate": rate,
                "config/momentum": rng.choice([0.0, 0.9]), "config/epochs": 3,
                "epochs_planned": 3, "epochs_run": 3, study.metric: end, "train_seconds": 3.0,
            }
        )  # fmt: skip
        epochs += [
            {"trial_id": f"t{number}", "epoch": n, study.metric: end + sign * (3 - n) / 10}
            for n in (1, 2, 3)
        ]
    home.write_table("trials", pd.DataFrame(trials), study)
    home.write_table("epochs", pd.DataFrame(epochs), study)
    models = []
    for seed in range(seeds):
        for fold in range(5) if study.folds else [None]:
            for net in ("deep", "wide"):
                is_lost = net == "wide" and len(models) < 2 * failed
                part = f"seed{seed}" if fold is None else f"seed{seed}-fold{fold}"
                models.append(
                    {
                        "arm": net, "seed": seed, "model": f"{net}-{part}",
                        "trial_id": {"deep": "t0", "wide": "t1"}[net],
                        "status": "failed" if is_lost else "completed", "epochs_planned": 3,
                        "epochs_run": 1 if is_lost else 3, "fold": fold,
                        "search_value": score(net, 0.03) - sign * 0.02,
                        "search_best_value": score(net, 0.03) - sign * 0.03,
                        "error": "loss became nan" if is_lost else None,
                        study.metric: None if is_lost else score(net, 0.03),
                    }
                )  # fmt: skip
    if models:
        home.write_table("confirm", pd.DataFrame(models), study)
    return home
