"""The number format of training: bfloat16 where a device has instructions for it."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TOLERANCE: Final = 0.01
"""Largest relative difference of a bfloat16 convolution from float32's; rounding makes 0.002."""

_REMEMBERED: Final = "was_in_float32"

IMAGES: Final = 8
"""In a batch on which a convolution is tried."""


def mixed_precision(device: torch.device, precision: str) -> torch.autocast:
    """A context in which a model with float32 weights computes; `precision` is the recipe's."""
    able = number_format(device, precision) == "bfloat16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=able)


def number_format(device: torch.device, precision: str) -> str:
    """`bfloat16` or `float32`: what convolutions and products of a recipe are computed in.

    `mixed` is bfloat16 on GPUs since Ampere and CPUs with AVX-512 BF16; elsewhere it would be
    emulated, a hundred times as slow on a CPU.
    """
    return "bfloat16" if precision == "mixed" and _has_bfloat16(device) else "float32"


def formats_used(net: nn.Module, device: torch.device, precision: str) -> str:
    """As `number_format`, of a net that has computed: `bfloat16 and float32` if it had to mix.

    A convolution that this machine computes wrong in bfloat16 is computed in float32.
    """
    asked = number_format(device, precision)
    is_mixed = any(getattr(layer, _REMEMBERED, False) for layer in net.modules())
    return "bfloat16 and float32" if asked == "bfloat16" and is_mixed else asked


def remember_float32(layer: nn.Module) -> None:
    """Have `formats_used` tell that this layer was computed in float32 in spite of autocast."""
    setattr(layer, _REMEMBERED, True)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        ask: Callable[[], Mapping[str, object]] | None
        ask = getattr(torch.cpu, "get_capabilities", None)  # older releases do not tell
        return ask is not None and bool(ask().get("avx512_bf16"))
    return False


@cache
def convolves_right(
    maps: torch.Size,
    weights: torch.Size,
    stride: int,
    *,
    padding: int | None = None,
    dilation: int = 1,
    groups: int = 1,
) -> bool:
    """Whether this machine's padded bfloat16 convolution and its gradients are float32's.

    No error tells where they are not, so every shape is tried once a process, on a few images and
    the threads that there are then. One kind is refused untried: with torch 2.14, oneDNN leaves
    gradients of taps that see nothing but padding uninitialised, which may look right by luck.

    Args:
        maps: (inputs, H, W).
        weights: (outputs, inputs / groups, K, K).
        stride: Of the convolution.
        padding: Pixels on each side; None: half the kernel.
        dilation: Pixels from tap to tap.
        groups: Of channels; as many as there are channels in a depthwise convolution.
    """
    pad = weights[-1] // 2 if padding is None else padding
    if weights[-1] != weights[-2]:
        return False
    reach = dilation * (weights[-1] - 1) - pad
    outputs = [(side + pad - reach - 1) // stride + 1 for side in maps[1:]]
    # the first tap meets the map in the last output pixel if at all, the last tap in the first
    for side, output in zip(maps[1:], outputs, strict=True):
        if stride * (output - 1) < pad or side <= reach:
            return False
    generator = torch.Generator().manual_seed(0)

    def drawn(shape: torch.Size) -> Tensor:
        values = torch.randn(shape, generator=generator).bfloat16()
        return values.contiguous(memory_format=torch.channels_last)

    def results(x: Tensor, weight: Tensor, slope: Tensor) -> list[Tensor]:
        x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
        out = F.conv2d(x, weight, stride=stride, padding=pad, dilation=dilation, groups=groups)
        # of a sum, since a slope that is given loads SymPy: 28 MiB and 0.4 CPU seconds a process
        return [out.detach(), *torch.autograd.grad((out * slope).sum(), (x, weight))]

    shapes = ([IMAGES, *maps], weights, [IMAGES, weights[0], *outputs])
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
        parts = [drawn(torch.Size(shape)) for shape in shapes]
        pairs = zip(results(*parts), results(*(part.float() for part in parts)), strict=True)
        return all(
            bool((ours.float() - exact).norm() <= TOLERANCE * exact.norm())
            for ours, exact in pairs
        )
