"""Pixels to calibrated probabilities as one module, which predictions and exports share.

Whatever depends on the training besides the weights is in it: normalisation, objective and
temperature.
"""

import torch
from torch import Tensor, nn

from agecls.metrics import LEAST_PROBABILITY
from agecls.nets.net import Net
from agecls.training.batches import Rgb, evaluation_batch, normalisation
from agecls.training.losses import Objective


class Inference(nn.Module):
    """Images (B, S, S, 3) uint8 RGB to probabilities (B, N) float32, normalisation included.

    Attributes:
        network: In evaluation mode.
        objective: How its outputs become probabilities.
        temperature: The probabilities are p^(1/T), scaled to sum to 1; None: as they are.
    """

    normal: Tensor

    def __init__(
        self,
        network: Net,
        objective: Objective,
        *,
        mean: Rgb,
        std: Rgb,
        temperature: float | None,
    ) -> None:
        super().__init__()
        self.network = network
        self.objective = objective
        self.temperature = temperature
        self.register_buffer("normal", normalisation(mean, std, torch.device("cpu")))

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities whose rows sum to 1."""
        outputs = self.network(evaluation_batch(images, self.normal))
        probabilities = self.objective.probabilities(outputs)
        if self.temperature is None:
            return probabilities
        return tempered(probabilities, self.temperature)


def tempered(probabilities: Tensor, temperature: float) -> Tensor:
    """Probabilities (B, N) sharpened (T < 1) or softened (T > 1) to p^(1/T) / sum.

    For a softmax this is the softmax of the logits over T (Guo et al. 2017, section 4.2); this
    form also serves objectives whose probabilities are no softmax.
    """
    return (probabilities.clamp(min=LEAST_PROBABILITY).log() / temperature).softmax(dim=1)
