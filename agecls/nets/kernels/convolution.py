"""`nn.Conv2d` whose training on a CPU takes, for each shape, the kernels that are fastest."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from agecls.nets.kernels.candidates import EXACTLY, Kernel, Shape, kernel_for
from agecls.nets.kernels.choice import Choice, choose, is_known, named
from agecls.nets.kernels.precision import remember_float32


class Convolution(nn.Conv2d):
    """`nn.Conv2d` without bias, padded to keep the size.

    Weights have `nn.Conv2d`'s names and shapes. Other devices, and whoever compiles or exports the
    model, get the plain convolution. On a CPU gradients can be taken once.

    Attributes:
        choices: What computes the shapes that it was trained on so far.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.choices: dict[Shape, Choice] = {}

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, ceil(H / stride), ceil(W / stride))."""
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        stride, weight = self.stride[0], self.weight
        is_mixed = torch.is_autocast_enabled("cpu")
        shape = Shape(x.shape[1:], weight.shape, stride, is_mixed)
        kernels = self._kernels(shape)
        if is_mixed:
            is_exact = kernels.forward.name == EXACTLY  # then weights are not rounded either
            kind = torch.float32 if is_exact else torch.get_autocast_dtype("cpu")
            x, weight = x.to(kind), weight.to(kind)
            if any(kernel.name == EXACTLY for kernel in kernels):
                remember_float32(self)
        out: Tensor = _Computed.apply(x, weight, stride, kernels)
        return out

    def _kernels(self, shape: Shape) -> "_Kernels":
        """Those chosen for training; in evaluation, whose batches vary, always the same ones."""
        if not torch.is_grad_enabled():
            return _Kernels(*[kernel_for(shape)] * 3)
        if shape not in self.choices:
            self.choices[shape] = choose(shape)
        return _Kernels(*map(named, self.choices[shape]))


def convolutions(net: nn.Module) -> Iterator[Convolution]:
    """Those of a net that are ours."""
    return (module for module in net.modules() if isinstance(module, Convolution))


def choices_of(net: nn.Module) -> dict[Shape, Choice]:
    """What computes the shapes that a net was trained on."""
    found = dict[Shape, Choice]()
    for layer in convolutions(net):
        found |= layer.choices
    return found


def hold(net: nn.Module, choices: Mapping[Shape, Choice]) -> None:
    """Have a net compute shapes as told, whatever was or will be found to be fastest.

    Kernels that are no more are passed over, and others are chosen.
    """
    known = {shape: choice for shape, choice in choices.items() if is_known(choice)}
    for layer in convolutions(net):
        layer.choices.update(known)


class _Kernels(NamedTuple):
    forward: Kernel
    to_maps: Kernel
    to_weights: Kernel


class _Computed(torch.autograd.Function):
    """A convolution and its gradients, each by a kernel of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, kernels: _Kernels) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.kernels = stride, kernels
        with torch.autocast("cpu", enabled=False):
            return kernels.forward.forward(x, weight, stride)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        given = (slope.to(x.dtype), x, weight, ctx.stride)
        to_x = to_weight = None
        if ctx.needs_input_grad[0]:
            to_x = ctx.kernels.to_maps.to_maps(*given).to(x.dtype)
        if ctx.needs_input_grad[1]:
            to_weight = ctx.kernels.to_weights.to_weights(*given).to(weight.dtype)
        return to_x, to_weight, None, None
