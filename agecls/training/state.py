"""A training run between two epochs: how it starts, and what it consists of.

All randomness comes from named streams derived from the recipe's seed: `initialisation`, and for
each epoch `order` and `augmentation`. Rates are a function of the step. A state is therefore
tensors and metrics alone, with no generator or scheduler in it.
"""

import copy
import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from agecls.data.arrays import TrainingArrays
from agecls.errors import DataLayoutError, WeightsError
from agecls.nets.families import build_net, family_of
from agecls.nets.kernels.choice import from_plain, plain
from agecls.nets.kernels.convolution import choices_of, hold
from agecls.nets.net import Net
from agecls.nets.weights import SCRATCH_MEAN, SCRATCH_STD, LoadedWeights, load_pretrained
from agecls.recipe import Recipe
from agecls.training.batches import Rgb
from agecls.training.losses import Objective, build_loss
from agecls.training.optimizers import build_optimizer


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
        val_accuracy_1off: Fraction at most one class off; this, kappa and distance are None
            where classes have no order.
        val_qwk: Quadratically weighted kappa.
        val_mae: Mean distance in classes.
        val_macro_f1: Mean F1 of the classes that occur.
        val_ece: Expected calibration error.
        seconds: Wall time with evaluation.
        images_per_second: Of the training part.
        collapsed: See `agecls.metrics.has_collapsed`.
        learned: See `agecls.learned.has_learned_by`; None in checkpoints of before it was asked.
        val_accuracy_top5: Fraction whose class is among the five most probable ones; None for up
            to ten classes. Checkpoints from before there was one have none.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_accuracy_1off: float | None
    val_qwk: float | None
    val_mae: float | None
    val_macro_f1: float
    val_ece: float
    seconds: float
    images_per_second: float
    collapsed: bool
    learned: bool | None = None
    val_accuracy_top5: float | None = None


@dataclass(kw_only=True)
class TrainingState:
    """A run between two epochs; `fit` moves it on, `agecls.training.checkpoints` writes it down.

    There is no scheduler and no generator in it: rates and random streams are functions of the
    recipe and the epoch.

    Attributes:
        recipe: What is trained.
        model: Its weights, channels last.
        views: The memory of the model's parameters, in their order; see `in_memory_order`.
        optimizer: Over the views.
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
    model: Net
    views: list[Tensor]
    optimizer: Optimizer
    ema: Net | None
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
    def evaluated(self) -> Net:
        """The model that metrics and predictions are of: the averaged one if there is one."""
        return self.model if self.ema is None else self.ema

    def step(self) -> None:
        """Move the parameters along their gradients, and drop these."""
        for view, parameter in zip(self.views, self.model.parameters(), strict=True):
            slope = parameter.grad
            view.grad = None if slope is None else in_memory_order(slope)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.model.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values that, with the recipe, restore this state."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "history": [asdict(metrics) for metrics in self.history],
            "kernels": [plain(*row) for row in choices_of(self.model).items()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave for the same recipe."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.history = [EpochMetrics(**metrics) for metrics in state["history"]]
        # checkpoints of before kernels were chosen hold none
        hold(self.model, dict(map(from_plain, state.get("kernels", ()))))


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
        model = _build(recipe, data)
        initialise = family_of(recipe.variant).code().initialise
        initialise(model, _scheme(recipe), zero_gamma=bool(recipe.zero_gamma))
    loaded = None
    if recipe.init == "pretrained":
        if weights is None:
            raise WeightsError(
                "recipe field `init` is 'pretrained' but no weights are given; name a file, "
                "a torchvision weight or a checkpoint of agecls.pretrain"
            )
        loaded = load_pretrained(model, weights)
    return assemble(recipe, data, model, device=device, weights=loaded)


def normalisation_of(recipe: Recipe, weights: LoadedWeights | None) -> tuple[Rgb, Rgb]:
    """Mean and standard deviation per channel, of values in 0..1, that a run's images take."""
    if weights is None or recipe.normalisation == "half":
        return SCRATCH_MEAN, SCRATCH_STD
    return weights.mean, weights.std


def _scheme(recipe: Recipe) -> str:
    if recipe.init_scheme != "earlier":
        return recipe.init_scheme
    return "xavier" if recipe.init == "scratch" else "pytorch"


def assemble(
    recipe: Recipe,
    data: TrainingArrays,
    model: Net | None = None,
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
            model = _build(recipe, data)
    model = model.to(device).to(memory_format=torch.channels_last)
    counts = data.train_counts
    mean, std = normalisation_of(recipe, weights)
    views = [in_memory_order(parameter.detach()) for parameter in model.parameters()]
    return TrainingState(
        recipe=recipe,
        model=model,
        views=views,
        optimizer=build_optimizer(recipe, views),
        ema=copy.deepcopy(model).requires_grad_(False) if recipe.ema else None,
        objective=_objective(recipe, torch.from_numpy(counts).to(device)),
        device=device,
        mean=mean,
        std=std,
        weights=weights,
        train_counts=tuple(counts.tolist()),
    )


def stream_seed(seed: int, stream: str, epoch: int = 0) -> int:
    """Seed of one named random stream of one epoch; unrelated for every other triple."""
    key = f"{seed}/{stream}/{epoch}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") >> 1


def in_memory_order(values: Tensor) -> Tensor:
    """The same memory with its axes in their order: (O, I, K, K) channels last -> (O, K, K, I).

    Fused optimizers copy whatever is in another order, each step, in three times their own time.
    """
    return values.permute(0, 2, 3, 1) if values.ndim == 4 else values


def _build(recipe: Recipe, data: TrainingArrays) -> Net:
    n_outputs = _objective(recipe, torch.from_numpy(data.train_counts)).n_outputs
    return build_net(recipe.variant, recipe.depth, n_outputs=n_outputs, size=data.size)


def _objective(recipe: Recipe, class_counts: Tensor) -> Objective:
    return build_loss(
        recipe.loss, class_counts=class_counts, label_smoothing=recipe.label_smoothing
    )
