from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agecls.nets.families import build_net
from agecls.nets.kernels import candidates, precision
from agecls.nets.kernels.checked import check_layers
from agecls.nets.kernels.convolution import Convolution
from agecls.nets.kernels.precision import (
    convolves_right,
    formats_used,
    mixed_precision,
    number_format,
)
from agecls.recipe import Recipe
from agecls.training.loop import fit, start
from tests.agecls.tiny import shades

CPU = torch.device("cpu")
HAS_BFLOAT16 = number_format(CPU, "mixed") == "bfloat16"
MIXED = "bfloat16 and float32" if HAS_BFLOAT16 else "float32"
needs_bfloat16 = pytest.mark.skipif(not HAS_BFLOAT16, reason="a CPU without AVX-512 BF16")


@pytest.fixture(autouse=True)
def _shapes_are_tried_anew():
    convolves_right.cache_clear()
    yield
    convolves_right.cache_clear()


def bfloat16() -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16)


def distance(ours: Tensor, exact: Tensor) -> float:
    return float((ours.detach().float() - exact.detach()).norm() / exact.detach().norm())


@pytest.mark.parametrize(
    ("told", "asked", "expected"),
    [
        ({"avx512_bf16": True}, "mixed", "bfloat16"),
        ({"avx512_bf16": True}, "float32", "float32"),
        ({"avx512_bf16": False}, "mixed", "float32"),
        ({}, "mixed", "float32"),
    ],
)
def test_bfloat16_is_for_processors_that_have_it_and_recipes_that_allow_it(
    told, asked, expected, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    assert number_format(CPU, asked) == expected
    with mixed_precision(CPU, asked):
        assert torch.is_autocast_enabled("cpu") == (expected == "bfloat16")
        made = F.linear(torch.ones(2, 3), torch.ones(4, 3))
    assert made.dtype == getattr(torch, expected)


def test_a_release_that_does_not_tell_trains_in_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert number_format(CPU, "mixed") == "float32"


@needs_bfloat16
@pytest.mark.parametrize("size", [16, 32, 48, 128])
@pytest.mark.parametrize("variant", ["org", "bcd"])
def test_no_shape_of_a_resnet_needs_float32_here(variant, size, monkeypatch):
    """Else training would be slower than it could be; on this release the known one is ours."""
    tried = {}

    def noted(*shape):
        tried[shape] = convolves_right(*shape)
        return tried[shape]

    monkeypatch.setattr(candidates, "convolves_right", noted)
    with bfloat16(), torch.no_grad():
        build_net(variant, 50)(torch.zeros(2, 3, size, size))
    assert len(tried) > 1
    assert [shape for shape, is_right in tried.items() if not is_right] == []


def conv2d_that_forgets(what: str):
    """The library's convolution, but that one of its three results is zero in bfloat16."""
    real = F.conv2d

    def conv2d(x: Tensor, weight: Tensor, **options: int) -> Tensor:
        if x.dtype == torch.float32:
            return real(x, weight, **options)
        if what == "value":
            out = real(x, weight, **options)
            return out - out.detach()
        x, weight = (x.detach(), weight) if what == "to maps" else (x, weight.detach())
        return real(x, weight, **options)

    return conv2d


@pytest.mark.parametrize("what", ["value", "to maps", "to weights"])
def test_a_convolution_with_one_wrong_result_is_found(what, monkeypatch):
    shape = (torch.Size([4, 6, 6]), torch.Size([8, 4, 3, 3]), 1)
    conv2d = conv2d_that_forgets(what)

    def with_a_graph(x: Tensor, weight: Tensor, **options: int) -> Tensor:
        return conv2d(x, weight, **options) + 0 * (x.sum() + weight.sum())

    monkeypatch.setattr(precision.F, "conv2d", with_a_graph)
    assert not convolves_right(*shape)


@pytest.mark.parametrize(
    ("sides", "stride"), [((1, 1), 2), ((2, 2), 2), ((1, 1), 1), ((1, 8), 1), ((8, 2), 2)]
)
def test_taps_that_see_nothing_but_padding_are_not_left_to_luck(sides, stride):
    assert not convolves_right(torch.Size([4, *sides]), torch.Size([8, 4, 3, 3]), stride)


@needs_bfloat16
def test_a_shape_whose_taps_all_see_the_map_is_tried():
    assert convolves_right(torch.Size([4, 1, 1]), torch.Size([8, 4, 1, 1]), 1)
    assert convolves_right(torch.Size([4, 3, 3]), torch.Size([8, 4, 3, 3]), 2)
    assert convolves_right(torch.Size([3, 5, 5]), torch.Size([8, 3, 7, 7]), 2)


@pytest.mark.parametrize("side", [3, 4])
def test_a_7x7_kernel_has_blind_taps_on_larger_maps(side):
    assert not convolves_right(torch.Size([3, side, side]), torch.Size([8, 3, 7, 7]), 2)


def test_trying_a_shape_leaves_torchs_generator_and_modes_alone():
    before = torch.random.get_rng_state()
    with torch.inference_mode(), bfloat16():
        convolves_right(torch.Size([4, 6, 6]), torch.Size([8, 4, 3, 3]), 2)
        assert torch.is_inference_mode_enabled()
        assert torch.is_autocast_enabled("cpu")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_shape_that_the_library_gets_wrong_is_computed_in_float32(monkeypatch):
    monkeypatch.setattr(candidates, "convolves_right", lambda *_: False)
    layer = Convolution(4, 8, 3)
    x = torch.randn(2, 4, 6, 6)
    with bfloat16():
        out = layer(x.bfloat16())
    assert out.dtype == torch.float32
    assert formats_used(layer, CPU, "mixed") == MIXED
    assert torch.equal(out, nn.Conv2d.forward(layer, x.bfloat16().float()))


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(4, 8, 3, padding=1, padding_mode="circular"), nn.Conv3d(4, 8, 1)]
)
def test_what_a_net_of_others_computed_in_float32_is_told(layer):
    net = nn.Sequential(layer)
    check_layers(net)
    x = torch.zeros(1, 4, 6, 6, 6) if isinstance(layer, nn.Conv3d) else torch.zeros(1, 4, 6, 6)
    net(x)
    assert formats_used(net, CPU, "mixed") == number_format(CPU, "mixed")
    with bfloat16():
        net(x)
    assert formats_used(net, CPU, "mixed") == MIXED
    assert formats_used(net, CPU, "float32") == "float32"


def test_gradients_of_a_layer_norm_of_others_are_summed_in_float32():
    """In bfloat16 the sum over rows stops at 256."""
    norm = nn.LayerNorm(2)
    check_layers(nn.Sequential(norm))
    with bfloat16():
        out = norm(torch.tensor([[1.0, -1.0]]).expand(4096, 2).bfloat16())
    out.backward(torch.ones_like(out))
    assert out.dtype == torch.bfloat16
    assert norm.bias.grad.tolist() == [4096, 4096]
    assert torch.allclose(norm.weight.grad, torch.tensor([4096.0, -4096.0]))


@needs_bfloat16
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [1, 2, 3, 6])
def test_a_layer_in_bfloat16_is_a_layer_in_float32_to_rounding(kernel, stride, side):
    torch.manual_seed(0)
    layer = Convolution(16, 24, kernel, stride=stride).to(memory_format=torch.channels_last)
    x = torch.randn(8, 16, side, side).bfloat16().float()
    slope = torch.randn_like(layer(x)).bfloat16().float()

    def results(enabled: bool) -> list[Tensor]:
        seen = x.clone().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            out = layer(seen)
        return [out, *torch.autograd.grad(out.float(), (seen, layer.weight), slope)]

    mixed, exact = results(enabled=True), results(enabled=False)
    assert mixed[0].dtype == torch.bfloat16
    assert mixed[2].dtype == torch.float32
    assert [distance(a, b) < 0.01 for a, b in zip(mixed, exact, strict=True)] == [True] * 3


@needs_bfloat16
def test_a_run_in_bfloat16_learns_as_one_in_float32_does():
    data = shades(160, 64, noise=30)
    recipe = Recipe(
        depth=18, epochs=4, batch_size=16, optimizer="adamw", lr=2e-3, augmentation=0.1
    )

    def last(asked: Recipe):
        state = start(asked, data)
        list(fit(state, data))
        return state.last

    mixed, exact = last(recipe), last(replace(recipe, precision="float32"))
    assert mixed.train_loss != exact.train_loss
    assert mixed.train_loss == pytest.approx(exact.train_loss, abs=0.15)
