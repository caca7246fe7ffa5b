"""Backbones that a study trains itself, in this process."""

from dataclasses import dataclass, replace

import pytest

from agecls.errors import WeightsError
from agecls.recipe import Recipe
from agecls.training.pretraining import Backbone
from study.asked.study_file import load_study
from study.errors import SearchError
from study.folder.folder import Folder
from study.folder.provenance import Provenance
from study.running.interruption import StopRequest
from study.running.steps import Place
from study.stages import pretrain
from tests.study import tiny
from tests.study.staged import session_at

PRETRAINED = """
[pretrain]
data = "{faces}"
epochs = 1
[factors.init]
role = "fixed"
value = "pretrained"
"""


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Begin a session of a study whose two structures want backbones."""
    file = tiny.write_study(tmp_path)
    file.write_text(file.read_text() + PRETRAINED.format(faces=tmp_path / "faces"))
    (tmp_path / "it").mkdir()

    def call(**means):
        return session_at(load_study(file), tmp_path / "it", None, **means)[0]

    return call


class StopAfterOne(StopRequest):
    """A request that comes after a backbone."""

    looks = 0

    def due(self):
        self.looks += 1
        return self.looks > 1


def test_backbones_are_trained_where_trials_are_and_none_twice(session, tmp_path):
    assert not pretrain.pretrain(session(stop=StopAfterOne()))
    home = tmp_path / "it" / "pretrained"
    (first,) = home.glob("*.safetensors")
    assert first.with_suffix(".json").is_file()
    written = first.stat().st_mtime_ns
    assert pretrain.pretrain(session())
    assert first.stat().st_mtime_ns == written
    assert {path.stem for path in home.glob("*.safetensors")} == {"org-18", "bcd-18"}
    known = Provenance.read(Folder(tmp_path / "it")).pretrained
    assert {name: 0 <= told["val_accuracy"] <= 1 for name, told in known.items()} == {
        "org-18": True, "bcd-18": True,
    }  # fmt: skip


def test_a_backbone_that_cannot_be_trained_ends_the_study_with_the_reason(session, monkeypatch):
    def failing(backbone, data):
        raise WeightsError("no such thing\nas it seems")

    monkeypatch.setattr(pretrain, "train_unasked", failing)
    with pytest.raises(SearchError, match="pretraining org-18 failed: WeightsError: no such"):
        pretrain.pretrain(session())


def test_a_backbone_from_a_node_without_the_study_s_folder_is_written_by_the_driver(tmp_path):
    path = tmp_path / "org-18.safetensors"
    files = {"org-18.json": b"{}", "org-18.safetensors": b"weights"}
    pretrain._keep(files, path)
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
    metrics, files = pretrain._train(None, asked, Place())
    assert metrics == {"val_accuracy": 0.5}
    assert list(files.items()) == [("org-18.json", b"{}"), ("org-18.safetensors", b"weights")]
    pretrain._train(None, replace(asked, out=tmp_path / out.name), Place())
    assert places[0].parent != out.parent
    assert places[1] == tmp_path / out.name
    assert not places[0].exists()
