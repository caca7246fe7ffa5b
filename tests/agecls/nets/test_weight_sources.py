import json
import os
import pickle
import random
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor

from agecls.errors import WeightsError
from agecls.nets.families import RESNET, build_net
from agecls.nets.weight_sources import read_source
from agecls.nets.weights import SCRATCH_MEAN, SCRATCH_STD, load_pretrained, save_backbone

TENSORS = {"conv1.weight": torch.arange(6.0).reshape(2, 3), "bn1.bias": torch.ones(2)}


def read(path: Path) -> dict[str, Tensor]:
    return read_source(str(path), RESNET, 50).tensors


def refuse_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_file_without_a_card_has_imagenets_normalisation_and_an_unknown_licence(
    tmp_path: Path,
) -> None:
    save_file(TENSORS, tmp_path / "weights.safetensors")
    source = read_source(str(tmp_path / "weights.safetensors"), RESNET, 50)
    assert (source.mean, source.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert source.licence.startswith("unknown: weights.safetensors came without weights.json")


def test_a_card_beside_a_foreign_file_gives_its_normalisation(tmp_path: Path) -> None:
    torch.save(TENSORS, tmp_path / "weights.pth")
    card = {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1], "licence": "CC0"}
    (tmp_path / "weights.json").write_text(json.dumps(card))
    source = read_source(str(tmp_path / "weights.pth"), RESNET, 50)
    assert (source.mean, source.std, source.licence) == ((0.1, 0.2, 0.3), (1.0, 1.0, 1.0), "CC0")


WRAPPINGS: dict[str, Callable[[dict[str, Tensor]], object]] = {
    "bare": lambda tensors: tensors,
    "state_dict": lambda tensors: {"epoch": 3, "state_dict": tensors},
    "model": lambda tensors: {"epoch": 3, "model": tensors},
    "distributed": lambda tensors: {"model": {f"module.{n}": t for n, t in tensors.items()}},
    "counted": lambda tensors: {**tensors, "bn1.num_batches_tracked": torch.tensor(7)},
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_pytorch_files_are_unwrapped(wrapping: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    torch.save(WRAPPINGS[wrapping](TENSORS), path)
    found = read(path)
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


class Ambush:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("is_zip", [True, False])
def test_an_unsafe_pickle_is_refused_and_never_run(is_zip: bool, tmp_path: Path) -> None:
    trace, path = tmp_path / "ran", tmp_path / "weights.pt"
    torch.save({**TENSORS, "x": Ambush(trace)}, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(WeightsError, match=r"weights.pt: its pickle asks for `\w+.mkdir`"):
        read(path)
    assert not trace.exists()
    with path.open("rb") as file:
        pickle_or_zip = file.read(2)
    # the file would have run: an ordinary load makes the folder
    torch.load(path, weights_only=False)
    assert trace.exists()
    assert (pickle_or_zip == b"PK") == is_zip


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text", "start"])
def test_a_damaged_file_is_refused_by_name(damage: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(TENSORS, path)
    else:
        torch.save(TENSORS, path)
    whole = path.read_bytes()
    damaged = {
        "empty": b"",
        "cut": whole[:-20],
        "text": b"hello",
        "start": b"\0" * 64 + whole[64:],
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(WeightsError, match=rf"weights{suffix} is damaged or no \w+ file"):
        read(path)


@pytest.mark.parametrize("is_zip", [True, False])
def test_wrong_bytes_anywhere_give_no_other_error(is_zip: bool, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(TENSORS, path, _use_new_zipfile_serialization=is_zip)
    whole, dice, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[dice.randrange(len(whole))] = dice.randrange(256)
        path.write_bytes(damaged)
        try:
            read(path)
        except WeightsError:
            refused += 1
    assert refused > 20


def test_content_that_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save([torch.ones(1)], path)
    with pytest.raises(WeightsError, match="holds a list; expected a state dict"):
        read(path)
    torch.save({"epoch": 3, "net": TENSORS}, path)
    with pytest.raises(WeightsError, match="`epoch` is a int, not a tensor"):
        read(path)
    # a pickle that PyTorch did not write, of which it would warn
    path.write_bytes(pickle.dumps({"conv1.weight": 1}, protocol=4))
    with pytest.raises(WeightsError, match=r"weights\.pt"):
        read(path)


def test_sources_that_are_no_file_of_a_known_kind_are_refused(tmp_path: Path) -> None:
    for source in ("torchvison:IMAGENET1K_V1", str(tmp_path / "weights.pkl"), "weights.onnx"):
        with pytest.raises(WeightsError, match=r"not a source; expected a \.safetensors, \.pt"):
            read_source(source, RESNET, 50)
    with pytest.raises(WeightsError, match=r"absent\.pt is not there"):
        read(tmp_path / "absent.pt")


def test_missing_torchvision_weights_say_how_to_get_them_without_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    refuse_network(monkeypatch)
    with pytest.raises(WeightsError) as caught:
        load_pretrained(build_net("bcd", 50), "torchvision:IMAGENET1K_V2")
    message = str(caught.value)
    assert str(tmp_path / "hub" / "checkpoints" / "resnet50-11ad3fa6.pth") in message
    assert "https://download.pytorch.org/models/resnet50-11ad3fa6.pth" in message
    assert (
        '`python -c "from torchvision.models import ResNet50_Weights as w; '
        'w.IMAGENET1K_V2.get_state_dict(check_hash=True)"`'
    ) in message
    assert "--weights PATH" in message
    assert not list(tmp_path.iterdir())


def test_torchvision_weights_are_read_from_the_hub_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    refuse_network(monkeypatch)
    torch.manual_seed(0)
    reference = torchvision.models.resnet18()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(reference.state_dict(), folder / "resnet18-f37072fd.pth")
    model = build_net("d", 18)
    loaded = load_pretrained(model, "torchvision:IMAGENET1K_V1")
    assert loaded.source == "torchvision:IMAGENET1K_V1"
    assert loaded.new == ("fc.weight", "fc.bias")
    assert (loaded.mean, loaded.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert "BSD-3-Clause" in loaded.licence
    assert torch.equal(model.conv1.weight, reference.conv1.weight)


def test_torchvision_names_that_do_not_exist_are_refused() -> None:
    with pytest.raises(WeightsError, match="no weights of depth 26, only of 18, 50 and 101"):
        read_source("torchvision:IMAGENET1K_V1", RESNET, 26)
    with pytest.raises(WeightsError, match="'V9' of depth 18; expected torchvision:IMAGENET1K_V1"):
        read_source("torchvision:V9", RESNET, 18)


def test_timm_weights_are_read_from_the_hugging_face_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    refuse_network(monkeypatch)
    model = build_net("bcd", 18)
    with pytest.raises(WeightsError, match=r"cache has no timm/resnet18d\.ra2_in1k\. Run .*timm"):
        load_pretrained(model, "timm:resnet18d")

    torch.manual_seed(0)
    reference = timm.create_model("resnet18d")
    folder = tmp_path / "models--timm--resnet18d.ra2_in1k"
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    save_file(reference.state_dict(), folder / "snapshots" / "abc" / "model.safetensors")
    loaded = load_pretrained(model, "timm:resnet18d")
    assert (loaded.new, loaded.remapped) == (("fc.weight", "fc.bias"), ())
    assert loaded.mean == (0.485, 0.456, 0.406)
    assert "apache-2.0" in loaded.licence
    assert torch.equal(model.conv1[3].weight, reference.conv1[3].weight)


def test_timm_names_that_cannot_be_had_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("timm", reason="timm is not installed")
    for name in ("resnet50dd", "resnet50d.nothing", "resnet50t"):
        with pytest.raises(WeightsError, match=f"timm has no weights '{name}'"):
            read_source(f"timm:{name}", RESNET, 50)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(WeightsError, match="pip install timm"):
        read_source("timm:resnet18d", RESNET, 18)


def test_a_backbone_needs_its_own_card(tmp_path: Path) -> None:
    def save(seed: int, name: str) -> Path:
        path = tmp_path / name
        torch.manual_seed(seed)
        save_backbone(
            build_net("org", 18),
            path,
            made_by={},
            mean=SCRATCH_MEAN,
            std=SCRATCH_STD,
            licence="",
        )
        return path

    path, other = save(0, "a.safetensors"), save(1, "b.safetensors")
    assert read(path).keys() == read(other).keys()
    card = path.with_suffix(".json")
    card.write_bytes(other.with_suffix(".json").read_bytes())
    with pytest.raises(WeightsError, match=r"a\.json describes other weights than a\.safetensors"):
        read(path)
    for broken in (
        '{"mean": [0.5, 0.5], "std": [0.5, 0.5, 0.5], "licence": ""}',
        '{"mean": [0.5, 0.5, 0.5], "licence": ""}',
        "[0.5]",
        '{"mean":',
    ):
        card.write_text(broken)
        with pytest.raises(WeightsError, match=r"a\.json: expected JSON with `mean` and `std`"):
            read(path)
    card.write_text('{"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.0, 0.5], "licence": ""}')
    with pytest.raises(WeightsError, match=r"`std` is \[0\.5, 0\.0, 0\.5\]"):
        read(path)
    card.unlink()
    with pytest.raises(WeightsError, match=r"needs a\.json beside it"):
        read(path)
