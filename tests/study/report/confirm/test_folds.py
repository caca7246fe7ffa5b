import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from study.analysis import TrainingTables, analyse, trained_of
from study.asked.plans import FoldPlan, PretrainPlan
from study.asked.study import Study
from study.folder.folder import Folder
from study.folder.record import Record
from study.folder.tables import StudyTables, read_study
from study.report.confirm.folds import folds_panel
from study.report.confirm.idle import idle_panel
from study.report.confirm.influence import influence_panel
from study.report.confirm.values import confirmed_values
from study.report.head.digest import digest_of
from study.report.head.ledger import ledger_data
from study.report.page import render
from study.report.parts import Given
from study.report.sections import sections_data
from tests.study.report.confirming import confirm_study
from tests.study.report.simulated import a_study, provenance, simulate, written

IDLE = ("org-scratch-seed0-fold1", "org-scratch-seed1-fold3", "bcd-pretrained-seed1-fold0")


@pytest.fixture(scope="session")
def folded_study() -> Study:
    return a_study(
        folds=FoldPlan(k=5, search=True), pretrain=PretrainPlan(data="synthetic-source", epochs=1)
    )


@pytest.fixture(scope="session")
def folded(tmp_path_factory: pytest.TempPathFactory, folded_study: Study) -> StudyTables:
    """Confirmed on two seeds and five folds: pretraining is truly worth nine points."""
    folder = tmp_path_factory.mktemp("folds") / "demo"
    written(folder, folded_study, *simulate(folded_study, 48), provenance())
    worth = {"scratch": 0.46, "pretrained": 0.55}
    arms = {f"{v}-{i}": worth[i] for v in ("org", "bcd") for i in worth}
    confirm_study(folder, arms, n_seeds=2, folds=5, idle=IDLE)
    return read_study(folder)


@pytest.fixture(scope="session")
def trained(folded: StudyTables) -> TrainingTables:
    found = trained_of(folded)
    assert found is not None
    return found


def test_a_study_without_folds_says_nothing_of_trainings(confirmed_tables: StudyTables) -> None:
    assert trained_of(confirmed_tables) is None


def test_the_note_says_who_got_how_many_seeds_and_why(
    folded: StudyTables, trained: TrainingTables
) -> None:
    share = {"spread": {"org-scratch": 1.234, "bcd-scratch": None}, "open": ["bcd_better"]}
    for shares, told in (
        ([share], "org-scratch 1.2 points, for what was open: bcd_better)"),
        ([share | {"open": []}], "org-scratch 1.2 points, by that alone)"),
    ):
        tables = replace(folded, provenance=(folded.provenance or {}) | {"shares": shares})
        note = folds_panel(tables, trained, None).note
        assert "org-scratch 2" in note
        assert told in note
    for damaged in (None, [], ["x"], "x"):
        tables = replace(folded, provenance=(folded.provenance or {}) | {"shares": damaged})
        assert folds_panel(tables, trained, None).note == folds_panel(folded, trained, None).note


def test_every_training_is_a_mark_and_hollow_where_it_hardly_learned(
    folded: StudyTables, trained: TrainingTables
) -> None:
    panel = folds_panel(folded, trained, None)
    traces = panel.figure.data
    assert sum(len(t.x) for t in traces) == 40
    hollow = [t for t in traces if t.marker.symbol.endswith("-open")]
    assert {t.name: len(t.x) for t in hollow} == {"org-scratch": 2, "bcd-pretrained": 1}
    assert panel.reading.startswith("3 of 40 trainings hardly learned.")
    # the mark of an arm stands in the group of its fold
    (idle,) = (t for t in hollow if t.name == "bcd-pretrained")
    assert round(idle.x[0]) == 0
    assert idle.customdata[0] == [1, 0]


def test_how_often_nets_learn_is_told_by_arm_by_level_and_of_design_trials(
    folded: StudyTables, trained: TrainingTables
) -> None:
    analysis = analyse(folded.study, folded.trials, folded.epochs, seed=0)
    rows = folds_panel(folded, trained, analysis).table.rows
    told = {row[:2]: row[2] for row in rows}
    assert told["org-scratch", "fresh seeds"] == "8 of 10"
    assert told["init scratch", "fresh seeds"] == "18 of 20"
    design = folded.trials[folded.trials["origin"] == "design"]
    of_sgd = int(told["optimizer sgd", "design trials"].split(" of ")[1])
    assert 0 < of_sgd <= (design["config/optimizer"] == "sgd").sum()


def test_the_page_has_the_figures_of_folds_where_the_study_has_folds(folded: StudyTables) -> None:
    analysis = analyse(folded.study, folded.trials, folded.epochs, seed=0)
    given = Given(digest=digest_of(folded), analysis=analysis)
    (confirmed,) = (s for s in sections_data(given) if s.part.id == "confirm")
    ids = [panel.id for panel in confirmed.panels]
    assert ids[1:4] == ["folds", "hardly-learned", "influence"]


def test_those_that_hardly_learned_are_listed_with_their_curves(
    folded: StudyTables, trained: TrainingTables, tmp_path: Path
) -> None:
    assert idle_panel(folded, trained).figure is None  # the record is not in the folder
    folder = shutil.copytree(folded.folder, tmp_path / "demo")
    home = Folder(folder).confirm
    home.path.mkdir()
    with Record(home.path) as record:
        for n, row in enumerate(trained.each.to_dict("records")):
            record.append(
                "start", number=n, arm=row["arm"], origin="confirm", config={}, seed=row["seed"],
                epochs_planned=2, started_at=1.0, fold=row["fold"],
            )  # fmt: skip
            for epoch in (1, 2):
                record.append(
                    "epoch", number=n, epoch=epoch, val_accuracy=row["score"] / 2 * epoch
                )
    panel = idle_panel(replace(folded, folder=folder), trained)
    thick = [t for t in panel.figure.data if t.line.width == 3]
    assert {t.name: t.x.count(2) for t in thick} == {"org-scratch": 2, "bcd-pretrained": 1}
    assert {t.name: t.x.count(2) for t in panel.figure.data if t.line.width == 1} == {
        "org-scratch": 8, "bcd-pretrained": 9,
    }  # fmt: skip
    assert {row[:3] for row in panel.table.rows} == {
        ("org-scratch", "0", "1"), ("org-scratch", "1", "3"), ("bcd-pretrained", "1", "0"),
    }  # fmt: skip


def test_no_panel_of_failures_where_there_are_none(
    folded: StudyTables, trained: TrainingTables
) -> None:
    fine = replace(trained, each=trained.each.assign(learned=True))
    assert idle_panel(folded, fine) is None


def test_influence_shows_each_training_and_marks_those_that_turn_a_verdict(
    folded: StudyTables, trained: TrainingTables
) -> None:
    moved = trained.influence.assign(stands="supported", verdict="supported")
    panel = influence_panel(folded, replace(trained, influence=moved))
    assert panel.reading == "No verdict that is settled would be another without any one training."
    assert sum(len(t.x) for t in panel.figure.data) == 40
    moved.loc[3, "verdict"] = "unresolved"
    panel = influence_panel(folded, replace(trained, influence=moved))
    assert panel.reading.startswith("Without one of its trainings the verdict on transfer_helps")
    filled = [t for t in panel.figure.data if not t.marker.symbol.endswith("-open")]
    assert [len(t.x) for t in filled] == [1]
    assert panel.table.rows[0][:2] == ("transfer_helps", "pretrained less scratch")


def test_influence_calls_a_verdict_fragile_where_the_table_of_claims_does(
    folded: StudyTables, trained: TrainingTables
) -> None:
    # a claim that is open with all trainings and settled without one is no fragile verdict
    moved = trained.influence.assign(stands="unresolved", verdict="unresolved")
    moved.loc[3, "verdict"] = "supported"
    panel = influence_panel(folded, replace(trained, influence=moved))
    assert panel.reading.startswith("No verdict that is settled would be another")
    filled = [t for t in panel.figure.data if not t.marker.symbol.endswith("-open")]
    assert [len(t.x) for t in filled] == [1]


def test_influence_says_so_where_nothing_is_told_without_one_of_few_trainings(
    folded: StudyTables, trained: TrainingTables
) -> None:
    moved = trained.influence.assign(shift=float("nan"), verdict="unresolved")
    panel = influence_panel(folded, replace(trained, influence=moved))
    assert panel.alt == "Without one of the trainings nothing can be told of any claim."
    assert not panel.figure.data


def test_the_first_screen_names_failures_and_fragile_verdicts_out_of_fold(
    folded: StudyTables,
) -> None:
    values = confirmed_values(folded)
    assert values.has_folds
    assert values.split == "val"  # claims are judged there, though there is a test split
    claims = folded.claims.assign(fragile=folded.claims["stage"] == "confirm")
    said = " ".join(digest_of(replace(folded, claims=claims)).answer.warnings)
    assert "3 trainings of 40 on fresh seeds hardly learned" in said
    assert "bcd-pretrained with seed 1 on fold 0" in said
    assert "leaving out one training would turn it: the verdict on transfer_helps." in said
    assert "Confirmed figures are of folds" in said
    said = " ".join(digest_of(folded).answer.warnings)
    assert ("Fragile" in said) == bool(folded.claims["fragile"].fillna(False).any())


def test_the_first_screen_says_that_what_is_confirmed_was_held_out_and_names_no_split(
    folded: StudyTables,
) -> None:
    (entry,) = (e for e in ledger_data(folded) if e.name == "transfer_helps")
    assert "out of fold" in entry.confirmed[0].n
    page = render(folded)
    assert "confirmed on fresh seeds, out of fold" in page
    assert "val split</span>" not in page
