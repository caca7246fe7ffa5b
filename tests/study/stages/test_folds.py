import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agecls.data.folded import fold_faces
from agecls.errors import DataLayoutError
from study.analysis.search.chosen import Choice
from study.asked.plans import FoldPlan
from study.asked.study import arm_name, complete
from study.errors import RecordError, StudyError
from study.folder.folder import Folder
from study.folder.provenance import Provenance
from study.folder.record import Record
from study.folder.record_lines import read_events
from study.plan.streams import Stream, seed_of_fold, stream_seed
from study.running.in_process import InProcess
from study.running.search_state import Search
from study.stages.confirm import Confirm, confirm_plan
from tests.study import folded
from tests.study.staged import session_at
from tests.untrained import Guessing, without_checkpoints


@pytest.fixture
def home(faces_folder, tmp_path):
    folded.search(faces_folder, tmp_path / "study")
    return tmp_path / "study"


@pytest.fixture
def confirm(faces_folder, faces, home, monkeypatch):
    """Call the stage as a fresh process would, with a trainer that guesses."""

    def call(study=None, *, data=faces, n_seeds=2):
        without_checkpoints(monkeypatch)
        asked = folded.asked(faces_folder) if study is None else study
        means = {"executor": InProcess(trainer=Guessing)}
        session, text = session_at(asked, home, data, **means)
        assert Confirm(n_seeds=n_seeds)(session)
        return text.getvalue()

    return call


def table(home, kind):
    return pd.read_parquet(Folder(home).table(kind))


def test_every_recipe_and_seed_is_trained_without_each_fold_and_every_prefix_is_paired(
    confirm, home
):
    said = confirm()
    starts = [e for e in read_events(Folder(home).confirm.record) if e["event"] == "start"]
    assert len(starts) == 2 * 3 * 2
    arms = [start["arm"] for start in starts]
    assert arms == ["org", "bcd"] * 6
    pairs = [(start["seed"], start["fold"]) for start in starts]
    assert pairs[::2] == pairs[1::2]
    seeds = list(dict.fromkeys(seed for seed, _ in pairs))
    assert pairs[::2] == [(seed, fold) for seed in seeds for fold in range(3)]
    assert "Confirming 2 arms on 2 fresh seeds times 3 folds" in said
    assert "3 folds of train and val" in said


def test_nets_of_a_seed_start_alike_in_every_arm_and_apart_in_every_fold(confirm, home):
    confirm()
    starts = [e for e in read_events(Folder(home).confirm.record) if e["event"] == "start"]
    roots = [start["start_seed"] for start in starts]
    assert roots[::2] == roots[1::2]
    assert len(set(roots)) == 3 * 2
    assert not {start["seed"] for start in starts} & set(roots)
    for start in starts:  # they were trained from that
        model = Folder(home).confirmed_model(start["arm"], start["seed"], start["fold"])
        assert json.loads(model.described.read_text())["recipe"]["seed"] == start["start_seed"]


def test_a_net_that_began_from_its_seed_goes_on_from_it(faces_folder, home, tmp_path):
    """As records have it that were begun when every fold had the same start."""
    study = folded.asked(faces_folder)
    choices = [
        Choice(
            arm=arm_name(study, cell), cell=cell, config=complete(study, {**cell, "lr": 0.01}),
            trial_id="t00000", rule="best", n_candidates=1, judged=30.0, value=30.0,
            best_value=30.0,
        )
        for cell in study.arms
    ]  # fmt: skip
    plan = confirm_plan(choices, [11], range(3))
    older = confirm_plan(choices, [11], range(3), apart=False)
    with Record(tmp_path) as record:
        assert Search(study, record, tmp_path, plan=older).next().root == 11
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path, plan=plan)
        begun, fresh = search.next(), search.next()
    assert (begun.number, begun.root) == (0, 11)
    assert (fresh.number, fresh.root) == (1, seed_of_fold(11, 0))
    other = tuple(replace(planned, start_seed=5) for planned in plan)
    with Record(tmp_path) as record, pytest.raises(RecordError, match="it starts from"):
        Search(study, record, tmp_path, plan=other)


def test_more_seeds_go_on_where_the_first_ones_ended(confirm, home):
    confirm(n_seeds=1)
    first = table(home, "confirm")
    confirm(n_seeds=2)
    assert len(first) == 6
    both = table(home, "confirm")
    assert both["model"].tolist()[:6] == first["model"].tolist()
    assert len(both) == 12


def test_models_of_a_seed_predict_every_image_of_the_folds_once_and_test_each(
    confirm, home, faces
):
    confirm()
    models, predictions = table(home, "confirm"), table(home, "predictions")
    assert models["model"].tolist()[0] == f"org-seed{models['seed'][0]}-fold0"
    each = predictions.merge(models[["model", "arm", "seed", "fold"]], on="model")
    every = {*faces.train.frame["image_path"], *faces.val.frame["image_path"]}
    for _, rows in each[each["split"] == "val"].groupby(["arm", "seed"]):
        assert len(rows) == len(every)
        assert set(rows["image"]) == every
        # one fold holds all images of a family
        assert (rows.groupby("cluster")["fold"].nunique() == 1).all()
    sizes = each[each["split"] == "test"].groupby("model").size()
    assert len(sizes) == 12
    assert set(sizes) == {len(faces.test.labels)}
    assert not predictions["is_duplicate"].any()


def test_kept_models_say_which_fold_they_never_saw(confirm, home):
    confirm()
    row = table(home, "confirm").iloc[3]
    kept = Folder(home).confirmed_model(row["arm"], row["seed"], row["fold"])
    assert kept.path.name == f"seed{row['seed']}-fold{row['fold']}"
    described = json.loads(kept.described.read_text())
    assert described["fold"] == row["fold"]
    assert described["metrics"]["val_accuracy"] == pytest.approx(row["val_accuracy"])
    assert Folder(home).n_confirmed() == 12


def test_the_folds_are_on_record_with_their_images_and_clusters(
    confirm, home, faces_folder, faces
):
    confirm()
    study = folded.asked(faces_folder)
    found = Provenance.read(Folder(home)).folds
    assert found == fold_faces(faces, 3, seed=stream_seed(study, Stream.FOLDS)).summary
    assert sum(found["clusters"]) == 13
    assert sum(found["images"]) == len(faces.train.labels) + len(faces.val.labels)


def test_a_study_without_folds_says_nothing_of_them(confirm, home, faces_folder):
    said = confirm(replace(folded.asked(faces_folder), folds=None))
    assert "fold" not in said
    assert "folds" not in json.loads(Folder(home).provenance.read_text())
    lines = list(read_events(Folder(home).confirm.record))
    assert not [line for line in lines if "fold" in line]
    assert table(home, "confirm")["fold"].isna().all()


def test_families_that_changed_since_the_study_began_are_refused(confirm, faces):
    confirm(n_seeds=1)
    frame = faces.train.frame.assign(cluster=np.arange(len(faces.train.frame)))
    moved = replace(faces, train=replace(faces.train, frame=frame))
    with pytest.raises(StudyError, match=r"no longer those that the study began with .* --name"):
        confirm(data=moved)


def test_another_number_of_folds_is_refused_with_both_numbers(confirm, faces_folder, home):
    confirm(n_seeds=1)
    study = folded.asked(faces_folder)
    other = replace(study, folds=FoldPlan(k=2, search=True))
    session, _ = session_at(other, home, folded.faces_in(faces_folder))
    with pytest.raises(StudyError, match=r"folds: 3 became 2"):
        session.check_folds()
    begun = Provenance.opening(
        study, command=[], data=Provenance.read(Folder(home)).data, sampler={}
    )
    assert begun.changes(other) == ["[folds] k: 3 became 2"]


def test_a_record_of_other_folds_is_refused(confirm, faces_folder, home):
    confirm(n_seeds=1)
    with pytest.raises(StudyError, match="its fold is 0; the study plans None"):
        confirm(replace(folded.asked(faces_folder), folds=None))


def test_more_folds_than_clusters_are_refused_before_anything_is_trained(
    faces_folder, home, faces
):
    study = replace(folded.asked(faces_folder), folds=FoldPlan(k=40, search=True))
    session, _ = session_at(study, home, faces)
    with pytest.raises(DataLayoutError, match=r"13 clusters .* too few for 40 folds"):
        session.check_folds()


def test_what_a_seed_draws_is_the_same_in_every_stage(faces_folder, home, faces):
    study = folded.asked(faces_folder)
    asked, _ = session_at(study, home, faces)
    unasked, _ = session_at(replace(study, folds=None), home, faces)
    # a stage that needs folds where nobody asked for them takes five, too many for these faces
    with pytest.raises(DataLayoutError, match=r"class g lies in 3 clusters .* than the 5 folds"):
        unasked.folded  # noqa: B018
    again = fold_faces(faces, 3, seed=stream_seed(study, Stream.FOLDS))
    assert (asked.folded.folds.of_image == again.folds.of_image).all()
