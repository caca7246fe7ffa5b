"""`python -m tests.simulate.folds`: do intervals out of fold cover, and how wide are they?

Two arms are trained on S seeds in each of K folds, as a confirm stage with folds does. An image is
right if a latent sum is above 0: the arm's level; what the fold's training set teaches the arm
(a mean over its clusters, so that folds share it as they share clusters); the training's luck;
the cluster and the image (each with parts for all nets, for an arm's, and for one net's alone).
The sum is normal, so the true accuracies of a recipe on a new training set are known exactly.
Sizes are as real faces have them: 191 clusters of 8,000 images; on 35 of these clusters what two
recipes differ by has a standard error of 0.57 points, and one training adds 1.5.

Every method judges the same studies: `components` (ours, `study.analysis.maths.out_of_fold`),
`uncorrected` (ours without the term for training sets), `resampled` (Nadeau and Bengio's t over
all trainings), `means` (their t over folds' means) and `naive` (the t over all trainings).
"""

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from scipy import special

from agecls.intervals import Array, Clusters, Estimate, quantile
from study.analysis.maths.out_of_fold import FoldedClusters, both_estimands, pool

METHODS: Final = ("components", "uncorrected", "resampled", "means", "naive")
_SLOPE: Final = 0.397
"""Density of the latent sum at 0: accuracy per latent unit, near an accuracy of 45 %."""


@dataclass(frozen=True, kw_only=True)
class World:
    """One kind of study; the latent sum's variance is near 1.

    Attributes:
        n_seeds: Trainings of each arm in each fold.
        n_folds: Folds.
        n_clusters: Clusters.
        n_images: Of all clusters together, about.
        points: Difference of the arms' levels, points of accuracy.
        luck: Standard deviation of one training's true difference of arms, points; what it adds
            on the images of a fold is three times as much.
        taught: What training sets of all clusters would teach, in variances of what clusters
            differ by; Nadeau and Bengio's correction takes it for K / (K - 1).
        failing: Share of the last arm's trainings that hardly learn.
        of_clusters: Latent variances of a cluster: for all nets, an arm's nets, one net.
        of_images: Likewise of an image.
    """

    n_seeds: int = 5
    n_folds: int = 5
    n_clusters: int = 191
    n_images: int = 8000
    points: float = 1.0
    luck: float = 0.5
    taught: float = 1.25
    failing: float = 0.0
    of_clusters: tuple[float, float, float] = (0.1, 0.0022, 0.005)
    of_images: tuple[float, float, float] = (0.65, 0.034, 0.209)

    @property
    def luck_variances(self) -> Array:
        """Latent, of one training of each arm."""
        return self._variances_of(self.luck, self.luck)

    @staticmethod
    def _variances_of(*lucks: float) -> Array:
        return np.asarray((np.array(lucks) / 100 / _SLOPE) ** 2 / 2)

    @property
    def taught_variance(self) -> float:
        """Latent, of one arm: of what a single cluster teaches it."""
        differ = self.of_clusters[1] / self.n_clusters + self.of_images[1] / self.n_images
        return self.taught * differ * self.n_clusters

    @property
    def levels(self) -> Array:
        """Latent, of the arms, here two."""
        return self._levels_of(-self.points / 2, self.points / 2)

    @staticmethod
    def _levels_of(*points: float) -> Array:
        return np.array([-0.15 + p / 100 / _SLOPE for p in points])

    @property
    def truths(self) -> Array:
        """Per cent of nets that learn, by arm: over training sets, luck, clusters, images."""
        n_trained = self.n_clusters * (1 - 1 / self.n_folds)
        variance = sum(self.of_clusters) + sum(self.of_images) + self.luck_variances
        scale = np.sqrt(variance + self.taught_variance / n_trained)
        return np.asarray(100 * special.ndtr(self.levels / scale))

    @property
    def truth(self) -> float:
        """Points that the last arm is better than the first."""
        return float(self.truths[-1] - self.truths[0])


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One simulated study.

    Attributes:
        folds: Of its clusters.
        hits: Images that are right (arms, S, C).
        learned: Which trainings of the last arm learned (S, K); all others do.
    """

    folds: FoldedClusters
    hits: Array
    learned: np.ndarray


def train(world: World, rng: np.random.Generator) -> Trained:
    """A study of this kind."""
    shape = np.exp(rng.normal(0, 0.35, world.n_clusters))
    sizes = np.maximum(np.round(shape / shape.sum() * world.n_images), 1).astype(int)
    order = np.argsort(-sizes)
    of_cluster = np.empty(world.n_clusters, dtype=np.int64)
    of_cluster[order] = np.arange(world.n_clusters) % world.n_folds
    cluster = np.repeat(np.arange(world.n_clusters), sizes)
    seeds, k, normal = world.n_seeds, world.n_folds, rng.standard_normal
    arms = len(world.levels)

    lesson = np.sqrt(world.taught_variance) * normal((arms, world.n_clusters))
    taught = np.stack([lesson[:, of_cluster != f].mean(axis=1) for f in range(k)], axis=1)
    lucky = np.sqrt(world.luck_variances)[:, None, None] * normal((arms, seeds, k))
    lucky += taught[:, None]
    shapes = ((1, 1), (arms, 1), (arms, seeds))
    by_cluster = sum(
        np.sqrt(v) * normal((*shape, world.n_clusters))
        for v, shape in zip(world.of_clusters, shapes, strict=True)
    )
    latent = (lucky[:, :, of_cluster] + by_cluster)[:, :, cluster]
    latent += world.levels[:, None, None]
    for v, shape in zip(world.of_images, shapes, strict=True):
        latent += np.sqrt(v) * rng.standard_normal((*shape, len(cluster)), dtype=np.float32)
    right = latent > 0
    learned = rng.random((seeds, k)) >= world.failing
    is_idle = ~learned[:, of_cluster][:, cluster]
    right[-1][is_idle] = (np.arange(len(cluster)) % 4 == 0)[None].repeat(seeds, 0)[is_idle]
    hits = np.add.reduceat(right.astype(float), np.cumsum(sizes) - sizes, axis=2)
    clusters = Clusters(of_image=cluster, sizes=sizes.astype(float))
    return Trained(
        folds=FoldedClusters(clusters=clusters, of_cluster=of_cluster), hits=hits, learned=learned
    )


def intervals(study: Trained, *, n_draws: int, seed: int) -> Mapping[str, tuple[float, float]]:
    """Each method's estimate of the second arm less the first and half its width, points.

    A fold of which no training learned in both arms is left out.
    """
    covered = np.flatnonzero(study.learned.any(axis=0))
    is_covered = np.isin(study.folds.of_cluster, covered)
    folds = study.folds.having(covered)
    hits, usable = study.hits[..., is_covered], study.learned[:, covered]
    differ = 100 * (hits[1] - hits[0])
    sums = np.stack([differ, np.broadcast_to(folds.clusters.sizes, differ.shape)], axis=-1)
    pooled = pool(
        sums, usable, folds, lambda s: {"points": s[..., 0] / s[..., 1]},
        n_draws=n_draws, seed=seed,
    )  # fmt: skip
    both = both_estimands([(1.0, pooled)], "points", [usable], folds)
    assert both is not None
    k, n_folds = int(usable.sum()), len(covered)
    by_fold = np.stack(
        [
            differ[:, inside].sum(axis=1) / folds.clusters.sizes[inside].sum()
            for inside in map(folds.within, folds.numbers)
        ],
        axis=1,
    )
    single, means = by_fold[usable], np.average(by_fold, axis=0, weights=usable)
    corrected = 1 / (n_folds - 1)
    return {
        "components": _half(both.recipe),
        "uncorrected": _half(uncorrected(both.recipe)),
        "resampled": _t(single, 1 / k + corrected),
        "means": _t(means, 1 / n_folds + corrected),
        "naive": _t(single, 1 / k),
    }


def uncorrected(recipe: Estimate) -> Estimate:
    """Without the term for training sets."""
    correction = 1 + recipe.folds / (recipe.folds - 1)
    return replace(recipe, by_clusters=recipe.by_clusters / correction)


def _half(estimate: Estimate) -> tuple[float, float]:
    return estimate.value, estimate.interval()[1] - estimate.value


def _t(scores: Array, factor: float) -> tuple[float, float]:
    reach = quantile(len(scores) - 1, 0.975) * np.sqrt(scores.var(ddof=1) * factor)
    return float(scores.mean()), float(reach)


FIGURES: Final = {
    "coverage": ("coverage", "mean"),
    "different": ("different", "mean"),
    "half_width": ("half_width", "mean"),
    "bias": ("error", "mean"),
    "sd": ("error", "std"),
}
"""What is told of many studies' intervals, and of which column."""


def judged(world: World, n: int, *, n_draws: int, seed: int) -> pd.DataFrame:
    """Of each method: `coverage` of the truth, `different` (0 is outside), mean `half_width`."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        found = intervals(train(world, rng), n_draws=n_draws, seed=number)
        rows += [(method, *found[method]) for method in METHODS]
    frame = pd.DataFrame(rows, columns=["method", "estimate", "half_width"])
    frame["coverage"] = (frame["estimate"] - world.truth).abs() <= frame["half_width"]
    frame["different"] = frame["estimate"].abs() > frame["half_width"]
    frame["error"] = frame["estimate"] - world.truth
    by_method = frame.groupby("method", sort=False)
    return by_method.agg(**FIGURES)


def worlds() -> dict[str, World]:
    """By name, the kinds of study that are judged."""
    plain = World()
    return {
        "5 folds x 5 seeds": plain,
        "one training in five fails": replace(plain, failing=0.2),
        "a null pair": replace(plain, points=0.0),
        "a null pair, one in five fails": replace(plain, points=0.0, failing=0.2),
        "5 folds x 1 seed": replace(plain, n_seeds=1),
        "5 folds x 2 seeds": replace(plain, n_seeds=2),
        "5 folds x 1 seed, a null pair": replace(plain, n_seeds=1, points=0.0),
        "luck of 1.5 points": replace(plain, luck=1.5),
        "luck of 1.5 points, one in five fails": replace(plain, luck=1.5, failing=0.2),
        "training sets teach the same": replace(plain, taught=0.0),
        "training sets teach twice as much": replace(plain, taught=2.5),
        "60 clusters of 1,300 images": replace(plain, n_clusters=60, n_images=1300),
    }


def main() -> int:
    """Judge every kind of study; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.folds", description=__doc__)
    parser.add_argument("--studies", type=int, default=1000, help="of each kind (1000)")
    parser.add_argument("--draws", type=int, default=300, help="of clusters, per study (300)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="CSV file to write")
    asked = parser.parse_args()
    started, frames = time.monotonic(), []
    for name, world in worlds().items():
        found = judged(world, asked.studies, n_draws=asked.draws, seed=asked.seed)
        frames.append(found.reset_index().assign(world=name, studies=asked.studies))
        sys.stdout.write(f"{time.monotonic() - started:6.0f} s  {name}\n{found.round(3)}\n")
        sys.stdout.flush()
        if asked.out:
            pd.concat(frames).set_index(["world", "method"]).round(4).to_csv(asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
