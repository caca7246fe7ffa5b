"""Confirmed models on other faces: the same scores, and how they change from the study's own.

The change is paired by seed: each model's score on the other faces less its own score on the
study's test split (or val, where there is no test split). The two sets have no image in common,
so their clusters add up; see `intervals.over_sets`. A change says how models of this study fare
elsewhere; it mixes what is harder there with another mix of classes, which the recalls part.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agecls.classes import Classes
from agecls.intervals import Estimate, over_sets
from study.analysis.confirm.confirmed import estimates
from study.analysis.confirm.folded import fold_models
from study.analysis.confirm.scored import ScoredSet, images_of, is_folded, score_images
from study.analysis.confirm.scoring import TEMPERED, metrics_of
from study.folder.columns import names_of
from study.folder.other_faces import OtherFaces


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """The models on one set of other faces, beside the study's own.

    Attributes:
        faces: The set.
        own: All images of the study's test split, or of val; each model's own fold with folds.
        other: By `all` or `unique` (without files that the study holds; only where there are
            any), the same models on the set.
    """

    faces: OtherFaces
    own: ScoredSet
    other: Mapping[str, ScoredSet]

    @property
    def judged_on(self) -> ScoredSet | None:
        """The images of the set that the study does not hold; None where it holds them all."""
        has_copies = self.faces.predictions["is_duplicate"].astype(bool).any()
        return self.other.get("unique" if has_copies else "all")

    def change(
        self, other: ScoredSet, weights: Mapping[str, float], metric: str
    ) -> Estimate | None:
        """A weighted sum of arms' scores there less the same here, over the shared seeds."""
        own = self.own.shared(weights)
        trainings = [t for t in other.shared(weights) if t in own]
        there = other.weighted(weights, metric, trainings)
        here = self.own.weighted(weights, metric, trainings)
        if there is None or here is None:
            return None
        sets = [(there[1], other.clusters), (here[1], self.own.clusters)]
        return over_sets(there[0] - here[0], sets)


def score_elsewhere(
    models: pd.DataFrame,
    own_predictions: pd.DataFrame,
    faces: Iterable[OtherFaces],
    *,
    classes: Classes,
    seed: int,
    n_draws: int = 2000,
) -> tuple[Elsewhere, ...]:
    """Every model on every set of other faces that it was scored on.

    Args:
        models: `model, arm, seed, temperature`, with folds `fold`, in reading order of the arms;
            trained to their end.
        own_predictions: As `predictions.parquet`.
        faces: The sets; each is compared on the models that it has.
        classes: That the models tell apart.
        seed: Of the draws of clusters.
        n_draws: Of them.
    """
    heat = dict(zip(models["model"], models["temperature"].astype(float), strict=True))
    has_test = (own_predictions["split"] == "test").any()
    found = []
    for one in faces:
        scored = models[models["model"].isin(one.predictions["model"])]
        names = list(scored["model"])
        # by name, so that a set's numbers do not hang on which others there are
        rng = np.random.default_rng([seed, *one.name.encode()])
        parts = {"all": images_of(one.predictions, names, one.name, "all", classes)}
        if one.predictions["is_duplicate"].astype(bool).any():
            parts["unique"] = images_of(one.predictions, names, one.name, "unique", classes)
        if has_test or not is_folded(scored):
            split = "test" if has_test else "val"
            parts = {"own": images_of(own_predictions, names, split, "all", classes), **parts}
        sets = {
            key: score_images(part, scored, heat, n_draws=n_draws, rng=rng)
            for key, part in parts.items()
            if part is not None
        }
        if "own" not in sets:
            folded = fold_models(
                scored, own_predictions, classes=classes, seed=seed, n_draws=n_draws
            )
            sets["own"] = folded.by_training()
        found.append(Elsewhere(faces=one, own=sets.pop("own"), other=sets))
    return tuple(found)


def external_frame(found: Sequence[Elsewhere], *, level: float = 0.95) -> pd.DataFrame:
    """Rows of `external`: per set, arm and pair of arms, every metric.

    Returns:
        The table's columns. `estimate, low, high`: the score there (of a pair: `arm` minus
        `against`); accuracies and recalls are fractions, NLL in nats, MAE in classes; `own`: the
        same on `own_split`; `change`: there less own, with its interval; null for tempered scores
        where the own split is val, to which the temperature was fitted. `is_seen`: see
        `OtherFaces`; of a pair, whether it holds for either.
    """
    rows = [
        row for one in found for other in one.other.values() for row in _rows(one, other, level)
    ]
    return pd.DataFrame(rows, columns=names_of("external"))


def _rows(one: Elsewhere, other: ScoredSet, level: float) -> Iterator[dict[str, object]]:
    for weights, metric, row in estimates(other, (*metrics_of(other.classes), *TEMPERED), level):
        seen = [one.faces.seen.get(name) for name in weights]
        yield row | {
            "faces": one.faces.name,
            "own_split": one.own.split,
            **_change(one, other, weights, metric, level),
            "is_seen": True if True in seen else None if None in seen else False,
        }


def _change(
    one: Elsewhere, other: ScoredSet, weights: Mapping[str, float], metric: str, level: float
) -> dict[str, float]:
    is_fitted = metric in TEMPERED and one.own.split == "val"
    own = one.own.contrast(weights, metric)
    change = one.change(other, weights, metric)
    if is_fitted or own is None or change is None:
        return {}
    low, high = change.interval(level)
    return {"own": own.value, "change": change.value, "change_low": low, "change_high": high}
