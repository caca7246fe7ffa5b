import hashlib
import json

import pytest

from agecls.errors import WeightsError
from agecls.nets.families import build_net
from agecls.nets.weights import save_backbone
from study.asked.study_file import load_study
from study.folder.provenance import Faces, Provenance
from study.trainables import sources
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
    found = sources.contents(study, tmp_path, Provenance(data=Faces(fingerprint="x")))
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
    sources.contents(study, tmp_path, known)
    sources.contents(study, tmp_path, known)
    before = known.weights["bcd-18"]
    save(tmp_path / "bcd.safetensors", "bcd")
    with pytest.raises(WeightsError, match=r"bcd\.safetensors: not the weights that") as caught:
        sources.contents(study, tmp_path, known)
    assert before in str(caught.value)


def test_a_file_that_is_missing_or_damaged_is_refused_before_the_study_begins(study, tmp_path):
    sources.check_given(study)
    (tmp_path / "bcd.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"bcd\.safetensors is damaged"):
        sources.check_given(study)
    (tmp_path / "bcd.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"bcd\.safetensors is not there"):
        sources.check_given(study)
