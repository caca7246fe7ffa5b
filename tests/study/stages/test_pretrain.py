import hashlib
import json
from dataclasses import dataclass, replace

import pytest
import ray

from agecls.errors import WeightsError
from agecls.nets.families import build_net
from agecls.nets.weights import save_backbone
from agecls.recipe import Recipe
from agecls.training.pretraining import Backbone
from study.asked.study_file import load_study
from study.errors import SearchError
from study.folder.provenance import Faces, Provenance
from study.stages import pretrain
from tests.study import tiny

PRETRAINED = '[factors.init]\nrole = "fixed"\nvalue = "pretrained"\n'


@pytest.fixture
def study(tmp_path):
    """A study that starts from files, which are there."""
    for variant in ("org", "bcd"):
        save(tmp_path / f"{variant}.safetensors", variant)
    path = tmp_path / "tiny.toml"
    path.write_text(tiny.study_text("faces") + PRETRAINED)
    return load_study(path, overrides={"weights": str(tmp_path / "{variant}.safetensors")})


def save(path, variant):
    save_backbone(
        build_net(variant, 18), path, made_by={}, mean=(0.5,) * 3, std=(0.5,) * 3, licence="x"
    )


def test_files_travel_with_their_cards_and_their_hashes_are_on_record(study, tmp_path):
    found = pretrain.contents(study, tmp_path, Provenance(data=Faces(fingerprint="x")))
    weights = tmp_path / "org.safetensors"
    assert found[str(weights)] == {
        "org.safetensors": weights.read_bytes(),
        "org.json": weights.with_suffix(".json").read_bytes(),
    }
    known = json.loads((tmp_path / "study.json").read_text())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert known["weights"] == {
        "org-18": digest,
        "bcd-18": hashlib.sha256((tmp_path / "bcd.safetensors").read_bytes()).hexdigest(),
    }


def test_weights_that_changed_between_two_sessions_are_refused_with_both_hashes(study, tmp_path):
    known = Provenance(data=Faces(fingerprint="x"))
    pretrain.contents(study, tmp_path, known)
    pretrain.contents(study, tmp_path, known)
    before = known.weights["bcd-18"]
    save(tmp_path / "bcd.safetensors", "bcd")
    with pytest.raises(WeightsError, match=r"bcd\.safetensors: not the weights that") as caught:
        pretrain.contents(study, tmp_path, known)
    assert before in str(caught.value)


def test_a_file_that_is_missing_or_damaged_is_refused_before_the_study_begins(study, tmp_path):
    pretrain.check_given(study)
    (tmp_path / "bcd.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"bcd\.safetensors is damaged"):
        pretrain.check_given(study)
    (tmp_path / "bcd.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"bcd\.safetensors is not there"):
        pretrain.check_given(study)


def test_a_backbone_from_a_node_without_the_study_s_folder_is_written_by_the_driver(
    tmp_path, monkeypatch
):
    path = tmp_path / "org-18.safetensors"
    files = {"org-18.json": b"{}", "org-18.safetensors": b"weights"}
    monkeypatch.setattr(ray, "get", lambda reference: ({"val_accuracy": 0.5}, files))
    assert pretrain._fetch(None, path) == {"val_accuracy": 0.5}
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == files


def test_a_worker_that_does_not_reach_the_study_s_folder_trains_elsewhere(tmp_path, monkeypatch):
    places = []

    @dataclass
    class Best:
        val_accuracy: float

    def train(backbone, data):
        out = backbone.out
        places.append(out)
        out.write_bytes(b"weights")
        out.with_suffix(".json").write_bytes(b"{}")
        return Best(0.5)

    monkeypatch.setattr(pretrain, "train_unasked", train)
    out = tmp_path / "no" / "such" / "org-18.safetensors"
    asked = Backbone(recipe=Recipe(), out=out, device="cpu", source={}, licence="x")
    metrics, files = pretrain._train(None, asked, threads=1)
    assert metrics == {"val_accuracy": 0.5}
    assert list(files.items()) == [("org-18.json", b"{}"), ("org-18.safetensors", b"weights")]
    pretrain._train(None, replace(asked, out=tmp_path / out.name), threads=1)
    assert places[0].parent != out.parent
    assert places[1] == tmp_path / out.name
    assert not places[0].exists()


def test_a_backbone_that_cannot_be_trained_ends_the_study_with_the_reason(tmp_path, monkeypatch):
    cause = OSError(28, "No space left on device")
    error = ray.exceptions.RayTaskError("_train", "Traceback\nOSError: No space left", cause)

    def failing(reference):
        raise error.as_instanceof_cause()

    monkeypatch.setattr(ray, "get", failing)
    with pytest.raises(SearchError, match="pretraining org-18 failed: OSError: No space left"):
        pretrain._fetch(None, tmp_path / "org-18.safetensors")
