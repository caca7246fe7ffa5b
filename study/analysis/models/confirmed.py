"""What confirmed models say: every arm and pair of arms with intervals, from predictions alone.

Test results come raw, as the literature has them (`all`), and without images whose file also
stands in train or val (`unique`). All sets of images are drawn by cluster, and one draw serves
every model, so that arms are compared on the same draws and on the seeds that both have.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.classes import Classes
from agecls.intervals import Array, Clusters, Estimate, two_level
from study.analysis.models.learned import gain, which_learned
from study.analysis.models.scoring import (
    RECALL,
    TEMPERED,
    cluster_sums,
    drawn_scores,
    metrics_of,
    recall_names,
    renamed,
    score_interval,
    scores,
    temperature,
)
from study.folder.columns import names_of

_DRAWN_AT_ONCE: Final = 2**24
"""Draws x clusters, or x features of an arm's models, held at a time: 128 MiB."""


@dataclass(frozen=True, kw_only=True)
class ScoredArm:
    """The models of one arm on one set of images.

    Attributes:
        arm: Its name.
        seeds: One per model.
        scores: By metric, of each model (K,).
        drawn: By metric, of each model on each draw of clusters (B, K).
        learned: Whether each model learned, by itself and beside the arm's others; see
            `which_learned`.
    """

    arm: str
    seeds: tuple[int, ...]
    scores: Mapping[str, Array]
    drawn: Mapping[str, Array]
    learned: tuple[bool, ...]


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

    def counted(self, metric: str) -> tuple[int, int]:
        """Images and clusters that a score is of."""
        return self.of_classes.get(metric, (self.n_images, self.clusters.n))

    def contrast(self, weights: Mapping[str, float], metric: str) -> Estimate | None:
        """A weighted sum of arms' scores over the seeds that all of them have; None if none."""
        found = self.weighted(weights, metric, self.shared_seeds(weights))
        return None if found is None else two_level(*found, self.clusters)

    def shared_seeds(self, arms: Iterable[str]) -> list[int]:
        """The seeds that all of these arms have, in the first one's order."""
        first, *others = [self.arms[name].seeds for name in arms]
        return [s for s in first if all(s in other for other in others)]

    def weighted(
        self, weights: Mapping[str, float], metric: str, seeds: Sequence[int]
    ) -> tuple[Array, Array] | None:
        """A weighted sum of arms' scores by seed (K,), and on the draws (B, K).

        None where there is no seed or the score is not defined; draws that miss all images of a
        class that the score needs are left out.
        """
        if not seeds:
            return None
        value, drawn = np.zeros(len(seeds)), np.zeros((1, len(seeds)))
        for name, weight in weights.items():
            arm = self.arms[name]
            place = [arm.seeds.index(s) for s in seeds]
            value = value + weight * arm.scores[metric][place]
            drawn = drawn + weight * arm.drawn[metric][:, place]
        is_defined = np.isfinite(drawn).all(axis=1)
        if not np.isfinite(value).all() or is_defined.sum() < 2:
            return None
        return value, drawn[is_defined]


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """What the predictions of the confirmed models say.

    Attributes:
        models: Per model `model`, `temperature`, `learned` (on val) and its scores under the
            columns of `confirm`.
        estimates: Per arm, and per pair of arms (`arm` minus `against`): the table's columns;
            accuracies and recalls are fractions, NLL in nats, MAE in classes; `class` for recalls
            only.
        sets: What claims are judged on.
    """

    models: pd.DataFrame
    estimates: pd.DataFrame
    sets: tuple[ScoredSet, ...]

    def judged_on(self) -> ScoredSet:
        """All images of the test split, or of val where the data have no test split."""
        return next(s for name in ("test", "val") for s in self.sets if s.split == name)


@dataclass(frozen=True, kw_only=True)
class ScoredImages:
    """Predictions of all models on one set of images: labels (n,), by model (n, N)."""

    split: str
    images: str
    labels: NDArray[np.int64]
    clusters: Clusters
    probabilities: Mapping[str, Array]
    classes: Classes


def score_confirmed(
    models: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    classes: Classes,
    seed: int,
    n_draws: int = 2000,
    level: float = 0.95,
) -> Confirmed:
    """Scores, arms and pairs of arms with intervals.

    Args:
        models: `model, arm, seed`, in reading order of the arms; trained to their end.
        predictions: As `predictions.parquet`, with `is_duplicate`.
        classes: That the models tell apart.
        seed: Of the draws.
        n_draws: Draws of clusters.
        level: Of the intervals.

    Raises:
        ValueError: A model was not scored on the images that others were.
    """
    rng = np.random.default_rng(seed)
    found = [
        part
        for split, images in (("val", "all"), ("test", "all"), ("test", "unique"))
        if (part := images_of(predictions, list(models["model"]), split, images, classes))
        is not None
    ]
    if not found or found[0].split != "val":
        raise ValueError("no model was scored on val")
    val = found[0]
    heat = {model: temperature(val.labels, p) for model, p in val.probabilities.items()}
    records: dict[str, dict[str, object]] = {
        model: {"model": model, "temperature": heat[model]} for model in models["model"]
    }
    sets, rows = [], []
    for part in found:
        one = score_images(part, models, heat, n_draws=n_draws, rng=rng)
        prefix = part.split if part.images == "all" else f"{part.split}_unique"
        # the temperature was fitted to val itself
        metrics = metrics_of(classes)
        metrics = metrics if part.split == "val" else (*metrics, *TEMPERED)
        for arm, names in models.groupby("arm", sort=False)["model"]:
            for k, model in enumerate(names):
                scored = one.arms[str(arm)]
                records[model] |= renamed(scored.scores, prefix, metrics, k)
                if part.split == "val":
                    records[model]["learned"] = scored.learned[k]
        sets.append(one)
        rows += [row | {"split": one.split} for *_, row in estimates(one, metrics, level)]
    return Confirmed(
        models=pd.DataFrame(list(records.values())),
        estimates=pd.DataFrame(rows, columns=names_of("confirmed")),
        sets=tuple(sets),
    )


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
    sums, seeds = {}, {}
    for name, rows in models.groupby("arm", sort=False):
        arm = str(name)
        seeds[arm] = tuple(rows["seed"].astype(int))
        sums[arm] = np.stack(
            [
                cluster_sums(part.labels, part.probabilities[m], heat[m], part.clusters)
                for m in rows["model"]
            ]
        )
    drawn: dict[str, list[Mapping[str, Array]]] = {arm: [] for arm in sums}
    widest = max(len(summed) * summed.shape[-1] for summed in sums.values())
    at_once = max(1, _DRAWN_AT_ONCE // max(part.clusters.n, widest))
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
                seeds=seeds[arm],
                scores=scores(summed.sum(axis=1), part.classes),
                drawn={k: np.concatenate([d[k] for d in drawn[arm]]) for k in drawn[arm][0]},
                learned=tuple(
                    bool(learned)
                    for learned in which_learned(
                        [
                            gain(part.labels, part.probabilities[m])
                            for m in models.loc[models["arm"] == arm, "model"]
                        ]
                    )
                ),
            )
            for arm, summed in sums.items()
        },
    )


def estimates(
    one: ScoredSet, names: Sequence[str], level: float
) -> Iterator[tuple[dict[str, float], str, dict[str, object]]]:
    """Every score of every arm, then of every pair of arms: its weights, name and row.

    Args:
        one: The models on a set of images.
        names: Scores; recalls come after them.
        level: Of the intervals.
    """
    asked: list[tuple[str, str | None, dict[str, float]]] = [
        (arm, None, {arm: 1.0}) for arm in one.arms
    ]
    asked += [(a, b, {a: 1.0, b: -1.0}) for a, b in combinations(one.arms, 2)]
    for arm, against, weights in asked:
        for metric in (*names, *one.of_classes):
            estimate = one.contrast(weights, metric)
            if estimate is None:
                continue
            n_images, n_clusters = one.counted(metric)
            low, high = estimate.interval(level)
            if against is None:
                low, high = score_interval(
                    metric, estimate, n_images=n_images, n_clusters=n_clusters, level=level
                )
            is_recall = metric in one.of_classes
            yield (
                weights,
                metric,
                {
                    "arm": arm,
                    "against": against,
                    "images": one.images,
                    "metric": "recall" if is_recall else metric,
                    "class": metric.removeprefix(RECALL) if is_recall else None,
                    "estimate": estimate.value,
                    "low": low,
                    "high": high,
                    "n_seeds": estimate.n_seeds,
                    "n_images": n_images,
                    "n_clusters": n_clusters,
                },
            )
