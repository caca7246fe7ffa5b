"""A small study with a conditional factor and a range that depends on another factor."""

import numpy as np
import pandas as pd
import pytest

from study.analysis import Analysis, analyse
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.equivalence import EquivalenceClaim
from study.asked.claims.importance import ImportanceClaim
from study.asked.factors import Factor, Range
from study.asked.study import Study


def small_study(*factors: Factor, epochs: int = 9, **changes: object) -> Study:
    given: dict[str, object] = {
        "name": "small",
        "question": "",
        "metric": "val_accuracy",
        "trials": 40,
        "epochs": epochs,
        "seed": 0,
        "design_share": 1.0,
        "reduction": 3,
        "confirm_seeds": 0,
        "data": "synthetic",
        "size": 32,
        "deduplicate": True,
        "weights": None,
        "pretrain": None,
        "factors": factors,
        "claims": (),
    }
    return Study(**(given | changes))  # type: ignore[arg-type]


INIT = Factor(name="init", role="arm", levels=("scratch", "pretrained"))
RATE = Factor(
    name="lr",
    role="tuned",
    log=True,
    ranges=(
        Range(low=1e-2, high=1.0, when={"init": "scratch"}),
        Range(low=1e-4, high=1e-2, when={"init": "pretrained"}),
    ),
)
GAMMA = Factor(name="zero_gamma", role="tuned", levels=(False, True), when={"init": "scratch"})
LOSS = Factor(name="loss", role="tuned", levels=("ce", "focal", "corn"))


@pytest.fixture
def study() -> Study:
    return small_study(INIT, RATE, GAMMA, LOSS)


@pytest.fixture(scope="package")
def planted() -> Analysis:
    """The analysis of 120 planted trials, with a claim of each form."""
    claims = (
        DifferenceClaim(
            name="init", text="", factor="init", better="pretrained", worse="scratch", least=1.0
        ),
        EquivalenceClaim(name="loss", text="", factor="loss", equal=("ce", "corn"), within=1.5),
        ImportanceClaim(name="lr", text="", factor="lr", more_than="loss"),
        ImportanceClaim(name="fixed", text="", factor="lr", more_than="batch_size"),
    )
    study = small_study(INIT, RATE, GAMMA, LOSS, claims=claims)
    trials = planted_trials(120, np.random.default_rng(5))
    return analyse(study, trials, NO_EPOCHS, seed=1)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


def full_trials(configs: pd.DataFrame, points: np.ndarray, *, epochs: int = 9) -> pd.DataFrame:
    """Completed design trials with these configurations and final points."""
    n = len(configs)
    frame = pd.DataFrame(
        {
            "trial_id": [f"t{i}" for i in range(n)],
            "number": range(n),
            "origin": "design",
            "status": "completed",
            "collapsed": False,
            "epochs_planned": epochs,
            "epochs_run": epochs,
            "val_accuracy": points / 100,
        }
    )
    return pd.concat([frame, configs.add_prefix("config/")], axis=1)


def planted_trials(n: int, rng: np.random.Generator, *, noise: float = 0.5) -> pd.DataFrame:
    """Design trials with known effects in points.

    Mean 50; pretrained minus scratch 4; lr linear in its place u with slope 6; zero_gamma true
    minus false 3 where it exists; init × lr: slope 2 higher for pretrained, 2 lower for scratch;
    loss: nothing.
    """
    init = np.arange(n) % 2
    u = (rng.permutation(n) + 0.5) / n
    gamma = rng.permutation(np.arange(n) // 2) % 2
    loss = rng.permutation(n) % 3
    points = 50 + 4 * (init - 0.5) + 6 * (u - 0.5) + 4 * (init - 0.5) * (u - 0.5)
    points += np.where(init == 0, 3 * (gamma - 0.5), 0) + rng.normal(scale=noise, size=n)
    low = np.where(init == 0, -2.0, -4.0)
    configs = pd.DataFrame(
        {
            "init": np.array(["scratch", "pretrained"])[init],
            "lr": 10 ** (low + 2 * u),
            "zero_gamma": pd.array(np.where(init == 0, gamma == 1, None), dtype="boolean"),
            "loss": np.array(["ce", "focal", "corn"])[loss],
        }
    )
    return full_trials(configs, points)


TRUE_VARIANCE = {
    ("init",): 4.0,
    ("lr",): 3.0,
    ("zero_gamma",): 2.25 / 2,
    ("loss",): 0.0,
    ("init", "lr"): 4.0 / 12,
}
"""Of `planted_trials` over the box, squared points."""


NO_EPOCHS = pd.DataFrame({"trial_id": [], "epoch": [], "val_accuracy": []})
