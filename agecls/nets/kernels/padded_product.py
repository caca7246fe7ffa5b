"""A padded 3x3 convolution of a small map as matrix products straight from and into the weights.

Each pixel of the output is a sum, over the map's rows that it sees, of one product: the row's
pixels that it sees, beside each other, with the taps that lie on them, which in channels-last
weights lie beside each other too. No tap is moved and no padding is multiplied. The weights'
gradient is one product a tap, over all pairs of an output and a map pixel that meet in it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import torch
from torch import Tensor

REACH: Final = 1
"""Pixels that a 3x3 kernel reaches to each side."""


def forward(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """(B, inputs, H, W), (outputs, inputs, 3, 3) -> (B, outputs, ceil(H / stride), …)."""
    pixels, taps = _channels_last(x), _channels_last(weight)
    n, height, width, _ = pixels.shape
    out = pixels.new_empty(n, -(-height // stride), -(-width // stride), len(taps))
    for meet in _meetings(pixels, stride):
        # beta 0 ignores what is there, which is uninitialised
        out[:, meet.i, meet.j].addmm_(
            meet.seen(pixels), meet.taps(taps).T, beta=0 if meet.is_first else 1
        )
    return out.permute(0, 3, 1, 2)


def to_maps(slope: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Gradient of the maps."""
    taps, slopes = _channels_last(weight), _channels_last(slope)
    summed = torch.zeros_like(_channels_last(x))
    for meet in _meetings(summed, stride):
        meet.seen(summed).addmm_(slopes[:, meet.i, meet.j], meet.taps(taps))
    return summed.permute(0, 3, 1, 2)


def to_weights(slope: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Gradient of the weights, which lies in memory as they do: channels last."""
    return _weight_slope(_channels_last(x), _channels_last(slope), stride).permute(0, 3, 1, 2)


def _channels_last(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1).contiguous()


class _Meeting(NamedTuple):
    """An output pixel (i, j), the pixels of one row that it sees, and the taps on them."""

    i: int
    j: int
    row: int
    columns: slice
    tap_row: int
    tap_columns: slice
    is_first: bool

    def seen(self, pixels: Tensor) -> Tensor:
        """(B, H, W, C) -> (B, pixels C), a view."""
        return pixels[:, self.row, self.columns].flatten(1)

    def taps(self, taps: Tensor) -> Tensor:
        """(outputs, 3, 3, C) -> (outputs, pixels C), a view."""
        return taps[:, self.tap_row, self.tap_columns].flatten(1)


def _meetings(pixels: Tensor, stride: int) -> Iterator[_Meeting]:
    """Every output pixel with every row of the map (B, H, W, C) that it sees."""
    height, width = pixels.shape[1:3]
    for i in range(-(-height // stride)):
        top = stride * i - REACH
        rows = range(max(0, top), min(height, top + 3))
        for j in range(-(-width // stride)):
            left = stride * j - REACH
            columns = slice(max(0, left), min(width, left + 3))
            for row in rows:
                yield _Meeting(
                    i=i,
                    j=j,
                    row=row,
                    columns=columns,
                    tap_row=row - top,
                    tap_columns=slice(columns.start - left, columns.stop - left),
                    is_first=row == rows.start,
                )


def _weight_slope(pixels: Tensor, slopes: Tensor, stride: int) -> Tensor:
    """Gradient (outputs, 3, 3, C) of the taps."""
    out = pixels.new_empty(slopes.shape[-1], 3, 3, pixels.shape[-1])
    for u in range(3):
        rows, i = _pairs(u, stride, pixels.shape[1], slopes.shape[1])
        for v in range(3):
            columns, j = _pairs(v, stride, pixels.shape[2], slopes.shape[2])
            if i.stop <= i.start or j.stop <= j.start:
                out[:, u, v] = 0
                continue
            seen = pixels[:, rows, columns].flatten(0, 2)
            torch.mm(slopes[:, i, j].flatten(0, 2).T, seen, out=out[:, u, v])
    return out


def _pairs(tap: int, stride: int, n_map: int, n_out: int) -> tuple[slice, slice]:
    """Places on the map and in the output that meet in one tap, along one side."""
    first = 1 if tap < REACH else 0
    last = min(n_out - 1, (n_map - 1 + REACH - tap) // stride)
    start = stride * first + tap - REACH
    return slice(start, stride * last + tap - REACH + 1, stride), slice(first, last + 1)
