from dataclasses import replace

import pytest
import torch

from agecls.errors import DataLayoutError, WeightsError
from agecls.nets.resnet import ResNet
from agecls.nets.weights import SCRATCH_MEAN, LoadedWeights, save_backbone
from agecls.recipe import Recipe
from agecls.training.state import normalisation_of, start, stream_seed
from tests.agecls.tiny import shades

TINY = Recipe(depth=18, epochs=2, batch_size=16, lr=0.02)


def test_streams_are_told_apart_by_seed_name_and_epoch():
    seeds = {
        stream_seed(seed, stream, epoch)
        for seed in (0, 1, 10)
        for stream in ("order", "augmentation")
        for epoch in (0, 1, 10)
    }

    assert len(seeds) == 18
    assert stream_seed(0, "order", 1) == 2961819992523135983  # a resumed run relies on it


def test_the_optimizer_finds_all_memory_in_order_and_copies_none():
    state = start(TINY, shades())

    for view, parameter in zip(state.views, state.model.parameters(), strict=True):
        assert view.is_contiguous()
        assert view.data_ptr() == parameter.data_ptr()


def test_zero_gamma_starts_blocks_as_their_shortcuts():
    state = start(replace(TINY, zero_gamma=True), shades())

    assert state.model.layer1[0].bn2.weight.abs().max() == 0


def test_corn_has_a_head_of_seven():
    assert start(replace(TINY, loss="corn"), shades()).model.fc.out_features == 7


def test_pretrained_weights_bring_their_own_normalisation(tmp_path):
    data = shades()
    source = tmp_path / "backbone.safetensors"
    trained = start(TINY, data).model
    save_backbone(
        trained, source, made_by={}, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), licence="none"
    )

    state = start(replace(TINY, init="pretrained", seed=5), data, weights=str(source))

    assert (state.mean, state.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert state.weights.new == ("fc.weight", "fc.bias")
    assert torch.equal(state.model.conv1.weight, trained.conv1.weight)
    assert start(TINY, data, weights=str(source)).mean == SCRATCH_MEAN


def test_pretrained_without_weights_is_an_error_that_says_what_to_give():
    with pytest.raises(WeightsError, match="no weights are given; name a file"):
        start(replace(TINY, init="pretrained"), shades())


@pytest.mark.parametrize(("n_train", "n_val"), [(1, 4), (4, 0)])
def test_too_few_images_are_an_error(n_train, n_val):
    with pytest.raises(DataLayoutError, match=f"there are {n_train} training and {n_val} valid"):
        start(TINY, shades(n_train, n_val))


def test_the_model_is_channels_last_and_one_of_ours():
    state = start(TINY, shades())

    assert isinstance(state.model, ResNet)
    assert state.model.layer1[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)


def test_the_earlier_initialisation_is_xavier_from_scratch_only():
    def stem(**fields):
        return start(replace(TINY, seed=3, **fields), shades()).model.conv1.weight

    assert torch.equal(stem(init_scheme="earlier"), stem(init_scheme="xavier"))
    assert not torch.equal(stem(init_scheme="earlier"), stem(init_scheme="kaiming"))


def test_half_normalisation_overrides_that_of_the_weights():
    weights = LoadedWeights("x", (), (), (), (), 0.0, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "none")
    half = Recipe(init="pretrained", normalisation="half")
    assert normalisation_of(half, weights) == ((0.5,) * 3, (0.5,) * 3)
    assert normalisation_of(Recipe(init="pretrained"), weights) == (weights.mean, weights.std)
