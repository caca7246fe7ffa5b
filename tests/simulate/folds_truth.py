"""`python -m tests.simulate.folds_truth`: intervals out of fold against a truth that is measured.

The population is a pool of drawn families (`folds_faces`). The true difference of two recipes is
the mean over hundreds of trainings, each on fresh families of the pool and tested on about 20,000
faces of others. Then studies of 60 to 200 families are drawn, each with five folds and up to five
seeds of three arms: a net with a hidden layer, a linear one, and the first once more on other
seeds, whose true difference is 0. A seed starts alike in all arms that share it and apart in
every fold, as in a confirm stage (`folds_starts`: why).
Every method of `folds` judges the same trainings.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.intervals import Array, Clusters
from study.analysis.maths.out_of_fold import FoldedClusters
from tests.simulate.folds import Trained, intervals
from tests.simulate.folds_faces import CheapRecipe, Families, families_at, predicted, trained

LAYERED: Final = CheapRecipe(hidden=16, rate=0.03)
LINEAR: Final = CheapRecipe(hidden=0, rate=0.01)
FOLDS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The population: families, and their pixels as nets take them.

    Attributes:
        families: Of it.
        inputs: Their pixels (N, 768).
        tested: Families that a truth's trainings are tested on: 20,000 faces.
    """

    families: Families
    inputs: NDArray[np.float32]
    tested: int = 900

    def trained(self, recipe: CheapRecipe, on: NDArray[np.int64], seed: int) -> list[Array]:
        """Weights of a net trained on these images."""
        return trained(recipe, self.inputs[on], self.families.labels[on], seed)

    def hits(self, weights: list[Array], on: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these images the net is right about."""
        return predicted(weights, self.inputs[on]) == self.families.labels[on]


def true_differences(pool: Pool, n_families: int, n: int, rng: np.random.Generator) -> Array:
    """Points that a layered net less a linear one make on fresh faces (n,), each time anew.

    Args:
        pool: The population.
        n_families: That are trained on.
        n: Times.
        rng: Of families and seeds.
    """
    found = []
    for _ in range(n):
        drawn = rng.choice(pool.families.n, n_families + pool.tested, replace=False)
        on, tested = (pool.families.of(part) for part in np.split(drawn, [n_families]))
        seed = int(rng.integers(2**31))
        layered, linear = (
            pool.hits(pool.trained(recipe, on, seed), tested).mean()
            for recipe in (LAYERED, LINEAR)
        )
        found.append(100 * (layered - linear))
    return np.array(found)


def study_of(
    pool: Pool, n_families: int, n_seeds: int, rng: np.random.Generator
) -> dict[str, Trained]:
    """A study of fresh families: the linear against the layered net, and the null pair."""
    drawn = rng.choice(pool.families.n, n_families, replace=False)
    images = [pool.families.of(drawn[[n]]) for n in range(n_families)]
    sizes = np.array([len(of_family) for of_family in images])
    of_cluster = np.empty(n_families, dtype=np.int64)
    of_cluster[np.argsort(-sizes, kind="stable")] = np.arange(n_families) % FOLDS
    first, twin = rng.integers(2**31, size=(2, FOLDS, n_seeds))
    # arms of a seed share its start; the null pair's second arm has seeds of its own
    arms = ((LINEAR, first), (LAYERED, first), (LAYERED, twin))
    hits = np.zeros((len(arms), n_seeds, n_families))
    for fold in range(FOLDS):
        inside = np.flatnonzero(of_cluster == fold)
        on = np.concatenate([images[c] for c in np.flatnonzero(of_cluster != fold)])
        tested = np.concatenate([images[c] for c in inside])
        starts = np.cumsum(sizes[inside]) - sizes[inside]
        for place, (recipe, seeds) in enumerate(arms):
            for s, seed in enumerate(seeds[fold]):
                right = pool.hits(pool.trained(recipe, on, int(seed)), tested)
                hits[place, s, inside] = np.add.reduceat(right.astype(float), starts)
    folds = FoldedClusters(
        clusters=Clusters(
            of_image=np.repeat(np.arange(n_families), sizes), sizes=sizes.astype(float)
        ),
        of_cluster=of_cluster,
    )
    learned = np.ones((n_seeds, FOLDS), dtype=bool)
    return {
        "true difference": Trained(folds=folds, hits=hits[:2], learned=learned),
        "null pair": Trained(folds=folds, hits=hits[1:], learned=learned),
    }


def first_seeds(study: Trained, n: int) -> Trained:
    """The same study with fewer seeds."""
    return Trained(folds=study.folds, hits=study.hits[:, :n], learned=study.learned[:n])


def judged(
    pool: Pool, sizes: Sequence[int], n: int, seeds: Sequence[int], truths: dict[int, float],
    *, seed: int,
) -> Iterator[dict[str, object]]:  # fmt: skip
    """Rows of each study, pair of arms, number of seeds and method."""
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        size = sizes[number % len(sizes)]
        for pair, study in study_of(pool, size, max(seeds), rng).items():
            truth = truths[size] if pair == "true difference" else 0.0
            for n_seeds in seeds:
                found = intervals(first_seeds(study, n_seeds), n_draws=400, seed=number)
                for method, (estimate, half) in found.items():
                    yield {
                        "study": number, "families": size, "pair": pair, "seeds": n_seeds,
                        "method": method, "truth": truth, "estimate": estimate,
                        "half_width": half, "covers": abs(estimate - truth) <= half,
                    }  # fmt: skip


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """By pair, seeds and method, over all studies: coverage, half-width, bias and sd of errors."""
    frame = rows.assign(error=rows["estimate"] - rows["truth"])
    return frame.groupby(["pair", "seeds", "method"], sort=False).agg(
        studies=("study", "nunique"),
        coverage=("covers", "mean"),
        half_width=("half_width", "mean"),
        bias=("error", "mean"),
        sd=("error", "std"),
    )


def main() -> int:
    """Measure the truth, judge the studies; exit status 0."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulate.folds_truth", description=__doc__
    )
    parser.add_argument(
        "--pool", type=Path, required=True, help="file that keeps the faces (.npz)"
    )
    parser.add_argument("--families", type=int, default=5000, help="in the pool (5000)")
    parser.add_argument("--trainings", type=int, default=400, help="for each truth (400)")
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--sizes", type=int, nargs="*", default=[60, 100, 200], help="families")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 5], help="per fold")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="CSV file to write")
    asked = parser.parse_args()
    families = families_at(asked.pool, asked.families, seed=asked.seed)
    pool = Pool(families=families, inputs=families.inputs)
    rng = np.random.default_rng([asked.seed, 1])
    started, truths = time.monotonic(), {}
    for size in asked.sizes:
        found = true_differences(pool, size * (FOLDS - 1) // FOLDS, asked.trainings, rng)
        truths[size], error = float(found.mean()), found.std(ddof=1) / np.sqrt(len(found))
        took = time.monotonic() - started
        _say(f"{took:6.0f} s  {size} families: {truths[size]:.3f} +- {error:.3f}")
    rows: list[dict[str, object]] = []
    for row in judged(pool, asked.sizes, asked.studies, asked.seeds, truths, seed=asked.seed):
        rows.append(row)
        if len(rows) % 1000 == 0 and asked.out:
            pd.DataFrame(rows).to_csv(asked.out, index=False)
    frame = pd.DataFrame(rows)
    _say(f"{time.monotonic() - started:6.0f} s\n{summary(frame).round(3).to_string()}")
    if asked.out:
        frame.to_csv(asked.out, index=False)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
