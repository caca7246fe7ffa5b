"""Settling without Ray: most tests train nothing, everything else is real."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agecls.data.loading import Reading, load_data
from agecls.faces.face_set import FaceSet, draw_face_set
from study.analysis import conclude
from study.analysis.to_settle import planned_design
from study.asked.study_file import load_study
from study.errors import StudyError
from study.folder.columns import names_of
from study.folder.folder import Folder
from study.folder.parquet import read_table
from study.folder.provenance import Provenance
from study.folder.record_lines import read_events
from study.folder.tables import read_study
from study.measure import Measure
from study.plan.settle_plan import read_settling
from study.report.head.ledger import _entry, ledger_data
from study.report.page import render
from study.report.settle.design import design_figure
from study.report.settle.facts import settle_facts
from study.report.settle.looks import courses
from study.report.settle.trainings import trainings_figure
from study.running.in_process import InProcess
from study.running.interruption import StopRequest
from study.running.ray_session import Resources
from study.running.steps import FAILURE, KIND, PREDICTIONS
from study.stages.settle import Settle
from tests.small_studies import study_toml, to_settle
from tests.study.staged import session_at, write_search
from tests.study.tiny import FIXED
from tests.untrained import Killed, KilledBefore, Untrained

CLAIMS = to_settle(24, lengths=(1, 2))
ADDED = """
[settle.claims.org_better]
text = "ORG beats BCD"
factor = "variant"
better = "org"
worse = "bcd"
least = 0.0
"""

BY_MACRO_F1 = """
[settle.claims.bcd_of_each_class]
text = "BCD sees each class"
factor = "variant"
better = "bcd"
worse = "org"
least = 0.5
metric = "val_macro_f1"
[settle.claims.bcd_learns]
text = "BCD learns more often"
factor = "variant"
better = "bcd"
worse = "org"
least = 60.0
outcome = "learned"
"""


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces") / "faces"
    draw_face_set(folder, FaceSet(families=24, val_families=8, test_families=0, size=16))
    return folder


@pytest.fixture
def study(tmp_path, faces, monkeypatch):
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    text = study_toml(trials=4, lengths=(1, 2), data=faces, fixed=FIXED) + CLAIMS
    (tmp_path / "it.toml").write_text(text + ADDED)
    return load_study(tmp_path / "it.toml")


@pytest.fixture
def folder(study, tmp_path):
    """A finished search on disk, as copied from elsewhere: tables and the study file alone."""
    write_search(study, tmp_path / "it", lr=0.01, epochs=2)
    return tmp_path / "it"


class Guessing(Untrained):
    """Guesses in the place of predictions: BCD names more classes right than ORG.

    It fails the trainings of the numbers `failing`.
    """

    failing = ()

    def __init__(self, data, backbones, scored):
        super().__init__(data, backbones, scored)
        self.data = data

    def step(self):
        if self.config["number"] in self.failing:
            return {FAILURE: "not today", KIND: "refused"}
        result, recipe = super().step(), self.config["recipe"]
        if self.epoch == recipe["epochs"] and self.scored is not None:
            labels = self.data.fold(self.config["fold"]).val_labels
            result[PREDICTIONS] = {"val": guess(recipe, self.config["number"], labels)}
        return result


def guess(recipe, number, labels):
    rng = np.random.default_rng([recipe["seed"], number])
    share = 0.85 if recipe["variant"] == "bcd" else 0.55
    named = np.where(rng.random(len(labels)) < share, labels, rng.integers(0, 8, len(labels)))
    return (0.02 + 0.84 * np.eye(8)[named]).astype(np.float32)


class Alike(Guessing):
    """All recipes do alike, so that claims of a difference stay open for a while."""

    def step(self):
        result = super().step()
        if PREDICTIONS in result:
            labels = self.data.fold(self.config["fold"]).val_labels
            recipe = self.config["recipe"] | {"variant": "org"}
            result[PREDICTIONS] = {"val": guess(recipe, self.config["number"], labels)}
        return result


class FailingThird(Guessing):
    failing = (2,)


GUESSING = InProcess(trainer=Guessing)
TABLES = ("settle", "looks", "pairs", "claims")
OF_THE_CLOCK = ["started_at", "ended_at", "train_seconds"]


@pytest.fixture
def start(study, folder):
    """Call the stage as a fresh process would: everything comes from the disk."""

    def call(trainings=24, *, executor=GUESSING, asked=study, **means):
        data = load_data(asked.data, Reading(size=asked.size, seed=asked.seed))
        session, text = session_at(asked, folder, data, executor=executor, **means)
        return Settle(trainings=trainings)(session), text.getvalue()

    return call


def tables(folder):
    found = {kind: read_table(folder / f"{kind}.parquet", kind) for kind in TABLES}
    return found | {"settle": found["settle"].drop(columns=OF_THE_CLOCK)}


def assert_alike(ours, theirs):
    for kind, frame in theirs.items():
        pd.testing.assert_frame_equal(ours[kind], frame)


def of_settle(folder, name):
    claims = read_table(folder / "claims.parquet", "claims")
    [row] = claims[(claims["claim"] == name) & (claims["stage"] == "settle")].to_dict("records")
    return row


def test_what_is_far_from_its_limit_is_settled_and_the_stage_ends_there(start, folder):
    is_over, said = start(96)
    assert is_over
    better = of_settle(folder, "bcd_better")
    assert better["verdict"] == "supported"
    assert better["adjusted_low"] > 1.0
    assert better["declared_before"] is True
    added = of_settle(folder, "org_better")
    assert added["verdict"] == "refuted"
    assert added["declared_before"] is False
    assert "supported: BCD beats ORG" in said
    assert "rate_matters is not asked and keeps its answer" in said


def test_a_claim_may_be_settled_on_another_metric_than_the_study_s(start, folder):
    """And is told in its points wherever its numbers stand; other claims are as they were."""
    path = Folder(folder).study_file
    path.write_text(path.read_text() + BY_MACRO_F1)
    _, said = start(8, asked=load_study(path))
    frame = read_table(folder / "settle.parquet", "settle")
    means = frame.groupby("config/variant")[["val_accuracy", "val_macro_f1"]].mean()
    accuracy, macro = 100 * (means.loc["bcd"] - means.loc["org"])
    plain, own = (of_settle(folder, name) for name in ("bcd_better", "bcd_of_each_class"))
    assert plain["estimate"] == pytest.approx(accuracy)
    assert pd.isna(plain["metric"])
    assert own["estimate"] == pytest.approx(macro)
    assert own["metric"] == "val_macro_f1"
    assert f"BCD sees each class ({macro:+.1f} points of macro F1 [" in said
    assert "] of macro F1" in own["reason"]
    assert "of macro F1" not in plain["reason"]
    entry = next(e for e in ledger_data(read_study(folder)) if e.name == "bcd_of_each_class")
    assert entry.standing.value.endswith("points of macro F1")
    learns = of_settle(folder, "bcd_learns")
    assert (learns["estimate"], learns["metric"], learns["n_trainings"]) == (0.0, "learned", 8)
    assert "] of nets that learn" in learns["reason"]
    assert "BCD learns more often (0.0 points of nets that learn [-" in said.replace("+0", "0")
    one = next(c for c in courses(settle_facts(read_study(folder))) if c.claim.metric)
    assert one.text == "BCD sees each class (in points of macro F1)"
    assert "points of macro F1" in one.said


def test_every_block_trains_every_row_on_one_fold_and_from_one_seed(start, folder):
    start(12)
    frame = read_table(folder / "settle.parquet", "settle")
    assert (frame["status"] == "completed").all()
    for number, block in frame.groupby("block"):
        assert block["row"].tolist() == [0, 1, 2, 3]
        assert block["fold"].unique().tolist() == [number % 5]
        assert block["seed"].nunique() == 1
    assert frame["seed"].nunique() == frame["block"].nunique()
    crossed = set(zip(frame["config/variant"], frame["config/epochs"], strict=True))
    assert crossed == {(v, e) for v in ("org", "bcd") for e in (1, 2)}
    assert frame["learned"].all()
    assert frame["val_accuracy"].between(0.4, 1.0).all()
    looks = read_table(folder / "looks.parquet", "looks")
    assert looks["blocks"].unique().tolist() == sorted(looks["blocks"].unique())


def test_the_design_lies_on_disk_before_the_first_training(start, folder):
    with pytest.raises(Killed):
        start(executor=KilledBefore(trainer=Guessing, epochs=0))
    settling = read_settling(Folder(folder).settle.design)
    assert settling.planned == 6
    assert [c.claim for c in settling.design.columns] == [
        "bcd_better", "longer_equal", "org_better",
    ]  # fmt: skip
    assert settling.recipes[0].keys() >= {"lr", "variant", "epochs", "depth"}
    told = Provenance.read(Folder(folder)).settle
    assert told["unasked"] == {"rate_matters": "it is not about two levels of a factor"}


@pytest.mark.parametrize("epochs", [0, 1, 5, 6, 7, 11])
def test_a_stage_that_was_killed_ends_as_the_unbroken_one(start, folder, tmp_path, epochs):
    shutil.copytree(folder, tmp_path / "copy")
    start()
    expected = tables(folder)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder)
    with pytest.raises(Killed):
        start(executor=KilledBefore(trainer=Guessing, epochs=epochs))
    assert start()[0]
    assert_alike(tables(folder), expected)
    lines = read_events(Folder(folder).settle.record)
    events = [(line["event"], line["number"], line.get("epoch")) for line in lines]
    assert len(events) == len(set(events))


def test_a_finished_stage_trains_and_changes_nothing_more(start, folder):
    start()
    before = tables(folder)
    record = Folder(folder).settle.record.read_bytes()
    assert start()[0]
    assert_alike(tables(folder), before)
    assert Folder(folder).settle.record.read_bytes() == record
    conclude(folder)
    assert_alike(tables(folder), before)


def test_conclusions_that_are_deleted_come_back(start, folder):
    start()
    before = tables(folder)
    for kind in ("looks", "pairs", "claims"):
        (folder / f"{kind}.parquet").unlink()
    conclude(folder)
    assert_alike(tables(folder), before)


def test_conclusions_stay_where_the_predictions_are_gone(start, folder):
    start()
    before = tables(folder)
    shutil.rmtree(Folder(folder).settle.path)
    conclude(folder)
    assert_alike(tables(folder), before)


def test_more_trainings_go_on_with_the_same_blocks(start, folder):
    start(4)
    first = read_table(folder / "settle.parquet", "settle")["seed"].tolist()
    start(12)
    settling = read_settling(Folder(folder).settle.design)
    assert (settling.planned, settling.ends) == (1, (3,))
    assert read_table(folder / "settle.parquet", "settle")["seed"].tolist()[:4] == first


def blocks_looked_at(folder):
    return read_table(folder / "looks.parquet", "looks")["blocks"].unique().tolist()


def test_an_end_before_the_planned_one_has_its_look(start, folder):
    with pytest.raises(Killed):
        start(executor=KilledBefore(trainer=Alike, epochs=4))  # in the first block
    assert start(16, executor=InProcess(trainer=Alike))[0]
    assert len(read_table(folder / "settle.parquet", "settle")) == 16
    assert blocks_looked_at(folder) == [1, 2, 3, 4]
    settling = read_settling(Folder(folder).settle.design)
    assert (settling.planned, settling.ends) == (6, (4,))
    # what was said is said again on the way to the first end
    said = read_table(folder / "looks.parquet", "looks")
    start(24, executor=InProcess(trainer=Alike))
    assert blocks_looked_at(folder) == [1, 2, 3, 4, 5, 6]
    again = read_table(folder / "looks.parquet", "looks")
    same = ["estimate", "low", "high", "verdict", "alpha"]
    pd.testing.assert_frame_equal(again[again["blocks"] <= 4][same], said[same])
    # the first look may spend next to nothing: what excludes nothing is no interval
    width = again["adjusted_high"] - again["adjusted_low"]
    assert width[again["blocks"] == 1].isna().all()
    assert (width.dropna() < 200).all()
    assert width[again["blocks"] == 6].notna().all()


def test_what_a_look_said_stays_as_it_was_written(start, folder, study):
    start(16, executor=InProcess(trainer=Alike))
    said = read_table(folder / "looks.parquet", "looks")
    # as another version of the analysis, or another machine, may have said it
    said["estimate"] = said["estimate"] + 0.25
    Folder(folder).write_table("looks", said, study)
    start(24, executor=InProcess(trainer=Alike))
    again = read_table(folder / "looks.parquet", "looks")
    assert blocks_looked_at(folder) == [1, 2, 3, 4, 5, 6]
    pd.testing.assert_frame_equal(again[again["blocks"] <= 4], said)


def test_looks_are_taken_again_where_a_table_of_theirs_is_lost(start, folder):
    start(16, executor=InProcess(trainer=Alike))
    before = tables(folder)
    (folder / "pairs.parquet").unlink()
    facts = before["settle"].assign(learned=None)
    Folder(folder).write_table("settle", facts, load_study(folder / "study.toml"))
    conclude(folder)
    assert_alike(tables(folder), before)


def test_an_end_before_what_was_begun_has_no_look_and_keeps_what_waits_to_go_on(start, folder):
    with pytest.raises(Killed):
        start(executor=KilledBefore(trainer=Alike, epochs=7))  # in the fifth block
    record = Folder(folder).settle.trials()
    waiting = [t.trial_id for t in record.values() if t.status == "running"]
    assert waiting
    checkpoint = Folder(folder).settle.checkpoints / f"{waiting[0]}.pt"
    checkpoint.write_bytes(b"half of it")
    assert start(8, executor=InProcess(trainer=Alike))[0]
    assert blocks_looked_at(folder) == [1, 2, 3]
    assert checkpoint.exists()
    assert read_settling(Folder(folder).settle.design).ends == ()


def test_a_failed_training_costs_its_row_and_not_the_block(start, folder):
    is_over, _ = start(executor=InProcess(trainer=FailingThird))
    assert is_over
    frame = read_table(folder / "settle.parquet", "settle")
    assert frame["status"].tolist().count("failed") == 1
    assert frame.set_index("number")["error"][2] == "not today"
    assert of_settle(folder, "bcd_better")["verdict"] == "supported"


def test_a_stop_leaves_tables_and_says_that_it_is_not_over(start, folder):
    class Stopping(Guessing):
        def step(self):
            if self.config["number"] == 5:
                stop.reason = "interrupted"
            return super().step()

    stop = StopRequest()
    is_over, _ = start(executor=InProcess(trainer=Stopping), stop=stop)
    assert not is_over
    assert len(read_table(folder / "settle.parquet", "settle")) >= 5
    assert start()[0]


@pytest.mark.parametrize(("seconds", "blocks"), [(1e-9, 1), (6.9, 2), (9.1, 3)])
def test_a_time_budget_is_kept_at_looks(study, folder, seconds, blocks):
    data = load_data(study.data, Reading(size=study.size, seed=study.seed))
    session, _ = session_at(
        study, folder, data, executor=InProcess(trainer=Alike), resources=Resources(concurrency=1)
    )
    # an epoch takes half a second by the trainer's word, a block of four rows has six
    assert Settle(trainings=24, time_budget=seconds)(session)
    assert len(read_table(folder / "settle.parquet", "settle")) == 4 * blocks


def test_a_budget_that_holds_no_block_is_refused_before_anything_is_written(start, folder):
    with pytest.raises(StudyError, match="the first block takes 4, one a row"):
        start(3)
    assert not Folder(folder).settle.design.exists()


def test_a_claim_that_changed_after_the_design_was_drawn_is_refused(start, study):
    start(4)
    [added] = study.settle.claims
    other = replace(study, settle=replace(study.settle, claims=(replace(added, least=1.5),)))
    with pytest.raises(StudyError, match="the claim org_better has changed since"):
        start(asked=other)


def test_a_claim_that_came_after_the_design_keeps_its_answer(start, study):
    alone = replace(study, settle=replace(study.settle, claims=()))
    start(4, asked=alone)
    _, said = start(asked=study)
    assert "org_better is not asked and keeps its answer: it was added after the design" in said


def test_a_damaged_design_is_named(start, folder):
    start(4)
    Folder(folder).settle.design.write_text(json.dumps({"design": 1}))
    with pytest.raises(StudyError, match=r"design\.json: not as this tool wrote it"):
        start()


def test_a_study_without_an_open_question_trains_nothing(start, study, folder):
    other = replace(study, claims=study.claims[2:], settle=replace(study.settle, claims=()))
    is_over, said = start(asked=other)
    assert is_over
    assert "No claim is open that settling can ask: nothing is trained" in said
    assert not (folder / "settle.parquet").exists()


def test_small_nets_are_trained_for_real(start, folder):
    is_over, _ = start(4, executor=InProcess())
    assert is_over
    frame = read_table(folder / "settle.parquet", "settle")
    assert (frame["status"] == "completed").all()
    assert frame["epochs_run"].tolist() == frame["config/epochs"].tolist()
    for trial_id in frame["trial_id"]:
        path = Folder(folder).settle.predictions(trial_id)
        assert len(read_table(path, "predictions")) == frame["n_images"].iloc[0]


def test_the_report_draws_rows_looks_pairs_and_trainings(start, folder):
    start(12, executor=InProcess(trainer=FailingThird))
    found = conclude(folder)
    facts = settle_facts(found.tables)
    assert facts.factors == ("variant", "epochs")
    crossed = design_figure(facts).data[0].text
    assert sorted(map(tuple, crossed)) == [
        ("bcd", "1"), ("bcd", "2"), ("org", "1"), ("org", "2"),
    ]  # fmt: skip
    table = found.tables.settle.set_index(["row", "block"])
    cells = trainings_figure(facts, Measure("val_accuracy")).data[0].text
    assert cells[2][0] == "×"
    assert cells[1][0] == f"{100 * table.loc[(1, 0), 'val_accuracy']:.1f}"
    one = next(c for c in courses(facts) if c.claim.name == "bcd_better")
    assert one.verdict == "supported"
    assert one.looks[-1]["adjusted_low"] > 1.0
    page = render(found.tables, analysis=found.analysis)
    assert "Which recipes were trained?" in page
    assert "1 failed (×)" in page
    assert "settled on folds" in page
    assert "search stage only" not in page
    assert 'ORG beats BCD <span class="quiet">added after the search</span>' in page
    assert "Not asked, so these keep their answer: “The rate matters more than the" in page


def test_settling_counts_where_it_settles_and_earlier_answers_stand_below_it(start, folder):
    start(24)
    entries = {entry.name: entry for entry in ledger_data(conclude(folder).tables)}
    better, rate = entries["bcd_better"], entries["rate_matters"]
    assert better.standing.stage == "settle"
    assert [one.stage for one in better.standings] == ["settle", "search"]
    assert rate.settled is None
    assert rate.standing.stage == "search"
    assert entries["org_better"].is_added
    assert not better.is_added


def test_what_fresh_seeds_settled_stands_where_settling_left_it_open():
    def said(stage, verdict):
        row = dict.fromkeys(names_of("claims")) | {"claim": "it", "stage": stage}
        return row | {"verdict": verdict, "estimate": 1.0, "low": 0.0, "high": 2.0}

    def standing(*rows):
        return _entry("it", None, list(rows), load_study("demo")).standing

    confirmed, still_open = said("confirm", "supported"), said("settle", "unresolved")
    assert standing(confirmed, still_open).stage == "confirm"
    assert standing(said("confirm", "unresolved"), still_open).stage == "settle"
    assert standing(confirmed, said("settle", "refuted")).verdict == "refuted"
    assert standing(said("search", "supported"), still_open).verdict == "unresolved"


@pytest.mark.parametrize(
    ("fragile", "is_asked"), [(None, False), (False, False), (True, True), (pd.NA, False)]
)
def test_a_verdict_of_fresh_seeds_that_one_training_turns_is_asked_again(study, fragile, is_asked):
    claim = study.every_claim[0]
    row = dict.fromkeys(names_of("claims")) | {"claim": claim.name, "stage": "confirm"}
    claims = pd.DataFrame([row | {"verdict": "supported", "fragile": fragile}])
    design = planned_design(study, claims)
    assert (claim.name in {column.claim for column in design.columns}) == is_asked
    assert (claim.name in design.unasked) != is_asked
