"""Files that pose as weights or checkpoints: refused in one line, and no code of theirs runs."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from safetensors.torch import save

from agecls.errors import CheckpointError, WeightsError
from agecls.nets.families import build_net
from agecls.nets.resnet import ResNet
from agecls.nets.weights import load_pretrained, save_backbone
from agecls.recipe import Recipe
from agecls.training import checkpoints
from agecls.training.loop import fit, start
from tests.agecls.tiny import build_small_net, shades
from tests.hostile.cases import EDITS, JSON, Edit, cases, damaged, is_one_line, try_out

TINY = Recipe(depth=18, epochs=2, batch_size=16, lr=0.02)


class Trap:
    """Makes a folder as soon as a pickle of it is loaded."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.sentinel),)


def torch_zip(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def torch_old(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def zip_of_pickles(content: Any) -> bytes:
    """torch's archive with a hostile pickle in each place where one could be read."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "version", "byteorder", ".format_version"):
            archive.writestr(f"archive/{name}", pickle.dumps(content))
    return file.getvalue()


POSES: dict[str, Callable[[Any], bytes]] = {
    "pickle": pickle.dumps,
    "old pickle": lambda content: pickle.dumps(content, protocol=0),
    "two pickles": lambda content: pickle.dumps({}) + pickle.dumps(content),
    "torch": lambda content: torch_zip({"conv1.weight": torch.ones(1), "x": content}),
    "torch, inside": lambda content: torch_zip({"model": {"fc.bias": content}}),
    "torch before 1.6": lambda content: torch_old({"state_dict": {"x": content}}),
    "zip": zip_of_pickles,
}


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("pose", POSES)
def test_a_pickle_that_poses_as_weights_never_runs(tmp_path: Path, pose: str, suffix: str) -> None:
    path, sentinel = tmp_path / f"weights{suffix}", tmp_path / "ran"
    path.write_bytes(POSES[pose](Trap(sentinel)))
    with pytest.raises(WeightsError, match=f"weights{suffix}") as caught:
        load_pretrained(a_model(), str(path))
    assert is_one_line(str(caught.value))
    assert not sentinel.exists()


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_pickle_that_poses_as_a_checkpoint_never_runs(
    tmp_path: Path, pose: str, is_sealed: bool
) -> None:
    path, sentinel = tmp_path / "t00000.pt", tmp_path / "ran"
    path.write_bytes(POSES[pose](Trap(sentinel)))
    if is_sealed:
        seal(path)
    for read in (
        lambda: checkpoints.restore(path, TINY, shades()),
        lambda: checkpoints.read_model(path),
    ):
        with pytest.raises(CheckpointError, match=r"t00000\.pt") as caught:
            read()
        assert is_one_line(str(caught.value))
    assert not sentinel.exists()


def seal(path: Path) -> None:
    """End a file in the right hash, as one can who knows the format."""
    with path.open("r+b") as file:
        checkpoints._seal(file)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """Safetensors of a net of two layers, and its card."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    model: Any = build_small_net("org", 18, n_outputs=8)
    model.variant, model.depth = "org", 18
    save_backbone(model, path, made_by={}, mean=(0.5,) * 3, std=(0.5,) * 3, licence="none")
    return path.read_bytes(), path.with_suffix(".json").read_text()


@cache
def a_model() -> ResNet:
    """One for all, since an error leaves a model as it is."""
    return build_net("org", 18)


def check_refused(path: Path) -> None:
    """The net of these weights is no ResNet, so whatever loads is refused as well, in one line."""
    with pytest.raises(WeightsError) as caught:
        load_pretrained(a_model(), str(path))
    assert is_one_line(str(caught.value))


NUMBERS = st.one_of(st.integers(-9, 99), st.sampled_from([2**31, 2**63, 2**64, -(2**63), 10**30]))


@cases(40, 600)
def test_a_safetensors_whose_header_lies_is_refused_in_one_line(
    n: int, tmp_path: Path, backbone: tuple[bytes, str]
) -> None:
    whole, _ = backbone
    length = struct.unpack("<Q", whole[:8])[0]
    header, body = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    path = tmp_path / "lying.safetensors"

    @st.composite
    def lies(draw: st.DrawFn) -> tuple[bytes, int | None]:
        told: Any = json.loads(json.dumps(header))
        for _ in range(draw(st.integers(1, 3))):
            name = draw(st.sampled_from(sorted(told)))
            entry = told[name]
            match draw(st.sampled_from(["offsets", "shape", "dtype", "any", "gone", "more"])):
                case "offsets" if isinstance(entry, dict):
                    entry["data_offsets"] = draw(st.lists(NUMBERS, max_size=3))
                case "shape" if isinstance(entry, dict):
                    entry["shape"] = draw(st.lists(NUMBERS, max_size=5))
                case "dtype" if isinstance(entry, dict):
                    entry["dtype"] = draw(st.sampled_from(["F64", "BOOL", "F4", "object", 3]))
                case "gone" if len(told) > 1:
                    del told[name]
                case "more":
                    told[draw(st.text(max_size=5))] = draw(JSON)
                case _:
                    told[name] = draw(JSON)
        claimed = draw(st.one_of(st.none(), st.sampled_from([0, 1, length, 2**32, 2**63])))
        return json.dumps(told).encode(), claimed

    def check(lie: tuple[bytes, int | None]) -> None:
        told, claimed = lie
        size = struct.pack("<Q", len(told) if claimed is None else claimed)
        path.write_bytes(size + told + body)
        check_refused(path)

    try_out(n, check, lie=lies())


@cases(30, 500)
def test_a_damaged_safetensors_or_card_is_refused_in_one_line(
    n: int, tmp_path: Path, backbone: tuple[bytes, str]
) -> None:
    whole, card = backbone
    path = tmp_path / "damaged.safetensors"

    def check(edits: list[Edit], of_card: list[Edit]) -> None:
        path.write_bytes(damaged(whole, edits))
        path.with_suffix(".json").write_bytes(damaged(card.encode(), of_card))
        check_refused(path)

    try_out(n, check, edits=EDITS, of_card=st.one_of(st.just([]), EDITS))


@cases(30, 500)
def test_a_card_of_anything_is_refused_in_one_line(
    n: int, tmp_path: Path, backbone: tuple[bytes, str]
) -> None:
    path = tmp_path / "backbone.safetensors"
    path.write_bytes(backbone[0])
    card = json.loads(backbone[1])

    def check(changes: dict[str, Any], is_whole: bool) -> None:
        content = {**card, **changes} if is_whole else changes
        path.with_suffix(".json").write_text(json.dumps(content))
        check_refused(path)

    values = st.one_of(JSON, st.lists(st.floats(), min_size=3, max_size=3))
    changes = st.dictionaries(st.sampled_from(sorted(card)), values, max_size=3)
    try_out(n, check, changes=changes, is_whole=st.booleans())


def test_weights_that_claim_more_than_memory_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "vast.safetensors"
    entry = {"dtype": "F32", "shape": [2**20, 2**20], "data_offsets": [0, 2**42]}
    header = json.dumps({"conv1.weight": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    check_refused(path)


def test_weights_that_are_nested_beyond_reason_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.safetensors"
    path.write_bytes(save({"conv1.weight": torch.ones(1)}))
    path.with_suffix(".json").write_text("[" * 100_000)
    check_refused(path)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The content of a checkpoint of TINY on the small net."""
    path = tmp_path_factory.mktemp("checkpoint") / "one.pt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agecls.training.state.build_net", build_small_net)
        state = start(TINY, shades())
        next(fit(state, shades()))
        checkpoints.save(path, state)
    return dict(torch.load(path, weights_only=True))


PLAIN = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=3), st.just(torch.ones(2)),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers()),
)  # fmt: skip


@cases(25, 300)
def test_a_sealed_checkpoint_of_anything_is_refused_in_one_line(
    n: int, tmp_path: Path, sealed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agecls.training.state.build_net", build_small_net)
    path = tmp_path / "t00000.pt"
    data = shades()

    def check(gone: set[str], changes: dict[str, Any]) -> None:
        content = {k: v for k, v in (sealed | changes).items() if k not in gone}
        path.write_bytes(torch_zip(content))
        seal(path)
        for read in (
            lambda: checkpoints.restore(path, TINY, data),
            lambda: checkpoints.read_model(path),
        ):
            try:
                read()
            except CheckpointError as error:
                assert is_one_line(str(error))  # noqa: PT017 - not every part is needed

    names = st.sampled_from(sorted(sealed))
    try_out(
        n,
        check,
        gone=st.sets(names, max_size=2),
        changes=st.dictionaries(names, PLAIN, max_size=2),
    )
