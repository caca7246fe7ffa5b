"""Convolutions of maps of a few pixels as matrix products, several times as fast on a CPU.

A convolution library reorders a layer's weights for every call, forward, backward and once more
for their gradient. The last layers of a ResNet have most of the weights and, on small images, next
to no map: at 32 px a 1x1 map, of which a padded 3x3 kernel sees one tap of nine. There the
reordering and the padding take most of the time, and the matrix product does neither.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOST_PIXELS: Final = 9
"""Largest output map whose 1x1 convolution is a matrix product; from 4x4 on there is no gain."""

SEEN_WHOLE: Final = 2
"""Largest side of a map that a padded 3x3 kernel sees whole from each of its pixels."""


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
            if self.kernel_size == (1, 1) and height * width <= MOST_PIXELS:
                return self._pointwise(x[:, :, ::stride, ::stride])
            if self.kernel_size == (3, 3) and max(x.shape[-2:]) <= SEEN_WHOLE:
                return self._seen_whole(x, height, width)
        return super().forward(x)

    def _pointwise(self, x: Tensor) -> Tensor:
        """One product of all pixels' channels (B, H, W, inputs) with the weights."""
        out: Tensor = F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1)).permute(0, 3, 1, 2)
        return out

    def _seen_whole(self, x: Tensor, height: int, width: int) -> Tensor:
        """One product of the map (B, H W inputs) with the taps that each output pixel sees.

        Of an output pixel at row i, tap 1 lies on the map's row `stride` i, which is 0 or 1.
        """
        taps = self.weight.permute(0, 2, 3, 1)  # (outputs, 3, 3, inputs)
        rows, columns = x.shape[-2:]
        seen = [
            taps[:, 1 - i : 1 - i + rows, 1 - j : 1 - j + columns].flatten(1)
            for i in range(height)
            for j in range(width)
        ]  # each (outputs, H W inputs)
        products = F.linear(x.permute(0, 2, 3, 1).flatten(1), torch.cat(seen))
        out: Tensor = products.view(len(x), height, width, -1).permute(0, 3, 1, 2)
        return out
