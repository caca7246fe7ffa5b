"""Another net is one entry: what a second family needs is built, kept and loaded by its names."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from agecls.errors import RecipeError, WeightsError
from agecls.nets import families
from agecls.nets.families import FAMILIES, Family, build_net, family_of
from agecls.nets.net import Net
from agecls.nets.weights import load_pretrained, save_backbone
from agecls.recipe import CHOICES
from agecls.training.state import start
from tests.agecls.tiny import shades


class Plain(Net):
    """Two layers whose names are no ResNet's."""

    def __init__(self, variant, depth, n_outputs):
        super().__init__()
        self.variant, self.depth = variant, depth
        self.first = nn.Linear(3, 4 if variant == "plain" else 5)
        self.middle = nn.Linear(4, 4)
        self.last = nn.Linear(4, n_outputs)


def initialise(net, scheme, *, zero_gamma):
    for weights in net.parameters():
        nn.init.constant_(weights, 0.25)


def remap(variant, own, theirs):
    return {key: key.replace("centre.", "middle.") for key in theirs}, ()


CODE = SimpleNamespace(
    build=lambda variant, depth, *, n_outputs, size: Plain(variant, depth, n_outputs),
    initialise=initialise,
    remap=remap,
)
PLAIN = Family(
    name="Plain",
    variants=("plain", "plain5"),
    depths=(2,),
    head="last.",
    stem="first.",
    body="middle.",
    published="Plain{depth}_Weights",
    code=lambda: CODE,
)


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    monkeypatch.setattr(families, "FAMILIES", (*FAMILIES, PLAIN))


def saved(net, path, **changes):
    save_backbone(net, path, made_by={}, mean=(0.5,) * 3, std=(0.5,) * 3, licence="x", **changes)
    return str(path)


def test_what_a_recipe_may_ask_for_is_what_the_families_have():
    assert set(CHOICES["variant"]) == {name for f in FAMILIES for name in f.variants}
    assert set(CHOICES["depth"]) == {depth for f in FAMILIES for depth in f.depths}
    assert [family_of(name).name for name in ("org", "bcd", "plain")] == ["ResNet"] * 2 + ["Plain"]
    with pytest.raises(RecipeError, match="variant is 'bdc'; expected one of org, c, d, bcd"):
        family_of("bdc")


def test_a_backbone_of_any_family_is_kept_without_its_head_and_loaded(tmp_path):
    source, net = build_net("plain", 2), build_net("plain", 2)
    loaded = load_pretrained(net, saved(source, tmp_path / "plain.safetensors"))
    assert loaded.new == ("last.weight", "last.bias")
    assert loaded.dropped == ()
    assert torch.equal(net.middle.weight, source.middle.weight)
    assert not torch.equal(net.last.weight, source.last.weight)


def test_another_stem_stays_new_and_renamed_parts_are_loaded(tmp_path):
    source = build_net("plain", 2)
    source.centre = source.middle
    del source.middle
    net = build_net("plain5", 2)
    loaded = load_pretrained(net, saved(source, tmp_path / "plain.safetensors"))
    assert set(loaded.new) == {f"{part}.{kind}" for part in ("first", "last") for kind in
                               ("weight", "bias")}  # fmt: skip
    assert loaded.remapped == ("middle.weight", "middle.bias")
    assert torch.equal(net.middle.weight, source.centre.weight)


def test_weights_of_another_family_are_refused_with_its_name(tmp_path):
    path = saved(build_net("org", 18), tmp_path / "org.safetensors")
    with pytest.raises(WeightsError, match=r"names are in a Plain-2 `plain`; .* of a Plain with"):
        load_pretrained(build_net("plain", 2), path)


def test_a_run_starts_from_a_family_s_own_initialisation(monkeypatch):
    monkeypatch.setitem(CHOICES, "variant", ("plain",))
    monkeypatch.setitem(CHOICES, "depth", (2,))
    from agecls.recipe import Recipe

    state = start(Recipe(variant="plain", depth=2), shades(8, 4))
    assert {float(value) for p in state.model.parameters() for value in p.detach().flatten()} == {
        0.25
    }
