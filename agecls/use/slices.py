"""How good a model is on parts of a split: each class and each role, with intervals."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agecls.classes import Classes
from agecls.data.layouts.family import FAMILY_NAME
from agecls.intervals import Clusters, share_interval, two_level

N_DRAWS: Final = 2000
LEVEL: Final = 0.95
_SEED: Final = 0


@dataclass(frozen=True)
class Share:
    """A share of images, mean over models, with an interval over clusters and models.

    Attributes:
        value: 0..1.
        low: Lower end.
        high: Upper end; both NaN where there are fewer than two clusters.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Per cent with interval, or without where there is none."""
        if np.isnan(self.low):
            return f"{100 * self.value:.1f} % (no interval: one cluster)"
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


@dataclass(frozen=True)
class Slice:
    """Some images of a split.

    Attributes:
        name: Such as `class a 0-6` or `role GM`.
        accuracy: Share of images whose class is predicted exactly.
        one_off: Share predicted exactly or one class off.
        n_images: Images in it.
        n_clusters: Independent groups of them.
    """

    name: str
    accuracy: Share
    one_off: Share
    n_images: int
    n_clusters: int


def slices(predictions: pd.DataFrame, classes: Classes) -> list[Slice]:
    """All images, each class, and each role that names of files tell; empty slices are left out.

    Roles are those of the family layout without their number: S2 is an S.

    Args:
        predictions: Rows `model, image, cluster, true, predicted` of one split; all models of all
            its images. An image without a known cluster is one of its own.
        classes: What the models tell apart.
    """
    places = {name: k for k, name in enumerate(classes.names)}
    true, predicted = (predictions[c].map(places).to_numpy() for c in ("true", "predicted"))
    by_model = predictions.assign(distance=np.abs(true - predicted)).pivot(
        index="image", columns="model", values="distance"
    )
    distance = by_model.to_numpy()
    images = predictions.groupby("image", sort=True)[["cluster", "true"]].first()
    own = pd.Series(-1 - np.arange(len(images)), index=images.index)
    clusters = images["cluster"].fillna(own).to_numpy(np.int64)
    roles = np.array([_role(image) for image in images.index], dtype=object)
    masks = {"all": np.ones(len(images), dtype=bool)}
    for name, caption in zip(classes.names, classes.captions, strict=True):
        masks[f"class {caption}"] = (images["true"] == name).to_numpy()
    for role in sorted(set(roles) - {None}):
        masks[f"role {role}"] = roles == role
    return [
        _slice(name, distance[mask], Clusters.of(clusters[mask]))
        for name, mask in masks.items()
        if mask.any()
    ]


def _slice(name: str, distance: NDArray[np.int64], clusters: Clusters) -> Slice:
    """From distances in classes (images, models)."""
    draws = clusters.draws(N_DRAWS, np.random.default_rng(_SEED))
    drawn_images = (draws @ clusters.sizes)[:, None]

    def share(is_counted: NDArray[np.bool_]) -> Share:
        values = is_counted.astype(np.float64)
        if clusters.n < 2:
            return Share(float(values.mean()), float("nan"), float("nan"))
        drawn = draws @ clusters.sums(values) / drawn_images
        estimate = two_level(values.mean(axis=0), drawn, clusters)
        low, high = share_interval(
            estimate, n_images=len(values), n_clusters=clusters.n, level=LEVEL
        )
        return Share(estimate.value, low, high)

    return Slice(
        name,
        accuracy=share(distance == 0),
        one_off=share(distance <= 1),
        n_images=len(distance),
        n_clusters=clusters.n,
    )


def _role(image: str) -> str | None:
    match = FAMILY_NAME.fullmatch(image.rpartition("/")[2])
    return None if match is None else match["role"].rstrip("0123456789")
