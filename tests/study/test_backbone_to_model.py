"""The whole way of a user: a backbone, a study that starts from it, the model in use."""

import hashlib
import json
import subprocess
import sys

import pandas as pd
import pytest

from agecls.faces.face_set import FaceSet, draw_face_set
from tests.study import tiny

pytestmark = pytest.mark.ray

STUDY = """
[study]
question = "Does a study start from a backbone?"
metric = "val_accuracy"
trials = 2
epochs = 1
design_share = 1.0
[data]
path = "{data}"
size = 16
[factors.init]
role = "arm"
levels = ["scratch", "pretrained"]
[factors.lr]
role = "tuned"
log = true
low = 0.005
high = 0.02
[factors.depth]
role = "fixed"
value = 18
[factors.batch_size]
role = "fixed"
value = 16
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Drawn faces, `source/org-18.safetensors` made of others, and the study's results."""
    folder = tmp_path_factory.mktemp("whole way")
    draw_face_set(folder / "faces", FaceSet(families=8, val_families=4, test_families=0, size=16))
    source = FaceSet(families=6, val_families=2, test_families=0, size=16, seed=9)
    draw_face_set(folder / "others", source)
    (folder / "tiny.toml").write_text(STUDY.format(data=folder / "faces"))
    weights = str(folder / "source" / "{variant}-{depth}.safetensors")
    words = ["agecls.pretrain", folder / "others", "--out", weights, "--depth", "18"]
    words += ["--size", "16", "--epochs", "2", "--threads", "1"]
    made = subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        capture_output=True,
        text=True,
        env=tiny.environment(folder),
        timeout=300,
    )
    assert made.returncode == 0, made.stderr
    # no terminal: a plain line an epoch all the same
    assert [line.split(":")[0] for line in made.stdout.splitlines()[1:3]] == [
        "org-18 epoch 1/2",
        "org-18 epoch 2/2",
    ]
    done = tiny.run(folder, folder / "tiny.toml", "--weights", weights)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_study_starts_from_the_backbone_and_says_from_which(folder):
    results = folder / "results" / "tiny"
    trials = pd.read_parquet(results / "trials.parquet").set_index("arm")
    assert trials["status"].to_dict() == {"scratch": "completed", "pretrained": "completed"}
    content = (folder / "source" / "org-18.safetensors").read_bytes()
    provenance = json.loads((results / "study.json").read_text())
    assert provenance["weights"] == {"org-18": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize("arm", ["scratch", "pretrained"])
def test_a_kept_model_says_of_the_validation_files_what_its_training_said(folder, arm):
    """The same predictions after a reload, from the files: the accuracy is that of the trial."""
    from agecls import load

    results = folder / "results" / "tiny"
    trials = pd.read_parquet(results / "trials.parquet").set_index("arm")
    images = pd.read_csv(folder / "faces" / "custom_val_dataset.csv")
    paths = [folder / "faces" / "val_images" / name for name in images["image_path"]]
    predicted = load(results / "models" / arm).predict(paths)
    assert predicted["error"].isna().all()
    hits = predicted["class"].to_numpy() == images["age_class"].to_numpy()
    assert hits.mean() == pytest.approx(trials.loc[arm, "val_accuracy"])
