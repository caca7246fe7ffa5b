"""Layers of other people's nets, in bfloat16 on a CPU only where it computes them right.

Which convolutions those are is tried, as for our own; see `agecls.nets.kernels.precision`. Those
that pad in a way of their own are computed in float32, since what would have to be tried is not
known; layer norms too, since the sums of their gradients are known to be wrong.
"""

import torch
from torch import Tensor, nn

from agecls.nets.kernels.precision import convolves_right, remember_float32


def check_layers(net: nn.Module) -> None:
    """Make all convolutions and layer norms of a net right in mixed precision, in place.

    They stay what they were elsewhere: names, weights, and the computation in float32, on other
    devices and for whoever compiles or exports the net.
    """
    for module in net.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = _Checked
        elif isinstance(module, nn.modules.conv._ConvNd):
            _put_in_front(_InFloat32, module)
        elif isinstance(module, nn.LayerNorm):
            _put_in_front(_SumsInFloat32, module)


def _put_in_front(of: type[nn.Module], module: nn.Module) -> None:
    """Have a class's `forward` called before that of the module's own kind."""
    kind = type(module)
    module.__class__ = type(kind.__name__, (of, kind), {})


class _SumsInFloat32(nn.Module):
    """In front of a layer norm, which is computed in float32 where its input is bfloat16.

    Of bfloat16 maps torch 2.14.1 sums the gradients of weight and bias in bfloat16 on a CPU, one
    row after the other, so that the sum stops growing at 256 times a row's share.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.bfloat16 or not _is_mixed(x):
            out: Tensor = super().forward(x)
            return out
        exact: Tensor = super().forward(x.float())
        return exact.to(x.dtype)


class _InFloat32(nn.Module):
    """In front of a kind of convolution: float32 on a CPU, whatever autocast says."""

    def forward(self, x: Tensor) -> Tensor:
        if not _is_mixed(x):
            out: Tensor = super().forward(x)
            return out
        remember_float32(self)
        with torch.autocast("cpu", enabled=False):
            exact: Tensor = super().forward(x.float())
            return exact


class _Checked(nn.Conv2d):
    """A plain convolution: float32 on a CPU where bfloat16 is wrong for its shape."""

    def forward(self, x: Tensor) -> Tensor:
        if not _is_mixed(x) or self._is_right(x):
            return super().forward(x)
        remember_float32(self)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())

    def _is_right(self, x: Tensor) -> bool:
        sides = (self.stride, self.padding, self.dilation)
        if self.padding_mode != "zeros" or any(len(set(both)) > 1 for both in sides):
            return False
        stride, padding, dilation = (both[0] for both in sides)
        if not isinstance(padding, int):  # "same", spelled as a text
            return False
        return convolves_right(
            x.shape[1:],
            self.weight.shape,
            stride,
            padding=padding,
            dilation=dilation,
            groups=self.groups,
        )


def _is_mixed(x: Tensor) -> bool:
    on_cpu = x.device.type == "cpu" and not torch.compiler.is_compiling()
    return on_cpu and torch.is_autocast_enabled("cpu")
