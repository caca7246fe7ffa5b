import json
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from agecls.errors import WeightsError
from agecls.nets.families import build_net
from agecls.nets.resnet import ResNet
from agecls.nets.variants import VARIANTS
from agecls.nets.weights import SCRATCH_STD, load_pretrained, save_backbone

COUNT = "num_batches_tracked"


def random_model(variant: str, depth: int, *, seed: int = 0) -> ResNet:
    """A model in evaluation mode no two tensors of which are alike, BN included."""
    torch.manual_seed(seed)
    model = build_net(variant, depth)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.eval()


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: t.clone() for name, t in model.state_dict().items() if COUNT not in name}


def saved(model: nn.Module, folder: Path) -> str:
    path = folder / "weights.safetensors"
    save_file({name: t.contiguous() for name, t in state(model).items()}, path)
    return str(path)


def test_the_same_structure_loads_all_but_the_head(tmp_path: Path) -> None:
    source, model = random_model("bcd", 18), random_model("bcd", 18, seed=1)
    head = model.fc.weight.clone()
    loaded = load_pretrained(model, saved(source, tmp_path))
    expected, found = state(source), state(model)
    assert loaded.new == ("fc.weight", "fc.bias")
    assert set(loaded.dropped) == {"fc.weight", "fc.bias"}
    assert set(loaded.loaded) == {name for name in expected if not name.startswith("fc.")}
    assert all(torch.equal(found[name], expected[name]) for name in loaded.loaded)
    assert torch.equal(model.fc.weight, head)
    # 8 x 512 + 8 of the 11,689,512 - 513,000 of the backbone, 19,232 of the stem and the head
    assert loaded.random_share == pytest.approx(4_104 / (11_176_512 + 19_232 + 4_104))


@pytest.mark.parametrize("source_variant", ["org", "bcd", "bcd_seed"])
def test_every_name_is_in_one_list_and_holds_what_the_list_says(
    source_variant: str, tmp_path: Path
) -> None:
    source = random_model(source_variant, 26)
    given, path = state(source), saved(source, tmp_path)
    for variant in VARIANTS:
        model = random_model(variant, 26, seed=1)
        before = state(model)
        loaded = load_pretrained(model, path)
        after = state(model)
        assert sorted(loaded.loaded + loaded.remapped + loaded.new) == sorted(before)
        assert len(loaded.loaded + loaded.remapped) + len(loaded.dropped) == len(given)
        assert all(torch.equal(after[name], given[name]) for name in loaded.loaded)
        assert all(torch.equal(after[name], before[name]) for name in loaded.new)
        for name in loaded.remapped:
            # no two tensors are alike, so that one is recognised by its content
            (key,) = (k for k, tensor in given.items() if torch.equal(tensor, after[name]))
            assert key.split(".downsample.")[0] == name.split(".downsample.")[0]
            assert key.rpartition(".")[2] == name.rpartition(".")[2]
            assert key != name


def test_a_plain_shortcut_goes_into_a_pooled_one(tmp_path: Path) -> None:
    source, model = random_model("org", 26), random_model("d", 26, seed=1)
    loaded = load_pretrained(model, saved(source, tmp_path))
    assert loaded.new == ("fc.weight", "fc.bias")
    # four shortcuts with a weight of the convolution and four tensors of BN
    assert len(loaded.remapped) == 4 * 5
    with torch.no_grad():
        features = torch.rand(2, 64, 12, 12)
        # layer 1 pools nothing, so that both variants compute the same
        torch.testing.assert_close(model.layer1(features), source.layer1(features))
        for layer, theirs in ((model.layer2, source.layer2), (model.layer4, source.layer4)):
            # where neighbours are alike, their average is any one of them
            flat = torch.rand(2, theirs[0].conv1.in_channels, 1, 1).expand(-1, -1, 4, 4)
            torch.testing.assert_close(layer[0].downsample(flat), theirs[0].downsample(flat))
            torch.testing.assert_close(layer(flat), theirs(flat))


def test_remapping_there_and_back_changes_nothing(tmp_path: Path) -> None:
    first, pooled, back = (random_model(v, 26, seed=i) for i, v in enumerate(("org", "d", "org")))
    load_pretrained(pooled, saved(first, tmp_path))
    loaded = load_pretrained(back, saved(pooled, tmp_path))
    assert len(loaded.remapped) == 4 * 5
    expected, found = state(first), state(back)
    assert all(torch.equal(found[n], expected[n]) for n in expected if not n.startswith("fc."))


@pytest.mark.parametrize(("variant", "source"), [("c", "org"), ("org", "c"), ("bcd", "bcd_seed")])
def test_another_stem_stays_new_and_the_layers_behind_it_are_equal(
    variant: str, source: str, tmp_path: Path
) -> None:
    given, model = random_model(source, 26), random_model(variant, 26, seed=1)
    loaded = load_pretrained(model, saved(given, tmp_path))
    stem = [name for name in state(model) if name.startswith("conv1.")]
    assert list(loaded.new) == [*stem, "fc.weight", "fc.bias"]
    assert {name for name in state(given) if name.startswith("conv1.")} <= set(loaded.dropped)
    with torch.no_grad():
        x = torch.rand(2, 64, 12, 12)
        for mine, theirs in zip(
            (model.layer1, model.layer2, model.layer3, model.layer4),
            (given.layer1, given.layer2, given.layer3, given.layer4),
            strict=True,
        ):
            torch.testing.assert_close(mine(x), theirs(x))
            x = theirs(x)


def test_the_earlier_studys_variant_leaves_12_1_per_cent_random(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = saved(torchvision.models.resnet50(), tmp_path)
    loaded = load_pretrained(build_net("bcd_seed", 50), source)
    shortcuts = tuple(
        f"layer{layer}.0.downsample.{name}"
        for layer in (2, 3, 4)
        for name in ("1.weight", "2.weight", "2.bias", "2.running_mean", "2.running_var")
    )
    stem = ("conv1.0.weight", "conv1.1.weight", "conv1.2.weight")
    assert loaded.new == (*stem, *shortcuts, "fc.weight", "fc.bias")
    assert loaded.remapped == ()
    assert "layer1.0.downsample.0.weight" in loaded.loaded
    # stem 75,456; shortcuts 2,752,512 and BN 7,168; head 16,392; of 23,590,472
    assert loaded.random_share == pytest.approx(2_851_528 / 23_590_472)
    assert round(100 * loaded.random_share, 1) == 12.1


def test_a_misfit_is_refused_with_the_first_name_and_leaves_the_model_alone(
    tmp_path: Path,
) -> None:
    model = random_model("org", 18, seed=1)
    before = state(model)
    path = tmp_path / "weights.safetensors"

    def refused(tensors: dict[str, Tensor], match: str) -> None:
        save_file(tensors, path)
        with pytest.raises(WeightsError, match=match):
            load_pretrained(model, str(path))
        assert all(torch.equal(tensor, before[name]) for name, tensor in state(model).items())

    good = state(random_model("org", 18))
    wide = {**good, "layer2.1.conv2.weight": torch.ones(256, 256, 3, 3)}
    refused(wide, r"`layer2.1.conv2.weight` has shape \(256, 256, 3, 3\).* \(128, 128, 3, 3\);")
    refused({**good, "layer3.0.se.fc1.weight": torch.ones(8)}, "`layer3.0.se.fc1.weight` is not")
    less = {name: t for name, t in good.items() if name != "layer4.1.bn2.bias"}
    refused(less, r"`layer4.1.bn2.bias` of a ResNet-18 `org` is missing")
    holed = {**good, "layer1.0.bn2.weight": torch.full((64,), torch.nan)}
    refused(holed, r"`layer1.0.bn2.weight` holds NaN")
    foreign = {f"features.{i}.weight": torch.ones(1) for i in range(5)}
    refused(foreign, r"only 0 of its 5 names .* the first of them is `features.0.weight`")


def test_a_deeper_or_shallower_source_is_refused(tmp_path: Path) -> None:
    deep, shallow = random_model("org", 50), random_model("org", 26)
    with pytest.raises(WeightsError, match=r"`layer1\.2\.bn1\.bias` is not in a ResNet-26"):
        load_pretrained(shallow, saved(deep, tmp_path))
    with pytest.raises(WeightsError, match=r"`layer1\.2\.conv1\.weight` of a ResNet-50 `org` is"):
        load_pretrained(deep, saved(shallow, tmp_path))


def test_other_parts_of_a_source_are_dropped_by_name(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({**state(random_model("org", 18)), "projector.weight": torch.ones(3)}, path)
    loaded = load_pretrained(build_net("org", 18), str(path))
    assert set(loaded.dropped) == {"fc.weight", "fc.bias", "projector.weight"}


def test_a_saved_backbone_comes_back_with_its_normalisation_and_licence(tmp_path: Path) -> None:
    source = random_model("bcd", 18).to(memory_format=torch.channels_last)
    path = tmp_path / "made" / "bcd.safetensors"
    save_backbone(
        source,
        path,
        made_by={"data": "synthetic-source", "epochs": 4},
        mean=(0.1, 0.2, 0.3),
        std=SCRATCH_STD,
        licence="drawn faces, free",
    )
    assert sorted(p.name for p in path.parent.iterdir()) == ["bcd.json", "bcd.safetensors"]
    assert not any(name.startswith("fc.") for name in load_file(path))
    card = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert (card["variant"], card["depth"]) == ("bcd", 18)
    assert card["made_by"] == {"data": "synthetic-source", "epochs": 4}

    model = random_model("bcd", 18, seed=1)
    loaded = load_pretrained(model, str(path))
    assert (loaded.new, loaded.dropped) == (("fc.weight", "fc.bias"), ())
    assert (loaded.mean, loaded.std) == ((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))
    assert loaded.licence == "drawn faces, free"
    expected, found = state(source), state(model)
    assert all(torch.equal(found[name], expected[name]) for name in loaded.loaded)


def test_a_backbone_is_written_as_safetensors_only(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"bcd\.pt: a backbone is written as \.safetensors"):
        save_backbone(
            build_net("bcd", 18),
            tmp_path / "bcd.pt",
            made_by={},
            mean=SCRATCH_STD,
            std=SCRATCH_STD,
            licence="",
        )
    assert not list(tmp_path.iterdir())
