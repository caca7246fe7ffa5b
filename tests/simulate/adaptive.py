"""`python -m tests.simulate.adaptive`: seeds where the noise is, against as many for every arm.

Studies of `folds` with two or more arms and claims that one arm is better than another. All arms
have two seeds first; the others go to arms by their spread and to claims that are still open, as a
confirm stage with `adaptive = true` gives them (`study.plan.allocation`), or to all arms alike.
Both ways take the same trainings, and one analysis judges them.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from agecls.intervals import Array, Estimate
from study.analysis.maths.out_of_fold import both_estimands, pool
from study.asked.plans import PILOT
from study.plan.allocation import SURE, Noise, allocate, needs
from tests.simulate.folds import FIGURES, Trained, World, train

WAYS: Final = ("adaptive", "equal")


@dataclass(frozen=True, kw_only=True)
class ManyArms(World):
    """A study whose claims are that each second arm is better than the one before it.

    Attributes:
        scores: Points of accuracy of each arm's level.
        lucks: Of each arm, see `World.luck`.
        mean_seeds: Of an arm; `n_seeds` are the most that one can have.
    """

    scores: tuple[float, ...]
    lucks: tuple[float, ...]
    mean_seeds: int = 5

    @classmethod
    def of(cls, *scores: float, lucks: Sequence[float] = (), failing: float = 0.0) -> "ManyArms":
        """With all seeds that one arm may have."""
        most = PILOT + len(scores) * (cls.mean_seeds - PILOT)
        luck = tuple(lucks) or (cls.luck,) * len(scores)
        return cls(scores=scores, lucks=luck, failing=failing, n_seeds=most)

    @property
    def levels(self) -> Array:
        """Latent, of the arms."""
        return self._levels_of(*self.scores)

    @property
    def luck_variances(self) -> Array:
        """Latent, of one training of each arm."""
        return self._variances_of(*self.lucks)

    @property
    def claims(self) -> list[dict[int, float]]:
        """Weights of the arms in each difference."""
        return [{a: -1.0, b: 1.0} for a, b in list(pairwise(range(len(self.scores))))[::2]]


def told(
    study: Trained, weights: Mapping[int, float], seeds: Sequence[int], *, n_draws: int, seed: int
) -> Estimate | None:
    """What the first seeds of each arm say of a sum of its scores, points; see `FoldedSet.told`.

    Args:
        study: All trainings.
        weights: By arm.
        seeds: How many each arm has.
        n_draws: Of clusters.
        seed: Of the draws.
    """
    n_all, n_folds = study.learned.shape
    usable = np.zeros((len(weights), n_all, n_folds), dtype=bool)
    for place, arm in enumerate(weights):
        usable[place, : seeds[arm]] = True
    last = len(study.hits) - 1
    if last in weights:
        # with its pairs: other arms lose the trainings that would be compared with it
        usable[:, : seeds[last]] &= study.learned[: seeds[last]]
    if not usable.any(axis=1).all():
        return None
    pooled = []
    for arm, own in zip(weights, usable, strict=True):
        is_own = own.any(axis=1)
        hits = 100 * study.hits[arm, is_own]
        sums = np.stack([hits, np.broadcast_to(study.folds.clusters.sizes, hits.shape)], axis=-1)
        pooled.append(
            pool(sums, own[is_own], study.folds, lambda s: {"points": s[..., 0] / s[..., 1]},
                 n_draws=n_draws, seed=seed)
        )  # fmt: skip
    both = both_estimands(
        list(zip(weights.values(), pooled, strict=True)), "points", list(usable), study.folds
    )
    return None if both is None else both.recipe


def allocated(world: ManyArms, study: Trained, *, n_draws: int, seed: int) -> list[int]:
    """How many seeds each arm has in the end."""
    n_arms = len(world.scores)
    first = [PILOT] * n_arms
    noise: dict[str, Noise | None] = {}
    n_all = PILOT * world.n_folds
    for arm in range(n_arms):
        one = told(study, {arm: 1.0}, first, n_draws=n_draws, seed=seed)
        n = int(study.learned[:PILOT].sum()) if arm == n_arms - 1 else n_all
        noise[str(arm)] = (
            None
            if one is None or n <= world.n_folds
            else Noise(variance=one.by_seeds * n, freedom=n - world.n_folds, learned=n / n_all)
        )
    still_open = []
    for weights in world.claims:
        one = told(study, weights, first, n_draws=n_draws, seed=seed)
        low, high = (-1.0, 1.0) if one is None else one.interval(1 - SURE / len(world.claims))
        if low <= 0 <= high:
            still_open.append({str(arm): w for arm, w in weights.items()})
    every = [{str(arm): w for arm, w in weights.items()} for weights in world.claims]
    need = needs(noise, still_open or every)
    more = n_arms * (world.mean_seeds - PILOT)
    found = allocate(need, {str(arm): PILOT for arm in range(n_arms)}, more)
    return [found[str(arm)] for arm in range(n_arms)]


def judged(world: ManyArms, n: int, *, n_draws: int, seed: int) -> pd.DataFrame:
    """Of each way and claim: coverage, how often 0 is outside, mean half-width, and seeds."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(n):
        study = train(world, rng)
        given = allocated(world, study, n_draws=n_draws, seed=number)
        for way, seeds in zip(WAYS, (given, [world.mean_seeds] * len(given)), strict=True):
            for weights in world.claims:
                one = told(study, weights, seeds, n_draws=n_draws, seed=number)
                if one is None:
                    continue
                low, high = one.interval()
                truth = sum(w * world.truths[arm] for arm, w in weights.items())
                rows.append(
                    {
                        "way": way, "claim": "{1} over {0}".format(*weights), "studies": 1,
                        "coverage": low <= truth <= high, "different": not low <= 0 <= high,
                        "half_width": (high - low) / 2, "error": one.value - truth,
                        "seeds": sum(seeds[arm] for arm in weights),
                    }
                )  # fmt: skip
    by = pd.DataFrame(rows).groupby(["way", "claim"], sort=False)
    return by.agg(studies=("studies", "sum"), **FIGURES, seeds=("seeds", "mean"))


def worlds() -> dict[str, ManyArms]:
    """By name, the kinds of study that are judged."""
    return {
        "two arms, one training in five of the second fails": ManyArms.of(-0.5, 0.5, failing=0.2),
        "the same, both alike": ManyArms.of(0.0, 0.0, failing=0.2),
        "the same, and its luck is 2.5 points": ManyArms.of(
            -0.5, 0.5, lucks=(0.5, 2.5), failing=0.2
        ),
        "four arms, 4 points and 0.5, one in five of the last fails": ManyArms.of(
            -2.0, 2.0, 0.0, 0.5, failing=0.2
        ),
    }


def main() -> int:
    """Judge every kind of study; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.adaptive", description=__doc__)
    parser.add_argument("--studies", type=int, default=1000, help="of each kind (1000)")
    parser.add_argument("--draws", type=int, default=200, help="of clusters, per study (200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="CSV file to write")
    asked = parser.parse_args()
    started, frames = time.monotonic(), []
    for name, world in worlds().items():
        found = judged(world, asked.studies, n_draws=asked.draws, seed=asked.seed)
        frames.append(found.reset_index().assign(world=name))
        sys.stdout.write(f"{time.monotonic() - started:6.0f} s  {name}\n{found.round(3)}\n")
        sys.stdout.flush()
        if asked.out:
            pd.concat(frames).set_index(["world", "way", "claim"]).round(4).to_csv(asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
