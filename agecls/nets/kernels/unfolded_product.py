"""A padded 3x3 convolution as one matrix product over the pixels that each output pixel sees.

The map is unfolded: a row an output pixel, with the nine pixels around it beside each other, zeros
where they are padding. Copying them is cheap beside the product where a map is small and has many
channels, and one large product runs several times as fast as many small ones, or as a library that
reorders the weights' gradient for every batch.
"""

from typing import Final

import torch
from torch import Tensor

SIDE: Final = 3
"""Of the kernel."""


def forward(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """(B, inputs, H, W), (outputs, inputs, 3, 3) -> (B, outputs, ceil(H / stride), …)."""
    height, width = _output_sides(x, stride)
    out = _unfolded(x, stride) @ _taps(weight).T
    return out.view(len(x), height, width, len(weight)).permute(0, 3, 1, 2)


def to_maps(slope: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Gradient of the maps: each pixel's is the sum over the output pixels that see it."""
    n, inputs, height, width = x.shape
    rows, columns = _output_sides(x, stride)
    seen = (_pixels(slope) @ _taps(weight)).view(n, rows, columns, SIDE, SIDE, inputs)
    padded = seen.new_zeros(n, height + 2, width + 2, inputs)
    for u in range(SIDE):
        for v in range(SIDE):
            down = slice(u, u + stride * (rows - 1) + 1, stride)
            right = slice(v, v + stride * (columns - 1) + 1, stride)
            padded[:, down, right] += seen[:, :, :, u, v]
    return padded[:, 1:-1, 1:-1].permute(0, 3, 1, 2)


def to_weights(slope: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Gradient of the weights, which lies in memory as they do: channels last."""
    taps = _pixels(slope).T @ _unfolded(x, stride)
    return taps.view(len(weight), SIDE, SIDE, x.shape[1]).permute(0, 3, 1, 2)


def _output_sides(x: Tensor, stride: int) -> tuple[int, int]:
    return -(-x.shape[2] // stride), -(-x.shape[3] // stride)


def _pixels(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (B H W, C)."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def _taps(weight: Tensor) -> Tensor:
    """(outputs, inputs, 3, 3) -> (outputs, 9 inputs)."""
    return weight.permute(0, 2, 3, 1).flatten(1)


def _unfolded(x: Tensor, stride: int) -> Tensor:
    """(B, C, H, W) -> (B H' W', 9 C), with H' and W' the output's sides."""
    n, inputs, height, width = x.shape
    padded = x.new_zeros(n, height + 2, width + 2, inputs)
    padded[:, 1:-1, 1:-1] = x.permute(0, 2, 3, 1)
    image, row, pixel, channel = padded.stride()
    windows = torch.as_strided(
        padded,
        (n, *_output_sides(x, stride), SIDE, SIDE, inputs),
        (image, stride * row, stride * pixel, row, pixel, channel),
    )
    return windows.reshape(-1, SIDE * SIDE * inputs)
