"""What confirmed models say: every arm and pair of arms with intervals, from predictions alone.

Test results come raw, as the literature has them (`all`), and without images whose file also
stands in train or val (`unique`). All sets of images are drawn by cluster, and one draw serves
every model, so that arms are compared on the same draws and on the seeds that both have.
With folds `val` is all of train and validation, each model on its own fold; see `folded`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from agecls.classes import Classes
from agecls.intervals import Estimate
from study.analysis.confirm.folded import FoldedSet, fold_models
from study.analysis.confirm.scored import (
    Scored,
    ScoredSet,
    Told,
    images_of,
    is_folded,
    score_images,
)
from study.analysis.confirm.scoring import (
    RECALL,
    TEMPERED,
    metrics_of,
    recall_names,
    renamed,
    score_interval,
    temperature,
)
from study.folder.columns import names_of


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
    sets: tuple[Scored, ...]

    def judged_on(self) -> Scored:
        """All images of the test split, or of val where the data have no test split.

        With folds, those of val, which are all that were not tested on: the test split is a last
        look.
        """
        if self.sets[0].leaves_out:
            return self.sets[0]
        return next(s for name in ("test", "val") for s in self.sets if s.split == name)


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
    names = list(models["model"])
    sets: list[ScoredSet | FoldedSet] = []
    if is_folded(models):
        folded = fold_models(models, predictions, classes=classes, seed=seed, n_draws=n_draws)
        heat = folded.heat
        sets.append(folded)
    else:
        val = images_of(predictions, names, "val", "all", classes)
        if val is None:
            raise ValueError("no model was scored on val")
        heat = {model: temperature(val.labels, p) for model, p in val.probabilities.items()}
        sets.append(score_images(val, models, heat, n_draws=n_draws, rng=rng))
    for images in ("all", "unique"):
        part = images_of(predictions, names, "test", images, classes)
        if part is not None:
            sets.append(score_images(part, models, heat, n_draws=n_draws, rng=rng))
    records: dict[str, dict[str, object]] = {
        model: {"model": model, "temperature": heat[model]} for model in names
    }
    rows = []
    for one in sets:
        prefix = one.split if one.images == "all" else f"{one.split}_unique"
        # the temperature was fitted to val itself
        metrics = metrics_of(classes)
        metrics = metrics if one.split == "val" else (*metrics, *TEMPERED)
        for arm, of_arm in models.groupby("arm", sort=False)["model"]:
            scored = one.arms[str(arm)]
            for k, model in enumerate(of_arm):
                records[model] |= renamed(scored.scores, prefix, metrics, k)
                if one.split == "val":
                    records[model]["learned"] = scored.learned[k]
        rows += [row | {"split": one.split} for *_, row in estimates(one, metrics, level)]
    return Confirmed(
        models=pd.DataFrame(list(records.values())),
        estimates=pd.DataFrame(rows, columns=names_of("confirmed")),
        sets=tuple(sets),
    )


def estimates(
    one: ScoredSet | FoldedSet, names: Sequence[str], level: float
) -> Iterator[tuple[dict[str, float], str, dict[str, object]]]:
    """Every score of every arm, then of every pair of arms: its weights, name and row.

    Args:
        one: The models on a set of images.
        names: Scores; recalls come after them.
        level: Of the intervals.
    """
    for arm, against, weights in asked_of(one.arms):
        for metric in (*names, *recall_names(one.classes)):
            told = one.told(weights, metric)
            if told is None and against is None and isinstance(one, FoldedSet):
                # an arm whose nets hardly learned is shown as it is
                told = one.told(weights, metric, mixture=True)
            if told is None:
                continue
            is_recall = metric.startswith(RECALL)
            row: dict[str, object] = {
                "arm": arm,
                "against": against,
                "images": one.images,
                "metric": "recall" if is_recall else metric,
                "class": metric.removeprefix(RECALL) if is_recall else None,
                "estimate": told.estimate.value,
                "n_seeds": told.n_seeds,
                "n_images": told.n_images,
                "n_clusters": told.n_clusters,
                "n_trainings": told.n_trainings,
            }
            for prefix, estimate in (("", told.estimate), ("nets_", told.nets)):
                if estimate is not None:
                    ends = _interval(estimate, metric, told, level, is_score=against is None)
                    row[f"{prefix}low"], row[f"{prefix}high"] = ends
            yield weights, metric, row


def asked_of(arms: Iterable[str]) -> Iterator[tuple[str, str | None, dict[str, float]]]:
    """Every arm, then every pair of arms: names and weights of what is estimated."""
    names = list(arms)
    yield from ((arm, None, {arm: 1.0}) for arm in names)
    yield from ((a, b, {a: 1.0, b: -1.0}) for a, b in combinations(names, 2))


def _interval(
    estimate: Estimate, metric: str, told: Told, level: float, *, is_score: bool
) -> tuple[float, float]:
    """Of a difference, or of a score without what no score can be."""
    n_images, n_clusters = told.n_images, told.n_clusters
    if not is_score or n_images is None or n_clusters is None:
        return estimate.interval(level)
    return score_interval(metric, estimate, n_images=n_images, n_clusters=n_clusters, level=level)
