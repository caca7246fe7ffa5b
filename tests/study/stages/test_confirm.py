"""The stage without Ray: nothing is trained, everything else is real."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agecls.classes import EIGHT
from agecls.data.loading import FaceData, Split
from study.analysis.search.chosen import Choice
from study.asked.plans import FoldPlan
from study.asked.study import complete
from study.asked.study_file import dump_study, load_study
from study.errors import StudyError
from study.folder.folder import Folder
from study.folder.parquet import read_table, write_table
from study.folder.provenance import Provenance
from study.folder.record import read_events
from study.plan.trials import plan_trials
from study.running.in_process import InProcess
from study.stages.confirm import Confirm, confirm_plan, fresh_seeds
from tests.small_studies import plain_toml
from tests.study.staged import session_at
from tests.untrained import Guessing, Killed, KilledBefore, without_checkpoints

STUDY = f"""
{plain_toml(trials=8)}[claims.bcd_equal]
text = "BCD performs like ORG"
factor = "variant"
equal = ["org", "bcd"]
within = 1.0
[claims.structure_minor]
text = "The learning rate matters more than the structure"
factor = "lr"
more_than = "variant"
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "tiny.toml").write_text(STUDY)
    return load_study(tmp_path / "tiny.toml")


def split_of(name, n, first_content):
    rng = np.random.default_rng(n)
    frame = pd.DataFrame(
        {
            "image_path": [f"{name}/{k}.jpg" for k in range(n)],
            "label": rng.integers(0, 8, size=n),
            "content": [f"c{first_content + k}" for k in range(n)],
            "cluster": np.arange(n) // 3,
        }
    )
    return Split(frame["label"].to_numpy(), frame, EIGHT, np.zeros((n, 8, 8, 3), dtype=np.uint8))


@pytest.fixture
def data():
    """40 val and 60 test images; 10 val images are also in train, 5 test images also in val."""
    parts = split_of("train", 50, 0), split_of("val", 40, 40), split_of("test", 60, 75)
    images = np.concatenate([part.images for part in parts])
    return FaceData(*parts, images, "print", {"majority": {"val": 0.2}}, pd.DataFrame())


@pytest.fixture
def folder(study, tmp_path):
    """A finished search on disk."""
    home = tmp_path / "results"
    home.mkdir()
    (home / "study.toml").write_text(dump_study(study))
    rows = []
    for planned in plan_trials(study):
        rate = 0.001 * 1.7**planned.number
        config = complete(study, {**planned.cell, "lr": rate})
        rows.append(
            {
                "trial_id": f"t{planned.number:05d}",
                "number": planned.number,
                "arm": planned.arm,
                "origin": "design",
                "status": "completed",
                "collapsed": False,
                "seed": planned.seed,
                "epochs_planned": 2,
                "epochs_run": 2,
                "val_accuracy": 0.3 + 0.01 * planned.number,
                **{f"config/{k}": v for k, v in config.items()},
            }
        )
    write_table(
        home / "trials.parquet", pd.DataFrame(rows), "trials", study_name="tiny",
        factors=study.factors,
    )  # fmt: skip
    epochs = pd.DataFrame(columns=["trial_id", "epoch"])
    write_table(home / "epochs.parquet", epochs, "epochs", study_name="tiny")
    return home


class FailingThird(Guessing):
    failing = (2,)


GUESSING = InProcess(trainer=Guessing)


@pytest.fixture
def start(study, folder, data, monkeypatch):
    """Call the stage as a fresh process would: everything comes from the disk."""

    def call(
        n_seeds=2,
        *,
        executor=GUESSING,
        look_again=False,
        words="study.confirm tiny",
    ):
        without_checkpoints(monkeypatch)
        session, text = session_at(study, folder, data, executor=executor, command=words.split())
        return Confirm(n_seeds=n_seeds, look_again=look_again)(session), text.getvalue()

    return call


KINDS = ("confirm", "predictions", "confirmed", "claims")


def reads_of(folder):
    """Every look at the test split that is on record."""
    return Provenance.read(Folder(folder)).test_reads


def tables(folder):
    return {kind: read_table(folder / f"{kind}.parquet", kind) for kind in KINDS}


def test_fresh_seeds_are_no_trial_s_and_the_first_ones_stay_when_more_are_asked(study):
    seeds = fresh_seeds(study, 10)
    assert fresh_seeds(study, 3) == seeds[:3]
    assert len(set(seeds)) == 10
    assert not set(seeds) & {trial.seed for trial in plan_trials(study)}


def test_every_arm_is_trained_on_the_same_seeds(start, folder):
    start(3)
    frame = tables(folder)["confirm"]
    by_arm = frame.groupby("arm")["seed"].apply(list)
    assert by_arm["org"] == by_arm["bcd"]
    assert len(by_arm["org"]) == 3
    assert (frame["status"] == "completed").all()
    # of org's trials 0, 2, 4, 6 the last is best and its neighbour too
    assert set(frame.loc[frame["arm"] == "org", "trial_id"]) == {"t00006"}
    assert frame["search_best_value"].max() == pytest.approx(0.37)


def test_the_plan_is_paired_at_every_prefix(study, start, folder):
    start(1)
    choice = json.loads(Folder(folder).confirm.choice.read_text())
    assert [c["arm"] for c in choice] == ["org", "bcd"]
    assert choice[0]["n_candidates"] == 4
    plan = confirm_plan([Choice(**c) for c in choice], [11, 22])
    assert [(t.arm, t.seed, t.number) for t in plan] == [
        ("org", 11, 0), ("bcd", 11, 1), ("org", 22, 2), ("bcd", 22, 3),
    ]  # fmt: skip
    assert {t.origin for t in plan} == {"confirm"}


def test_predictions_name_clusters_duplicates_and_probabilities(start, folder, data):
    start()
    frame = tables(folder)["predictions"]
    assert len(frame) == 4 * (40 + 60)
    one = frame[(frame["model"] == frame["model"].iloc[0]) & (frame["split"] == "test")]
    assert one["image"].tolist() == data.test.frame["image_path"].tolist()
    assert one["cluster"].tolist() == data.test.frame["cluster"].tolist()
    assert one["true"].tolist() == [EIGHT.names[c] for c in data.test.labels]
    assert one["is_duplicate"].sum() == 5
    columns = list(EIGHT.columns)
    assert one[columns].sum(axis=1).to_numpy() == pytest.approx(np.ones(60), abs=1e-5)
    best = one[columns].to_numpy().argmax(axis=1)
    assert one["predicted"].tolist() == [EIGHT.names[c] for c in best]


def test_every_model_is_kept_with_the_temperature_of_its_table(start, folder):
    start(3)
    frame = tables(folder)["confirm"]
    for row in frame.to_dict("records"):
        target = Folder(folder).confirmed_model(row["arm"], row["seed"])
        described = json.loads(target.described.read_text())
        assert described["temperature"] == pytest.approx(row["temperature"], rel=1e-9)
        assert described["metrics"]["test_accuracy"] == pytest.approx(row["test_accuracy"])
        assert described["trial_id"] == row["trial_id"]
    assert Folder(folder).n_confirmed() == len(frame) == 6


def test_claims_of_arms_are_confirmed_beside_the_search_s_and_others_stay(start, folder):
    _, text = start()
    claims = tables(folder)["claims"]
    assert list(zip(claims["claim"], claims["stage"], strict=True)) == [
        ("bcd_equal", "search"), ("structure_minor", "search"), ("bcd_equal", "confirm"),
    ]  # fmt: skip
    assert claims["n_seeds"].tolist() == [0, 0, 2]
    assert "BCD performs like ORG" in text


@pytest.mark.parametrize("epochs", [0, 1, 3, 7])
def test_a_killed_stage_goes_on_and_ends_with_the_same_tables(start, folder, epochs):
    with pytest.raises(Killed):
        start(executor=KilledBefore(epochs=epochs))
    assert not (folder / "confirm.parquet").exists()
    assert start()[0]
    broken = tables(folder)
    events = [(e["event"], e["number"], e.get("epoch")) for e in
              read_events(Folder(folder).confirm.record)]  # fmt: skip
    assert len(events) == len(set(events))
    for path in Folder(folder).confirm.path.rglob("*"):
        if path.is_file():
            path.unlink()
    assert start(look_again=True)[0]
    for kind, frame in tables(folder).items():
        pd.testing.assert_frame_equal(frame, broken[kind])


def test_an_interrupted_look_is_one_look(start, folder):
    with pytest.raises(Killed):
        start(executor=KilledBefore(epochs=3))
    (read,) = reads_of(folder)
    assert read.ended_at is None
    _, text = start()
    (read,) = reads_of(folder)
    assert read.ended_at is not None
    assert (read.n_models, read.command) == (4, "study.confirm tiny")
    assert "looked at before" not in text


def test_a_second_look_at_the_test_split_is_on_record_and_said(start, folder):
    start()
    before = tables(folder)
    _, text = start(look_again=True, words="study.confirm tiny again")
    first, second = reads_of(folder)
    assert second.n_new_models == 0
    assert second.command == "study.confirm tiny again"
    assert f"looked at before ({first.started_at}): this is look 2" in text
    for kind, frame in tables(folder).items():
        pd.testing.assert_frame_equal(frame, before[kind])


def test_resuming_the_main_job_does_not_look_again(start, folder):
    start()
    assert start()[0]
    assert len(reads_of(folder)) == 1


def test_more_seeds_keep_those_that_are_there_and_count_as_another_look(start, folder):
    start(2)
    before = tables(folder)["confirm"]
    start(3)
    after = tables(folder)["confirm"]
    pd.testing.assert_frame_equal(after.iloc[:4], before)
    assert len(after) == 6
    assert reads_of(folder)[1].n_new_models == 2
    start(1)  # fewer than were begun: nothing is lost
    assert len(tables(folder)["confirm"]) == 6


def test_what_was_chosen_stays_chosen(start, folder):
    start(1)
    trials = read_table(folder / "trials.parquet", "trials")
    trials["val_accuracy"] = 0.9 - trials["val_accuracy"]
    write_table(folder / "trials.parquet", trials, "trials", study_name="tiny")
    start(2)
    frame = tables(folder)["confirm"]
    assert set(frame.loc[frame["arm"] == "org", "trial_id"]) == {"t00006"}


def test_a_model_that_failed_is_in_the_table_and_out_of_the_comparison(start, folder):
    assert start(3, executor=InProcess(trainer=FailingThird))[0]
    found = tables(folder)
    failed = found["confirm"].query("status == 'failed'").iloc[0]
    assert (failed["arm"], failed["error"]) == ("org", "not today")
    assert pd.isna(failed["test_accuracy"])
    assert found["claims"]["n_seeds"].iloc[-1] == 2


def test_data_without_a_test_split_record_no_look(start, folder, data, monkeypatch):
    object.__setattr__(data, "test", None)
    start()
    assert "test_reads" not in json.loads(Folder(folder).provenance.read_text())
    assert set(tables(folder)["claims"]["split"].dropna()) == {"val"}
    assert tables(folder)["confirm"]["test_accuracy"].isna().all()


@pytest.mark.parametrize(
    ("status", "way_on"),
    # a search whose trials all diverged is over: nothing is left to resume
    [("interrupted", "python -m study.run --resume "), ("failed", "begin a new one with --name")],
)
def test_a_search_without_a_finished_trial_has_nothing_to_confirm(start, folder, status, way_on):
    trials = read_table(folder / "trials.parquet", "trials")
    trials["status"] = status
    write_table(folder / "trials.parquet", trials, "trials", study_name="tiny")
    with pytest.raises(StudyError, match=f"no trial ran to its end.*{way_on}") as told:
        start()
    assert ("--resume" in str(told.value)) is (status == "interrupted")


def test_nets_of_folds_are_judged_out_of_fold(study, folder, data, monkeypatch):
    folded = replace(study, folds=FoldPlan(k=2, search=False))
    data.summary["duplicates"] = {"removed": False}
    # clusters are numbered over all splits, as those of data that were read are
    for place, part in enumerate((data.train, data.val, data.test)):
        part.frame["cluster"] += 100 * place
        part.frame["person_id"] = part.frame["family_id"] = part.frame["cluster"].astype(str)
    (folder / "study.toml").write_text(dump_study(folded))
    without_checkpoints(monkeypatch)
    session, _ = session_at(folded, folder, data, executor=GUESSING, command=["study.confirm"])
    assert Confirm(n_seeds=2)(session)
    found = tables(folder)
    # nets that guess hardly learn: arms are shown as they are, and no claim is judged by them
    arms = found["confirmed"].query("split == 'val' and metric == 'accuracy'")
    assert arms["against"].isna().all()
    assert (arms["n_images"] == (found["predictions"]["split"] == "val").sum() / 4).all()
    assert (arms["n_seeds"] == 2).all()
    assert (arms["nets_low"] <= arms["estimate"]).all()
    claim = found["claims"].query("stage == 'confirm'").iloc[0]
    assert claim["split"] == "val"
    assert claim["verdict"] == "unresolved"
    assert "no net of" in claim["reason"]
