"""`python -m tests.simulate.settle_metric`: do intervals cover where a score is no mean?

Macro F1 of a fold hangs on classes of which a fold has few images, and a cluster's part in it is
found by leaving the cluster out. Families of 8 classes, the rare ones a few per cent, are told by
nets of four rows (two arms, two losses): focal loss sees the two rarest classes better and the
commonest a little worse, so that macro F1 gains what accuracy does not. An image is told rightly
where a latent sum is above 0: of its class's level, the training's luck, its cluster and itself
(each for all nets, for a row's, and for one net's alone); else it is taken for the next class.

The truth is the mean of the difference over a thousand other studies, of which none is judged.
"""

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from agecls.intervals import Array
from agecls.metrics import ClassSums
from study.analysis.maths.counted import jeffreys
from study.analysis.settle.evidence import Questions
from study.analysis.settle.trained import Trained, Trainings
from study.asked.claims.difference import DifferenceClaim
from study.asked.factors import Factor
from study.asked.study import Study
from study.plan.settle_rows import SettleDesign, settle_design

MACRO_F1: Final = "val_macro_f1"
N_CLASSES, N_FOLDS = 8, 5


@dataclass(frozen=True, kw_only=True)
class World:
    """One kind of study.

    Attributes:
        shares: Of the classes.
        families: Concentration of a family's shares about these: low where a family has few.
        n_clusters: Families.
        n_images: Of all of them, about.
        gain: Latent, of focal loss: on the two rarest classes; the commonest loses a fifth of it.
        blocks: Of four trainings.
        of_clusters: Latent variances of a cluster: for all nets, a row's nets, one net.
        of_images: Likewise of an image.
        luck: Latent variance of a training, by class.
    """

    shares: tuple[float, ...] = (0.05, 0.08, 0.12, 0.16, 0.21, 0.20, 0.13, 0.05)
    families: float = 4.0
    n_clusters: int = 191
    n_images: int = 8000
    gain: float = 0.25
    blocks: int = 10
    of_clusters: tuple[float, float, float] = (0.1, 0.0022, 0.005)
    of_images: tuple[float, float, float] = (0.65, 0.034, 0.209)
    luck: float = 0.006

    def levels(self, loss: str, variant: str) -> Array:
        """Latent, of each class; rare ones are seen worse."""
        base = 0.25 * np.log(np.array(self.shares) * N_CLASSES) + 0.05 * (variant == "bcd")
        if loss == "focal":
            rank = np.argsort(np.argsort(self.shares, kind="stable"), kind="stable")
            base = base + self.gain * (rank < 2) - self.gain / 5 * (rank == N_CLASSES - 1)
        return np.asarray(base)


WORLDS: Final = {
    "focal sees rare classes": World(),
    "focal does nothing": World(gain=0.0),
    "rare classes in few families": World(shares=(0.01, *World.shares[1:-1], 0.02), families=1.0),
    "two blocks": World(blocks=2),
}


def design_of(study: Study) -> tuple[SettleDesign, list[DifferenceClaim]]:
    """Four rows, and three claims: both losses by two metrics, and the structures."""
    losses = DifferenceClaim(
        name="focal", text="", factor="loss", better="focal", worse="cross_entropy", least=0.5
    )
    claims = [
        losses,
        DifferenceClaim(**{**vars(losses), "name": "focal_macro", "metric": MACRO_F1}),
        DifferenceClaim(
            name="bcd", text="", factor="variant", better="bcd", worse="org", least=0.5,
            metric=MACRO_F1,
        ),
    ]  # fmt: skip
    return settle_design(study, claims), claims


FACTORS: Final = (
    Factor(name="variant", role="arm", levels=("org", "bcd")),
    Factor(name="loss", role="tuned", levels=("cross_entropy", "focal")),
)


def score(name: str, sums: Array) -> Array:
    """A metric of sums (…, 3 N): images by true class, by named class, and hits by class."""
    true, named, hits = np.split(sums, 3, axis=-1)
    if name == MACRO_F1:
        nothing = np.zeros(true.shape[:-1])
        counted = ClassSums(true, named, hits, nothing, nothing, nothing)
        return counted.macro_f1()
    return np.asarray(hits.sum(axis=-1) / true.sum(axis=-1))


def train(world: World, design: SettleDesign, rng: np.random.Generator) -> Trainings:
    """All blocks of one study."""
    sizes = np.maximum(rng.poisson(world.n_images / world.n_clusters, world.n_clusters), 1)
    fold_of = np.arange(world.n_clusters) % N_FOLDS
    cluster = np.repeat(np.arange(world.n_clusters), sizes)
    shares = rng.dirichlet(np.array(world.shares) * world.families, world.n_clusters)
    bounds = shares.cumsum(axis=1)[cluster]
    labels = np.minimum((rng.random(len(cluster))[:, None] > bounds).sum(axis=1), N_CLASSES - 1)

    def noise(which: int, n_rows: int) -> Array:
        """Of clusters and images: for all nets, or for each of the rows'."""
        of_clusters, of_images = (v[which] for v in (world.of_clusters, world.of_images))
        by_cluster = rng.normal(scale=np.sqrt(of_clusters), size=(n_rows, world.n_clusters))
        by_image = rng.normal(scale=np.sqrt(of_images), size=(n_rows, len(cluster)))
        return np.asarray(by_cluster[:, cluster] + by_image)

    levels = [world.levels(str(row["loss"]), str(row["variant"])) for row in design.levels]
    common = noise(0, 1) + noise(1, len(levels))
    found = []
    for block in range(world.blocks):
        here = np.flatnonzero(fold_of[cluster] == block % N_FOLDS)
        of_cluster = np.unique(cluster[here], return_inverse=True)[1]
        for row in range(len(levels)):
            own = noise(2, 1)[0, here]
            level = levels[row] + rng.normal(scale=np.sqrt(world.luck), size=N_CLASSES)
            true = labels[here]
            is_right = common[row, here] + own + level[true] > 0
            named = np.where(is_right, true, (true + 1) % N_CLASSES)
            parts = [
                np.bincount(
                    of_cluster * N_CLASSES + place,
                    weights=weight,
                    minlength=(of_cluster.max() + 1) * N_CLASSES,
                ).reshape(-1, N_CLASSES)
                for place, weight in ((true, None), (named, None), (true, is_right))
            ]
            found.append(
                Trained(
                    row=row, block=block, fold=block % N_FOLDS, learned=True,
                    sums=np.concatenate(parts, axis=1).astype(float),
                )
            )  # fmt: skip
    by = {MACRO_F1: partial(score, MACRO_F1)}
    return Trainings.of(found, partial(score, "val_accuracy"), N_FOLDS, by)


def judge(study: Study, world: World, n_studies: int, *, first: int = 0) -> pd.DataFrame:
    """A row a study and claim: `claim, estimate, low, high`."""
    design, claims = design_of(study)
    questions = Questions.of(design, claims)
    rows = []
    for seed in range(first, first + n_studies):
        trainings = train(world, design, np.random.default_rng([seed, 77]))
        for one in questions.answers(trainings):
            assert one.effect is not None
            low, high = one.effect.estimate.interval()
            rows.append(
                {
                    "study": seed, "claim": one.claim.name, "low": low, "high": high,
                    "estimate": one.effect.estimate.value,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def coverage(judged: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """By claim: `truth` (mean of other studies' estimates), `covered`, `k, n, half_width`."""
    truth = others.groupby("claim", sort=False)["estimate"].mean()
    told = judged.assign(truth=judged["claim"].map(truth))
    told["covered"] = told["low"].le(told["truth"]) & told["truth"].le(told["high"])
    told["half_width"] = (told["high"] - told["low"]) / 2
    by = told.groupby("claim", sort=False)
    return by.agg(
        truth=("truth", "first"), covered=("covered", "mean"), k=("covered", "sum"),
        n=("covered", "size"), half_width=("half_width", "median"),
    )  # fmt: skip


def main() -> int:
    """Print coverage by world and claim."""
    from tests.study.asked.test_factors import study_of

    parser = argparse.ArgumentParser(prog="python -m tests.simulate.settle_metric")
    parser.add_argument("--studies", type=int, default=1000, help="judged per world (1000)")
    asked = parser.parse_args()
    study = study_of(*FACTORS)
    for name, world in WORLDS.items():
        found = coverage(
            judge(study, world, asked.studies),
            judge(study, world, asked.studies, first=1_000_000),
        )
        for claim, row in found.iterrows():
            low, high = jeffreys(int(row["k"]), int(row["n"]))
            sys.stdout.write(
                f"{name}, {claim}: truth {row['truth']:+.2f}, covered {row['covered']:.3f} "
                f"[{low:.3f}, {high:.3f}] of {row['n']:.0f}, half-width {row['half_width']:.2f}\n"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
