"""`python -m tests.simulate.winners`: what is the search's best worth, cheaply said?

Searches of `folded_search`, every trial on a fold in turn. Of each arm's winner, the recipe that
the surface judges best, these are held against the truth:

    judged    what the surface says of it;
    left out  what a surface without the winner's own trials says of it;
    halves    judged, less half of what a surface of half of the trials overstates its own winner
              by, as the surface of the other half has it (four halves);
    three     what the surface says of the three best, on average;
    shrunk    judged, a tenth of the way to the mean of the arm's recipes.

And what a report says that each arm's best recipe is worth (`study.analysis.search.best.Worth`,
which draws half as far, on the surface that has the stopped trials' ends too and is not only its
likeliest form), with how often its intervals hold the truth.
"""

import argparse
import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.analysis import analyse
from study.analysis.maths.basis import build_basis
from study.analysis.maths.effects import SurfaceFit
from study.analysis.search.frames import Frames, tidy
from study.asked.study import arm_name
from tests.simulate.folded_search import searched
from tests.simulate.worlds import World

Array = NDArray[np.float64]


def judge_one(seed: int, trials: int) -> pd.DataFrame:
    """What each way says of the arms' winners beyond their truth, points."""
    rng = np.random.default_rng([seed, trials])
    world, study, validated, tables = searched(rng, seed, "folds", trials)
    frames = tidy(study, *tables)
    full = np.flatnonzero(frames.rows("full"))
    x = frames.x[full]
    truth = _truth(world, frames, full) + validated.offsets.mean()
    judged, halves = _judged(frames, full, x, seed), []
    draw = np.random.default_rng(seed)
    for _ in range(2):
        order = draw.permutation(full)
        one, other = (_judged(frames, rows, x, seed) for rows in np.split(order, [len(full) // 2]))
        halves += [(one, other), (other, one)]
    arms, recipes = (frames.trials[name].to_numpy()[full] for name in ("arm", "config_id"))
    found = []
    for cell in study.arms:
        rows = np.flatnonzero(arms == arm_name(study, cell))
        if not len(rows):
            continue
        best = rows[judged[rows].argmax()]
        others = full[recipes != recipes[best]]
        gaps = [(a[rows] - b[rows])[a[rows].argmax()] for a, b in halves]
        ways = {
            "judged": judged[best],
            "left out": _judged(frames, others, x[[best]], seed)[0],
            "halves": judged[best] - np.mean(gaps) / 2,
            "three": np.sort(judged[rows])[-3:].mean(),
            "shrunk": 0.9 * judged[best] + 0.1 * judged[rows].mean(),
        }
        found.append({way: value - truth[best] for way, value in ways.items()} | {"study": seed})
    return pd.DataFrame(found)


def told_one(seed: int, trials: int) -> pd.DataFrame:
    """What a report says of the arms' best recipes, beside the truth.

    Returns:
        Columns `study, told, best` (beyond the truth of the recipe, points: what it is said to be
        worth, and the arm's best trial), `half_width` (of the interval), `covers`.
    """
    rng = np.random.default_rng([seed, trials])
    world, study, validated, tables = searched(rng, seed, "folds", trials)
    told = analyse(study, *tables, seed=seed)
    rows = told.worth["row"].to_numpy(dtype=np.int64)
    truth = _truth(world, told.frames, rows) + validated.offsets.mean()
    best = told.frames.trials.groupby("arm")["value"].max()
    ends = told.worth[["low", "high"]].to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "study": seed,
            "told": told.worth["estimate"].to_numpy(dtype=float) - truth,
            "best": best[told.worth["arm"]].to_numpy() - truth,
            "half_width": (ends[:, 1] - ends[:, 0]) / 2,
            "covers": (ends[:, 0] <= truth) & (truth <= ends[:, 1]),
        }
    )


def _truth(world: World, frames: Frames, rows: NDArray[np.int64]) -> Array:
    """Points of trials' recipes, without what images add."""
    places = {axis.name: frames.x[rows, i] for i, axis in enumerate(frames.box.axes)}
    # a world in which nothing matters has one value for all
    return np.broadcast_to(world.surface(places), len(rows)).astype(float)


def _judged(frames: Frames, rows: NDArray[np.int64], x: Array, seed: int) -> Array:
    """What the surface of some trials says of recipes, as `search.chosen` makes it."""
    values = frames.trials["value"].to_numpy(dtype=float)[rows]
    fit = SurfaceFit(n_scales=1, n_weights=1)(
        build_basis(frames.box, n_blocks=frames.n_folds),
        frames.x[rows],
        values[:, None],
        np.ones(len(values), dtype=bool),
        np.random.default_rng(seed),
        blocks=frames.folds[rows],
    )
    return np.asarray(fit.at(x)[0])


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """By column: mean over studies with 95 %, and the root of the mean square over arms."""
    by_study = rows.astype(float).groupby("study").mean()
    reach = 1.96 * by_study.std() / np.sqrt(len(by_study))
    squares = np.sqrt((rows.drop(columns="study") ** 2).mean())
    return pd.DataFrame(
        {
            "mean": by_study.mean(), "low": by_study.mean() - reach,
            "high": by_study.mean() + reach, "rms": squares, "studies": len(by_study),
            "arms": len(rows),
        }
    )  # fmt: skip


def main() -> int:
    """Judge the ways; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.winners", description=__doc__)
    parser.add_argument("--studies", type=int, default=105)
    parser.add_argument("--first", type=int, default=0, help="first seed (0)")
    parser.add_argument("--trials", type=int, default=100, help="per study (100)")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.studies)
    for judge in (judge_one, told_one):
        found = summary(pd.concat([judge(seed, asked.trials) for seed in seeds]))
        sys.stdout.write(f"{found.round(3).to_string()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
