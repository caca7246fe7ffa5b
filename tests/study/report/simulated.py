"""Plausible tables of a study that nobody ran, for the report's tests."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from study.asked.claims.difference import DifferenceClaim
from study.asked.factors import Factor, Range
from study.asked.study import Study, arm_name
from study.asked.study_file import dump_study
from study.folder.parquet import as_table, read_table, write_table
from study.folder.provenance import claims_hash
from study.folder.tables import StudyTables

MAJORITY = 0.244

FACTORS = (
    Factor(name="variant", role="arm", levels=("org", "bcd")),
    Factor(name="init", role="arm", levels=("scratch", "pretrained")),
    Factor(name="optimizer", role="tuned", levels=("sgd", "adamw")),
    Factor(name="lr", role="tuned", ranges=(Range(low=1e-4, high=0.3),), log=True),
    Factor(name="weight_decay", role="tuned", ranges=(Range(low=1e-5, high=1e-2),), log=True),
    Factor(name="batch_size", role="tuned", levels=(32, 64)),
    Factor(name="zero_gamma", role="tuned", levels=(False, True), when={"init": "scratch"}),
    Factor(name="label_smoothing", role="fixed", levels=(0.0,)),
)


def a_study(factors: tuple[Factor, ...] = FACTORS, **changes: Any) -> Study:
    """A study on drawn faces with one claim."""
    claim = DifferenceClaim(
        name="transfer_helps",
        text="Transfer learning beats training from scratch",
        factor="init",
        better="pretrained",
        worse="scratch",
        least=1.0,
    )
    values: dict[str, Any] = {
        "name": "demo",
        "question": "Does a loaded backbone or a tweaked structure help on drawn faces?",
        "metric": "val_accuracy",
        "trials": 48,
        "epochs": 9,
        "seed": 0,
        "design_share": 0.4,
        "reduction": 3,
        "confirm_seeds": 0,
        "data": "synthetic",
        "size": 32,
        "deduplicate": True,
        "weights": None,
        "pretrain": None,
        "factors": factors,
        "claims": (claim,),
    }
    return Study(**values | changes)


def simulate(study: Study, n: int, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trials and epochs of `n` trials, arms in turn.

    An arm learns up to a peak rate that depends on its factors and collapses to the majority
    class above it; every third search trial is stopped, every seventeenth trial fails.
    """
    rng = np.random.default_rng(seed)
    trials: list[dict[str, Any]] = []
    epochs: list[dict[str, Any]] = []
    for number in range(n):
        config = dict(study.arms[number % len(study.arms)])
        for factor in study.factors:
            if factor.role == "arm" or not factor.exists(config):
                continue
            found = factor.range_for(config)
            if found is None:
                config[factor.name] = factor.levels[rng.integers(len(factor.levels))]
            else:
                low, high = np.log([found.low, found.high])
                config[factor.name] = float(np.exp(rng.uniform(low, high)))
        is_scratch = config.get("init") == "scratch"
        is_design = rng.random() < study.design_share
        rate = float(config.get("lr", 0.01))
        peak = (0.02 if config.get("optimizer") == "sgd" else 0.002) * (2 if is_scratch else 1)
        distance = np.log10(rate / peak)
        is_collapsed = bool(distance > 0.95)
        top = (0.5 if is_scratch else 0.6) - 0.045 * distance**2 + rng.normal(0, 0.012)
        status = "completed"
        planned = study.epochs
        run = planned
        if number % 17 == 16:
            status, run = "failed", int(rng.integers(0, 3))
        elif not is_design and number % 3 == 0:
            status, run = "stopped", max(1, planned // 3)
        values = [
            MAJORITY
            if is_collapsed
            else float(
                np.clip(
                    MAJORITY
                    + (top - MAJORITY) * (1 - np.exp(-2.2 * e / planned)) * 1.12
                    + rng.normal(0, 0.006),
                    0.05,
                    0.95,
                )
            )
            for e in range(1, run + 1)
        ]
        trial_id = f"t{number:05d}"
        best = int(np.argmax(values)) if values else None
        trials.append(
            {
                "trial_id": trial_id,
                "number": number,
                "arm": arm_name(study, config),
                "origin": "design" if is_design else "search",
                "status": status,
                "collapsed": is_collapsed if values else None,
                "seed": 1000 + number,
                **{f"config/{f.name}": config.get(f.name) for f in study.factors},
                "epochs_planned": planned,
                "epochs_run": run,
                "val_accuracy": values[-1] if values and status != "failed" else None,
                "best_val_accuracy": None if best is None else values[best],
                "best_epoch": None if best is None else best + 1,
                "error": "DivergedError: loss is NaN at step 12" if status == "failed" else None,
            }
        )
        epochs += [
            {"trial_id": trial_id, "epoch": e, "learning_rate": rate, "val_accuracy": value}
            for e, value in enumerate(values, start=1)
        ]
    return pd.DataFrame(trials), pd.DataFrame(
        epochs, columns=["trial_id", "epoch", "val_accuracy"]
    )


def provenance(*, finished: bool = True) -> dict[str, Any]:
    """A `study.json` as the run writes it."""
    classes = {c: n for c, n in zip("abcdefgh", (90, 70, 80, 183, 120, 90, 70, 47), strict=True)}
    return {
        "study": "demo",
        "command": "python -m study.run demo --trials 48",
        "versions": {"python": "3.11.9", "torch": "2.14.1"},
        "machine": {"system": "Linux-6.1", "cpu": "a CPU", "cores": 2},
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
        "data": {
            "path": "synthetic",
            "fingerprint": "5f" * 16,
            "summary": {
                "layout": "family csv",
                "root": "synthetic",
                "size": 32,
                "images": {"train": 750, "val": 250},
                "classes": {"train": classes, "val": {c: n // 3 for c, n in classes.items()}},
                "absent_classes": {"train": [], "val": []},
                "majority": {"train": 0.244, "val": MAJORITY},
                "persons": {"train": 150, "val": 50},
                "families": {"train": 40, "val": 14},
                "quarantined": {
                    "bad": 1,
                    "set_aside": 2,
                    "first": [
                        {
                            "image_path": "train_images/F0001_<b>x</b>.jpg",
                            "where": "custom_train_dataset.csv, row 12",
                            "reason": "cannot be decoded",
                        }
                    ],
                },
                "duplicates": {"removed": True, "copies": 12, "conflicting_images": 2},
                "leaks": {"train-val": {"same_content": 3, "same_person": 0}},
                "splits": {"how": "the data set's own splits"},
            },
        },
        "claims_hash": claims_hash(a_study()),
        "started_at": "2026-01-02T03:04:05+00:00",
        "ended_at": "2026-01-02T03:09:05+00:00" if finished else None,
        "finished": finished,
        "sessions": [],
    }


def written(
    folder: Path, study: Study, trials: pd.DataFrame, epochs: pd.DataFrame, known: dict[str, Any]
) -> Path:
    """A results folder with these tables, before the analysis; returns it."""
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(dump_study(study))
    (folder / "study.json").write_text(json.dumps(known))
    path = folder / "trials.parquet"
    write_table(path, trials, "trials", study_name=study.name, factors=study.factors)
    write_table(folder / "epochs.parquet", epochs, "epochs", study_name=study.name)
    return folder


def tables_of(
    folder: Path,
    study: Study,
    trials: pd.DataFrame,
    epochs: pd.DataFrame,
    **others: Any,
) -> StudyTables:
    """Tables as `read_study` gives them, but of any study, also one that no file may hold."""
    path = folder / "table.parquet"
    write_table(path, trials, "trials", study_name="x", factors=study.factors)
    typed_trials = read_table(path, "trials", factors=study.factors)
    write_table(path, epochs, "epochs", study_name="x")
    typed_epochs = read_table(path, "epochs")
    return StudyTables(
        folder=folder, study=study, trials=typed_trials, epochs=typed_epochs, **others
    )


def trial(number: int, **values: Any) -> dict[str, Any]:
    """One completed trial of the only arm of `a_study(LR_ONLY)`."""
    row = {
        "trial_id": f"t{number}",
        "number": number,
        "arm": "all",
        "status": "completed",
        "collapsed": False,
        "epochs_planned": 2,
        "epochs_run": 2,
        "val_accuracy": 0.5,
        "config/lr": 0.01,
    }
    return row | values


LR_ONLY = (Factor(name="lr", role="tuned", ranges=(Range(low=1e-4, high=1.0),), log=True),)
NO_EPOCHS = pd.DataFrame(columns=["trial_id", "epoch"])


def simplest_frame(arm: str = "org-pretrained") -> pd.DataFrame:
    """`simplest` of these factors: two moves and one factor that stays; an arm untold."""
    best: dict[str, Any] = {"variant": "org", "init": "pretrained", "optimizer": "sgd"}
    best |= {"lr": 0.01, "weight_decay": 0.002, "batch_size": 32}
    first, second = best | {"batch_size": 64}, best | {"batch_size": 64, "weight_decay": 5e-4}
    head = {"arm": arm, "trial_id": "t00009", "margin": 1.0, "sure": 0.9, "n_trials": 40}
    rows: list[dict[str, Any]] = [
        {"outcome": "start", "step": 0, "recipe": best, **_loss(0, 0, 0, 1)},
        {"outcome": "moved", "step": 1, "factor": "batch_size", "before": "32", "after": "64",
         "recipe": first, **_loss(-0.1, -0.5, 0.3, 1.0)},
        {"outcome": "moved", "step": 2, "factor": "weight_decay", "before": "0.002",
         "after": "0.0005", "recipe": second, **_loss(0.4, -0.2, 0.9, 0.96)},
        {"outcome": "kept", "factor": "lr", "before": "0.01", "after": "0.003",
         "reason": "within 1 point with probability 0.30", **_loss(1.6, 0.1, 3.2, 0.3)},
    ]  # fmt: skip
    for row in rows:
        if "recipe" in row:
            row["recipe"] = json.dumps(row["recipe"])
    untold = {
        "arm": "bcd-scratch",
        "outcome": "untold",
        "margin": 1.0,
        "sure": 0.9,
        "n_trials": 40,
    }
    untold["reason"] = "3 full-length trials in the arm (at least 8 are needed)"
    return as_table(pd.DataFrame([*({**head, **row} for row in rows), untold]), "simplest")


def _loss(estimate: float, low: float, high: float, probability: float) -> dict[str, float]:
    return {"estimate": estimate, "low": low, "high": high, "probability": probability}
