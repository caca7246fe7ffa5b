"""Convolutions on a CPU: a table of the ways to compute one, of which a shape takes the first.

A convolution library reorders a layer's weights for every call, forward, backward and once more
for their gradient. The last layers of a ResNet have most of the weights and, on small images, next
to no map: at 32 px a 1x1 map, on which a padded 3x3 kernel has one tap of nine. There the
reordering and the padding take most of the time, and matrix products do neither: several times as
fast.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agecls.nets.kernels.padded_product import padded_product
from agecls.nets.kernels.precision import convolves_right, remember_float32

MOST_PIXELS: Final = 9
"""Largest output map that matrix products compute; from 4x4 on there is no gain."""


class Shape(NamedTuple):
    """What the choice of a kernel depends on.

    Attributes:
        maps: (inputs, H, W).
        weights: (outputs, inputs, K, K).
        stride: Of the convolution.
        is_mixed: Whether autocast is on.
    """

    maps: torch.Size
    weights: torch.Size
    stride: int
    is_mixed: bool

    @property
    def is_small(self) -> bool:
        """Whether the output has few pixels."""
        height, width = (-(-side // self.stride) for side in self.maps[1:])
        return height * width <= MOST_PIXELS


@dataclass(frozen=True)
class Kernel:
    """A way to compute a convolution, the same sums in an order of its own.

    Attributes:
        name: For people.
        applies: Whether it can compute a shape, and pays there.
        run: From maps (B, inputs, H, W), weights and stride to (B, outputs, …).
    """

    name: str
    applies: Callable[[Shape], bool]
    run: Callable[[Tensor, Tensor, int], Tensor]


class Convolution(nn.Conv2d):
    """`nn.Conv2d` without bias, padded to keep the size.

    Weights have `nn.Conv2d`'s names and shapes. Other devices, and whoever compiles or exports the
    model, get the plain convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, ceil(H / stride), ceil(W / stride))."""
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        stride = self.stride[0]
        is_mixed = torch.is_autocast_enabled("cpu")
        kernel = kernel_for(Shape(x.shape[1:], self.weight.shape, stride, is_mixed))
        if kernel.run is _library_in_float32:
            remember_float32(self)
        return kernel.run(x, self.weight, stride)


def kernel_for(shape: Shape) -> Kernel:
    """The first of `KERNELS` that applies."""
    return next(kernel for kernel in KERNELS if kernel.applies(shape))


def _flat(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """One product of all pixels' channels (B, H, W, inputs) with the weights."""
    pixels = x[:, :, ::stride, ::stride].permute(0, 2, 3, 1)
    # flat, since of a strided view `F.linear` makes a product an image, each with its weights
    out = F.linear(pixels.flatten(0, 2), weight.flatten(1))
    return out.view(*pixels.shape[:3], len(weight)).permute(0, 3, 1, 2)


def _padded(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    if torch.is_autocast_enabled("cpu"):
        kind = torch.get_autocast_dtype("cpu")
        x, weight = x.to(kind), weight.to(kind)
    return padded_product(x, weight, stride)


def _library(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)


def _library_in_float32(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        return _library(x.float(), weight, stride)


KERNELS: Final = (
    Kernel("one product", lambda s: s.is_small and s.weights[-1] == 1, _flat),
    Kernel("a product a row", lambda s: s.is_small and s.weights[-1] == 3, _padded),
    Kernel("library", lambda s: not s.is_mixed or convolves_right(*s[:3]), _library),
    Kernel("library in float32", lambda s: True, _library_in_float32),
)
"""The fastest first, as measured on CPUs with AVX-512, and at the end what computes any shape."""
