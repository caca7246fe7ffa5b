"""Which configuration of each arm is confirmed: by a rule that allows for noise.

The best trial of a search is best partly by luck, the more so the more trials there were. So a
configuration is judged by what its neighbours did as well: by the posterior mean of the response
surface over all full-length trials or, where too few support one, by its own value and those
nearest to it. Values are those after the last epoch, never of the best epoch; only trials that
ran to their end may be chosen.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from study.analysis.maths.basis import build_basis
from study.analysis.maths.box import Array
from study.analysis.maths.effects import SurfaceFit
from study.analysis.search.frames import Frames, tidy
from study.asked.factors import Level
from study.asked.study import Study, arm_name, complete

NEIGHBOURS: Final = 2

RULES: Final = {
    "surface": "the highest posterior mean of the response surface over all full-length trials",
    "neighbours": (
        "the highest final value, drawn halfway to the mean of the trial and the "
        f"{NEIGHBOURS} most similar ones of its arm (too few trials for a surface)"
    ),
    "collapsed": "the highest final value; every full-length trial of the arm collapsed",
}
"""By name, how an arm's configuration was chosen among its full-length trials."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An arm's configuration for the confirm stage.

    Attributes:
        arm: The arm's name.
        cell: The arm factors' levels.
        config: Level per existing factor.
        trial_id: First trial that ran this configuration.
        rule: A key of `RULES`.
        n_candidates: Distinct configurations that it was chosen from.
        judged: What the rule says of it, points of the study's metric.
        value: Final value of that trial in the search, points; where trials were validated on
            folds, less what the surface holds for the trial's fold.
        best_value: Highest such value of any trial of the arm, points.
    """

    arm: str
    cell: dict[str, Level]
    config: dict[str, Level]
    trial_id: str
    rule: str
    n_candidates: int
    judged: float
    value: float
    best_value: float


def choose(
    study: Study, trials: pd.DataFrame, epochs: pd.DataFrame, *, seed: int
) -> tuple[Choice, ...]:
    """The configuration of each arm that has a trial which ran to its end, in the arms' order.

    Args:
        study: The study file.
        trials: As `trials.parquet`.
        epochs: As `epochs.parquet`.
        seed: Of the surface's draws.
    """
    frames = tidy(study, trials, epochs)
    surface, of_folds = _surface_means(frames, seed)
    values = frames.trials[["value", "last"]].sub(of_folds, axis=0)
    frames = replace(frames, trials=frames.trials.assign(**values))
    found = []
    for cell in study.arms:
        name = arm_name(study, cell)
        # a scout ended too, but at a length of its own
        is_own = (frames.trials["arm"] == name) & (frames.trials["origin"] != "scout")
        rows = np.flatnonzero(is_own)
        outcome = frames.trials["outcome"].to_numpy()
        is_done = (trials["status"] == "completed").to_numpy(dtype=bool)
        full = rows[(outcome[rows] == "full") & is_done[rows]]
        if len(full):
            judged, rule = surface[full], "surface"
            is_known = ~np.isnan(judged)
            if is_known.any():
                full, judged = full[is_known], judged[is_known]
            else:
                judged, rule = _with_neighbours(frames, full), "neighbours"
        else:
            full = rows[(outcome[rows] == "collapsed") & is_done[rows]]
            if not len(full):
                continue
            judged, rule = frames.trials["last"].to_numpy(dtype=float)[full], "collapsed"
        found.append(_choice(frames, trials, cell, full, judged, rule))
    return tuple(found)


def _choice(
    frames: Frames,
    trials: pd.DataFrame,
    cell: dict[str, Level],
    rows: np.ndarray,
    judged: Array,
    rule: str,
) -> Choice:
    # of trials judged alike, as repeats are, the first one
    order = np.lexsort((frames.trials["number"].to_numpy(dtype=float)[rows], -judged))
    best = int(rows[order[0]])
    last = frames.trials["last"].to_numpy(dtype=float)
    config = {
        factor.name: value
        for factor in frames.study.factors
        if factor.name in frames.configs
        and not pd.isna(value := frames.configs[factor.name].tolist()[best])
    }
    return Choice(
        arm=arm_name(frames.study, cell),
        cell=cell,
        config=complete(frames.study, config),
        trial_id=str(trials["trial_id"].iloc[best]),
        rule=rule,
        n_candidates=int(frames.trials["config_id"].iloc[rows].nunique()),
        judged=float(judged[order[0]]),
        value=float(last[best]),
        best_value=float(last[rows].max()),
    )


def _surface_means(frames: Frames, seed: int) -> tuple[Array, Array]:
    """Posterior mean (n,) at each full-length trial in the box; NaN elsewhere or without a fit.

    And what the trial's fold adds to its points (n,), 0 where nothing is known of folds. Stopped
    trials, which may not be chosen, do not enter.
    """
    means, of_folds = np.full(len(frames.trials), np.nan), np.zeros(len(frames.trials))
    full = frames.rows("full")
    if frames.untold is not None or not frames.box.axes:
        return means, of_folds
    basis = build_basis(frames.box, n_blocks=frames.n_folds)
    value = frames.trials["value"].to_numpy(dtype=float)[full]
    surface = SurfaceFit(n_scales=1, n_weights=1)(
        basis,
        frames.x[full],
        value[:, None],
        np.ones(len(value), dtype=bool),
        np.random.default_rng(seed),
        blocks=frames.folds[full],
    )
    means[full] = surface.at(frames.x[full])[0]
    return means, surface.of_blocks(frames.folds)


def _with_neighbours(frames: Frames, rows: np.ndarray) -> Array:
    """Half a trial's final value, half the mean of it and the most similar of the same rows.

    Similar: small squared distance in box coordinates; another level, or a factor that only one
    of two has, counts 1.
    """
    value = frames.trials["value"].to_numpy(dtype=float)[rows]
    x = frames.x[rows]
    apart = np.zeros((len(rows), len(rows)))
    for i, axis in enumerate(frames.box.axes):
        gap = np.abs(x[:, None, i] - x[None, :, i])
        if not axis.is_numeric:
            gap = (gap > 0).astype(float)
        missing = np.isnan(x[:, i])
        gap = np.where(missing[:, None] & missing[None, :], 0.0, gap)
        apart += np.where(missing[:, None] != missing[None, :], 1.0, gap) ** 2
    np.fill_diagonal(apart, -1.0)  # itself first
    near = np.argsort(apart, axis=1, kind="stable")[:, : NEIGHBOURS + 1]
    return np.asarray((value + value[near].mean(axis=1)) / 2)
