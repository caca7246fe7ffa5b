import pytest
import torch
import torchvision
from torch import nn

from agecls.classes import EIGHT
from agecls.errors import ImageError, RecipeError
from agecls.nets.families import build_net
from agecls.nets.kernels.convolution import Convolution
from agecls.nets.resnet import (
    MIN_SIZE,
    BasicBlock,
    Bottleneck,
    ResNet,
    initialise,
)
from agecls.nets.variants import DEPTHS, VARIANTS
from agecls.recipe import CHOICES


def randomised(model: nn.Module) -> nn.Module:
    """The model in evaluation mode with BN that is no identity, so that comparisons see it."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            # small gammas keep the outputs of 101 layers near 1
            nn.init.uniform_(module.weight, 0.2, 0.6, generator=generator)
            nn.init.normal_(module.bias, 0.0, 0.1, generator=generator)
            nn.init.normal_(module.running_mean, 0.0, 0.1, generator=generator)
            nn.init.uniform_(module.running_var, 0.5, 2.0, generator=generator)
    return model.eval()


def images(size: int, *, n: int = 2) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(2))


def blocks(model: ResNet) -> list[BasicBlock | Bottleneck]:
    return [m for m in model.modules() if isinstance(m, BasicBlock | Bottleneck)]


@pytest.mark.parametrize(("depth", "size"), [(18, 48), (50, 33), (101, 32)])
def test_org_gives_torchvisions_outputs_with_torchvisions_state_dict(
    depth: int, size: int
) -> None:
    reference = randomised(getattr(torchvision.models, f"resnet{depth}")(num_classes=10))
    model = build_net("org", depth, n_outputs=10)
    model.load_state_dict(reference.state_dict())
    with torch.no_grad():
        expected = reference(images(size))
        assert expected.std() > 0.01
        torch.testing.assert_close(model.eval()(images(size)), expected, rtol=0, atol=1e-5)


# 50 and 33 px give odd sides to the pooled shortcuts, 16 px gives them a side of 1
@pytest.mark.parametrize(("depth", "size"), [(26, 16), (26, 33), (50, 50)])
def test_bcd_gives_timms_outputs_with_timms_state_dict(depth: int, size: int) -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed")
    reference = randomised(timm.create_model(f"resnet{depth}d", num_classes=10))
    model = build_net("bcd", depth, n_outputs=10)
    model.load_state_dict(reference.state_dict())
    with torch.no_grad():
        expected = reference(images(size))
        assert expected.std() > 0.01
        torch.testing.assert_close(model.eval()(images(size)), expected, rtol=0, atol=1e-5)


# numbers of parameters in torchvision's documentation, with 1000 outputs
@pytest.mark.parametrize(
    ("depth", "expected"), [(18, 11_689_512), (50, 25_557_032), (101, 44_549_160)]
)
def test_org_has_the_published_number_of_parameters(depth: int, expected: int) -> None:
    with torch.device("meta"):
        model = build_net("org", depth, n_outputs=1000)
    assert sum(p.numel() for p in model.parameters()) == expected


# 7x7x3x64 = 9,408 becomes 3x3 x (3x32 + 32x32 + 32x64) = 28,512 and two BN of 2x32, or
# 3x3 x (3x64 + 64x64 + 64x64) = 75,456; a pool adds nothing
@pytest.mark.parametrize(
    ("variant", "added"),
    [("c", 28_512 + 128 - 9_408), ("d", 0), ("bcd", 19_232), ("bcd_seed", 75_456 - 9_408)],
)
@pytest.mark.parametrize("depth", [18, 50])
def test_a_variant_adds_only_the_parameters_of_its_stem(
    variant: str, added: int, depth: int
) -> None:
    with torch.device("meta"):
        org = sum(p.numel() for p in build_net("org", depth).parameters())
        model = sum(p.numel() for p in build_net(variant, depth).parameters())
    assert model - org == added


@pytest.mark.parametrize("depth", [18, 26])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_gets_a_gradient(variant: str, depth: int) -> None:
    torch.manual_seed(0)
    model = build_net(variant, depth)
    initialise(model, "kaiming", zero_gamma=False)
    outputs = model.train()(images(48, n=4))
    nn.functional.cross_entropy(outputs, torch.tensor([0, 3, 5, 7])).backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    broken = [n for n, p in model.named_parameters() if not torch.isfinite(p.grad).all()]
    assert (missing, broken) == ([], [])


@pytest.mark.parametrize("variant", VARIANTS)
def test_any_size_from_16_px_gives_finite_logits_of_eight_classes(variant: str) -> None:
    torch.manual_seed(0)
    model = build_net(variant, 26).train()
    for size in (16, 32, 48, 128):
        outputs = model(images(size))
        assert outputs.shape == (2, len(EIGHT))
        assert torch.isfinite(outputs).all()
        assert outputs.std() > 0


@pytest.mark.parametrize("shape", [(15, 32), (32, 15)])
def test_images_below_the_smallest_size_are_refused_with_both_sizes(
    shape: tuple[int, int],
) -> None:
    assert MIN_SIZE == 16
    height, width = shape
    with pytest.raises(ImageError, match=f"{width} x {height} px .* expected 16 px or more"):
        build_net("org", 18)(torch.zeros(2, 3, height, width))


def test_a_bottlenecks_stride_stands_in_its_3x3_convolution() -> None:
    block = build_net("org", 26).layer2[0]
    assert (block.conv1.stride, block.conv2.stride) == ((1, 1), (2, 2))


def test_the_earlier_studys_stem_has_nothing_between_its_convolutions() -> None:
    stem = build_net("bcd_seed", 26).conv1
    assert [type(module) for module in stem] == [Convolution] * 3
    assert [module.out_channels for module in stem] == [64, 64, 64]
    assert [module.stride for module in stem] == [(2, 2), (1, 1), (1, 1)]


def test_the_earlier_studys_pooled_shortcuts_start_at_layer_2() -> None:
    names = build_net("bcd_seed", 26).state_dict().keys()
    places = {
        layer: next(i for i in (0, 1) if f"{layer}.0.downsample.{i}.weight" in names)
        for layer in ("layer1", "layer2", "layer3", "layer4")
    }
    assert places == {"layer1": 0, "layer2": 1, "layer3": 1, "layer4": 1}


def test_a_pooled_shortcut_sees_every_pixel_and_a_strided_one_a_quarter_of_them() -> None:
    def seen(variant: str) -> float:
        shortcut = build_net(variant, 26).layer2[0].downsample
        pixels = torch.rand(1, 256, 8, 8, requires_grad=True)
        shortcut.eval()(pixels).abs().sum().backward()
        assert pixels.grad is not None
        return (pixels.grad.abs().sum(dim=1) > 0).float().mean().item()

    assert (seen("org"), seen("d")) == (0.25, 1.0)


@pytest.mark.parametrize("depth", [18, 26])
def test_zero_gamma_makes_each_block_its_shortcut(depth: int) -> None:
    torch.manual_seed(0)
    model = build_net("bcd", depth)
    initialise(model, "kaiming", zero_gamma=True)
    assert len(blocks(model)) == 8
    for block in blocks(model.eval()):
        x = torch.rand(2, block.conv1.in_channels, 6, 6)
        shortcut = x if block.downsample is None else block.downsample(x)
        torch.testing.assert_close(block(x), shortcut.relu(), rtol=0, atol=0)


def test_without_zero_gamma_bn_starts_as_the_identity() -> None:
    model = randomised(build_net("bcd", 18))
    initialise(model, "xavier", zero_gamma=False)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()
            assert (module.running_mean == 0).all()
            assert (module.running_var == 1).all()


# layer4.1.conv2 of depth 18 is 512 x 512 x 3 x 3: fan in and out are 512 x 9 = 4608
def test_kaiming_is_normal_with_variance_2_over_fan_out() -> None:
    torch.manual_seed(0)
    model = build_net("org", 18)
    initialise(model, "kaiming", zero_gamma=False)
    first = model.conv1.weight  # fan out 64 x 49 = 3136, fan in 3 x 49 = 147
    assert first.std().item() == pytest.approx((2 / 3136) ** 0.5, rel=0.03)
    last = model.layer4[1].conv2.weight
    assert last.std().item() == pytest.approx((2 / 4608) ** 0.5, rel=0.01)
    assert last.abs().max().item() > 3 * last.std().item()


def test_xavier_is_uniform_within_the_root_of_6_over_both_fans() -> None:
    torch.manual_seed(0)
    model = build_net("org", 18)
    initialise(model, "xavier", zero_gamma=False)
    bound = (6 / (3136 + 147)) ** 0.5
    assert model.conv1.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert model.conv1.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)


def test_initialise_depends_on_the_seed_alone() -> None:
    def drawn(seed: int, *, before: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(before)
        model = randomised(build_net("bcd", 18))
        torch.manual_seed(seed)
        initialise(model, "kaiming", zero_gamma=False)
        return model.state_dict()

    once, again, other = drawn(3, before=0), drawn(3, before=1), drawn(4, before=0)
    assert all(torch.equal(once[name], again[name]) for name in once)
    weights = [n for n in once if once[n].dim() > 1] + ["fc.bias"]
    assert not any(torch.equal(once[name], other[name]) for name in weights)


def test_the_recipes_variants_and_depths_are_the_models() -> None:
    assert CHOICES["variant"][: len(VARIANTS)] == tuple(VARIANTS)
    assert set(DEPTHS) <= set(CHOICES["depth"])


def test_unknown_variants_depths_and_schemes_are_refused_by_name() -> None:
    with pytest.raises(RecipeError, match="variant is 'bdc'; expected one of org, c, d, bcd"):
        build_net("bdc", 50)
    with pytest.raises(RecipeError, match="depth is 34; expected one of 18, 26, 50, 101"):
        build_net("org", 34)
    with pytest.raises(RecipeError, match="'zeros'; expected one of kaiming, xavier, pytorch"):
        initialise(build_net("org", 18), "zeros", zero_gamma=False)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("depth", "size"), [(18, 32), (50, 32), (50, 56)])
def test_gradients_lie_in_memory_as_their_weights_do(variant, depth, size):
    """The fused optimizers take it for granted: with torch 2.14 they read memory as it lies."""
    model = build_net(variant, depth).to(memory_format=torch.channels_last)
    images = torch.randn(2, 3, size, size).contiguous(memory_format=torch.channels_last)
    model(images).sum().backward()
    for name, weight in model.named_parameters():
        axes = [axis for axis, size in enumerate(weight.shape) if size > 1]  # others do not step
        assert [weight.grad.stride(a) for a in axes] == [weight.stride(a) for a in axes], name
