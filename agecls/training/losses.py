"""Training objectives over N classes; every one of them yields N probabilities.

| name             | outputs | takes label smoothing | source                                    |
|------------------|---------|-----------------------|-------------------------------------------|
| `cross_entropy`  | N       | yes                   | Szegedy et al. 2016 for the smoothing     |
| `class_balanced` | N       | yes                   | Cui et al. 2019, effective number         |
| `logit_adjusted` | N       | yes                   | Menon et al. 2021                         |
| `focal`          | N       | no                    | Lin et al. 2017                           |
| `corn`           | N - 1   | no                    | Shi, Cao and Raschka 2023; ordered        |
| `soft_ordinal`   | N       | no                    | Díaz and Marathe 2019 (SORD); ordered     |

A loss that takes no label smoothing ignores it: `label_smoothing` is a factor that a search may
set under any loss, and its effect there is exactly nil.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

EFFECTIVE_NUMBER_BETA: Final = 0.999
FOCAL_GAMMA: Final = 2.0
ADJUSTMENT_TAU: Final = 1.0


class Objective(ABC):
    """A loss together with how its outputs become class probabilities.

    Attributes:
        n_outputs: Width of the model's head.
    """

    def __init__(self, n_outputs: int) -> None:
        self.n_outputs = n_outputs

    @abstractmethod
    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Mean loss over the batch; outputs (B, n_outputs) float32, labels (B,) int64."""

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Class probabilities (B, N) whose rows sum to 1; here the softmax of the outputs."""
        return outputs.softmax(dim=1)


class CrossEntropy(Objective):
    """Weighted cross-entropy of shifted logits: mean of w_y * CE(outputs + shift, y).

    The mean is over images, not over weights as in torch's `weight=`, which would let the
    classes in a small batch change the size of its step.

    Attributes:
        label_smoothing: Mass spread evenly over all classes.
        weights: (N,) factor of each class, or None for 1.
        shift: (N,) added to the logits in training only, or None for 0.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        label_smoothing: float = 0.0,
        weights: Tensor | None = None,
        shift: Tensor | None = None,
    ) -> None:
        super().__init__(n_classes)
        self.label_smoothing = label_smoothing
        self.weights = weights
        self.shift = shift

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Mean of the weighted, smoothed cross-entropies of the shifted logits."""
        logits = outputs if self.shift is None else outputs + self.shift
        losses = F.cross_entropy(
            logits, labels, reduction="none", label_smoothing=self.label_smoothing
        )
        return (losses if self.weights is None else losses * self.weights[labels]).mean()


class Focal(Objective):
    """Focal loss of the softmax (Lin et al. 2017, eq. 4), without class weights."""

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Mean of (1 - p_y)^gamma * -log p_y."""
        losses = F.cross_entropy(outputs, labels, reduction="none")
        # 1 - p from the loss itself: exact where p is close to 1, and never negative
        return ((-torch.expm1(-losses)) ** FOCAL_GAMMA * losses).mean()


class Corn(Objective):
    """Conditional ordinal regression (Shi, Cao and Raschka 2023, eq. 5).

    Output k (0..N-2) is the logit of P(y > k | y > k - 1) and learns from images with label >= k
    only.
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__(n_classes - 1)

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Mean binary cross-entropy over all (image, k) with label >= k."""
        thresholds = torch.arange(self.n_outputs, device=labels.device)
        asked = (labels[:, None] >= thresholds).to(outputs.dtype)
        above = (labels[:, None] > thresholds).to(outputs.dtype)
        losses = F.binary_cross_entropy_with_logits(outputs, above, reduction="none")
        return (losses * asked).sum() / asked.sum()  # every image is asked about k = 0

    def probabilities(self, outputs: Tensor) -> Tensor:
        """P(y = k) = P(y > k - 1) * P(y <= k | y > k - 1), which cannot become negative."""
        above = torch.sigmoid(outputs).cumprod(dim=1)
        certain = torch.ones_like(above[:, :1])
        return torch.cat([certain, above], 1) * torch.cat([torch.sigmoid(-outputs), certain], 1)


class SoftOrdinal(Objective):
    """Cross-entropy to soft labels softmax(-(i - y)^2) (SORD, Díaz and Marathe 2019, eq. 1).

    The distance is the squared difference of class indices, not of years: one-off accuracy, QWK
    and MAE count in classes too, and classes of 6 to 15 years need no temperature this way.
    """

    def __init__(self, n_classes: int, device: torch.device) -> None:
        super().__init__(n_classes)
        index = torch.arange(n_classes, dtype=torch.float32, device=device)
        self.targets = (-((index[:, None] - index[None, :]) ** 2)).softmax(dim=1)

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy to the soft labels."""
        return F.cross_entropy(outputs, self.targets[labels])


def effective_number_weights(class_counts: Tensor) -> Tensor:
    """Class weights (N,) proportional to (1 - beta) / (1 - beta^n), after Cui et al. 2019.

    They sum to the number of classes that occur; a class without images weighs 0.
    """
    counts = class_counts.to("cpu", torch.float64)
    present = counts > 0
    effective = (1 - EFFECTIVE_NUMBER_BETA ** counts.clamp(min=1)) / (1 - EFFECTIVE_NUMBER_BETA)
    weights = present / effective
    return (weights * present.sum() / weights.sum()).to(class_counts.device, torch.float32)


def log_prior(class_counts: Tensor) -> Tensor:
    """Log share (N,) of each class in training; a class without images counts as one image.

    The true share 0 would shift its logit by minus infinity, and label smoothing times that
    is not a number.
    """
    counts = class_counts.to("cpu", torch.float64).clamp(min=1)
    return (counts / counts.sum()).log().to(class_counts.device, torch.float32)


LOSSES: Final[dict[str, Callable[[Tensor, float], Objective]]] = {
    "cross_entropy": lambda counts, mass: CrossEntropy(len(counts), label_smoothing=mass),
    "class_balanced": lambda counts, mass: CrossEntropy(
        len(counts), label_smoothing=mass, weights=effective_number_weights(counts)
    ),
    "logit_adjusted": lambda counts, mass: CrossEntropy(
        len(counts), label_smoothing=mass, shift=ADJUSTMENT_TAU * log_prior(counts)
    ),
    "focal": lambda counts, mass: Focal(len(counts)),
    "corn": lambda counts, mass: Corn(len(counts)),
    "soft_ordinal": lambda counts, mass: SoftOrdinal(len(counts), counts.device),
}
"""From the training images of each class and the mass of label smoothing to the objective.

Another loss is a row here and, as recipes are read without torch, its name in `CHOICES["loss"]` of
`agecls.recipe`; where it asks how far classes lie apart, in `ORDINAL_LOSSES` there too.
"""


def build_loss(name: str, *, class_counts: Tensor, label_smoothing: float) -> Objective:
    """The objective of this name, on the device of the counts.

    Args:
        name: Of `LOSSES`, and so of `agecls.recipe.CHOICES["loss"]`.
        class_counts: (N,) training images per class; zeros are allowed.
        label_smoothing: Mass spread over all classes; see the module for who takes it.

    Raises:
        ValueError: No loss has this name.
    """
    if name not in LOSSES:
        raise ValueError(f"loss {name!r} is unknown; expected one of {', '.join(LOSSES)}")
    return LOSSES[name](class_counts, label_smoothing)
