"""Confirmed models on other faces, with nets that were trained for a moment."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from agecls.classes import EIGHT, Classes
from agecls.data.loading import Reading, load_data
from agecls.errors import DataLayoutError
from agecls.faces.face_set import FaceSet, draw_face_set
from agecls.metrics import score
from agecls.use.saved import load
from study.analysis.confirm.scoring import tempered
from study.asked.study_file import load_study
from study.confirm import main
from study.errors import StudyError
from study.folder.folder import Folder
from study.folder.parquet import read_table
from study.folder.provenance import Provenance
from study.folder.record import Record
from study.folder.tables import read_study
from study.report import page
from study.running.interruption import StopRequest
from study.stages.elsewhere import Elsewhere, known_confirmed, was_trained_on
from tests.agecls.pictures import draw_zoo
from tests.study import staged, tiny

CLAIM = """
[claims.holds]
text = "Models hold on other faces"
drop_at_most = 90.0
"""


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """The study's own faces; and others: families, and names with ages."""
    root = tmp_path_factory.mktemp("sets")
    small = {"val_families": 4, "test_families": 4, "size": 16}
    draw_face_set(root / "own", FaceSet(families=8, **small))
    draw_face_set(root / "others", FaceSet(families=4, seed=9, **small))
    draw_face_set(root / "street", FaceSet(families=2, seed=8, **small))
    return root


@pytest.fixture(scope="module")
def original(sets, tmp_path_factory):
    """A confirmed study with two arms and two seeds; (study, folder, data)."""
    folder = tmp_path_factory.mktemp("results") / "tiny"
    file = folder.parent / "tiny.toml"
    file.write_text(tiny.study_text(sets / "own", trials=4) + CLAIM)
    study = load_study(file)
    staged.write_search(study, folder, lr=0.01, epochs=2)
    data = load_data(sets / "own", Reading(size=16))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    staged.confirm_here(study, folder, data, n_seeds=2)
    yield study, folder, data
    torch.set_num_threads(before)


@pytest.fixture
def confirmed(original, tmp_path):
    """A copy of it that a test may change; the models, which are large, are linked."""
    study, folder, data = original
    copy = tmp_path / "tiny"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("models"))
    for kept in (folder / "models").glob("*/confirmed/*/*"):
        target = copy / kept.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(kept)
    return study, copy, data


@pytest.fixture
def score_on(confirmed):
    """Score sets as a fresh process would, in the confirmed study's folder."""
    study, folder, data = confirmed

    def call(faces, *, stop=None):
        session, text = staged.session_at(
            study, folder, data, stop=stop or StopRequest(),
            provenance=known_confirmed(Folder(folder)),
            command=["study.confirm", "tiny", "--external"],
        )  # fmt: skip
        stage = Elsewhere(faces={k: str(v) for k, v in faces.items()}, device="cpu")
        return stage(session), text.getvalue()

    return call


class StopAfter(StopRequest):
    """A request that comes after some models."""

    left = 0

    def due(self):
        self.left -= 1
        if self.left < 0:
            self.reason = "interrupted"
        return self.reason is not None


def parts_of(folder, name):
    return sorted((folder / "confirm" / "external" / name).glob("*.parquet"))


def test_an_interrupted_scoring_goes_on_and_looks_at_no_test_split(confirmed, score_on, sets):
    _, folder, _ = confirmed
    reads = Provenance.read(Folder(folder)).test_reads
    stop = StopAfter()
    stop.left = 3
    assert score_on({"others": sets / "others"}, stop=stop)[0] is False
    first = {p: p.stat().st_mtime_ns for p in parts_of(folder, "others")}
    assert len(first) == 3
    assert not (folder / "external.parquet").exists()

    is_over, text = score_on({"others": sets / "others"})
    assert is_over
    assert len(parts_of(folder, "others")) == 4
    assert {p: p.stat().st_mtime_ns for p in first} == first  # nothing was scored twice
    found = Provenance.read(Folder(folder))
    assert found.test_reads == reads
    (described,) = found.external
    assert (described["faces"], described["n_models"]) == ("others", 4)
    assert described["seen"] == {"org": False, "bcd": False}
    assert described["path"] == str(sets / "others")
    table = read_table(folder / "external.parquet", "external")
    assert set(table["faces"]) == {"others"}
    assert set(table["n_seeds"]) == {2}
    assert "others, org: " in text


def test_what_is_scored_is_what_the_kept_models_say_of_every_image(confirmed, score_on, sets):
    _, folder, _ = confirmed
    score_on({"others": sets / "others"})
    table = read_table(folder / "external.parquet", "external")
    models = read_study(folder).confirm
    by_seed = []
    for row in models[models["arm"] == "org"].to_dict("records"):
        part = folder / "confirm" / "external" / "others" / f"{row['model']}.parquet"
        frame = read_table(part, "predictions")
        assert set(frame["split"]) == {"others"}
        kept = load(Folder(folder).confirmed_model("org", row["seed"]).path)
        pictures = [sets / "others" / image for image in frame["image"]]
        told = kept.predict(pictures, flip=False)
        raw = frame[list(EIGHT.columns)].to_numpy()
        np.testing.assert_allclose(
            told[list(EIGHT.columns)].to_numpy(), tempered(raw, row["temperature"]), atol=1e-5
        )
        labels = np.array([EIGHT.names.index(c) for c in frame["true"]])
        by_seed.append(score(labels, raw).accuracy)
    is_asked = table["against"].isna() & (table["arm"] == "org") & (table["metric"] == "accuracy")
    (found,) = table[is_asked & (table["images"] == "all")].to_dict("records")
    assert found["estimate"] == pytest.approx(np.mean(by_seed))
    n = len(read_table(part, "predictions"))
    assert found["n_images"] == n > 50  # of all three splits
    own = models[models["arm"] == "org"]["test_accuracy"].mean()
    assert found["own"] == pytest.approx(own)
    assert found["own_split"] == "test"


def test_another_set_joins_those_that_are_there_and_claims_are_told_for_each(
    confirmed, score_on, sets
):
    _, folder, _ = confirmed
    score_on({"others": sets / "others"})
    before = read_table(folder / "external.parquet", "external")
    _, text = score_on({"street": sets / "street"})
    table = read_table(folder / "external.parquet", "external")
    assert set(table["faces"]) == {"others", "street"}
    again = table[table["faces"] == "others"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, before)
    claims = read_table(folder / "claims.parquet", "claims")
    rows = claims[claims["claim"] == "holds"]
    assert rows["stage"].tolist() == ["search", "confirm", "confirm"]
    searched = rows.iloc[0]
    assert searched["verdict"] == "unresolved"
    command = f"python -m study.confirm {folder.name} --out {folder.parent} --external OTHER_FACES"
    assert searched["command"].endswith(command)
    assert rows["split"].tolist()[1:] == ["others", "street"]
    assert set(rows["verdict"].iloc[1:]) == {"supported"}  # accuracy cannot fall by 90 points
    assert "supported on street: Models hold on other faces" in text


def test_a_study_that_does_not_say_what_was_confirmed_is_told_so(confirmed, score_on, sets):
    _, folder, _ = confirmed
    source = Provenance.read(Folder(folder))
    source.confirm = None  # as after a kill between the stage's tables and this file
    source.write(Folder(folder))
    with pytest.raises(StudyError, match=r"study\.json: does not say what was confirmed"):
        score_on({"street": sets / "street"})


def test_other_faces_wait_until_nobody_else_writes_what_is_known_of_the_study(
    confirmed, sets, capsys
):
    _, folder, _ = confirmed
    with Record(folder):
        words = ["tiny", "--out", str(folder.parent), "--external", str(sets / "street")]
        assert main(words) == 2
    assert "another process is working on this study" in capsys.readouterr().err
    assert not (folder / "confirm" / "external").exists()


def test_the_study_s_own_faces_are_told_to_be_its_own(confirmed, score_on, sets):
    _, folder, _ = confirmed
    score_on({"mirror": sets / "own"})
    table = read_table(folder / "external.parquet", "external")
    mirror = table[(table["faces"] == "mirror") & (table["metric"] == "accuracy")]
    assert set(mirror["images"]) == {"all"}  # no image of the set is a stranger
    frame = read_table(parts_of(folder, "mirror")[0], "predictions")
    assert frame["is_duplicate"].all()
    claims = read_table(folder / "claims.parquet", "claims")
    (row,) = claims[claims["split"] == "mirror"].to_dict("records")
    assert row["verdict"] == "unresolved"
    assert "no image that the study does not hold" in row["reason"]


def test_a_name_stands_for_one_set_of_images(score_on, sets):
    score_on({"others": sets / "others"})
    with pytest.raises(StudyError, match="`others` was scored on other images"):
        score_on({"others": sets / "street"})


def test_a_model_that_is_not_kept_is_named(confirmed, score_on, sets):
    _, folder, _ = confirmed
    shutil.rmtree(folder / "models")
    with pytest.raises(StudyError, match=r"models/org/confirmed/seed\d+: the confirmed model"):
        score_on({"street": sets / "street"})


def test_the_command_writes_tables_and_report_and_says_what_it_cannot(
    confirmed, sets, tmp_path, capsys, monkeypatch
):
    _, folder, _ = confirmed
    source = Provenance.read(Folder(folder))
    words = ["tiny", "--out", str(folder.parent), "--cpus-per-trial", "1"]
    written = []
    monkeypatch.setattr(page, "write_page", lambda found: written.append(found) or "x")
    assert main([*words, "--external", f"street={sets / 'street'}"]) == 0
    (found,) = written
    assert found.tables.folder == folder
    assert set(found.tables.external["faces"]) == {"street"}
    assert main([*words, "--external", str(tmp_path / "nothing")]) == 2
    assert "nothing does not exist" in capsys.readouterr().err
    assert Provenance.read(Folder(folder)).test_reads == source.test_reads
    fresh = folder.parent / "unconfirmed"
    staged.write_search(load_study(folder / "study.toml"), fresh, lr=0.01, epochs=2)
    assert main(["unconfirmed", *words[1:], "--external", str(sets / "street")]) == 2
    assert "no confirmed models" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--external", "a", "--seeds", "3"], "give it without|one at a time"),
        (["--external", "x/a", "--external", "y/a"], "two sets of other images have one name"),
        (["--external", "test=x"], "names no set of images"),
        (["--external", "a b=x"], "names no set of images"),
    ],
)
def test_words_that_mean_nothing_are_refused(words, reason, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["tiny", *words])
    assert re.search(reason, capsys.readouterr().err)


def test_the_report_of_the_confirm_stage_keeps_what_other_faces_said(confirmed, score_on, sets):
    study, folder, data = confirmed
    score_on({"others": sets / "others"})
    staged.confirm_here(study, folder, data, n_seeds=3)
    claims = read_table(folder / "claims.parquet", "claims")
    rows = claims[(claims["claim"] == "holds") & (claims["stage"] == "confirm")]
    assert "others" in set(rows["split"])
    assert set(rows["n_seeds"]) == {2}
    score_on({"others": sets / "others"})  # only the new models are scored
    assert len(parts_of(folder, "others")) == 6
    claims = read_table(folder / "claims.parquet", "claims")
    rows = claims[(claims["claim"] == "holds") & (claims["split"] == "others")]
    assert set(rows["n_seeds"]) == {3}


def backbone(folder, data, **changes):
    made_by = {"data": data, "size": 16, "recipe": {"seed": 0}} | changes
    weights = folder / "org-18.safetensors"
    weights.with_suffix(".json").write_text(json.dumps({"made_by": made_by}))
    return str(weights)


def test_whether_weights_saw_the_faces_before(sets, tmp_path):
    faces = sets / "others"
    fingerprint = load_data(faces, Reading(size=16)).fingerprint
    assert was_trained_on(None, str(faces)) is False
    assert was_trained_on("torchvision:IMAGENET1K_V1", str(faces)) is False
    assert was_trained_on("timm:resnet50.x", str(faces)) is None
    moved = {"path": "/gone/UTKFace", "fingerprint": fingerprint}
    assert was_trained_on(backbone(tmp_path, moved), str(faces)) is True
    other = {"path": "/gone/UTKFace", "fingerprint": "f00d"}
    assert was_trained_on(backbone(tmp_path, other), str(faces)) is False
    same_place = {"path": str(faces), "fingerprint": "f00d"}
    assert was_trained_on(backbone(tmp_path, same_place), str(faces)) is True
    assert was_trained_on(str(tmp_path / "nobody-knows.pt"), str(faces)) is None


def test_whether_weights_saw_pictures_before_is_asked_in_the_classes_that_they_learned(tmp_path):
    zoo, other = draw_zoo(tmp_path / "zoo"), draw_zoo(tmp_path / "other", names=("fox", "hen"))
    classes = Classes.from_names(("cat", "dog", "emu"))
    fingerprint = load_data(zoo, Reading(size=16, classes=classes)).fingerprint
    moved = {"path": "/gone/zoo", "fingerprint": fingerprint}
    told = {"classes": classes.table}
    assert was_trained_on(backbone(tmp_path, moved, **told), str(zoo)) is True
    assert was_trained_on(backbone(tmp_path, moved, **told), str(other)) is False
    # weights of before do not say, and the eight cannot be told apart in the zoo
    assert was_trained_on(backbone(tmp_path, moved), str(zoo)) is None
    assert was_trained_on(backbone(tmp_path, moved, classes={"names": 3}), str(zoo)) is None


def test_a_set_that_cannot_be_read_is_told_and_takes_no_name(confirmed, score_on, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataLayoutError, match="no layout that is known"):
        score_on({"empty": tmp_path / "empty"})
    assert not (confirmed[1] / "confirm" / "external" / "empty").exists()
