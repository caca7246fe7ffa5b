"""What training costs in arithmetic, and from that how long a GPU would take that is not here."""

from typing import Final

import torch
from torch.utils.flop_counter import FlopCounterMode

from agecls.nets.families import build_net

TRAINING: Final = 3
"""Forward passes' worth of arithmetic in a training step: the backward pass has two such products,
one for the activations and one for the weights."""

ASSUMED_FLOPS: Final = 30e12
"""Floating-point operations per second that a data-centre GPU (A100 class, bfloat16) is assumed to
sustain on these small images, several trials together: about half of what published training rates
of ResNet-50 at 224 px come to there (some 2,500 images/s of 25 GFLOP), a tenth of its peak. It is
an assumption, not a measurement: `--benchmark` measures."""


def forward_flops(variant: str, depth: int, size: int) -> int:
    """Floating-point operations of one image's forward pass; a multiply-add counts as two.

    Convolutions and the head are counted, which are all but a hundredth of it.
    """
    with torch.device("meta"):
        model = build_net(variant, depth, size=size).eval()
        image = torch.empty(1, 3, size, size)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(image)
    return int(counter.get_total_flops())
