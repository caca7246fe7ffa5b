"""Nets of timm: the same numbers as timm's own, and everything else as for our ResNets."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from agecls.errors import RecipeError, WeightsError
from agecls.nets.families import build_net
from agecls.nets.kernels import checked
from agecls.nets.kernels.precision import mixed_precision, number_format
from agecls.nets.source_names import file_of, structure_name
from agecls.nets.weights import load_pretrained, save_backbone
from agecls.recipe import Recipe
from agecls.training import checkpoints
from agecls.training.loop import fit, predict, start
from agecls.use.model_card import model_card
from agecls.use.onnx_model import export_onnx
from agecls.use.saved import load
from tests.agecls.kept import keep
from tests.agecls.tiny import shades

timm = pytest.importorskip("timm")

# a ResNet, depthwise convolutions without batch norm, attention of one image size, convolutions
# that pad in a way of their own, grouped convolutions
NETS = (
    "test_resnet",
    "test_convnext",
    "test_vit",
    "tf_mobilenetv3_small_minimal_100",
    "regnetx_002",
)
SIZE = 32
CPU = torch.device("cpu")
RECIPE = Recipe(variant="timm:test_convnext", lr=0.02, epochs=2, batch_size=16)
needs_bfloat16 = pytest.mark.skipif(
    number_format(CPU, "mixed") != "bfloat16", reason="a CPU without AVX-512 BF16"
)


def net_of(name: str, *, seed: int = 0, size: int = SIZE) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_net(f"timm:{name}", 50, size=size)


def images(n: int = 4, *, size: int = SIZE) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(1))


def moved(net: nn.Module) -> nn.Module:
    """The net with no parameter at a value that hides others, such as a layer's scale of 0."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return net


@pytest.mark.parametrize("name", NETS)
def test_outputs_are_timms_own_of_the_same_weights(name):
    net = moved(net_of(name)).eval()
    made_for = {"img_size": SIZE} if name == "test_vit" else {}
    theirs = timm.create_model(name, num_classes=8, **made_for).eval()
    theirs.load_state_dict(net.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(net(images()), theirs(images()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("ours", "zero_gamma", "theirs"),
    [
        ("org-18", False, "resnet18"),
        ("org-18", True, "resnet18"),
        ("org-26", True, "resnet26"),
        ("c-50", False, "resnet50c"),
        ("bcd-18", False, "resnet18d"),
        ("bcd-26", True, "resnet26d"),
        ("bcd-50", False, "resnet50d"),
    ],
)
def test_our_resnets_beside_timms_say_what_timms_say_once_trained(ours, zero_gamma, theirs):
    variant, depth = ours.split("-")
    structure = {"variant": variant, "depth": int(depth), "zero_gamma": zero_gamma}
    recipe = replace(RECIPE, **structure, lr=0.002, epochs=1, precision="float32")
    state = start(recipe, shades(32, 16, size=SIZE))
    next(fit(state, shades(32, 16, size=SIZE)))
    reference = timm.create_model(theirs, num_classes=8).eval()
    reference.load_state_dict(state.model.state_dict())
    with torch.no_grad():
        expected = reference(images())
        assert expected.std() > 0.01
        torch.testing.assert_close(state.model.eval()(images()), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_every_parameter_gets_a_gradient(name):
    net = moved(net_of(name)).train()
    net(images()).square().sum().backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_run_from_scratch_starts_as_timm_starts_a_net():
    state = start(RECIPE, shades(48, 16, size=SIZE))
    drawn = dict(state.model.state_dict())
    again = dict(start(RECIPE, shades(48, 16, size=SIZE)).model.state_dict())
    assert all(torch.equal(drawn[name], again[name]) for name in drawn)
    other = dict(start(replace(RECIPE, seed=1), shades(48, 16, size=SIZE)).model.state_dict())
    assert not torch.equal(drawn["stem.0.weight"], other["stem.0.weight"])
    # timm's truncated normal, not our Kaiming
    assert float(drawn["stages.0.blocks.0.mlp.fc1.weight"].std()) == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize("name", NETS)
def test_no_convolution_of_a_step_in_mixed_precision_is_off_by_more_than_rounding(name):
    """Layer by layer: over a whole net, batch norm of 1x1 maps makes rounding of anything."""
    net = net_of(name).train().to(memory_format=torch.channels_last)
    seen: dict[nn.Module, tuple[torch.Size, torch.Size]] = {}
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(
                lambda m, x, y: seen.__setitem__(m, (x[0].shape, y.shape))
            )
    net(images())
    assert seen
    for convolution, (inputs, outputs) in seen.items():
        convolution._forward_hooks.clear()
        with torch.no_grad():
            convolution.weight.copy_(convolution.weight.bfloat16())
        x = torch.randn(inputs).bfloat16().float().contiguous(memory_format=torch.channels_last)
        slope = torch.randn(outputs).bfloat16().float()

        def results(kind, convolution=convolution, x=x, slope=slope):
            given = x.clone().requires_grad_()
            with mixed_precision(CPU, kind):
                y = convolution(given).float()
            return [y.detach(), *torch.autograd.grad(y, (given, convolution.weight), slope)]

        for ours, exact in zip(results("mixed"), results("float32"), strict=True):
            assert float((ours - exact).norm()) <= 0.01 * float(exact.norm()), convolution


@needs_bfloat16
def test_a_convolution_is_in_bfloat16_only_where_it_is_right():
    def kind_of(x: Tensor, **of: int) -> torch.dtype:
        net = nn.Sequential(nn.Conv2d(8, 8, **of))
        checked.check_layers(net)
        with mixed_precision(CPU, "mixed"):
            return net(x).dtype

    assert kind_of(torch.ones(2, 8, 16, 16), kernel_size=3, padding=1) == torch.bfloat16
    # each pixel of the kernel's rim sees nothing but padding
    assert kind_of(torch.ones(2, 8, 2, 2), kernel_size=7, padding=3, groups=8) == torch.float32


def test_timms_own_layer_norms_are_summed_in_float32_too():
    norm = timm.layers.LayerNorm2d(2)
    checked.check_layers(nn.Sequential(norm))
    maps = torch.ones(16, 2, 16, 16).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = norm(maps)
    out.backward(torch.ones_like(out))
    assert norm.bias.grad.tolist() == [4096, 4096]


@needs_bfloat16
def test_convolutions_with_a_padding_of_their_own_are_in_float32():
    net = build_net("timm:tf_mobilenetv3_small_minimal_100", 50, size=SIZE)
    with mixed_precision(CPU, "mixed"):
        assert net.conv_stem(images()).dtype == torch.float32


def test_a_run_goes_on_bit_for_bit_from_its_checkpoint(tmp_path):
    data = shades(48, 16, size=SIZE)
    recipe = replace(RECIPE, ema=0.9, epochs=3)
    unbroken = start(recipe, data)
    list(fit(unbroken, data))
    broken = start(recipe, data)
    next(fit(broken, data))
    checkpoints.save(tmp_path / "state.pt", broken)
    restored = checkpoints.restore(tmp_path / "state.pt", recipe, data)
    list(fit(restored, data))
    np.testing.assert_array_equal(
        predict(restored, data.images), predict(unbroken, data.images), strict=True
    )
    kept = checkpoints.read_model(tmp_path / "state.pt").tensors
    assert kept.keys() == unbroken.model.state_dict().keys()


@pytest.mark.parametrize("variant", ["timm:test_convnext", "timm:test_vit"])
def test_a_kept_model_predicts_is_exported_and_says_what_it_is(variant, tmp_path):
    data = shades(48, 16, size=SIZE)
    state = start(replace(RECIPE, variant=variant), data)
    list(fit(state, data))
    classifier = load(keep(state, tmp_path / "arm"))
    np.testing.assert_allclose(
        classifier.probabilities(data.images), predict(state, data.images), atol=1e-6
    )
    member = classifier.members[0]
    assert export_onnx(member, tmp_path / "model.onnx").largest <= 1e-4
    card = model_card(member)
    assert f"A timm net (`{variant}`) that gives" in card
    assert "ResNet" not in card
    assert "zero_gamma" not in card
    assert "| optimizer | sgd |" in card


def saved(net, path):
    save_backbone(net, path, made_by={}, mean=(0.4,) * 3, std=(0.3,) * 3, licence="ours")
    return str(path)


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_vit"])
def test_a_backbone_is_kept_without_its_head_and_loaded_whole(name, tmp_path):
    source, net = net_of(name, seed=1), net_of(name)
    loaded = load_pretrained(net, saved(source, tmp_path / "b.safetensors"))
    head = {"test_resnet": "fc.", "test_convnext": "head.fc.", "test_vit": "head."}[name]
    assert loaded.new == (f"{head}weight", f"{head}bias")
    assert loaded.dropped == loaded.remapped == ()
    assert loaded.mean == (0.4,) * 3
    for key, tensor in net.state_dict().items():
        if key in loaded.loaded:
            assert torch.equal(tensor, source.state_dict()[key])


def test_timms_own_file_of_another_number_of_classes_gives_all_but_the_head(tmp_path):
    theirs = timm.create_model("test_convnext", num_classes=10)
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    loaded = load_pretrained(net_of("test_convnext"), str(tmp_path / "theirs.pth"))
    assert loaded.dropped == ("head.fc.weight", "head.fc.bias")
    assert "head.norm.weight" in loaded.loaded  # in front of the classifier, so of the body


def test_weights_that_do_not_fit_are_refused(tmp_path):
    path = saved(net_of("test_resnet"), tmp_path / "r.safetensors")
    with pytest.raises(WeightsError, match=r"names are in a timm net `timm:test_convnext`; .*"):
        load_pretrained(net_of("test_convnext"), path)
    path = saved(net_of("test_vit", size=64), tmp_path / "v.safetensors")
    expected = r"`pos_embed` has shape .*; give weights of the same net at the same image size"
    with pytest.raises(WeightsError, match=expected):
        load_pretrained(net_of("test_vit"), path)
    theirs = net_of("test_convnext").state_dict()
    del theirs["stem.0.weight"]
    torch.save(theirs, tmp_path / "c.pth")
    with pytest.raises(WeightsError, match=r"`stem.0.weight` of a timm net .* is missing"):
        load_pretrained(net_of("test_convnext"), str(tmp_path / "c.pth"))
    with pytest.raises(WeightsError, match="no weights of a timm net; give timm:NAME or a local"):
        load_pretrained(net_of("test_convnext"), "torchvision:IMAGENET1K_V1")


def test_a_name_that_timm_does_not_have_is_refused_with_the_nearest():
    with pytest.raises(
        RecipeError, match=r"no net 'convnext_ato' .*; did you mean timm:convnext_"
    ):
        net_of("convnext_ato")
    with pytest.raises(RecipeError, match=r"names weights; the net is timm:resnet18, and --weigh"):
        net_of("resnet18.a1_in1k")


def test_a_size_that_a_net_does_not_take_is_refused_with_the_next_that_it_takes():
    with pytest.raises(RecipeError, match=r"takes no images of 32 px .*; expected --size 96 or"):
        net_of("inception_v3")
    assert net_of("test_vit", size=48)(images(size=48)).shape == (4, 8)


@pytest.mark.parametrize(
    "field",
    [{"depth": 18}, {"zero_gamma": True}, {"zero_gamma": False}, {"init_scheme": "xavier"}],
)
def test_what_means_nothing_for_a_net_of_timm_is_no_part_of_its_recipe(field):
    with pytest.raises(
        RecipeError, match=r"with variant 'timm:test_vit', for which it means noth"
    ):
        Recipe(variant="timm:test_vit", **field)
    assert Recipe.from_dict(Recipe(variant="timm:test_vit").to_dict()).variant == "timm:test_vit"
    with pytest.raises(RecipeError, match="bcd_seed, timm:NAME"):
        Recipe(variant="timm:")


def test_files_are_named_without_colon_and_depth():
    assert structure_name("org", 50) == "org-50"
    assert structure_name("timm:resnet18", 50) == "timm-resnet18"
    template = "w/{variant}-{depth}.safetensors"
    assert str(file_of(template, "timm:resnet18", 50)) == "w/timm-resnet18.safetensors"
    assert str(file_of(template, "org", 18)) == "w/org-18.safetensors"


def test_timm_is_loaded_for_no_other_net_and_its_absence_has_a_way_out():
    code = """
import json, sys
from agecls.nets.families import build_net
from agecls.errors import RecipeError
build_net("org", 18)
loaded = "timm" in sys.modules
sys.modules["timm"] = None  # as if it were not installed
try:
    build_net("timm:resnet18", 50)
except RecipeError as error:
    print(json.dumps([loaded, str(error)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    is_loaded, refusal = json.loads(done.stdout)
    assert not is_loaded
    assert refusal == (
        "variant timm:NAME needs timm, which is not installed; run `pip install timm`"
    )
