import pytest
import torch
import torch.nn.functional as F
from torch import nn

from agecls.nets.kernels import candidates
from agecls.nets.kernels.candidates import KERNELS, MOST_PIXELS, Kernel, Shape, kernel_for
from agecls.nets.kernels.choice import Choice
from agecls.nets.kernels.convolution import Convolution, choices_of, hold


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
    monkeypatch.setattr(candidates, "convolves_right", lambda *shape: is_right)
    weights = torch.Size((8, maps[0], kernel, kernel))
    assert kernel_for(Shape(torch.Size(maps), weights, stride, is_mixed=True)).name == expected
    # in float32 nothing is tried, and nothing need be
    monkeypatch.setattr(candidates, "convolves_right", None)
    exact = kernel_for(Shape(torch.Size(maps), weights, stride, is_mixed=False))
    assert exact.name == expected.removesuffix(" in float32")


def test_a_new_kernel_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def ones(*given: torch.Tensor | int) -> torch.Tensor:
        return torch.ones(1)

    mine = Kernel("mine", lambda shape: True, lambda shape: shape.stride == 2, ones, ones, ones)
    monkeypatch.setattr(candidates, "KERNELS", (mine, *KERNELS))
    assert Convolution(4, 6, 3, stride=2)(torch.zeros(2, 4, 8, 8)).tolist() == [1]
    assert Convolution(4, 6, 3)(torch.zeros(2, 4, 8, 8)).shape == (2, 6, 8, 8)


def to_compute() -> list[tuple[str, int, int, tuple[int, int]]]:
    """Every candidate with the kernels, strides and maps that it computes."""
    found = []
    for way in KERNELS:
        for kernel, stride in ((1, 1), (1, 2), (3, 1), (3, 2)):
            for sides in ((1, 1), (2, 3), (4, 4), (5, 2), (7, 7)):
                weights = torch.Size((7, 5, kernel, kernel))
                shape = Shape(torch.Size((5, *sides)), weights, stride, is_mixed=False)
                if way.computes(shape):
                    found.append((way.name, kernel, stride, sides))
    return found


@pytest.mark.parametrize(("name", "kernel", "stride", "sides"), to_compute())
def test_every_candidate_computes_what_conv2d_does(
    name: str, kernel: int, stride: int, sides: tuple[int, int]
) -> None:
    layer = Convolution(5, 7, kernel, stride=stride).to(memory_format=torch.channels_last)
    shape = Shape(torch.Size((5, *sides)), layer.weight.shape, stride, is_mixed=False)
    x = torch.randn(3, 5, *sides).contiguous(memory_format=torch.channels_last)
    results = []
    for net in (layer, plain(layer)):
        seen = x.clone().requires_grad_()
        hold(net, {shape: Choice(name, name, name)})
        out = net(seen)
        slope = torch.linspace(-1, 1, out.numel()).view(out.shape)
        results.append([out, *torch.autograd.grad(out, (seen, net.weight), slope)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, check_stride=False, rtol=1e-4, atol=1e-4)
    assert results[0][2].is_contiguous(memory_format=torch.channels_last)


def test_each_of_three_parts_has_a_kernel_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    def noting(name: str) -> Kernel:
        library = next(k for k in KERNELS if k.name == "library")

        def forward(*given: object) -> torch.Tensor:
            called.append((name, "forward"))
            return library.forward(*given)  # type: ignore[arg-type]

        def to_maps(*given: object) -> torch.Tensor:
            called.append((name, "to_maps"))
            return library.to_maps(*given)  # type: ignore[arg-type]

        def to_weights(*given: object) -> torch.Tensor:
            called.append((name, "to_weights"))
            return library.to_weights(*given)  # type: ignore[arg-type]

        return Kernel(name, lambda s: True, lambda s: False, forward, to_maps, to_weights)

    mine = [noting(name) for name in ("a", "b", "c")]
    monkeypatch.setattr(candidates, "KERNELS", (*KERNELS, *mine))
    layer = Convolution(4, 6, 3)
    x = torch.randn(2, 4, 5, 5, requires_grad=True)
    hold(layer, {Shape(x.shape[1:], layer.weight.shape, 1, is_mixed=False): Choice("a", "b", "c")})
    layer(x).sum().backward()
    assert called == [("a", "forward"), ("b", "to_maps"), ("c", "to_weights")]


def test_evaluation_leaves_no_choice_and_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its batches vary; what was chosen for training would change what kept models say."""
    layer = Convolution(4, 6, 3)
    x = torch.randn(2, 4, 5, 5)
    shape = Shape(x.shape[1:], layer.weight.shape, 1, is_mixed=False)
    with torch.no_grad():
        layer(x)
    assert choices_of(layer) == {}
    hold(layer, {shape: Choice("library", "no", "such")})
    assert choices_of(layer) == {}, "what is no more is not held"
    hold(layer, {shape: Choice("unfolded", "unfolded", "unfolded")})
    monkeypatch.setattr(candidates.unfolded_product, "forward", None)
    with torch.no_grad():
        assert torch.equal(layer(x), plain(layer)(x))
