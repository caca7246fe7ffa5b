import pytest
import torch

from agecls.nets.kernels import choice
from agecls.recipe import Recipe
from study.cost.kernel_table import kernel_lines
from tests.agecls.tiny import build_our_small_net, build_small_net

SMALL = Recipe(depth=18, batch_size=4, epochs=9, precision="float32")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path))
    monkeypatch.setattr("agecls.training.state.build_net", build_our_small_net)
    choice._table.cache_clear()
    yield
    choice._table.cache_clear()


@pytest.mark.parametrize(("switch", "how"), [("fixed", "takes them"), ("timed", "is set")])
def test_each_shape_says_by_what_it_is_fastest_and_instead_of_what(switch, how, monkeypatch):
    monkeypatch.setenv("AGECLS_KERNELS", switch)
    times = {"unfolded": 0.5, "library": 1.25}
    monkeypatch.setattr(choice, "_milliseconds", lambda kernel, *_: times.get(kernel.name, 9.0))
    threads = torch.get_num_threads()
    lines = kernel_lines(SMALL, 16, 1)
    assert torch.get_num_threads() == threads
    cell = "unfolded 0.50 (library 1.25)"
    assert lines[0].startswith("kernels, milliseconds for 32 images on 1 thread;")
    assert lines[2:5] == [
        f"1 of 3x3, 3 to 8 channels, 16x16 to 8x8: {cell} | {cell} | {cell}",
        f"1 of 3x3, 8 to 16 channels, 8x8 to 4x4: {cell} | {cell} | {cell}",
        f"together 3.0 ms a step, 7.5 ms by rule; AGECLS_KERNELS=timed {how}",
    ]
    assert str(choice.cache_folder()) in lines[-1]


def test_maps_that_are_too_large_to_be_timed_are_counted(monkeypatch):
    monkeypatch.setattr(choice, "_milliseconds", lambda *_: 1.0)
    assert "1 with larger maps: not timed" in kernel_lines(SMALL, 32, 1)


def test_a_net_without_our_convolutions_has_no_lines(monkeypatch):
    monkeypatch.setattr("agecls.training.state.build_net", build_small_net)
    assert kernel_lines(SMALL, 16, 1) == []
