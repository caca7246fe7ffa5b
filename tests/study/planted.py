"""A results folder of four trials and one confirmed model with values chosen by hand."""

from pathlib import Path

import pandas as pd

from study.asked.study_file import load_study
from study.folder.parquet import write_table

STUDY = """
[study]
name = "planted"
question = "Is it all there?"
metric = "val_accuracy"
trials = 4
epochs = 2
[data]
path = "synthetic"
size = 32
[weights]
source = "torchvision:IMAGENET1K_V2"
[factors.init]
role = "arm"
levels = ["scratch", "pretrained"]
[factors.lr]
role = "tuned"
low = 0.001
high = 0.1
log = true
[factors.zero_gamma]
role = "tuned"
levels = [false, true]
when = { init = "scratch" }
"""

START = pd.Timestamp("2026-01-02T03:04:05Z")


def write_planted(folder: Path) -> Path:
    """Write it; returns the folder."""
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY)
    (folder / "study.json").write_text('{"ended_at": "2026-01-03T00:00:00+00:00"}')
    study = load_study(folder / "study.toml")
    statuses = ("completed", "failed", "stopped", "interrupted")
    trials = pd.DataFrame(
        {
            "trial_id": [f"t{n:05}" for n in range(4)],
            "number": range(4),
            "arm": ["scratch", "pretrained"] * 2,
            "origin": ["design", "design", "search", "search"],
            "status": statuses,
            "collapsed": [False, None, True, None],
            "seed": [11, 12, 13, 14],
            "config/init": ["scratch", "pretrained"] * 2,
            "config/lr": [0.01, 0.02, 0.03, 0.04],
            "config/zero_gamma": [True, None, False, None],
            "epochs_planned": [2] * 4,
            "epochs_run": [2, 0, 1, 1],
            "val_accuracy": [0.5, None, 0.25, 0.375],
            "best_val_accuracy": [0.75, None, 0.25, 0.375],
            "best_epoch": [1, None, 1, 1],
            "error": [None, "loss is NaN", None, None],
            "started_at": [START + pd.Timedelta(minutes=n) for n in range(4)],
            "ended_at": [START + pd.Timedelta(minutes=n, seconds=30) for n in range(3)] + [None],
            "device": "cpu",
        }
    )
    epochs = pd.DataFrame(
        {
            "trial_id": ["t00000", "t00000", "t00002", "t00003"],
            "epoch": [1, 2, 1, 1],
            "learning_rate": [0.01, 0.005, 0.03, 0.04],
            "train_loss": [2.0, 1.5, 2.25, float("nan")],
            "val_accuracy": [0.75, 0.5, 0.25, 0.375],
            "seconds": [10.0, 12.0, 9.0, 8.0],
        }
    )
    confirm = pd.DataFrame(
        {
            "arm": ["scratch"],
            "seed": [99],
            "model": ["scratch-seed99"],
            "trial_id": ["t00000"],
            "status": ["completed"],
            "epochs_planned": [2],
            "epochs_run": [2],
            "temperature": [1.25],
            "val_accuracy": [0.4375],
            "test_accuracy": [0.4],
        }
    )
    write_table(
        folder / "trials.parquet", trials, "trials", study_name="planted", factors=study.factors
    )
    write_table(folder / "epochs.parquet", epochs, "epochs", study_name="planted")
    write_table(folder / "confirm.parquet", confirm, "confirm", study_name="planted")
    return folder
