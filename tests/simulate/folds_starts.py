"""`python -m tests.simulate.folds_starts`: may nets of a seed start alike in every fold?

Intervals out of fold take what differs between the trainings of a fold for independent of other
folds. Here drawn families (`folds_truth`) have ten nets of one recipe in each of five folds, all
from the same ten starts. They are dealt to two arms of five seeds many times, in two ways:

    alike    a seed has one start in all folds;
    apart    starts are dealt anew in every fold.

The arms are one recipe, so that whatever is called different is not. `over_within` is the
variance between seeds' pooled scores over that which the trainings within folds make of it: 1 if
folds are independent.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from agecls.intervals import Array, Clusters
from study.analysis.maths.out_of_fold import FoldedClusters
from tests.simulate.folds import Trained, intervals
from tests.simulate.folds_faces import families_at
from tests.simulate.folds_truth import FOLDS, LAYERED, Pool

STARTS: Final = 10
WAYS: Final = ("alike", "apart")


def nets_of(pool: Pool, n_families: int, rng: np.random.Generator) -> tuple[FoldedClusters, Array]:
    """Folds of fresh families, and the hits of the net of each start on each of them (10, C)."""
    drawn = rng.choice(pool.families.n, n_families, replace=False)
    images = [pool.families.of(drawn[[n]]) for n in range(n_families)]
    sizes = np.array([len(of_family) for of_family in images])
    of_cluster = np.empty(n_families, dtype=np.int64)
    of_cluster[np.argsort(-sizes, kind="stable")] = np.arange(n_families) % FOLDS
    hits = np.zeros((STARTS, n_families))
    seeds = rng.integers(2**31, size=STARTS)
    for fold in range(FOLDS):
        inside = np.flatnonzero(of_cluster == fold)
        on = np.concatenate([images[c] for c in np.flatnonzero(of_cluster != fold)])
        tested = np.concatenate([images[c] for c in inside])
        first = np.cumsum(sizes[inside]) - sizes[inside]
        for start, seed in enumerate(seeds):
            right = pool.hits(pool.trained(LAYERED, on, int(seed)), tested)
            hits[start, inside] = np.add.reduceat(right.astype(float), first)
    clusters = Clusters(
        of_image=np.repeat(np.arange(n_families), sizes), sizes=sizes.astype(float)
    )
    return FoldedClusters(clusters=clusters, of_cluster=of_cluster), hits


def dealt(hits: Array, of_cluster: Array, way: str, rng: np.random.Generator) -> Array:
    """The same nets in another order (10, C), of all folds or of each."""
    found, order = np.empty_like(hits), rng.permutation(STARTS)
    for fold in range(FOLDS):
        inside = of_cluster == fold
        found[:, inside] = hits[order][:, inside]
        if way == "apart":
            order = rng.permutation(STARTS)
    return found


def judged(
    pool: Pool, n_families: int, n: int, *, deals: int, seed: int
) -> pd.DataFrame:  # fmt: skip
    """By study, way and number of seeds: how often arms are `different`, and both variances."""
    rows = []
    for number in range(n):
        rng = np.random.default_rng([seed, n_families, number])
        folds, hits = nets_of(pool, n_families, rng)
        learned = np.ones((STARTS // 2, FOLDS), dtype=bool)
        for way in WAYS:
            for deal in range(deals):
                nets = dealt(hits, folds.of_cluster, way, rng)
                inside = [folds.within(fold) for fold in range(FOLDS)]
                parts = np.stack([nets[:, of_fold].sum(axis=1) for of_fold in inside])
                parts *= 100 / folds.clusters.sizes.sum()
                for n_seeds in (2, STARTS // 2):
                    arms = nets.reshape(2, STARTS // 2, -1)[:, :n_seeds]
                    study = Trained(folds=folds, hits=arms, learned=learned[:n_seeds])
                    value, half = intervals(study, n_draws=200, seed=deal)["components"]
                    rows.append(
                        {
                            "study": number, "way": way, "seeds": n_seeds,
                            "different": float(abs(value) > half), "half_width": half,
                            "within": parts.var(axis=1, ddof=1).sum(),
                            "pooled": parts.sum(axis=0).var(ddof=1),
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows).groupby(["study", "way", "seeds"], as_index=False).mean()


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """By way and seeds, each with 95 % of draws of studies: `different`, `over_within`."""
    found, rng = [], np.random.default_rng(0)
    for (way, seeds), one in rows.groupby(["way", "seeds"]):
        n = len(one)
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=4000)
        different, within, pooled = (
            one[name].to_numpy() for name in ("different", "within", "pooled")
        )
        figures = {
            "different": (different.mean(), drawn @ different / n),
            "over_within": (pooled.mean() / within.mean(), (drawn @ pooled) / (drawn @ within)),
        }
        row: dict[str, object] = {"way": way, "seeds": seeds, "studies": n}
        for name, (value, spread) in figures.items():
            low, high = np.quantile(spread, [0.025, 0.975])
            row |= {name: value, f"{name}_low": low, f"{name}_high": high}
        found.append(row | {"half_width": one["half_width"].mean()})
    return pd.DataFrame(found).set_index(["way", "seeds"])


def main() -> int:
    """Judge both ways; exit status 0."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulate.folds_starts", description=__doc__
    )
    parser.add_argument("--pool", type=Path, required=True, help="file that keeps the faces")
    parser.add_argument("--families", type=int, default=200, help="of a study (200)")
    parser.add_argument("--studies", type=int, default=45)
    parser.add_argument("--deals", type=int, default=40, help="of a study's nets, each way (40)")
    parser.add_argument("--seed", type=int, default=190_000)
    asked = parser.parse_args()
    families = families_at(asked.pool, 5000)
    rows = judged(
        Pool(families=families, inputs=families.inputs), asked.families, asked.studies,
        deals=asked.deals, seed=asked.seed,
    )  # fmt: skip
    sys.stdout.write(f"{summary(rows).round(3).to_string()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
