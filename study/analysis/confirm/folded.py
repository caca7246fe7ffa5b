"""Confirmed models out of fold: the K nets of an arm and seed, joined to one for all images.

Each training is scored on the images of its fold, which it has not seen. A pseudo-model takes one
training of each fold, so that arms are compared on all clusters of train and validation. Effects
are among nets that learned: where a training of any of the compared arms hardly learned, its fold
and seed are left out of all of them, and the fold's other seeds stand for it. `mixture` takes the
trainings as they are. Arms may have been given different numbers of seeds: all of them count.
What the intervals mean, and how they are made: `maths.out_of_fold`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.classes import Classes
from agecls.intervals import Array, Clusters, Estimate
from study.analysis.confirm.learned import gain, which_learned
from study.analysis.confirm.scored import (
    Arm,
    ScoredArm,
    ScoredImages,
    ScoredSet,
    Told,
    Training,
    images_of,
    too_few_images,
    trainings_of,
)
from study.analysis.confirm.scoring import RECALL, cluster_sums, scores, temperature
from study.analysis.maths.out_of_fold import (
    FoldedClusters,
    Pooled,
    both_estimands,
    pool,
)
from study.outcomes import NETS, Outcomes

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class FoldedArm(Arm):
    """The trainings of one arm, each on the images of its fold.

    Attributes:
        sums: Of each seed, `scoring.cluster_sums` (S, C, features): a cluster's come from the
            training of its fold; 0 where there is none.
    """

    sums: Array

    @property
    def seeds(self) -> tuple[int, ...]:
        """In the order of their first training (S,)."""
        return tuple(dict.fromkeys(seed for seed, _ in self.trainings))

    def counted(self, seeds: Sequence[int], folds: Sequence[int], *, mixture: bool) -> Mask:
        """By seed and fold, whether there is a training, and one that learned unless `mixture`."""
        found = np.zeros((len(seeds), len(folds)), dtype=bool)
        for (seed, fold), learned in zip(self.trainings, self.learned, strict=True):
            if seed in seeds:
                found[seeds.index(seed), folds.index(fold)] = learned or mixture
        return found


@dataclass(frozen=True, kw_only=True)
class FoldedSet:
    """All arms on the pooled images of train and validation.

    Attributes:
        labels: True class of each image (n,).
        folds: Clusters of the images, and the fold of each.
        classes: That the models tell apart.
        arms: By name.
        heat: Temperature by model, fitted to its fold.
        seed: Of the draws of clusters.
        n_draws: How many.
        split: Its name in tables.
        images: Which of the split: all.
    """

    labels: NDArray[np.int64]
    folds: FoldedClusters
    classes: Classes
    arms: Mapping[str, FoldedArm]
    heat: Mapping[str, float]
    seed: int
    n_draws: int
    split: str = "val"
    images: str = "all"
    outcomes: Outcomes = NETS
    leaves_out: bool = True
    _pooled: dict[tuple[object, ...], Pooled] = field(default_factory=dict, repr=False)

    @property
    def clusters(self) -> Clusters:
        """Of all images."""
        return self.folds.clusters

    @property
    def n_images(self) -> int:
        """How many."""
        return len(self.labels)

    def contrast(self, weights: Mapping[str, float], metric: str) -> Estimate | None:
        """What `told` says of the recipes; None if it says nothing."""
        told = self.told(weights, metric)
        return None if told is None else told.estimate

    def told(
        self, weights: Mapping[str, float], metric: str, *, mixture: bool = False
    ) -> Told | None:
        """A weighted sum of arms' scores.

        None where the score is not defined, or in fewer than two folds there is a net of each arm.

        Args:
            weights: By arm. Only folds count in which all of these arms have a net.
            metric: A score.
            mixture: Whether nets that hardly learned count as they are, or not at all.
        """
        arms = [self.arms[name] for name in weights]
        seeds = list(dict.fromkeys(seed for arm in arms for seed in arm.seeds))
        numbers = self.folds.numbers
        is_there, learned = (
            np.stack([arm.counted(seeds, numbers.tolist(), mixture=m) for arm in arms])
            for m in (True, mixture)
        )
        usable = learned & ~(is_there & ~learned).any(axis=0)
        is_covered = usable.any(axis=1).all(axis=0)
        covered = numbers[is_covered]
        if len(covered) < 2:
            return None
        usable = usable[:, :, is_covered]
        is_seed = np.asarray(usable.any(axis=(0, 2)))
        seeds = [s for s, some in zip(seeds, is_seed, strict=True) if some]
        usable = usable[:, is_seed]
        folds = self.folds.having(covered)
        pooled = [
            self._pool(arm, seeds, own, folds) for arm, own in zip(arms, usable, strict=True)
        ]
        weighted = list(zip(weights.values(), pooled, strict=True))
        both = both_estimands(weighted, metric, list(usable), folds)
        if both is None:
            return None
        is_counted = np.isin(self.folds.of_image, covered)
        if metric.startswith(RECALL):
            name = metric.removeprefix(RECALL)
            is_counted &= self.labels == self.classes.names.index(name)
        return Told(
            estimate=both.recipe,
            nets=both.nets,
            n_seeds=len(seeds),
            n_trainings=int(usable.sum()),
            n_images=int(is_counted.sum()),
            n_clusters=len(np.unique(self.clusters.of_image[is_counted])),
        )

    def without(self, name: str, training: Training) -> "FoldedSet":
        """The set as if one training of an arm, which has others, were not there."""
        arm = self.arms[name]
        kept = [n for n, one in enumerate(arm.trainings) if one != training]
        trainings = tuple(arm.trainings[n] for n in kept)
        seeds = list(dict.fromkeys(seed for seed, _ in trainings))
        one = FoldedArm(
            arm=name,
            trainings=trainings,
            scores={metric: values[kept] for metric, values in arm.scores.items()},
            learned=tuple(arm.learned[n] for n in kept),
            sums=arm.sums[[arm.seeds.index(seed) for seed in seeds]],
        )
        # what was pooled serves both: no pool has a part of the training that is not in its key
        return replace(self, arms={**self.arms, name: one})

    def beyond_seeds(self, estimate: Estimate) -> str:
        """Why no number of seeds would settle a claim."""
        return too_few_images(self.n_images, "train and val", self.clusters)

    def by_training(self) -> ScoredSet:
        """Each training alone on its own fold, such as to be compared with its score elsewhere."""
        draws = self.folds.draws(self.n_draws, np.random.default_rng(self.seed))
        arms = {}
        for name, arm in self.arms.items():
            drawn = [
                scores(draws[:, at] @ arm.sums[arm.seeds.index(seed), at], self.classes)
                for seed, fold in arm.trainings
                for at in [self.folds.within(fold)]
            ]
            arms[name] = ScoredArm(
                arm=name,
                trainings=arm.trainings,
                scores=arm.scores,
                drawn={k: np.stack([one[k] for one in drawn], axis=1) for k in arm.scores},
                learned=arm.learned,
            )
        return ScoredSet(
            split=self.split,
            images=self.images,
            clusters=self.clusters,
            n_images=self.n_images,
            classes=self.classes,
            of_classes={},
            arms=arms,
        )

    def _pool(
        self, arm: FoldedArm, seeds: Sequence[int], usable: Mask, folds: FoldedClusters
    ) -> Pooled:
        """An arm's scores on those seeds of which it has a net, which many contrasts share."""
        is_own = np.asarray(usable.any(axis=1))
        seeds = [s for s, own in zip(seeds, is_own, strict=True) if own]
        usable = usable[is_own]
        key = (arm.arm, *seeds, usable.tobytes(), folds.numbers.tobytes())
        if key not in self._pooled:
            is_covered = np.isin(self.folds.of_cluster, folds.numbers)
            self._pooled[key] = pool(
                arm.sums[[arm.seeds.index(s) for s in seeds]][:, is_covered],
                usable,
                folds,
                partial(scores, classes=self.classes),
                n_draws=self.n_draws,
                seed=self.seed,
            )
        return self._pooled[key]


def fold_models(
    models: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    classes: Classes,
    seed: int,
    n_draws: int,
) -> FoldedSet:
    """Join what the models of all folds say of train and validation.

    Args:
        models: `model, arm, seed, fold`, in reading order of the arms; trained to their end.
        predictions: As `predictions.parquet`; rows of `val` are of a model's own fold.
        classes: That the models tell apart.
        seed: Of the draws of clusters.
        n_draws: How many.

    Raises:
        ValueError: Models of a fold were scored on other images than each other, or a cluster lies
            in two folds.
    """
    parts: dict[int, ScoredImages] = {}
    for fold, names in models.groupby(models["fold"].astype(int))["model"]:
        part = images_of(predictions, list(names), "val", "all", classes)
        if part is None:
            raise ValueError(f"no model of fold {fold} was scored on val")
        parts[fold] = part
    numbers = np.concatenate([part.numbers for part in parts.values()])
    if len(np.unique(numbers)) < len(numbers):
        raise ValueError("a cluster of val lies in two folds")
    sizes = [part.clusters.n for part in parts.values()]
    first = np.cumsum(sizes) - sizes
    of_image = [f + p.clusters.of_image for f, p in zip(first, parts.values(), strict=True)]
    folds = FoldedClusters(
        clusters=Clusters.of(np.concatenate(of_image)),
        of_cluster=np.repeat(list(parts), sizes),
    )
    heat = {
        m: temperature(part.labels, p)
        for part in parts.values()
        for m, p in part.probabilities.items()
    }
    return FoldedSet(
        labels=np.concatenate([part.labels for part in parts.values()]),
        folds=folds,
        classes=classes,
        arms={
            str(arm): _fold_arm(str(arm), rows, parts, heat, folds)
            for arm, rows in models.groupby("arm", sort=False)
        },
        heat=heat,
        seed=seed,
        n_draws=n_draws,
    )


def _fold_arm(
    arm: str,
    models: pd.DataFrame,
    parts: Mapping[int, ScoredImages],
    heat: Mapping[str, float],
    folds: FoldedClusters,
) -> FoldedArm:
    """An arm from the predictions of its models, each in the part of its fold."""
    seeds = list(dict.fromkeys(models["seed"].astype(int)))
    trainings, gains, totals = trainings_of(models), [], []
    sums: Array | None = None
    for (seed, fold), model in zip(trainings, models["model"], strict=True):
        part, p = parts[fold], parts[fold].probabilities[model]
        own = cluster_sums(part.labels, p, heat[model], part.clusters)
        if sums is None:
            sums = np.zeros((len(seeds), folds.clusters.n, own.shape[1]))
        sums[seeds.index(seed), folds.within(fold)] = own
        gains.append(gain(part.labels, p))
        totals.append(own.sum(axis=0))
    assert sums is not None
    return FoldedArm(
        arm=arm,
        trainings=trainings,
        scores=scores(np.stack(totals), part.classes),
        learned=tuple(which_learned(gains).tolist()),
        sums=sums,
    )


def joined(models: pd.DataFrame, predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with one model for all folds of an arm and seed; seeds that lack a fold are left out.

    Args:
        models: `model, arm, seed, fold`.
        predictions: Rows of `predictions.parquet` on val.
    """
    folds = models.groupby(["arm", "seed"], sort=False)["fold"].transform("nunique")
    whole = models[folds == models["fold"].nunique()]
    names = dict(zip(whole["model"], whole["arm"] + "-" + whole["seed"].astype(str), strict=True))
    rows = predictions[predictions["model"].isin(names)]
    pseudo = whole.assign(model=whole["model"].map(names)).drop_duplicates("model")
    return pseudo, rows.assign(model=rows["model"].map(names))
