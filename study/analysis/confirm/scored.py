"""Models scored on one set of images, and on the same draws of its clusters.

What claims are judged on, `Scored`, may also be models out of fold (`folded`), or trainings of
which a metric is all that is known (`measured`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.classes import Classes
from agecls.intervals import DRAWN_AT_ONCE, Array, Clusters, Estimate, two_level
from study.analysis.confirm.learned import gain, which_learned
from study.analysis.confirm.scoring import cluster_sums, drawn_scores, recall_names, scores
from study.outcomes import NETS, Outcomes

Training = tuple[int, ...]
"""The seed of a training, and its fold where there are folds."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What trainings say of a score or a difference of arms.

    Attributes:
        estimate: Of the recipes, on new data.
        n_seeds: That it rests on.
        n_images: That it rests on; of a recall, those of its class. None: images are unknown.
        n_clusters: Clusters of these; None likewise.
        n_trainings: Trainings of all of its arms; None of models on one set of images.
        nets: Out of fold, the same value of these nets alone; else None.
    """

    estimate: Estimate
    n_seeds: int
    n_images: int | None = None
    n_clusters: int | None = None
    n_trainings: int | None = None
    nets: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class Arm:
    """The trainings of one arm.

    Attributes:
        arm: Its name.
        trainings: What tells them apart, one each; see `trainings_of`.
        scores: By metric, of each (K,); NaN where it has none.
        learned: Whether each brought something, see `outcomes` of the set; of nets, whether each
            learned, by itself and beside the arm's others, see `which_learned`.
    """

    arm: str
    trainings: tuple[Training, ...]
    scores: Mapping[str, Array]
    learned: tuple[bool, ...]


class Scored(Protocol):
    """All arms on what claims are judged on, whatever their scores are made of."""

    @property
    def arms(self) -> Mapping[str, Arm]:
        """By name."""

    @property
    def split(self) -> str:
        """Its name in tables."""

    @property
    def outcomes(self) -> Outcomes:
        """How its trainings are spoken of."""

    @property
    def leaves_out(self) -> bool:
        """Whether trainings that brought nothing are no part of estimates; else they count."""

    def told(
        self, weights: Mapping[str, float], metric: str, *, mixture: bool = False
    ) -> Told | None:
        """A weighted sum of arms' scores; None where nothing tells it.

        Args:
            weights: By arm.
            metric: A score.
            mixture: Whether trainings that brought nothing count as they are, or not at all.
        """

    def beyond_seeds(self, estimate: Estimate) -> str:
        """Why no number of seeds would settle a claim with this estimate."""


class Apart(Scored, Protocol):
    """What is judged so that each training can be taken out."""

    def without(self, name: str, training: Training) -> "Apart":
        """The set as if one training of an arm, which has others, were not there."""


@dataclass(frozen=True, kw_only=True)
class ScoredArm(Arm):
    """The models of one arm on one set of images.

    Attributes:
        drawn: By metric, of each model on each draw of clusters (B, K).
    """

    drawn: Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class ScoredSet:
    """All arms on one set of images.

    Attributes:
        split: `val` or `test`.
        images: `all`, or `unique`: without files that another split has too.
        clusters: Of these images.
        n_images: How many.
        classes: That the models tell apart.
        of_classes: By metric of one class, such as `recall_a`, the class's images and clusters.
        arms: By name.
    """

    split: str
    images: str
    clusters: Clusters
    n_images: int
    classes: Classes
    of_classes: Mapping[str, tuple[int, int]]
    arms: Mapping[str, ScoredArm]
    outcomes: Outcomes = NETS
    leaves_out: bool = False

    def told(
        self, weights: Mapping[str, float], metric: str, *, mixture: bool = False
    ) -> Told | None:
        """A weighted sum of arms' scores over the trainings that all of them have, as they are."""
        estimate = self.contrast(weights, metric)
        if estimate is None:
            return None
        n_images, n_clusters = self.of_classes.get(metric, (self.n_images, self.clusters.n))
        return Told(
            estimate=estimate,
            n_seeds=len({seed for seed, *_ in self.shared(weights)}),
            n_images=n_images,
            n_clusters=n_clusters,
        )

    def contrast(self, weights: Mapping[str, float], metric: str) -> Estimate | None:
        """The same sum alone; None where there is no training or no score."""
        found = self.weighted(weights, metric, self.shared(weights))
        return None if found is None else two_level(*found, self.clusters)

    def beyond_seeds(self, estimate: Estimate) -> str:
        """Why no number of seeds would settle a claim."""
        return too_few_images(self.n_images, self.split, self.clusters)

    def shared(self, arms: Iterable[str]) -> list[Training]:
        """The trainings that all of these arms have, in the first one's order."""
        first, *others = [self.arms[name].trainings for name in arms]
        return [t for t in first if all(t in other for other in others)]

    def weighted(
        self, weights: Mapping[str, float], metric: str, trainings: Sequence[Training]
    ) -> tuple[Array, Array] | None:
        """A weighted sum of arms' scores by training (K,), and on the draws (B, K).

        None where there is no training or the score is not defined; draws that miss all images of
        a class that the score needs are left out.
        """
        if not trainings:
            return None
        value, drawn = np.zeros(len(trainings)), np.zeros((1, len(trainings)))
        for name, weight in weights.items():
            arm = self.arms[name]
            place = [arm.trainings.index(t) for t in trainings]
            value = value + weight * arm.scores[metric][place]
            drawn = drawn + weight * arm.drawn[metric][:, place]
        is_defined = np.isfinite(drawn).all(axis=1)
        if not np.isfinite(value).all() or is_defined.sum() < 2:
            return None
        return value, drawn[is_defined]


@dataclass(frozen=True, kw_only=True)
class ScoredImages:
    """Predictions of all models on one set of images: labels (n,), by model (n, N).

    `numbers` are the clusters' in the table (C,), ascending.
    """

    split: str
    images: str
    labels: NDArray[np.int64]
    clusters: Clusters
    numbers: NDArray[np.int64]
    probabilities: Mapping[str, Array]
    classes: Classes


def images_of(
    predictions: pd.DataFrame,
    models: Sequence[str],
    split: str,
    images: str,
    classes: Classes,
) -> ScoredImages | None:
    """The models' predictions on a split; None where it has no images.

    Args:
        predictions: As `predictions.parquet`, with `is_duplicate`.
        models: Their names; others are passed over.
        split: Its name.
        images: `all`, or `unique`: without those that are duplicates.
        classes: That the models tell apart.

    Raises:
        ValueError: A model was not scored there, or on other images than the first one.
    """
    rows = predictions[predictions["split"] == split]
    if images == "unique":
        rows = rows[~rows["is_duplicate"].astype(bool)]
    by_model = {
        model: part.sort_values("image", kind="stable")
        for model, part in rows.groupby("model")
        if model in models
    }
    if not by_model:
        return None
    for model in models:
        if model not in by_model:
            raise ValueError(f"{model} was not scored on {split}")
    first = by_model[models[0]]
    for model, part in by_model.items():
        if part["image"].tolist() != first["image"].tolist():
            raise ValueError(f"{model} was scored on other {split} images than {models[0]}")
    return ScoredImages(
        split=split,
        images=images,
        labels=pd.Categorical(first["true"], categories=classes.names).codes.astype(np.int64),
        clusters=Clusters.of(first["cluster"].to_numpy(dtype=np.int64)),
        numbers=np.unique(first["cluster"].to_numpy(dtype=np.int64)),
        probabilities={
            m: p[list(classes.columns)].to_numpy(dtype=float) for m, p in by_model.items()
        },
        classes=classes,
    )


def score_images(
    part: ScoredImages,
    models: pd.DataFrame,
    heat: Mapping[str, float],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> ScoredSet:
    """Every arm's models on one set of images, and on the same draws of its clusters.

    Args:
        part: The images.
        models: `model, arm, seed`, in reading order of the arms.
        heat: Temperature by model.
        n_draws: Draws of clusters.
        rng: Of the draws.
    """
    sums, trainings = {}, {}
    for name, rows in models.groupby("arm", sort=False):
        arm = str(name)
        trainings[arm] = trainings_of(rows)
        sums[arm] = np.stack(
            [
                cluster_sums(part.labels, part.probabilities[m], heat[m], part.clusters)
                for m in rows["model"]
            ]
        )
    drawn: dict[str, list[Mapping[str, Array]]] = {arm: [] for arm in sums}
    widest = max(len(summed) * summed.shape[-1] for summed in sums.values())
    at_once = max(1, DRAWN_AT_ONCE // max(part.clusters.n, widest))
    for first in range(0, n_draws, at_once):
        draws = part.clusters.draws(min(at_once, n_draws - first), rng)
        for arm, summed in sums.items():
            drawn[arm].append(drawn_scores(draws, summed, part.classes))
    return ScoredSet(
        split=part.split,
        images=part.images,
        clusters=part.clusters,
        n_images=len(part.labels),
        classes=part.classes,
        of_classes={
            name: (int(inside.sum()), len(np.unique(part.clusters.of_image[inside])))
            for c, name in enumerate(recall_names(part.classes))
            for inside in [part.labels == c]
        },
        arms={
            arm: ScoredArm(
                arm=arm,
                trainings=trainings[arm],
                scores=scores(summed.sum(axis=1), part.classes),
                drawn={k: np.concatenate([d[k] for d in drawn[arm]]) for k in drawn[arm][0]},
                learned=tuple(
                    which_learned(
                        [
                            gain(part.labels, part.probabilities[m])
                            for m in models.loc[models["arm"] == arm, "model"]
                        ]
                    ).tolist()
                ),
            )
            for arm, summed in sums.items()
        },
    )


def too_few_images(n: int, split: str, clusters: Clusters) -> str:
    """Why further seeds settle nothing where images, or the truth, are in the way."""
    return (
        f"{n:,} {split} images in {clusters.n:,} clusters are too few, or the true difference "
        "lies too near the limit"
    )


def trainings_of(models: pd.DataFrame) -> tuple[Training, ...]:
    """What tells an arm's models apart: `seed`, and `fold` where there is one."""
    keys = ["seed", "fold"] if is_folded(models) else ["seed"]
    return tuple(models[keys].astype(int).itertuples(index=False, name=None))


def is_folded(models: pd.DataFrame) -> bool:
    """Whether each model was scored on a fold of its own."""
    return "fold" in models and bool(models["fold"].notna().all())
