import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from agecls.errors import AgeclsError
from agecls.nets.kernels import candidates, choice
from agecls.nets.kernels.candidates import KERNELS, Kernel, Shape
from agecls.nets.kernels.choice import Choice, choose, fingerprint, from_plain, plain, this_table
from agecls.nets.kernels.convolution import Convolution, choices_of

SHAPE = Shape(torch.Size((4, 6, 6)), torch.Size((8, 4, 3, 3)), 1, is_mixed=False)
LIBRARY = Choice("library", "library", "library")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty cache, in which kernels are timed."""
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AGECLS_KERNELS", "timed")
    choice._table.cache_clear()
    yield
    choice._table.cache_clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Milliseconds that kernels take by name, whatever the machine; others take 9."""
    told: dict[str, float] = {}
    monkeypatch.setattr(
        choice, "_milliseconds", lambda kernel, part, given: told.get(kernel.name, 9.0)
    )
    return told


def test_the_fastest_kernel_is_chosen_for_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {("unfolded", "to_weights"): 1.0, ("library", "forward"): 1.0}
    monkeypatch.setattr(
        choice, "_milliseconds", lambda kernel, part, given: times.get((kernel.name, part), 2.0)
    )
    assert choose(SHAPE) == Choice("library", "library", "unfolded")


def test_a_gain_within_the_noise_changes_nothing(clock: dict[str, float]) -> None:
    clock |= {"library": 1.0, "unfolded": 0.96}
    assert choose(SHAPE) == LIBRARY


def test_a_choice_is_never_made_again(clock: dict[str, float]) -> None:
    clock["unfolded"] = 1.0
    first = choose(SHAPE)
    clock |= {"unfolded": 9.0, "library": 1.0}
    assert choose(SHAPE) == first
    choice._table.cache_clear()  # as in another process
    assert choose(SHAPE) == first
    other = SHAPE._replace(stride=2)
    assert choose(other) == LIBRARY
    choice._table.cache_clear()
    assert (choose(SHAPE), choose(other)) == (first, LIBRARY)


def test_the_file_says_for_what_machine_it_holds_and_why(clock: dict[str, float]) -> None:
    clock["unfolded"] = 1.0
    choose(SHAPE)
    told = json.loads(this_table().path.read_text())
    assert told["torch"] == torch.__version__
    assert told["threads"] == torch.get_num_threads()
    (row,) = told["rows"]
    assert row["maps"] == [4, 6, 6]
    assert row["to_maps"] == "unfolded"
    assert row["milliseconds"]["forward"] == {"unfolded": 1.0, "library": 9.0}


def test_another_number_of_threads_has_a_table_of_its_own(
    clock: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    choose(SHAPE)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    clock["unfolded"] = 1.0
    assert choose(SHAPE) == Choice("unfolded", "unfolded", "unfolded")


@pytest.mark.parametrize("part", choice.PARTS)
@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_a_kernel_that_computes_a_part_wrong_is_not_chosen_for_it(
    part: str, value: float, clock: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = next(kernel for kernel in KERNELS if kernel.name == "unfolded")

    def wrong(name: str):  # type: ignore[no-untyped-def]
        run = getattr(right, name)
        return lambda *given: run(*given) * value if name == part else run(*given)

    liar = Kernel("liar", lambda s: True, lambda s: False, *map(wrong, choice.PARTS))
    monkeypatch.setattr(candidates, "KERNELS", (liar, *KERNELS))
    clock["liar"] = 0.1
    chosen = choose(SHAPE)._asdict()
    assert chosen.pop(part) != "liar"
    assert set(chosen.values()) == {"liar"}


def test_large_maps_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "timed", None)
    side = int(choice.MOST_TIMED**0.5) + 1
    assert choose(SHAPE._replace(maps=torch.Size((4, side, side)))) == LIBRARY


def test_fixed_kernels_time_nothing_and_touch_no_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGECLS_KERNELS", "fixed")
    monkeypatch.setattr(choice, "timed", None)
    assert choose(SHAPE) == LIBRARY
    assert not (tmp_path / "cache").exists()


def test_an_unknown_value_of_the_switch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGECLS_KERNELS", "best")
    with pytest.raises(AgeclsError, match="AGECLS_KERNELS is 'best'; expected timed or fixed"):
        choose(SHAPE)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"rows": [{"maps": 3}]}'])
def test_a_damaged_table_is_made_anew(
    content: str, clock: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    path = this_table().path
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with caplog.at_level(logging.WARNING):
        assert choose(SHAPE) == LIBRARY
    assert f"{path} is damaged" in caplog.text
    assert len(json.loads(path.read_text())["rows"]) == 1


def test_a_cache_that_cannot_be_used_is_told_once_and_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "file"))
    choice._warn_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert choose(SHAPE) == choose(SHAPE) == LIBRARY
    assert caplog.text.count("set AGECLS_CACHE to a folder that you can write") == 1


def test_choices_are_written_down_and_read() -> None:
    assert from_plain(json.loads(json.dumps(plain(SHAPE, LIBRARY)))) == (SHAPE, LIBRARY)


def test_a_fingerprint_is_of_the_choices_and_not_of_their_order() -> None:
    other = SHAPE._replace(stride=2)
    pair = {SHAPE: LIBRARY, other: Choice("unfolded", "library", "library")}
    assert fingerprint(pair) == fingerprint(dict(reversed(pair.items())))
    assert fingerprint(pair) != fingerprint({**pair, other: LIBRARY})


def test_by_rule_unless_asked_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of before kernels could be timed go on as they began."""
    monkeypatch.delenv("AGECLS_KERNELS")
    monkeypatch.setattr(choice, "timed", None)
    assert choose(SHAPE) == LIBRARY


@pytest.mark.parametrize("is_mixed", [False, True])
def test_timing_leaves_torchs_generator_and_the_gradients_alone(is_mixed: bool) -> None:
    """With the machine's own clock: what is chosen varies, what is computed does not."""
    layer = Convolution(4, 8, 3)
    x = torch.randn(3, 4, 6, 6)
    before = torch.random.get_rng_state()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_mixed):
        layer(x).float().sum().backward()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert list(choices_of(layer)) == [SHAPE._replace(is_mixed=is_mixed)]
    twin = torch.nn.Conv2d(4, 8, 3, padding=1, bias=False)
    twin.load_state_dict(layer.state_dict())
    twin(x).sum().backward()
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, twin.weight.grad, rtol=0.02, atol=0.05)
