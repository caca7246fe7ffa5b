"""Convolutions of other people's nets, in bfloat16 on a CPU only where it computes them right.

Which they are is tried, as for our own; see `agecls.nets.kernels.precision`. Those that pad in a
way of their own are computed in float32, since what would have to be tried is not known.
"""

import torch
from torch import Tensor, nn

from agecls.nets.kernels.precision import convolves_right, remember_float32


def check_convolutions(net: nn.Module) -> None:
    """Make all convolutions of a net right in mixed precision, in place.

    They stay what they were elsewhere: names, weights, and the computation in float32, on other
    devices and for whoever compiles or exports the net.
    """
    for module in net.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = _Checked
        elif isinstance(module, nn.modules.conv._ConvNd):
            kind = type(module)
            module.__class__ = type(kind.__name__, (_InFloat32, kind), {})


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
