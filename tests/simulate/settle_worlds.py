"""Studies to be settled whose truth is known: effects, pairs, clusters, folds, nets that fail.

Sizes are those measured on faces of families (README.md of `results/simulations`): 191 clusters
that count as about 168, five folds, a standard error of 0.4 to 0.66 points of a difference on 35
clusters, 1.1 to 1.7 points that one training adds. Images are not drawn: a cluster's share of
right answers is normal.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from study.analysis.settle.trained import Trained
from study.asked.claim import Claim
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.equivalence import EquivalenceClaim
from study.asked.factors import Factor
from study.asked.study import Study
from study.plan.settle_rows import SettleDesign, settle_design
from tests.simulate.worlds import make_study

N_CLUSTERS = 191
N_FOLDS = 5
BASE = 40.0
"""Per cent right of the average net."""

IMAGES = 60
"""Of a cluster, on average."""

ARMS = (
    Factor(name="variant", role="arm", levels=("org", "bcd")),
    Factor(name="init", role="arm", levels=("scratch", "pretrained")),
)
GAMMA = Factor(name="zero_gamma", role="tuned", levels=(False, True), when={"init": "scratch"})
TUNED = tuple(
    Factor(name=name, role="tuned", levels=("one", "other"))
    for name in ("optimizer", "scheduler", "loss", "augmentation", "smoothing", "warmup")
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What may be turned in a kind of study.

    Attributes:
        trainings: Planned; all are made.
        claims: Fewest and most.
        nested: How often one of the factors exists under one level of another only.
        failing: How often a level's nets fail, and how many of them.
        training_set: What the training set does to a row, over what a seed does (sds).
        pairs: Fewest and most that matter.
        noise: What a training adds, least and greatest sd in points, its images included.
        effects: How often an effect is 0, and how often exactly at its claim's limit; the others
            have 0 to 3 points, a quarter of them against the claim.
    """

    trainings: int = 96
    claims: tuple[int, int] = (5, 8)
    nested: float = 0.5
    failing: tuple[float, float] = (0.6, 0.2)
    training_set: float = 0.3
    pairs: tuple[int, int] = (2, 4)
    noise: tuple[float, float] = (1.1, 1.7)
    effects: tuple[float, float] = (0.25, 0.15)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """One study: its design, and what is true of every training.

    Attributes:
        design: Rows and columns.
        claims: One a column.
        effects: Of each column, points (Q,).
        rows: Mean of each row, points (R,).
        failing: Chance of each row's nets to fail (R,).
        sizes: Images of each cluster (C,).
        fold_of: (C,).
        hard: What each cluster adds to all nets (C,).
        by_cluster: What each cluster adds to each row (R, C).
        by_set: What each fold's training set adds to each row (R, folds).
        luck: What a training adds, sd by row (R,).
        cluster_sd: By how much clusters differ in each column's effect (Q,).
        image_noise: What a training's images add, sd on one fold.
    """

    design: SettleDesign
    claims: tuple[Claim, ...]
    effects: np.ndarray
    rows: np.ndarray
    failing: np.ndarray
    sizes: np.ndarray
    fold_of: np.ndarray
    hard: np.ndarray
    by_cluster: np.ndarray
    by_set: np.ndarray
    luck: np.ndarray
    cluster_sd: np.ndarray
    image_noise: float = 0.7

    def train(self, blocks: int, rng: np.random.Generator) -> list[Trained]:
        """Every row's training in so many blocks."""
        found = []
        for block in range(blocks):
            fold = block % N_FOLDS
            here = self.fold_of == fold
            n, n_rows = self.sizes[here], len(self.rows)
            common = BASE + rng.normal() + self.hard[here]
            adds = self.by_set[:, fold] + self.luck * rng.normal(size=n_rows)
            noise = self.image_noise * np.sqrt(n.sum() / n) * rng.normal(size=(n_rows, here.sum()))
            right = common + self.by_cluster[:, here] + (self.rows + adds)[:, None] + noise
            learned = rng.random(n_rows) >= self.failing
            right[~learned] = 24.4 + noise[~learned]
            sums = np.stack([right / 100 * n, np.broadcast_to(n, right.shape)], axis=-1)
            found += [
                Trained(
                    row=row, block=block, fold=fold, learned=bool(learned[row]),
                    sums=sums[row],
                )
                for row in self.design.rows_of(block)
            ]  # fmt: skip
        return found


def accuracy(sums: np.ndarray) -> np.ndarray:
    """Of features (right, images)."""
    return sums[..., 0] / sums[..., 1]


def draw_truth(rng: np.random.Generator, setting: Setting | None = None) -> Truth:
    """One study of a kind."""
    setting = setting or Setting()
    n = int(rng.integers(setting.claims[0], setting.claims[1] + 1))
    is_nested = n > 2 and rng.random() < setting.nested
    factors = _factors(n, is_nested)
    claims, effects = zip(*(_claim(f, setting, rng) for f in factors), strict=True)
    effects = np.array(effects)
    design = _design(n, is_nested)
    signs, n_rows = design.signs, len(design.levels)
    rows = signs @ effects / 2 + _pairs(signs, rng.integers(*setting.pairs, endpoint=True), rng)
    sizes = np.round(IMAGES * rng.lognormal(-0.065, 0.36, N_CLUSTERS)).clip(1)
    cluster_sd = rng.uniform(0.4, 0.66, n) * np.sqrt(35)
    total = rng.uniform(*setting.noise)
    luck = np.sqrt(total**2 - Truth.image_noise**2) * np.exp(0.2 * rng.normal() * signs[:, 0])
    groups = rng.normal(size=(n_rows, N_FOLDS)) * np.sqrt(N_FOLDS) * setting.training_set
    groups *= luck[:, None]
    failing = np.zeros(n_rows)
    if rng.random() < setting.failing[0]:
        failing[signs[:, rng.integers(n)] == rng.choice([-1, 1])] = setting.failing[1]
    return Truth(
        design=design,
        claims=tuple(claims),
        effects=effects,
        rows=rows,
        failing=failing,
        sizes=sizes,
        fold_of=_folds(sizes, rng),
        hard=rng.normal(size=N_CLUSTERS) * 10,
        by_cluster=signs / 2 @ (rng.normal(size=(n, N_CLUSTERS)) * cluster_sd[:, None]),
        by_set=(groups.sum(axis=1, keepdims=True) - groups) / (N_FOLDS - 1),
        luck=luck,
        cluster_sd=cluster_sd,
    )


def _claim(factor: Factor, setting: Setting, rng: np.random.Generator) -> tuple[Claim, float]:
    """A claim about a factor, and its true effect: null, at a limit, or up to 3 points."""
    second, first = factor.levels
    named = {"name": factor.name, "text": "so", "factor": factor.name}
    claim: Claim
    if rng.random() < 0.25:
        claim, limit = EquivalenceClaim(**named, equal=(first, second), within=1.0), 1.0
    else:
        limit = float(rng.choice([0.0, 0.5, 1.0]))
        claim = DifferenceClaim(**named, better=first, worse=second, least=limit)
    kind = rng.random()
    null, at_limit = setting.effects
    if kind < null:
        return claim, 0.0
    if kind < null + at_limit:
        return claim, limit
    return claim, float(rng.uniform(0, 3) * rng.choice([1, 1, 1, -1]))


def _pairs(signs: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """What pairs of columns add to each row, each 1 to 3 points (R,)."""
    found = np.zeros(len(signs))
    columns = signs.shape[1]
    both = [(a, b) for a in range(columns) for b in range(a)]
    # a factor has no pair with the one under whose level it exists
    both = [(a, b) for a, b in both if len({*signs[signs[:, a] != 0, b]} - {0}) == 2]
    for place in rng.choice(len(both), min(n, len(both)), replace=False):
        a, b = both[place]
        found += rng.uniform(1, 3) * rng.choice([-1, 1]) / 2 * signs[:, a] * signs[:, b]
    return found


def _folds(sizes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Folds of about as many images: clusters in falling order, dealt back and forth."""
    order = np.argsort(-sizes + rng.random(len(sizes)) / 10)
    place = np.arange(len(sizes)) % (2 * N_FOLDS)
    fold_of = np.zeros(len(sizes), dtype=int)
    fold_of[order] = np.minimum(place, 2 * N_FOLDS - 1 - place)
    return fold_of


def _factors(n: int, is_nested: bool) -> tuple[Factor, ...]:
    return (*ARMS, *((GAMMA,) if is_nested else ()), *TUNED)[:n]


@cache
def _design(n: int, is_nested: bool) -> SettleDesign:
    factors = _factors(n, is_nested)
    study: Study = replace(make_study(trials=8, design_share=0.4, seed=0), factors=factors)
    return settle_design(
        study,
        [
            DifferenceClaim(
                name=f.name, text="so", factor=f.name, better=f.levels[1], worse=f.levels[0],
                least=0.0,
            )
            for f in factors
        ],
    )  # fmt: skip
