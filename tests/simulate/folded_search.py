"""`python -m tests.simulate.folded_search`: what a fold a trial does to a search.

Every set of validation images flatters some recipes: by an offset that all share, by a part that
follows the factors, and by one of each configuration's own. With one split all trials share it,
so no interval knows of it and the winner is chosen for it. Here the same worlds are searched on
one split of 35 clusters, and on five folds of 38 in turn.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.analysis import analyse
from study.analysis.search.chosen import choose
from study.asked.study import Study
from tests.simulate.judge import score, summarise
from tests.simulate.searches import designed_study
from tests.simulate.worlds import FACTORS, KINDS, World, draw_world, make_study

Array = NDArray[np.float64]
Way = Literal["split", "folds", "design"]
WAYS: Final[tuple[Way, ...]] = ("split", "folds", "design")
"""One split for all trials; every trial a fold in turn; those of the design alone, the searched
ones all on the first fold."""

OFFSET, ALIKE, OWN = 2.0, 0.3, 0.3
"""Sds in points over sets of images: what all recipes share, what follows the factors, and what is
a configuration's own. The last two together are 0.42 a recipe, 0.6 a difference, as on 35
clusters of real faces."""


@dataclass
class Validated:
    """What sets of validation images add to the truth.

    Attributes:
        way: How trials are given sets.
        k: Sets.
        rng: Of the sets.
    """

    way: Way
    rng: np.random.Generator
    k: int = 5
    own: dict[tuple[bytes, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.offsets = self.rng.normal(scale=OFFSET, size=self.k)
        slopes = self.rng.normal(size=(self.k, len(FACTORS)))
        self.slopes = slopes * ALIKE / np.sqrt(len(FACTORS) / 12)  # a uniform's variance is 1/12

    def fold(self, number: int, origin: str) -> int:
        """The set of a trial."""
        if self.way == "split" or (self.way == "design" and origin == "search"):
            return 0
        return number % self.k

    def added(self, x: Array, fold: int) -> float:
        """Points that a set adds to a configuration (axes,)."""
        own = self.own.setdefault((x.tobytes(), fold), float(self.rng.normal(scale=OWN)))
        return float(self.offsets[fold] + np.nan_to_num(x - 0.5) @ self.slopes[fold]) + own


def searched(
    rng: np.random.Generator, seed: int, way: Way, trials: int
) -> tuple[World, Study, Validated, tuple[pd.DataFrame, pd.DataFrame]]:
    """A world, a study of it and its images, and the trials and epochs that come of it."""
    world = draw_world(KINDS[seed % len(KINDS)], rng)
    study = make_study(trials=trials, design_share=0.45, seed=seed)
    validated = Validated(way, np.random.default_rng([seed, trials, 1]))
    return world, study, validated, designed_study(study, world, rng, validated=validated)


def judge_one(seed: int, way: Way, trials: int) -> tuple[dict[str, float], list[pd.DataFrame]]:
    """Optimism of the search's best, and the answers beside the truth."""
    rng = np.random.default_rng([seed, trials])
    world, study, validated, tables = searched(rng, seed, way, trials)
    analysis = analyse(study, *tables, seed=seed)
    frames, base = analysis.frames, float(validated.offsets.mean())
    names = [axis.name for axis in frames.box.axes]
    where = {t: n for n, t in enumerate(frames.trials["trial_id"])}
    if way == "split":
        base = float(validated.offsets[0])  # what all share is nobody's merit
    gaps: dict[str, list[float]] = {
        "best trial, of the chosen": [],
        "chosen trial": [],
        "judged": [],
        "true": [],
    }
    for choice in choose(study, *tables, seed=seed):
        x = frames.x[where[choice.trial_id]]
        truth = float(world.surface({n: x[None, i] for i, n in enumerate(names)})[0]) + base
        gaps["true"].append(truth - base)
        gaps["judged"].append(choice.judged - truth)
        gaps["chosen trial"].append(choice.value - truth)
        gaps["best trial, of the chosen"].append(choice.best_value - truth)
    scored = score(analysis, world, rng)
    for frame in (scored.factors, scored.pairs, scored.contrasts):
        frame["study"] = seed
    found = {name: float(np.mean(values)) for name, values in gaps.items()}
    found["noise"] = float(analysis.fit["noise_sd"].iloc[0]) / world.noise
    average = scored.contrasts[scored.contrasts["kind"] == "average"]
    found["half-width"] = float(((average["high"] - average["low"]) / 2).median())
    return found, [scored.factors, scored.pairs, scored.contrasts]


def judged(seeds: range, way: Way, trials: int) -> pd.DataFrame:
    """Measures of many studies: `measure, value, low, high` (95 %, over studies), `n`."""
    found = [judge_one(seed, way, trials) for seed in seeds]
    optimism = pd.DataFrame([row for row, _ in found])
    rows = []
    for name in optimism:
        values = optimism[name].dropna()
        reach = 1.96 * values.std() / np.sqrt(len(values))
        rows.append(
            (name, values.mean(), values.mean() - reach, values.mean() + reach, len(values))
        )
    factors, pairs, contrasts = (
        pd.concat(part) for part in zip(*(f for _, f in found), strict=True)
    )
    for name, value in summarise(factors, pairs, contrasts).items():
        rows.append((name, value, np.nan, np.nan, len(found)))
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high", "n"]).assign(way=way)


def main() -> int:
    """Run the judge; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.folded_search")
    parser.add_argument("--studies", type=int, default=28, help="per way (28)")
    parser.add_argument("--trials", type=int, default=100, help="per study (100)")
    parser.add_argument("--way", choices=WAYS, nargs="*", default=WAYS)
    parser.add_argument("--first", type=int, default=0, help="first seed (0)")
    parser.add_argument("--out", type=Path, help="CSV file to write")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.studies)
    table = pd.concat([judged(seeds, way, asked.trials) for way in asked.way])
    wide = table.pivot(index="measure", columns="way", values="value")
    sys.stdout.write(wide.round(3).to_string() + "\n")
    if asked.out is not None:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(asked.out, index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
