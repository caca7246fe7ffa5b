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

from agecls.nets.kernels.padded_product import padded_product
from agecls.nets.kernels.precision import convolves_right

MOST_PIXELS: Final = 9
"""Largest output map that matrix products compute; from 4x4 on there is no gain."""


class Convolution(nn.Conv2d):
    """`nn.Conv2d` without bias, padded to keep the size: the same sums, in an order of its own.

    Weights have `nn.Conv2d`'s names and shapes. Other devices, and whoever compiles or exports the
    model, get the plain convolution. Under autocast on a CPU, a shape that the library gets wrong
    is computed in float32.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, ceil(H / stride), ceil(W / stride))."""
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        kernel, stride = self.kernel_size[0], self.stride[0]
        is_mixed = torch.is_autocast_enabled("cpu")
        height, width = (-(-side // stride) for side in x.shape[-2:])
        is_small = height * width <= MOST_PIXELS
        if is_small and kernel == 1:
            return self._pointwise(x[:, :, ::stride, ::stride])
        if is_small and kernel == 3:
            weight = self.weight
            if is_mixed:
                kind = torch.get_autocast_dtype("cpu")
                x, weight = x.to(kind), weight.to(kind)
            return padded_product(x, weight, stride)
        if is_mixed and not convolves_right(x.shape[1:], self.weight.shape, stride):
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float())
        return super().forward(x)

    def _pointwise(self, x: Tensor) -> Tensor:
        """One product of all pixels' channels (B, H, W, inputs) with the weights."""
        pixels = x.permute(0, 2, 3, 1)
        # flat, since of a strided view `F.linear` makes a product an image, each with its weights
        out = F.linear(pixels.flatten(0, 2), self.weight.flatten(1))
        return out.view(*pixels.shape[:3], self.out_channels).permute(0, 3, 1, 2)
