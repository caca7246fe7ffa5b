"""Training a backbone on a source set: best epoch kept, resumable, by class or by age in years.

While it trains, `FILE.unfinished/` holds the checkpoint and the best epoch so far; FILE appears
with the last epoch, so that a file that is there is done.
"""

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from agecls.classes import Years
from agecls.data.arrays import TrainingArrays
from agecls.data.loading import FaceData, root_of
from agecls.data.records import read_records
from agecls.errors import CheckpointError, DataLayoutError
from agecls.nets.kernels.precision import formats_used
from agecls.nets.weights import save_backbone
from agecls.recipe import Recipe
from agecls.training import checkpoints
from agecls.training.loop import LabelsOf, fit, start
from agecls.training.state import EpochMetrics, TrainingState, stream_seed

YEARS_SPREAD: Final = (1.0, 0.05)
"""Standard deviation in years of the label of an image of age y: first + second * y. Chosen, not
measured: how far an age shows grows with the age."""


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """What to train and where to.

    Attributes:
        recipe: Variant, depth, epochs, seed and all else.
        out: Ends in `.safetensors`; a JSON of how it was made lies beside it.
        device: Such as `cpu` or `cuda`.
        source: Path and fingerprint of the source set, for the record.
        licence: What the users of the weights must know.
        weights: Source that the training itself starts from, where the recipe is `pretrained`.
        years: (N,) ages in the training images, to learn from them; None: from the classes.
    """

    recipe: Recipe
    out: Path
    device: str
    source: dict[str, Any]
    licence: str
    weights: str | None = None
    years: NDArray[np.int64] | None = None

    @property
    def unfinished(self) -> Path:
        """The folder of the checkpoint and the best epoch so far."""
        return self.out.with_suffix(".unfinished")


def train_backbone(
    backbone: Backbone,
    data: TrainingArrays,
    *,
    resume: bool,
    deadline: float = math.inf,
    report: Callable[[EpochMetrics], None] | None = None,
) -> EpochMetrics | None:
    """Train and write a backbone; the metrics of the epoch written, or None at the deadline.

    The epoch with the highest validation accuracy is kept, the lower loss on a tie.

    Args:
        backbone: What to train.
        data: The source set; validation chooses the epoch.
        resume: Go on from the unfinished run if there is one.
        deadline: Of `time.monotonic`; no epoch starts after it.
        report: Told each epoch's metrics once the epoch is on disk.

    Raises:
        CheckpointError: There is an unfinished run and `resume` is False, or it is another run's.
        DivergedError: The loss became NaN or infinite.
        WeightsError: The weights to start from cannot be had.
    """
    state = _begin(backbone, data, resume=resume)
    epochs = fit(state, data, labels_of=_labels_of(backbone, data))
    while state.epoch < backbone.recipe.epochs:
        if time.monotonic() >= deadline:
            return None
        metrics = next(epochs)
        if metrics is best_of(state.history):
            _save_best(backbone, state, data)
        # after the best epoch: a run killed in between repeats the epoch bit for bit
        checkpoints.save(_checkpoint(backbone), state)
        if report is not None:
            report(metrics)
    _publish(backbone)
    return best_of(state.history)


def train_unasked(backbone: Backbone, data: TrainingArrays) -> EpochMetrics:
    """As `train_backbone` where nobody can be asked: a run of the same goes on, others go."""
    try:
        best = train_backbone(backbone, data, resume=True)
    except CheckpointError:
        discard(backbone)
        best = train_backbone(backbone, data, resume=True)
    assert best is not None  # without a deadline it ends
    return best


def best_of(history: list[EpochMetrics]) -> EpochMetrics:
    """The epoch whose backbone is kept; the earliest of equals."""
    return max(history, key=lambda epoch: (epoch.val_accuracy, -epoch.val_loss))


def discard(backbone: Backbone) -> None:
    """Remove what an unfinished run left."""
    shutil.rmtree(backbone.unfinished, ignore_errors=True)


def years_of(data: FaceData, path: str | Path) -> NDArray[np.int64]:
    """Ages in years in the training images, (N,).

    Raises:
        DataLayoutError: The set does not tell them all.
    """
    known = read_records(root_of(path), classes=data.classes).frame.drop_duplicates(
        "image_path", keep="last"
    )
    found = known.set_index("image_path")["years"][data.train.frame["image_path"]]
    if n := int(found.isna().sum()):
        raise DataLayoutError(
            f"{path}: the age in years of {n:,} of {len(found):,} training images is not known; "
            "use --target classes, or a set with ages such as UTKFace"
        )
    years: NDArray[np.int64] = found.to_numpy(np.int64)
    return years


def year_classes(bounds: Years) -> NDArray[np.float64]:
    """Probability of each class given an age, (ages, N): a normal distribution cut at the borders.

    It is centred in the year of age, with the deviation of `YEARS_SPREAD`; the first and last
    class take what lies beyond them. Ages go from 0 to the oldest of the last class.

    Args:
        bounds: Of `agecls.classes.Classes`.
    """
    borders = np.array([low for low, _ in bounds[1:]], dtype=np.float64)
    ages = np.arange(bounds[-1][1] + 1)[:, None]
    deviation = YEARS_SPREAD[0] + YEARS_SPREAD[1] * ages
    standard = (borders - (ages + 0.5)) / (deviation * math.sqrt(2))
    below = 0.5 * (1 + np.vectorize(math.erf)(standard))
    ends = np.zeros_like(below[:, :1]), np.ones_like(below[:, :1])
    return np.diff(np.concatenate([ends[0], below, ends[1]], axis=1), axis=1)


def draw_classes(
    years: NDArray[np.int64], bounds: Years, seed: int, epoch: int
) -> NDArray[np.int64]:
    """One epoch's class labels (N,), drawn from each image's distribution of classes.

    The mean over draws of the cross-entropy is that to the soft labels, and so is its gradient:
    learning from drawn labels is learning from soft ones, through a loop that knows hard labels
    only. The years tell more than the class just near the borders.
    """
    rng = np.random.default_rng(stream_seed(seed, "years", epoch))
    up_to = year_classes(bounds).cumsum(axis=1)[years]
    drawn: NDArray[np.int64] = (rng.random(len(years))[:, None] >= up_to[:, :-1]).sum(axis=1)
    return drawn


def _begin(backbone: Backbone, data: TrainingArrays, *, resume: bool) -> TrainingState:
    checkpoint = _checkpoint(backbone)
    if not checkpoint.exists():
        return start(backbone.recipe, data, device=backbone.device, weights=backbone.weights)
    if not resume:
        raise CheckpointError(
            f"{backbone.unfinished} holds an unfinished run; go on with --resume or delete it"
        )
    return checkpoints.restore(checkpoint, backbone.recipe, data, device=backbone.device)


def _labels_of(backbone: Backbone, data: TrainingArrays) -> LabelsOf | None:
    """Classes that are drawn anew each epoch, where ages in years are learned from."""
    if backbone.years is None:
        return None
    assert data.classes.years is not None, "classes without years have no images with ages"
    return partial(draw_classes, backbone.years, data.classes.years, backbone.recipe.seed)


def _save_best(backbone: Backbone, state: TrainingState, data: TrainingArrays) -> None:
    assert state.last is not None
    loaded = state.weights
    licence = backbone.licence
    if loaded is not None:
        licence += f"; started from {loaded.source}: {loaded.licence}"
    save_backbone(
        state.evaluated,
        backbone.unfinished / backbone.out.name,
        made_by={
            "recipe": backbone.recipe.to_dict(),
            "target": "classes" if backbone.years is None else "years",
            "data": backbone.source,
            "classes": data.classes.table,
            "size": data.size,
            "images": {"train": len(data.train_labels), "val": len(data.val_labels)},
            "weights": None if loaded is None else loaded.source,
            "number_format": formats_used(state.model, state.device, state.recipe.precision),
            "metrics": asdict(state.last),
            "metrics_note": "of the best epoch on the split that chose it: optimistic",
            "torch": str(torch.__version__),
        },
        mean=state.mean,
        std=state.std,
        licence=licence,
    )


def _publish(backbone: Backbone) -> None:
    """Move the best epoch to its name; also the rest of a move that was interrupted."""
    for path in (backbone.out, backbone.out.with_suffix(".json")):
        finished = backbone.unfinished / path.name
        if finished.exists():
            finished.replace(path)
    discard(backbone)


def _checkpoint(backbone: Backbone) -> Path:
    return backbone.unfinished / "state.pt"
