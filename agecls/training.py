"""One training run: a recipe and arrays in, one EpochMetrics per epoch out.

All randomness comes from named streams derived from the recipe's seed: `initialisation`, and for
each epoch `order` and `augmentation`. An epoch therefore needs nothing from the epochs before it
but the tensors, so that a resumed run is bit-identical to an unbroken one (on the same machine
with the same number of threads; on CUDA only nearly, since cuDNN's sums are not), and two
recipes with one seed see the images in one order.
"""

import copy
import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.swa_utils import get_ema_multi_avg_fn

from agecls.ages import N_CLASSES
from agecls.batches import (
    Rgb,
    draw,
    evaluation_batch,
    image_tensor,
    normalisation,
    training_batch,
)
from agecls.data import TrainingArrays
from agecls.errors import DataLayoutError, DivergedError, WeightsError
from agecls.losses import Objective, build_loss
from agecls.metrics import LEAST_PROBABILITY, has_collapsed, score
from agecls.recipe import Recipe
from agecls.resnet import ResNet, build_resnet, initialise
from agecls.schedules import learning_rate
from agecls.weights import SCRATCH_MEAN, SCRATCH_STD, LoadedWeights, load_pretrained

CHECK_EVERY: Final = 10
"""Steps between looks at the loss for NaN; each look makes a GPU wait."""

EVALUATION_PIXELS: Final = 2**20
"""Pixels per evaluation batch (1,024 images at 32 px, 64 at 128 px), which bounds its memory."""


@dataclass(frozen=True, kw_only=True)
class EpochMetrics:
    """What one epoch did, and how good the model is after it.

    Attributes:
        epoch: From 1.
        learning_rate: Of the epoch's last step.
        train_loss: NLL of the true class in nats per image, whatever the objective; running
            mean over the epoch's steps, on augmented images.
        train_accuracy: Fraction, likewise.
        val_loss: NLL in nats per image, as all of `val_*` of the averaged weights if `ema` > 0.
        val_accuracy: Fraction.
        val_accuracy_1off: Fraction at most one class off.
        val_qwk: Quadratically weighted kappa.
        val_mae: Mean distance in classes.
        val_macro_f1: Mean F1 of the classes that occur.
        val_ece: Expected calibration error.
        seconds: Wall time with evaluation.
        images_per_second: Of the training part.
        collapsed: See `agecls.metrics.has_collapsed`.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_accuracy_1off: float
    val_qwk: float
    val_mae: float
    val_macro_f1: float
    val_ece: float
    seconds: float
    images_per_second: float
    collapsed: bool


@dataclass(kw_only=True)
class TrainingState:
    """A run between two epochs; `fit` moves it on, `agecls.checkpoints` writes it down.

    There is no scheduler and no generator in it: rates and random streams are functions of the
    recipe and the epoch.

    Attributes:
        recipe: What is trained.
        model: Its weights, channels last.
        optimizer: Over the model's parameters.
        ema: Averaged copy of the model that is evaluated, or None.
        objective: Loss and probabilities.
        device: Where model and batches are.
        mean: Normalisation that goes with the weights, per channel, of values in 0..1.
        std: Likewise.
        weights: What was loaded, or None from scratch.
        train_counts: Training images per class.
        history: Metrics of the finished epochs, oldest first.
    """

    recipe: Recipe
    model: ResNet
    optimizer: Optimizer
    ema: ResNet | None
    objective: Objective
    device: torch.device
    mean: Rgb
    std: Rgb
    weights: LoadedWeights | None
    train_counts: tuple[int, ...]
    history: list[EpochMetrics] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Finished epochs."""
        return len(self.history)

    @property
    def last(self) -> EpochMetrics | None:
        """Metrics of the latest finished epoch, or None before the first."""
        return self.history[-1] if self.history else None

    @property
    def evaluated(self) -> ResNet:
        """The model that metrics and predictions are of: the averaged one if there is one."""
        return self.model if self.ema is None else self.ema

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values that, with the recipe, restore this state."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "history": [asdict(metrics) for metrics in self.history],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave for the same recipe."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.history = [EpochMetrics(**metrics) for metrics in state["history"]]


def start(
    recipe: Recipe,
    data: TrainingArrays,
    *,
    device: str | torch.device = "cpu",
    weights: str | None = None,
) -> TrainingState:
    """A run before its first epoch.

    Args:
        recipe: What to train.
        data: What it will be trained on; gives the class counts here.
        device: Such as `cpu` or `cuda`.
        weights: Source for `load_pretrained`; not looked at where `init` is `scratch`.

    Raises:
        WeightsError: `init` is `pretrained` and the weights are not given or cannot be had.
        DataLayoutError: Fewer than two training images or no validation image.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(recipe.seed, "initialisation"))
        model = _build(recipe)
        initialise(model, recipe.init_scheme, zero_gamma=bool(recipe.zero_gamma))
    loaded = None
    if recipe.init == "pretrained":
        if weights is None:
            raise WeightsError(
                "recipe field `init` is 'pretrained' but no weights are given; name a file, "
                "a torchvision weight or a checkpoint of agecls.pretrain"
            )
        loaded = load_pretrained(model, weights)
    return assemble(recipe, data, model, device=device, weights=loaded)


def assemble(
    recipe: Recipe,
    data: TrainingArrays,
    model: ResNet | None = None,
    *,
    device: str | torch.device = "cpu",
    weights: LoadedWeights | None = None,
) -> TrainingState:
    """Put optimizer, objective and averaged copy around a model; None: one yet to be restored.

    Raises:
        DataLayoutError: Fewer than two training images or no validation image.
    """
    if len(data.train_labels) < 2 or len(data.val_labels) < 1:
        raise DataLayoutError(
            f"there are {len(data.train_labels)} training and {len(data.val_labels)} validation "
            "images; expected at least 2 and 1. Add images or change the splits."
        )
    device = torch.device(device)
    if model is None:
        with torch.random.fork_rng(devices=[]):
            model = _build(recipe)
    model = model.to(device).to(memory_format=torch.channels_last)
    counts = np.bincount(data.train_labels, minlength=N_CLASSES)
    return TrainingState(
        recipe=recipe,
        model=model,
        optimizer=build_optimizer(recipe, model),
        ema=copy.deepcopy(model).requires_grad_(False) if recipe.ema else None,
        objective=_objective(recipe, torch.from_numpy(counts).to(device)),
        device=device,
        mean=weights.mean if weights else SCRATCH_MEAN,
        std=weights.std if weights else SCRATCH_STD,
        weights=weights,
        train_counts=tuple(counts.tolist()),
    )


def stream_seed(seed: int, stream: str, epoch: int = 0) -> int:
    """Seed of one named random stream of one epoch; unrelated for every other triple."""
    key = f"{seed}/{stream}/{epoch}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") >> 1


def build_optimizer(recipe: Recipe, model: nn.Module) -> Optimizer:
    """The recipe's optimizer; BN parameters and biases (one axis) are not decayed.

    `adam` adds the decay to the gradient (L2), as the earlier study did; `adamw` decouples it.
    The fused forms take a third of the time on a CPU thread and are exact to rounding.
    """
    parameters = list(model.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return SGD(groups, recipe.lr, recipe.momentum, nesterov=recipe.momentum > 0, fused=True)
    kind = Adam if recipe.optimizer == "adam" else AdamW
    return kind(groups, recipe.lr, (recipe.momentum, 0.999), fused=True)


def fit(state: TrainingState, data: TrainingArrays) -> Iterator[EpochMetrics]:
    """Train on from the state to the recipe's last epoch, yielding after each one.

    The state is complete when an epoch is yielded: it can be saved there, and the iterator
    dropped. With n >= batch_size images the last partial batch of an epoch is left out (another
    one each time), since BN over a single 1x1 map has no variance; else one batch holds all.

    Raises:
        DivergedError: The loss or an output is NaN or infinite.
    """
    _set_up(state.device)
    images = image_tensor(data.train_images).to(state.device)
    labels = _label_tensor(data.train_labels).to(state.device)
    for epoch in range(state.epoch + 1, state.recipe.epochs + 1):
        started = perf_counter()
        sums, n_seen, rate = _train_epoch(state, images, labels, epoch)
        trained = perf_counter()
        train_loss, train_accuracy = (float(value) / n_seen for value in sums)

        probabilities = predict(state, data.val_images)
        if not np.isfinite(probabilities).all():
            raise DivergedError(
                f"epoch {epoch}, after its last step: validation outputs are not finite at "
                f"learning rate {rate:.3g}; lower `lr` or raise `warmup`"
            )
        scores = score(data.val_labels, probabilities)
        metrics = EpochMetrics(
            epoch=epoch,
            learning_rate=rate,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            val_loss=scores.nll,
            val_accuracy=scores.accuracy,
            val_accuracy_1off=scores.accuracy_1off,
            val_qwk=scores.qwk,
            val_mae=scores.mae,
            val_macro_f1=scores.macro_f1,
            val_ece=scores.ece,
            seconds=perf_counter() - started,
            images_per_second=n_seen / (trained - started),
            collapsed=has_collapsed(
                probabilities.argmax(axis=1),
                data.val_labels,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                train_counts=np.array(state.train_counts),
            ),
        )
        state.history.append(metrics)
        yield metrics


def _train_epoch(
    state: TrainingState, images: Tensor, labels: Tensor, epoch: int
) -> tuple[Tensor, int, float]:
    """Sums of (NLL, hits) over the epoch's images, their number and the last learning rate."""
    recipe, model = state.recipe, state.model
    n = len(labels)
    order = torch.randperm(n, generator=_stream(recipe.seed, "order", epoch)).to(state.device)
    draws = draw(n, _stream(recipe.seed, "augmentation", epoch)).to(state.device)
    normal = normalisation(state.mean, state.std, state.device)
    steps = max(1, n // recipe.batch_size)
    before = (epoch - 1) * steps
    losses = torch.zeros(steps, device=state.device)
    tallies = torch.zeros(steps, 2, device=state.device)  # NLL and hits, summed over the batch
    rate = recipe.lr

    model.train()
    for step in range(steps):
        rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        inputs = training_batch(images[rows], draws[rows], normal, strength=recipe.augmentation)
        targets = labels[rows]
        with _mixed_precision(state.device):
            outputs = model(inputs)
        outputs = outputs.float()
        loss = state.objective(outputs, targets)

        rate = learning_rate(recipe, before + step, steps)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        _average(state, before + step)

        losses[step] = loss.detach()
        tallies[step] = _tally(state.objective.probabilities(outputs.detach()), targets)
        if (step + 1) % CHECK_EVERY == 0 or step + 1 == steps:
            _raise_if_diverged(recipe, losses[: step + 1], epoch, steps)
    return tallies.sum(dim=0), min(n, steps * recipe.batch_size), rate


def predict(state: TrainingState, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Class probabilities (N, 8) of images (N, S, S, 3), of the averaged weights if there are."""
    model = state.evaluated
    if state.ema is not None:
        _copy_buffers(state.model, state.ema)
    model.eval()
    at_once = max(1, EVALUATION_PIXELS // (images.shape[1] * images.shape[2]))
    normal = normalisation(state.mean, state.std, state.device)
    parts = []
    with torch.inference_mode():
        for first in range(0, len(images), at_once):
            batch = image_tensor(images[first : first + at_once]).to(state.device)
            inputs = evaluation_batch(batch, normal)
            with _mixed_precision(state.device):
                outputs = model(inputs)
            parts.append(state.objective.probabilities(outputs.float()))
    return torch.cat(parts).cpu().numpy()


def _build(recipe: Recipe) -> ResNet:
    # the head's width does not depend on the class counts, which need the data
    n_outputs = _objective(recipe, torch.ones(N_CLASSES)).n_outputs
    return build_resnet(recipe.variant, recipe.depth, n_outputs=n_outputs)


def _objective(recipe: Recipe, class_counts: Tensor) -> Objective:
    return build_loss(
        recipe.loss, class_counts=class_counts, label_smoothing=recipe.label_smoothing
    )


def _stream(seed: int, stream: str, epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed(stream_seed(seed, stream, epoch))


def _label_tensor(labels: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(labels.astype(np.int64))  # a copy: the array may be read-only


def _set_up(device: torch.device) -> None:
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # every batch has one shape
        torch.set_float32_matmul_precision("high")


def _mixed_precision(device: torch.device) -> torch.autocast:
    """bfloat16 on GPUs that have it, else nothing: on CPUs it is slower than float32."""
    able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=able)


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
