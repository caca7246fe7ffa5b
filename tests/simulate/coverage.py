"""`python -m tests.simulate.coverage`: do 95 % intervals of paired arms cover the truth?

Two arms of K seeds each see the same clustered images. An image is right if a latent sum is
above 0: the arm's level, the seed's luck (partly shared between arms of one seed), the cluster
(one part for all models, one per arm, one per model), the image (likewise shared) and noise of its
own. The sum is normal, so the true accuracies are known exactly.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from agecls.intervals import Clusters, two_level

SIZES = ("single", "skewed", "even")


@dataclass(frozen=True, kw_only=True)
class World:
    """One kind of study; sds are of the latent sum, whose total sd is near 1.5."""

    n_seeds: int
    n_clusters: int
    sizes: str
    seed_points: float
    cluster_sd: float = 0.5
    arm_cluster_sd: float = 0.2
    model_cluster_sd: float = 0.2
    image_sd: float = 0.8
    seed_shared: float = 0.5
    levels: tuple[float, float] = (0.0, 0.1)

    @property
    def seed_sd(self) -> float:
        """Latent sd of a seed that moves the accuracy by `seed_points`."""
        return self.seed_points / 100 / 0.399 * np.sqrt(self._rest)

    @property
    def _rest(self) -> float:
        parts = (self.cluster_sd, self.arm_cluster_sd, self.model_cluster_sd, self.image_sd, 1.0)
        return float(sum(sd**2 for sd in parts))

    @property
    def truth(self) -> float:
        """Difference of the arms' accuracies over seeds, clusters and images."""
        scale = np.sqrt(self._rest + self.seed_sd**2)
        return float(np.diff(special.ndtr(np.array(self.levels) / scale))[0])

    def draw_sizes(self, rng: np.random.Generator) -> np.ndarray:
        """Images per cluster, 1 to 60."""
        if self.sizes == "single":
            return np.ones(self.n_clusters, dtype=int)
        if self.sizes == "even":
            return rng.integers(1, 61, size=self.n_clusters)
        return np.clip(np.exp(rng.normal(1.2, 1.1, self.n_clusters)).astype(int), 1, 60)

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Cluster of each image (N,), and right or wrong (N, arms, seeds)."""
        cluster = np.repeat(np.arange(self.n_clusters), self.draw_sizes(rng))
        n, k = len(cluster), self.n_seeds
        normal = rng.standard_normal
        seed = np.sqrt(self.seed_shared) * normal((1, k))
        seed = self.seed_sd * (seed + np.sqrt(1 - self.seed_shared) * normal((2, k)))
        by_cluster = (
            self.cluster_sd * normal((self.n_clusters, 1, 1))
            + self.arm_cluster_sd * normal((self.n_clusters, 2, 1))
            + self.model_cluster_sd * normal((self.n_clusters, 2, k))
        )
        latent = by_cluster[cluster] + seed + np.array(self.levels)[:, None]
        latent += self.image_sd * normal((n, 1, 1))
        latent += rng.standard_normal((n, 2, k), dtype=np.float32)
        return cluster, (latent > 0).astype(float)


def once(world: World, n_draws: int, rng: np.random.Generator) -> tuple[bool, float, float]:
    """Whether the interval covers, its half width and the estimate."""
    cluster, right = world.draw(rng)
    clusters = Clusters.of(cluster)
    differ = clusters.sums(right[:, 1] - right[:, 0])
    draws = clusters.draws(n_draws, rng)
    drawn = (draws @ differ) / (draws @ clusters.sizes)[:, None]
    estimate = two_level(differ.sum(axis=0) / clusters.sizes.sum(), drawn, clusters)
    low, high = estimate.interval()
    return low <= world.truth <= high, (high - low) / 2, estimate.value


def coverage(world: World, n: int, n_draws: int, seed: int) -> dict[str, float]:
    """Share of `n` simulated studies whose 95 % interval holds the truth."""
    rng = np.random.default_rng(seed)
    found = np.array([once(world, n_draws, rng) for _ in range(n)])
    return {
        "coverage": found[:, 0].mean(),
        "half_width_points": 100 * found[:, 1].mean(),
        "bias_points": 100 * (found[:, 2].mean() - world.truth),
    }


def worlds(clusters: tuple[int, ...]) -> list[World]:
    """Every combination of seeds, clusters, sizes and seed noise."""
    return [
        World(n_seeds=k, n_clusters=c, sizes=s, seed_points=p)
        for c, k, s, p in product(clusters, (3, 5, 10), SIZES, (0.0, 1.0, 3.0))
    ]


def main() -> int:
    """Run the simulation; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate.coverage", description=__doc__)
    parser.add_argument("--studies", type=int, default=1000, help="per world (1000)")
    parser.add_argument("--draws", type=int, default=300, help="of clusters, per study (300)")
    parser.add_argument("--clusters", type=int, nargs="*", default=[50, 200, 900])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="CSV file to write")
    asked = parser.parse_args()
    rows = []
    started = time.monotonic()
    for world in worlds(tuple(asked.clusters)):
        found = coverage(world, asked.studies, asked.draws, asked.seed)
        rows.append(
            {
                "seeds": world.n_seeds,
                "clusters": world.n_clusters,
                "sizes": world.sizes,
                "seed_sd_points": world.seed_points,
                **found,
                "studies": asked.studies,
                "draws": asked.draws,
            }
        )
        line = " ".join(
            f"{value:>8.4g}" if isinstance(value, float) else f"{value:>8}"
            for value in rows[-1].values()
        )
        sys.stdout.write(f"{time.monotonic() - started:6.0f} s {line}\n")
        sys.stdout.flush()
        if asked.out:
            pd.DataFrame(rows).round(4).to_csv(asked.out, index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
