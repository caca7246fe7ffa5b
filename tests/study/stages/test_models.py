import json

import numpy as np
import pytest
import torch
from pyarrow import fs

from agecls.data.loading import Reading, load_data
from agecls.errors import CheckpointError
from agecls.faces.face_set import FaceSet, draw_face_set
from agecls.metrics import score
from agecls.training import checkpoints
from agecls.training.loop import fit, predict, start
from agecls.use.saved import load
from study.analysis.confirm.scoring import temperature
from study.asked.study import complete
from study.asked.study_file import load_study
from study.folder.folder import Folder
from study.folder.record import TrialRecord
from study.folder.storage import Storage
from study.plan.space import recipe_of
from study.stages.models import ConfirmedModels
from tests.study import tiny


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "tiny.toml"
    path.write_text(tiny.study_text("faces", trials=4))
    return load_study(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    faces = tmp_path_factory.mktemp("faces") / "faces"
    draw_face_set(faces, FaceSet(families=8, val_families=4, test_families=4, size=16))
    return load_data(faces, Reading(size=16))


@pytest.fixture(scope="module")
def runs(study, data):
    """Two trials trained on two seeds, and what they say of each split."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found = []
    for number in range(2):
        config = complete(study, {"variant": "org", "lr": 0.01, "epochs": 2})
        trial = TrialRecord(number, "org", "confirm", config, 70 + number, 2, 0.0)
        state = start(recipe_of(study, config, trial.seed), data.arrays())
        list(fit(state, data.arrays()))
        p = {k: predict(state, s.images) for k, s in (("val", data.val), ("test", data.test))}
        found.append((trial, state, p))
    torch.set_num_threads(before)
    return found


@pytest.fixture
def keep(study, data, tmp_path):
    """Write checkpoints of runs to a storage, then keep the models; the study's folder."""

    def call(storage, runs):
        storage.prepare()
        writer = ConfirmedModels(
            study=study, folder=tmp_path, data=data, storage=storage, chosen={"org": "t00003"}
        )
        for trial, state, p in runs:
            with storage.local_copy(trial.trial_id) as path:
                checkpoints.save(path, state)
                storage.publish(path)
            writer.keep(trial, p)
        return tmp_path

    return call


def test_confirmed_models_predict_what_was_scored_at_their_temperature_and_average(
    data, runs, keep, tmp_path
):
    folder = keep(Storage(str(tmp_path / "checkpoints")), runs)
    assert Folder(folder).n_confirmed() == 2
    calibrated = []
    for trial, _, p in runs:
        kept = load(Folder(folder).confirmed_model("org", trial.seed).path)
        t = temperature(data.val.labels, p["val"].astype(float))
        assert kept.members[0].temperature == pytest.approx(t, rel=1e-12)
        roots = p["test"].astype(float) ** (1 / t)
        calibrated.append(kept.probabilities(data.test.images))
        np.testing.assert_allclose(
            calibrated[-1], roots / roots.sum(axis=1, keepdims=True), atol=1e-5
        )
    assert np.abs(calibrated[0] - calibrated[1]).max() > 1e-3
    both = load(folder / "models" / "org" / "confirmed").probabilities(data.test.images)
    np.testing.assert_allclose(both, np.mean(calibrated, axis=0), atol=1e-6)


def test_a_confirmed_model_says_its_seed_its_origin_and_its_own_metrics(
    data, runs, keep, tmp_path
):
    kept = Folder(keep(Storage(str(tmp_path / "checkpoints")), runs[1:]))
    folder = kept.confirmed_model("org", 71).path
    described = json.loads((folder / "model.json").read_text())
    assert (described["stage"], described["seed"]) == ("confirm", 71)
    assert described["trial_id"] == "t00003"  # of the search, whose configuration it has
    p = runs[1][2]
    expected = score(data.test.labels, p["test"])
    assert described["metrics"]["test_accuracy"] == expected.accuracy
    assert described["metrics"]["test_loss"] == expected.nll
    assert described["metrics"]["val_ece"] == score(data.val.labels, p["val"]).ece


def test_models_come_from_a_foreign_filesystem_too(runs, keep, tmp_path, monkeypatch):
    (tmp_path / "far").mkdir()
    foreign = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    monkeypatch.setattr(Storage, "_reach", lambda self: (foreign, "far"))
    folder = keep(Storage("s3://far"), runs[:1])
    assert (tmp_path / "far" / "t00000.pt").exists()
    assert load(Folder(folder).confirmed_model("org", 70).path).is_calibrated


def test_a_checkpoint_that_is_gone_is_an_error_and_leaves_no_model(study, data, tmp_path):
    trial = TrialRecord(5, "org", "confirm", {}, 7, 2, 0.0)
    p = np.full((len(data.val.labels), 8), 1 / 8, dtype=np.float32)
    writer = ConfirmedModels(
        study=study, folder=tmp_path, data=data, storage=Storage(str(tmp_path)), chosen={}
    )
    with pytest.raises(CheckpointError, match="t00005"):
        writer.keep(trial, {"val": p})
    assert Folder(tmp_path).n_confirmed() == 0
