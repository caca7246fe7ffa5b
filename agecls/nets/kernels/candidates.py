"""The ways to compute a convolution and its two gradients on a CPU, one a row.

A convolution library reorders a layer's weights for every call, forward, backward and once more
for their gradient. The last layers of a ResNet have most of the weights and, on small images, next
to no map: there reordering and padding take most of the time, and matrix products do neither.
Which way is the fastest depends on shape and processor: `agecls.nets.kernels.choice` has them
timed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from agecls.nets.kernels import padded_product, unfolded_product
from agecls.nets.kernels.precision import convolves_right

MOST_PIXELS: Final = 9
"""Largest output map that matrix products compute where nothing was timed."""

MOST_PADDED: Final = 16
"""Largest output map that a product a row is tried on: it makes as many products as pixels."""


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
    def sides(self) -> tuple[int, int]:
        """Height and width of the output."""
        height, width = (-(-side // self.stride) for side in self.maps[1:])
        return height, width

    @property
    def pixels(self) -> int:
        """Of the output."""
        height, width = self.sides
        return height * width


EXACTLY: Final = "library in float32"
"""Name of the kernel that computes in float32 although autocast is on."""

Run = Callable[[Tensor, Tensor, int], Tensor]
"""From maps (B, inputs, H, W), weights and stride to (B, outputs, …)."""

Gradient = Callable[[Tensor, Tensor, Tensor, int], Tensor]
"""From the output's gradient, maps, weights and stride to the gradient of maps or weights."""


@dataclass(frozen=True)
class Kernel:
    """A way to compute a convolution, the same sums in an order of its own.

    Attributes:
        name: For people, and in tables on disk.
        computes: Whether it can compute a shape, or might pay there; it is timed if so.
        applies: Whether it computes a shape where nothing was timed.
        forward: The convolution.
        to_maps: Gradient of the maps.
        to_weights: Gradient of the weights, in their memory order.
    """

    name: str
    computes: Callable[[Shape], bool]
    applies: Callable[[Shape], bool]
    forward: Run
    to_maps: Gradient
    to_weights: Gradient


def _flat(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """One product of all pixels' channels (B H W, inputs) with the weights."""
    pixels = _pixels_of(x, stride)
    out = pixels.flatten(0, 2) @ weight.flatten(1).T
    return out.view(*pixels.shape[:3], len(weight)).permute(0, 3, 1, 2)


def _flat_to_maps(slope: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    slopes = _pixels_of(slope)
    seen = (slopes.flatten(0, 2) @ weight.flatten(1)).view(*slopes.shape[:3], x.shape[1])
    if stride == 1:
        return seen.permute(0, 3, 1, 2)
    whole = seen.new_zeros(len(x), *x.shape[2:], x.shape[1])
    whole[:, ::stride, ::stride] = seen
    return whole.permute(0, 3, 1, 2)


def _flat_to_weights(slope: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return (_pixels_of(slope).flatten(0, 2).T @ _pixels_of(x, stride).flatten(0, 2)).view_as(
        weight
    )


def _pixels_of(maps: Tensor, stride: int = 1) -> Tensor:
    """(B, C, H, W) -> (B, H / stride, W / stride, C)."""
    return maps[:, :, ::stride, ::stride].permute(0, 2, 3, 1)


def _library(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)


def _library_backward(
    slope: Tensor, x: Tensor, weight: Tensor, stride: int, *, wanted: tuple[bool, bool, bool]
) -> Tensor:
    sides = ([stride] * 2, [weight.shape[-1] // 2] * 2, [1, 1])
    slopes = torch.ops.aten.convolution_backward(
        slope, x, weight, None, *sides, False, [0, 0], 1, wanted
    )
    found: Tensor = slopes[0] if wanted[0] else slopes[1]
    return found


def _library_to_maps(slope: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return _library_backward(slope, x, weight, stride, wanted=(True, False, False))


def _library_to_weights(slope: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return _library_backward(slope, x, weight, stride, wanted=(False, True, False))


def _exactly(gradient: Gradient) -> Gradient:
    def exact(slope: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        return gradient(slope.float(), x.float(), weight.float(), stride)

    return exact


def _is_small(shape: Shape) -> bool:
    return shape.pixels <= MOST_PIXELS


def _is_pointwise(shape: Shape) -> bool:
    return shape.weights[-1] == 1


def _is_3x3(shape: Shape) -> bool:
    return shape.weights[-1] == 3


KERNELS: Final = (
    Kernel(
        "one product",
        _is_pointwise,
        lambda s: _is_pointwise(s) and _is_small(s),
        _flat,
        _flat_to_maps,
        _flat_to_weights,
    ),
    Kernel(
        "a product a row",
        lambda s: _is_3x3(s) and s.pixels <= MOST_PADDED,
        lambda s: _is_3x3(s) and _is_small(s),
        padded_product.forward,
        padded_product.to_maps,
        padded_product.to_weights,
    ),
    Kernel(
        "unfolded",
        _is_3x3,
        lambda s: False,
        unfolded_product.forward,
        unfolded_product.to_maps,
        unfolded_product.to_weights,
    ),
    Kernel(
        "library",
        lambda s: not s.is_mixed or convolves_right(*s[:3]),
        lambda s: not s.is_mixed or convolves_right(*s[:3]),
        _library,
        _library_to_maps,
        _library_to_weights,
    ),
    Kernel(
        EXACTLY,
        lambda s: s.is_mixed,
        lambda s: True,
        lambda x, weight, stride: _library(x.float(), weight.float(), stride),
        _exactly(_library_to_maps),
        _exactly(_library_to_weights),
    ),
)
"""Where nothing was timed, the first that applies; at the end what computes any shape."""


def kernel_for(shape: Shape) -> Kernel:
    """The first of `KERNELS` that applies."""
    return next(kernel for kernel in KERNELS if kernel.applies(shape))
