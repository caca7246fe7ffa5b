"""Convolutions of maps of a few pixels as matrix products, several times as fast on a CPU.

A convolution library reorders a layer's weights for every call, forward, backward and once more
for their gradient. The last layers of a ResNet have most of the weights and, on small images, next
to no map: at 32 px a 1x1 map, on which a padded 3x3 kernel has one tap of nine. There the
reordering and the padding take most of the time, and matrix products do neither.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agecls.padded_product import padded_product

MOST_PIXELS: Final = 9
"""Largest output map that matrix products compute; from 4x4 on there is no gain."""


class Convolution(nn.Conv2d):
    """`nn.Conv2d` without bias, 1x1 or padded 3x3: the same sums, in an order of its own.

    Weights have `nn.Conv2d`'s names and shapes. Other devices, and whoever compiles or exports the
    model, get the plain convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, ceil(H / stride), ceil(W / stride))."""
        if x.device.type == "cpu" and not torch.compiler.is_compiling():
            stride = self.stride[0]
            height, width = (-(-side // stride) for side in x.shape[-2:])
            if height * width <= MOST_PIXELS:
                if self.kernel_size == (1, 1):
                    return self._pointwise(x[:, :, ::stride, ::stride])
                return padded_product(x, self.weight, stride)
        return super().forward(x)

    def _pointwise(self, x: Tensor) -> Tensor:
        """One product of all pixels' channels (B, H, W, inputs) with the weights."""
        out: Tensor = F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1)).permute(0, 3, 1, 2)
        return out
