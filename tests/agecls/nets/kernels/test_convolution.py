import pytest
import torch
import torch.nn.functional as F
from torch import nn

from agecls.nets.kernels import convolution
from agecls.nets.kernels.convolution import (
    KERNELS,
    MOST_PIXELS,
    Convolution,
    Kernel,
    Shape,
    kernel_for,
)


def plain(ours: Convolution) -> nn.Conv2d:
    twin = nn.Conv2d(
        ours.in_channels,
        ours.out_channels,
        ours.kernel_size,  # type: ignore[arg-type]
        stride=ours.stride,  # type: ignore[arg-type]
        padding=ours.padding,
        bias=False,
    )
    twin.load_state_dict(ours.state_dict())
    return twin.to(ours.weight.dtype)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 6])
def test_values_and_gradients_are_those_of_conv2d(
    height: int, width: int, kernel: int, stride: int, memory_format: torch.memory_format
) -> None:
    ours = Convolution(5, 7, kernel, stride=stride).double().to(memory_format=memory_format)
    twin = plain(ours)
    x = torch.randn(3, 5, height, width, dtype=torch.float64, requires_grad=True)
    theirs = x.detach().clone().requires_grad_()

    out, expected = ours(x.contiguous(memory_format=memory_format)), twin(theirs)
    weights = torch.randn_like(expected)
    (out * weights).sum().backward()
    (expected * weights).sum().backward()

    assert x.grad is not None
    assert theirs.grad is not None
    torch.testing.assert_close(out, expected, check_stride=False)
    torch.testing.assert_close(x.grad, theirs.grad, check_stride=False)
    torch.testing.assert_close(ours.weight.grad, twin.weight.grad, check_stride=False)


def test_small_maps_never_reach_the_convolution_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the library's convolution was called")

    monkeypatch.setattr(F, "conv2d", refused)
    side = int(MOST_PIXELS**0.5)
    assert Convolution(4, 6, 1)(torch.zeros(2, 4, side, side)).shape == (2, 6, side, side)
    assert Convolution(4, 6, 3)(torch.zeros(2, 4, side, side)).shape == (2, 6, side, side)
    twice = Convolution(4, 6, 3, stride=2)
    assert twice(torch.zeros(2, 4, 2 * side, 2 * side)).shape == (2, 6, side, side)
    with pytest.raises(AssertionError, match="library"):
        Convolution(4, 6, 3)(torch.zeros(2, 4, side + 1, side))


@pytest.mark.parametrize("kernel", [1, 3])
def test_gradients_keep_the_weights_memory_order(kernel: int) -> None:
    """Else the optimizer would copy each gradient, which takes as long as the product."""
    ours = Convolution(4, 6, kernel).to(memory_format=torch.channels_last)
    ours(torch.randn(2, 4, 2, 2)).sum().backward()
    assert ours.weight.grad is not None
    assert ours.weight.grad.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("is_frozen", [True, False])
def test_a_gradient_that_nobody_asks_for_is_not_computed(is_frozen: bool) -> None:
    ours = Convolution(4, 6, 3)
    ours.weight.requires_grad_(not is_frozen)
    x = torch.randn(2, 4, 2, 2, requires_grad=is_frozen)
    ours(x).sum().backward()
    assert (x.grad is not None) == is_frozen
    assert (ours.weight.grad is None) == is_frozen


@pytest.mark.parametrize(
    ("maps", "kernel", "stride", "is_right", "expected"),
    [
        ((4, 3, 3), 1, 1, True, "one product"),
        ((4, 6, 6), 1, 2, True, "one product"),
        ((4, 3, 3), 3, 1, True, "a product a row"),
        ((4, 4, 4), 1, 1, True, "library"),
        ((4, 4, 4), 3, 1, True, "library"),
        ((3, 2, 2), 7, 2, True, "library"),
        ((4, 4, 4), 3, 1, False, "library in float32"),
    ],
)
def test_a_shape_takes_the_first_kernel_that_applies(
    maps: tuple[int, int, int],
    kernel: int,
    stride: int,
    is_right: bool,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(convolution, "convolves_right", lambda *shape: is_right)
    weights = torch.Size((8, maps[0], kernel, kernel))
    assert kernel_for(Shape(torch.Size(maps), weights, stride, is_mixed=True)).name == expected
    # in float32 nothing is tried, and nothing need be
    monkeypatch.setattr(convolution, "convolves_right", None)
    exact = kernel_for(Shape(torch.Size(maps), weights, stride, is_mixed=False))
    assert exact.name == expected.removesuffix(" in float32")


def test_a_new_kernel_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Kernel("mine", lambda shape: shape.stride == 2, lambda x, weight, stride: x.new_ones(1))
    monkeypatch.setattr(convolution, "KERNELS", (mine, *KERNELS))
    assert Convolution(4, 6, 3, stride=2)(torch.zeros(2, 4, 8, 8)).tolist() == [1]
    assert Convolution(4, 6, 3)(torch.zeros(2, 4, 8, 8)).shape == (2, 6, 8, 8)
