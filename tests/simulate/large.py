"""Tables of any size, quickly: random configurations, power-law curves, two thirds stopped."""

import numpy as np
import pandas as pd

from study.analysis.maths.box import build_box
from study.asked.study import Study
from tests.simulate.worlds import World


def large_tables(
    study: Study, world: World, n: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trials and epochs of `n` random configurations, stopped at a third where they are behind."""
    box = build_box(study)
    x = box.sample(n, rng)
    places = {axis.name: x[:, i] for i, axis in enumerate(box.axes)}
    trials = pd.DataFrame({"trial_id": [f"t{i}" for i in range(n)], "number": np.arange(n)})
    for i, axis in enumerate(box.axes):
        if not axis.is_numeric:
            levels = np.array([*axis.factor.levels, None], dtype=object)
            trials[f"config/{axis.name}"] = levels[np.nan_to_num(x[:, i], nan=-1).astype(int)]
            continue
        value = np.full(n, np.nan)
        for interval in axis.intervals:
            here = interval.condition.holds(x)
            value[here] = box.values(i, x[here, i], interval)
        trials[f"config/{axis.name}"] = value
    planned = trials["config/epochs"].astype(int).to_numpy()
    final = world.surface(places) + rng.normal(scale=world.noise, size=n)
    longest = int(planned.max())
    part = np.arange(1, longest + 1)[None, :] / planned[:, None]
    curve = final[:, None] - 6 * (part**-0.6 - 1) + rng.normal(scale=0.5, size=part.shape)
    curve[np.arange(n), planned - 1] = final
    third = np.ceil(planned / 3).astype(int)
    early = curve[np.arange(n), third - 1]
    stopped = (early < np.quantile(early, 2 / 3)) & (np.arange(n) >= study.design_share * n)
    run = np.where(stopped, third, planned)
    trials["origin"] = np.where(np.arange(n) < study.design_share * n, "design", "search")
    trials["status"] = np.where(stopped, "stopped", "completed")
    trials["collapsed"] = False
    trials["epochs_planned"], trials["epochs_run"] = planned, run
    curve = np.clip(curve, 0, 100) / 100
    trials["val_accuracy"] = curve[np.arange(n), run - 1]
    trial, epoch = np.nonzero(np.arange(longest)[None, :] < run[:, None])
    epochs = pd.DataFrame(
        {
            "trial_id": trials["trial_id"].to_numpy()[trial],
            "epoch": epoch + 1,
            "val_accuracy": curve[trial, epoch],
        }
    )
    return trials, epochs
