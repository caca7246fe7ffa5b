"""The training loop: a state and arrays in, one EpochMetrics per epoch out.

An epoch needs nothing from the epochs before it but the state's tensors, so that a resumed run is
bit-identical to an unbroken one (on the same machine with the same number of threads; on CUDA
only nearly, since cuDNN's sums are not), and two recipes with one seed see the images in one
order through the same augmentation draws.
"""

from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from agecls.data.arrays import TrainingArrays, View
from agecls.errors import DivergedError
from agecls.learned import has_learned_by
from agecls.metrics import LEAST_PROBABILITY, has_collapsed, score
from agecls.nets.kernels.precision import mixed_precision
from agecls.recipe import Recipe
from agecls.training.allocator import keep_memory
from agecls.training.batches import (
    draw,
    evaluation_batch,
    flipped_batch,
    image_tensor,
    normalisation,
    training_batch,
)
from agecls.training.cuda_graph import Backward, Recorded
from agecls.training.schedules import learning_rate
from agecls.training.state import EpochMetrics, TrainingState, start, stream_seed

__all__ = ["EpochMetrics", "TrainingState", "fit", "predict", "start"]

CHECK_EVERY: Final = 10
"""Steps between looks at the loss for NaN; each look makes a GPU wait."""

EVALUATION_PIXELS: Final = 2**18
"""Pixels per evaluation batch on a CPU (256 images at 32 px, 16 at 128 px), which bounds its
memory; larger ones are no faster there."""

GPU_EVALUATION_PIXELS: Final = 2**22
"""On a GPU, which smaller ones would leave idle."""


LabelsOf = Callable[[int], NDArray[np.int64]]
"""From an epoch, counted from 1, to the labels (N,) that its training images have."""


def fit(
    state: TrainingState, data: TrainingArrays, *, labels_of: LabelsOf | None = None
) -> Iterator[EpochMetrics]:
    """Train on from the state to the recipe's last epoch, yielding after each one.

    The state is complete when an epoch is yielded: it can be saved there, and the iterator
    dropped. With n >= batch_size images the last partial batch of an epoch is left out (another
    one each time), since BN over a single 1x1 map has no variance; else one batch holds all.

    Args:
        state: Moved on.
        data: Taken to the device once, and all of a batch's computation recorded once on a GPU.
        labels_of: Where labels change from epoch to epoch; None: `data` has them.

    Raises:
        DivergedError: The loss or an output is NaN or infinite.
    """
    _set_up(state.device)
    images = image_tensor(data.images).to(state.device)
    train, val = (View(images, _on(state.device, rows)) for rows in (data.train, data.val))
    labels, val_labels = _on(state.device, data.train_labels), data.val_labels
    normal = normalisation(state.mean, state.std, state.device)
    backward: Backward = partial(_backward, state, normal)
    if state.device.type == "cuda":
        backward = Recorded(backward, state.model)
    for epoch in range(state.epoch + 1, state.recipe.epochs + 1):
        started = perf_counter()
        if labels_of is not None:
            labels = _on(state.device, labels_of(epoch))
        sums, n_seen, rate = _train_epoch(state, backward, train, labels, epoch)
        trained = perf_counter()
        train_loss, train_accuracy = (float(value) / n_seen for value in sums)

        probabilities = predict(state, val)
        if not np.isfinite(probabilities).all():
            raise DivergedError(
                f"epoch {epoch}, after its last step: validation outputs are not finite at "
                f"learning rate {rate:.3g}; lower `lr` or raise `warmup`"
            )
        scores = score(val_labels, probabilities, is_ordered=data.classes.is_ordered)
        train_counts = np.array(state.train_counts)
        metrics = EpochMetrics(
            epoch=epoch,
            learning_rate=rate,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            val_loss=scores.nll,
            val_accuracy=scores.accuracy,
            val_accuracy_top5=scores.accuracy_top5,
            val_accuracy_1off=scores.accuracy_1off,
            val_qwk=scores.qwk,
            val_mae=scores.mae,
            val_macro_f1=scores.macro_f1,
            val_ece=scores.ece,
            seconds=perf_counter() - started,
            images_per_second=n_seen / (trained - started),
            collapsed=has_collapsed(
                probabilities.argmax(axis=1),
                val_labels,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                train_counts=train_counts,
            ),
            learned=has_learned_by(
                train_loss=train_loss,
                val_loss=scores.nll,
                val_accuracy=scores.accuracy,
                val_macro_f1=scores.macro_f1,
                train_counts=train_counts,
                val_counts=np.bincount(val_labels, minlength=len(train_counts)),
            ),
        )
        state.history.append(metrics)
        yield metrics


def _train_epoch(
    state: TrainingState, backward: Backward, images: View[Tensor], labels: Tensor, epoch: int
) -> tuple[Tensor, int, float]:
    """Sums of (NLL, hits) over the epoch's images, their number and the last learning rate."""
    recipe, model = state.recipe, state.model
    n = len(labels)
    order = torch.randperm(n, generator=_stream(recipe.seed, "order", epoch)).to(state.device)
    draws = draw(n, _stream(recipe.seed, "augmentation", epoch)).to(state.device)
    steps = max(1, n // recipe.batch_size)
    before = (epoch - 1) * steps
    losses = torch.zeros(steps, device=state.device)
    tallies = torch.zeros(steps, 2, device=state.device)  # NLL and hits, summed over the batch
    rate = recipe.lr

    model.train()
    for step in range(steps):
        rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        losses[step], tallies[step] = backward(images[rows], draws[rows], labels[rows])

        rate = learning_rate(recipe, before + step, steps)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.step()
        _average(state, before + step)

        if (step + 1) % CHECK_EVERY == 0 or step + 1 == steps:
            _raise_if_diverged(recipe, losses[: step + 1], epoch, steps)
    return tallies.sum(dim=0), min(n, steps * recipe.batch_size), rate


def _backward(
    state: TrainingState, normal: Tensor, images: Tensor, draws: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Leave a batch's gradients in the parameters; its loss, and its (NLL, hits), summed."""
    recipe = state.recipe
    if recipe.augmentation_kind == "flip" and recipe.augmentation > 0:
        inputs = flipped_batch(images, draws, normal)
    else:
        inputs = training_batch(images, draws, normal, strength=recipe.augmentation)
    with mixed_precision(state.device, recipe.precision):
        outputs = state.model(inputs)
    outputs = outputs.float()
    loss = state.objective(outputs, labels)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach(), _tally(state.objective.probabilities(outputs.detach()), labels)


def predict(
    state: TrainingState, images: NDArray[np.uint8] | View[NDArray[np.uint8]] | View[Tensor]
) -> NDArray[np.float32]:
    """Class probabilities (N, 8) of images (N, S, S, 3), of the averaged weights if there are.

    In float32 whatever the recipe's precision, as models that are kept predict (on GPUs apart from
    the rounding of TF32, which these turn off).
    """
    model = state.evaluated
    if state.ema is not None:
        _copy_buffers(state.model, state.ema)
    model.eval()
    on_cpu = state.device.type == "cpu"
    most_pixels = EVALUATION_PIXELS if on_cpu else GPU_EVALUATION_PIXELS
    at_once = max(1, most_pixels // (images.shape[1] * images.shape[2]))
    normal = normalisation(state.mean, state.std, state.device)
    parts = []
    with torch.inference_mode():
        for first in range(0, len(images), at_once):
            some = images[first : first + at_once]
            batch = some if isinstance(some, Tensor) else image_tensor(some)
            inputs = evaluation_batch(batch.to(state.device), normal)
            parts.append(state.objective.probabilities(model(inputs)))
    return torch.cat(parts).cpu().numpy()


def _stream(seed: int, stream: str, epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed(stream_seed(seed, stream, epoch))


def _on(device: torch.device, numbers: NDArray[np.int64]) -> Tensor:
    # a copy: the array may be read-only
    return torch.tensor(numbers, dtype=torch.int64, device=device)


def _set_up(device: torch.device) -> None:
    # Not `cudnn.benchmark`: on an H200 trying kernels took 15 s a process and 4 GB, and what it
    # found was no faster (ResNet-50, 48 px, batch 32: 3.4 ms a pass with and without).
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    else:
        keep_memory()


def _average(state: TrainingState, step: int) -> None:
    """Move the averaged weights towards the model's.

    The decay grows as (1 + t) / (10 + t) up to the recipe's (as in TensorFlow's
    ExponentialMovingAverage), or a short run would mostly average its random start.
    """
    if state.ema is not None:
        decay = min(state.recipe.ema, (1 + step) / (10 + step))
        update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        update(list(state.ema.parameters()), list(state.model.parameters()), step)


def _copy_buffers(source: nn.Module, target: nn.Module) -> None:
    """BN statistics are running means already; those of the model serve the averaged one."""
    for theirs, ours in zip(source.buffers(), target.buffers(), strict=True):
        ours.copy_(theirs)


def _tally(probabilities: Tensor, labels: Tensor) -> Tensor:
    of_truth = probabilities.gather(1, labels[:, None]).clamp(min=LEAST_PROBABILITY)
    hits = probabilities.argmax(dim=1) == labels
    return torch.stack([-of_truth.log().sum(), hits.sum().to(of_truth.dtype)])


def _raise_if_diverged(recipe: Recipe, losses: Tensor, epoch: int, steps: int) -> None:
    broken = (~losses.isfinite()).nonzero()
    if len(broken):
        step = int(broken[0])
        rate = learning_rate(recipe, (epoch - 1) * steps + step, steps)
        raise DivergedError(
            f"epoch {epoch}, step {step + 1} of {steps}: the loss is {float(losses[step])} at "
            f"learning rate {rate:.3g}; lower `lr` or raise `warmup`"
        )
