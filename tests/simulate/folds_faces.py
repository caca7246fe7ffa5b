"""A population of drawn families, and nets so cheap that a recipe's truth can be measured.

Families come from one distribution (three persons, 3 to 12 pictures each), a millisecond a
picture, so that fresh training sets and fresh test faces are at hand for any number of trainings.
A net is a softmax on the pixels, with one hidden layer or none, trained by SGD in numpy.
"""

import io
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agecls.classes import EIGHT
from agecls.faces.drawing import draw_face
from agecls.faces.face_set import CHILD, GRANDPARENT, PARENT
from agecls.faces.people import HOME, draw_person

SIZE: Final = 16
PHOTOS: Final = (3, 12)
MOMENTUM: Final = 0.9

Images = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Families:
    """Drawn faces of many families.

    Attributes:
        pixels: (N, 768) uint8.
        labels: (N,) 0..7.
        family: (N,) 0..n-1, ascending.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    family: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Families."""
        return int(self.family[-1]) + 1

    @property
    def inputs(self) -> Images:
        """(N, 768): pixels with a mean near 0 and a variance near 1."""
        return standardised(self.pixels)

    def of(self, families: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of the images of these families, family by family."""
        starts = np.searchsorted(self.family, families)
        ends = np.searchsorted(self.family, families, side="right")
        return np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)])


def standardised(pixels: NDArray[np.uint8]) -> Images:
    """Pixels of drawn faces with a mean near 0 and a variance near 1."""
    return (pixels.astype(np.float32) / 255 - 0.57) / 0.17


def draw_family(number: int, seed: int) -> tuple[list[bytes], list[int]]:
    """Pictures (JPEG) and classes of one family."""
    rng, colours = Random(f"{seed}/{number}"), Random(f"{seed}/{number}/colours")
    pictures, labels = [], []
    for weights in (CHILD, PARENT, GRANDPARENT):
        person = draw_person(rng, colours, HOME, male=rng.random() < 0.5)
        for label in rng.choices(range(8), weights, k=rng.randint(*PHOTOS)):
            low, high = (EIGHT.years or ())[label]
            years = rng.randint(low, min(high, 92)) + rng.random()
            pictures.append(draw_face(person, years, HOME, rng, size=SIZE))
            labels.append(label)
    return pictures, labels


def draw_families(n: int, *, seed: int = 0) -> Families:
    """`n` families, about 22 images each, a millisecond an image."""
    pixels, labels, family = [], [], []
    for number in range(n):
        for picture, label in zip(*draw_family(number, seed), strict=True):
            pixels.append(np.asarray(Image.open(io.BytesIO(picture))).reshape(-1))
            labels.append(label)
            family.append(number)
    return Families(
        pixels=np.stack(pixels), labels=np.array(labels), family=np.array(family, dtype=np.int64)
    )


def families_at(path: Path, n: int, *, seed: int = 0) -> Families:
    """`n` families from a file, which is written where it is not there or holds others."""
    if path.exists():
        with np.load(path) as kept:
            found = Families(**{k: kept[k] for k in ("pixels", "labels", "family")})
        if found.n == n:
            return found
    found = draw_families(n, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **vars(found))
    return found


@dataclass(frozen=True, kw_only=True)
class CheapRecipe:
    """How a net is trained: `hidden` units of a ReLU layer (0: none), rate, epochs."""

    hidden: int
    rate: float
    epochs: int = 8


def trained(recipe: CheapRecipe, x: Images, y: NDArray[np.int64], seed: int) -> list[Images]:
    """Weights of a net after its last epoch, [W, b] or [V, a, W, b]: batches of 32, cosine rate.

    Args:
        recipe: Of the net.
        x: (N, 768), standardised.
        y: (N,) 0..7.
        seed: Of the initialisation and the order of images.
    """
    rng = np.random.default_rng(seed)
    widths = [x.shape[1], *([recipe.hidden] if recipe.hidden else []), 8]
    weights: list[Images] = []
    for n_in, n_out in pairwise(widths):
        scale = np.float32(np.sqrt(2 / n_in))
        weights += [
            scale * rng.standard_normal((n_in, n_out), dtype=np.float32),
            np.zeros(n_out, dtype=np.float32),
        ]
    moving = [np.zeros_like(w) for w in weights]
    steps = recipe.epochs * -(-len(x) // 32)
    step = 0
    for _ in range(recipe.epochs):
        order = rng.permutation(len(x))
        for first in range(0, len(x), 32):
            batch = order[first : first + 32]
            rate = recipe.rate * 0.5 * (1 + np.cos(np.pi * step / steps))
            for w, v, g in zip(
                weights, moving, _gradient(weights, x[batch], y[batch]), strict=True
            ):
                v *= MOMENTUM
                v -= np.float32(rate) * g
                w += v
            step += 1
    return weights


def _gradient(weights: list[Images], x: Images, y: NDArray[np.int64]) -> list[Images]:
    """Of the mean cross-entropy."""
    *lower, w, b = weights
    inner = np.maximum(x @ lower[0] + lower[1], 0) if lower else x
    logits = inner @ w + b
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    p /= len(y)
    upper = [inner.T @ p, p.sum(axis=0)]
    if not lower:
        return upper
    back = (p @ w.T) * (inner > 0)
    return [x.T @ back, back.sum(axis=0), *upper]


def predicted(weights: list[Images], x: Images) -> NDArray[np.int64]:
    """The class that a net names for each image (N,)."""
    return np.asarray(_logits(weights, x).argmax(axis=1))


def probabilities(weights: list[Images], x: Images) -> Images:
    """What a net says of each image (N, 8)."""
    logits = _logits(weights, x)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True), dtype=np.float32)


def _logits(weights: list[Images], x: Images) -> Images:
    *lower, w, b = weights
    inner = np.maximum(x @ lower[0] + lower[1], 0) if lower else x
    return np.asarray(inner @ w + b)
