from dataclasses import dataclass, replace

import pytest
import ray

from agecls.recipe import Recipe
from agecls.training.pretraining import Backbone
from study.errors import SearchError
from study.stages import pretrain

PRETRAINED = '[factors.init]\nrole = "fixed"\nvalue = "pretrained"\n'


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
