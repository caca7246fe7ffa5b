"""A plain search as Optuna keeps it, imported: the loss is minimised, and no end is admitted.

What ASHA stopped is told as COMPLETE, as Ray Tune's OptunaSearch tells it; `epochs` is a parameter
like the others; ranges and conditions stand in distributions alone.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, create_trial

from study.asked.factors import Factor, Level
from study.asked.study import Study
from study.folder.folder import Folder
from study.folder.tables import configurations, read_study
from study.imports.folder import Wishes, write_search
from study.imports.optuna_storage import search_of
from tests.simulate.searches import plain_study
from tests.simulate.worlds import World

POINT = 0.01
"""Of an error rate; the smallest effect that counts is a quarter of one, as with accuracy."""


def imported_study(
    study: Study, world: World, rng: np.random.Generator
) -> tuple[Study, pd.DataFrame, pd.DataFrame]:
    """A plain search over `study`: the study that is imported, and its tables."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    theirs = optuna.create_study(direction="minimize")
    theirs.add_trials(told(study, *plain_study(study, world, rng)))
    with TemporaryDirectory() as folder:
        home = Folder(Path(folder) / "theirs")
        write_search(search_of(theirs, "memory"), home, Wishes(smallest=0.25 * POINT))
        tables = read_study(home.path)
    return tables.study, tables.trials, tables.epochs


def told(study: Study, trials: pd.DataFrame, epochs: pd.DataFrame) -> list[FrozenTrial]:
    """Tables of a search as trials of Optuna."""
    curves = {
        name: dict(zip(rows["epoch"] - 1, 1 - rows["val_accuracy"], strict=True))
        for name, rows in epochs.groupby("trial_id")
    }
    found = []
    for name, config in zip(trials["trial_id"], configurations(trials), strict=True):
        there = {f.name: f for f in study.factors if f.exists(config)}
        params = {name: config[name] for name in there}
        ranges = {name: _distribution(f, config) for name, f in there.items()}
        curve = curves[name]
        found.append(
            create_trial(
                params={k: _inside(v, ranges[k]) for k, v in params.items()},
                distributions=ranges,
                intermediate_values=curve,
                value=curve[max(curve)],
            )
        )
    return found


def _inside(value: Level, distribution: BaseDistribution) -> Level:
    """The value as the distribution has it, which rounding may have put just outside."""
    if isinstance(distribution, IntDistribution):
        return int(value)
    if isinstance(distribution, FloatDistribution):
        return min(max(float(value), distribution.low), distribution.high)
    return value


def _distribution(factor: Factor, config: object) -> BaseDistribution:
    if factor.name == "epochs":
        return IntDistribution(low=6, high=12, step=6)
    if factor.levels:
        return CategoricalDistribution(factor.levels)
    applies = factor.range_for(config)  # type: ignore[arg-type]
    assert applies is not None
    return FloatDistribution(low=applies.low, high=applies.high, log=factor.log)
