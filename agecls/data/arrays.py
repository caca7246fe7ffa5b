"""Images and labels as training takes them; folds and subsets are arrays of places."""

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from agecls.classes import Classes
from agecls.data.folds import Folds

Pixels = TypeVar("Pixels", bound=Any)
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class View(Generic[Pixels]):
    """Some of the images of an array or tensor, by their places; only what is read is copied.

    Attributes:
        images: (P, size, size, 3) uint8 RGB.
        rows: (N,) int64, places of the view's images among them.
    """

    images: Pixels
    rows: Any

    def __len__(self) -> int:
        """N."""
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, size, size, 3)."""
        return len(self.rows), *self.images.shape[1:]

    def __getitem__(self, part: Any) -> Pixels:
        """The images of a part of the view, a slice or an array of places in it."""
        chosen: Pixels = self.images[self.rows[part]]
        return chosen


@dataclass(frozen=True, eq=False)
class TrainingArrays:
    """What a training worker needs of the data; the arrays may be read-only.

    Folds of one set differ in `train` and `val` and share the rest.

    Attributes:
        images: (P, size, size, 3) uint8 RGB, of training and validation.
        labels: (P,) int64.
        train: (N,) places of the images to train on.
        val: (M,) places of those to validate on.
        classes: What the labels mean.
        folds: Of all P images; None: `train` and `val` are all there is.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    train: Places
    val: Places
    classes: Classes
    folds: Folds | None = None

    @property
    def train_labels(self) -> npt.NDArray[np.int64]:
        """Classes of the N images to train on, (N,)."""
        return self.labels[self.train]

    @property
    def train_counts(self) -> npt.NDArray[np.int64]:
        """How many of them are of each class."""
        return np.bincount(self.train_labels, minlength=len(self.classes))

    @property
    def val_images(self) -> View[npt.NDArray[np.uint8]]:
        """The M images to validate on."""
        return View(self.images, self.val)

    @property
    def val_labels(self) -> npt.NDArray[np.int64]:
        """Their classes, (M,)."""
        return self.labels[self.val]

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return len(self.images[0])

    def fold(self, fold: int) -> "TrainingArrays":
        """The same images with this fold to validate on, and all other folds to train on.

        Raises:
            ValueError: There is no such fold.
        """
        if self.folds is None or not 0 <= fold < self.folds.k:
            n_folds = 0 if self.folds is None else self.folds.k
            raise ValueError(f"there is no fold {fold} of {n_folds}")
        return replace(
            self, train=self.folds.trained_on(fold), val=self.folds.held_out(fold), folds=None
        )

    def trained_on(self, chosen: Places) -> "TrainingArrays":
        """The same with these of the training images alone; the others are not held.

        Args:
            chosen: (n,) places among the training images.
        """
        if len(chosen) == len(self.train):
            return self
        rows = np.concatenate([self.train[chosen], self.val])
        places = np.arange(len(rows))
        return replace(
            self,
            images=self.images[rows],
            labels=self.labels[rows],
            train=places[: len(chosen)],
            val=places[len(chosen) :],
            folds=None,
        )


def at_most(most: int | None, n: int, *, seed: int) -> Places:
    """Places of all of `n` images, or of `most` of them drawn at random, in order."""
    if most is None or most >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, size=most, replace=False))
