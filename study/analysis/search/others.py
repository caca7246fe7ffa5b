"""Other people's numbers beside ours, each with the question that it answers.

None has an interval that covers on adaptively sampled, early-stopped trials, so they carry none.
They are shown because readers know them. Nothing else in the analysis loads Optuna.
"""

import contextlib
import warnings
from typing import Any

import numpy as np
import pandas as pd

from study.analysis.search.frames import Frames

COLUMNS = ["method", "factor", "share", "answers", "n_trials", "n_full"]

FANOVA = "share of the variance of a random forest's prediction, trials as sampled (fANOVA)"
PED_ANOVA = "where the best 10 % of the trials lie, not what makes them good (PED-ANOVA)"

FOREST = {"n_trees": 32, "max_depth": 6}
"""Optuna's 64 trees without limit of depth agree within 0.06 per share and take minutes at 2,000
trials, for their cost grows with the square of the leaves."""


def other_importances(frames: Frames, *, seed: int, most: int = 2000) -> pd.DataFrame:
    """FANOVA (where scikit-learn is installed) and PED-ANOVA of the full-length trials.

    Factors that do not exist everywhere in the box are left out, since neither method takes them.

    Args:
        frames: The study's trials.
        seed: Of the forest and of the sub-sample.
        most: Above so many full-length trials, so many drawn at random are looked at.

    Returns:
        Columns `method, factor, share` (0..1, sums to 1 per method), `answers, n_trials` (looked
        at), `n_full` (there are). Empty where the trials tell nothing of factors.
    """
    # imported here: Optuna takes a second to load and nothing else in the analysis needs it
    import optuna
    from optuna.importance import (
        BaseImportanceEvaluator,
        FanovaImportanceEvaluator,
        PedAnovaImportanceEvaluator,
    )

    full = np.flatnonzero(frames.rows("full"))
    rng = np.random.default_rng(seed)
    if frames.untold is not None:
        return pd.DataFrame(columns=COLUMNS)
    rows = np.sort(rng.choice(full, most, replace=False)) if len(full) > most else full
    always = [i for i, axis in enumerate(frames.box.axes) if axis.share == 1]
    numbers = _shared(optuna.distributions.FloatDistribution)
    levels = _shared(optuna.distributions.CategoricalDistribution)
    space: dict[str, optuna.distributions.BaseDistribution] = {}
    for i in always:
        axis = frames.box.axes[i]
        if axis.is_numeric:
            space[axis.name] = numbers(0.0, 1.0)
        else:
            space[axis.name] = levels(list(range(len(axis.factor.levels))))
    values = frames.trials["value"].to_numpy(dtype=float)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    records: list[dict[str, object]] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study = optuna.create_study(direction="maximize")
            for row in rows:
                params = {
                    frames.box.axes[i].name: (
                        float(np.clip(frames.x[row, i], 0, 1))
                        if frames.box.axes[i].is_numeric
                        else int(frames.x[row, i])
                    )
                    for i in always
                }
                study.add_trial(
                    optuna.trial.create_trial(
                        params=params, distributions=space, value=float(values[row])
                    )
                )
            evaluators: list[tuple[str, str, BaseImportanceEvaluator]] = [
                ("PED-ANOVA", PED_ANOVA, PedAnovaImportanceEvaluator())
            ]
            with contextlib.suppress(ImportError):  # scikit-learn is a test dependency only
                evaluators.insert(
                    0, ("fANOVA", FANOVA, FanovaImportanceEvaluator(seed=seed, **FOREST))
                )
            for method, answers, evaluator in evaluators:
                found = optuna.importance.get_param_importances(study, evaluator=evaluator)
                for name, share in found.items():
                    records.append(
                        {
                            "method": method,
                            "factor": name,
                            "share": float(share),
                            "answers": answers,
                            "n_trials": len(rows),
                            "n_full": len(full),
                        }
                    )
    finally:
        optuna.logging.set_verbosity(verbosity)
    return pd.DataFrame(records, columns=COLUMNS)


def _shared(kind: type[Any]) -> type[Any]:
    """A distribution of which trials hold one and the same: Optuna copies each trial deeply."""
    return type(kind.__name__, (kind,), {"__deepcopy__": lambda self, memo: self})
