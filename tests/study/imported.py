"""A search that somebody else ran, as its tables and study file have it."""

from pathlib import Path

import numpy as np
import pandas as pd

from study.folder.folder import Folder

TOML = """\
[study]
metric = "val_loss"
direction = "minimize"
trials = 100
epochs = 9
[imported]
source = "a search by hand"
unit = "nats"
smallest = 0.01
[factors.dropout]
role = "tuned"
low = 0.0
high = 0.5
[factors.net]
role = "tuned"
levels = ["ORG", "mlp"]
[factors.epochs]
role = "tuned"
low = 1
high = 5
whole = true
[factors.rate]
role = "tuned"
log = true
low = 1e-5
high = 1e-1
[factors.momentum]
role = "tuned"
low = 0.5
high = 0.99
when = { net = "mlp" }
[claims.mlp]
text = "The other net is better"
factor = "net"
better = "mlp"
worse = "ORG"
least = 0.02
[claims.rate]
text = "The rate matters more than dropout"
factor = "rate"
more_than = "dropout"
"""
"""Names and levels that no recipe has, or that mean something else there."""


def tables(n: int = 100, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trials drawn at random and their curves; the rate and the net move the loss, little else."""
    rng = np.random.default_rng(seed)
    net = rng.choice(["ORG", "mlp"], n)
    rate, dropout = 10 ** rng.uniform(-5, -1, n), rng.uniform(0, 0.5, n)
    loss = 2 + 0.1 * (net == "ORG") + 0.08 * (np.log10(rate) + 3) ** 2 + rng.normal(0, 0.02, n)
    names = [f"t{i}" for i in range(n)]
    trials = pd.DataFrame(
        {
            "trial_id": names,
            "status": "completed",
            "config/dropout": dropout,
            "config/net": net,
            "config/epochs": rng.integers(1, 6, n),
            "config/rate": rate,
            "config/momentum": np.where(net == "mlp", rng.uniform(0.5, 0.99, n), np.nan),
            "epochs_planned": 9,
            "epochs_run": 9,
            "val_loss": loss,
        }
    )
    curves = [
        {"trial_id": name, "epoch": epoch, "val_loss": end + 1 / epoch}
        for name, end in zip(names, loss, strict=True)
        for epoch in range(1, 10)
    ]
    return trials, pd.DataFrame(curves)


def write(folder: Path, trials: pd.DataFrame, epochs: pd.DataFrame, toml: str = TOML) -> Folder:
    """A study's folder with these tables."""
    home = Folder(folder)
    folder.mkdir(parents=True)
    home.study_file.write_text(toml)
    study = home.read_study()
    home.write_table("trials", trials, study)
    home.write_table("epochs", epochs, study)
    return home
