from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from study.asked.factors import Factor
from study.folder.tables import StudyTables
from study.report.confirm.values import confirmed_values
from study.report.head.overview import (
    arms_data,
    arms_n,
    budget_sentence,
    lead_sentence,
    progress_data,
)
from study.report.wording import Measure
from tests.study.report.simulated import LR_ONLY, NO_EPOCHS, a_study, tables_of, trial

ARMS = (Factor(name="init", role="arm", levels=("scratch", "pretrained")), *LR_ONLY)


def of_arm(number: int, arm: str, **values: object) -> dict[str, object]:
    return trial(number, arm=arm, **{"config/init": arm}, **values)


@pytest.fixture
def two_arms(tmp_path: Path) -> StudyTables:
    trials = pd.DataFrame(
        [
            of_arm(0, "scratch", val_accuracy=0.30, **{"config/lr": 0.1}),
            of_arm(1, "pretrained", val_accuracy=0.61),
            of_arm(2, "scratch", val_accuracy=0.90, status="stopped", epochs_run=1),
            of_arm(3, "pretrained", val_accuracy=None, status="failed", epochs_run=0),
            of_arm(4, "scratch", val_accuracy=0.20, collapsed=True),
            of_arm(5, "pretrained", val_accuracy=0.55, best_val_accuracy=0.99),
        ]
    )
    return tables_of(tmp_path, a_study(ARMS, trials=6), trials, NO_EPOCHS)


def test_an_arm_s_best_is_its_completed_trial_with_the_highest_final_value(
    two_arms: StudyTables,
) -> None:
    scratch, pretrained = arms_data(two_arms)
    # trial 2 was stopped; trial 5's lucky epoch does not count
    assert (scratch.arm, scratch.best_number, scratch.best_value) == ("scratch", 0, 0.30)
    assert (pretrained.best_number, pretrained.best_value) == (1, 0.61)
    assert scratch.settings == "lr 0.1"
    assert scratch.config == {"init": "scratch", "lr": 0.1}


def test_a_scout_is_never_an_arm_s_best(tmp_path: Path) -> None:
    trials = pd.DataFrame(
        [
            of_arm(-1, "scratch", val_accuracy=0.95, origin="scout"),
            of_arm(0, "scratch", val_accuracy=0.30, origin="design"),
        ]
    )
    tables = tables_of(tmp_path, a_study(ARMS, trials=2), trials, NO_EPOCHS)
    assert [row.best_number for row in arms_data(tables)] == [0, None]


def test_an_arm_s_row_counts_its_trials_by_status_and_its_epochs(two_arms: StudyTables) -> None:
    scratch, pretrained = arms_data(two_arms)
    assert scratch.n_trials == 3
    assert scratch.by_status == {"completed": 2, "stopped": 1, "failed": 0, "interrupted": 0}
    assert scratch.n_collapsed == 1
    assert scratch.epochs_spent == 5
    assert pretrained.by_status["failed"] == 1
    assert pretrained.epochs_spent == 4


def test_of_equal_trials_the_first_is_the_best(tmp_path: Path) -> None:
    trials = pd.DataFrame([trial(0, val_accuracy=0.4), trial(1), trial(2)])
    (row,) = arms_data(tables_of(tmp_path, a_study(LR_ONLY), trials, NO_EPOCHS))
    assert row.best_number == 1


def test_a_best_trial_that_collapsed_is_marked(tmp_path: Path) -> None:
    trials = pd.DataFrame([trial(0, collapsed=True)])
    (row,) = arms_data(tables_of(tmp_path, a_study(LR_ONLY), trials, NO_EPOCHS))
    assert row.is_best_collapsed


def test_an_arm_without_trials_still_has_its_row(tmp_path: Path) -> None:
    trials = pd.DataFrame([of_arm(0, "scratch")])
    rows = arms_data(tables_of(tmp_path, a_study(ARMS), trials, NO_EPOCHS))
    assert [(r.arm, r.n_trials, r.best_value) for r in rows] == [
        ("scratch", 1, 0.5),
        ("pretrained", 0, None),
    ]


def test_the_budget_sentence_compares_only_equal_budgets(two_arms: StudyTables) -> None:
    rows = arms_data(two_arms)
    assert "compares arms here because each had the same number of trials, 3." in (
        budget_sentence(rows)
    )
    unequal = [rows[0], replace(rows[1], n_trials=8)]
    assert "from 3 to 8 trials per arm" in budget_sentence(unequal)
    assert "do not yet compare" in budget_sentence(unequal)
    assert "compare" not in budget_sentence(rows[:1])


def test_progress_counts_and_says_so_in_one_sentence(two_arms: StudyTables) -> None:
    progress = progress_data(two_arms)
    assert progress.sentence == (
        "6 trials: 4 completed, 1 stopped and 1 failed; 1 of them collapsed. 9 epochs trained."
    )
    assert progress.is_finished


def test_before_the_first_trial_nothing_is_told_of_the_cost(two_arms: StudyTables) -> None:
    progress = progress_data(replace(two_arms, trials=two_arms.trials.iloc[:0]))
    assert progress.in_short.startswith("No trial of the ")


def test_what_a_study_cost_is_told_with_its_later_stages(two_arms: StudyTables) -> None:
    # the fourth failed before it trained
    trials = two_arms.trials.assign(train_seconds=[600.0, 900.0, 30.0, None, 60.0, 2100.0])
    stage = pd.DataFrame({"status": ["completed", "failed", "completed"]})
    spent = replace(two_arms, trials=trials, confirm=stage, settle=stage.iloc[:1])
    assert progress_data(spent).sentence.endswith(
        " 9 epochs trained, which took 1 h 01 min, trials side by side counted each; then "
        "2 trainings on fresh seeds and 1 training for verdicts."
    )
    assert progress_data(spent).in_short == (
        "6 trials, 9 epochs trained, 1 h 01 min of training; then "
        "2 trainings on fresh seeds and 1 training for verdicts"
    )
    trials.loc[0, "train_seconds"] = None
    assert progress_data(replace(two_arms, trials=trials)).seconds is None


def test_a_study_is_finished_as_its_provenance_says_or_when_all_trials_are_there(
    two_arms: StudyTables,
) -> None:
    def is_finished(finished: bool | None, planned: int) -> bool:
        provenance = None if finished is None else {"finished": finished}
        study = replace(two_arms.study, trials=planned)
        return progress_data(replace(two_arms, provenance=provenance, study=study)).is_finished

    assert is_finished(True, 99)
    assert not is_finished(False, 6)
    assert is_finished(None, 6)
    assert not is_finished(None, 7)


def test_the_lead_names_the_highest_completed_value_its_arm_and_trial(
    two_arms: StudyTables,
) -> None:
    rows = arms_data(two_arms)
    text = lead_sentence(rows, Measure("val_accuracy"))
    assert "is 61.0\u202f% in arm pretrained (trial 1: one seed, so without an interval)" in text
    nothing = [replace(row, best_value=None) for row in rows]
    assert lead_sentence(nothing, Measure("val_accuracy")).startswith("No trial has been")


def test_the_lead_finds_the_highest_of_negative_values(two_arms: StudyTables) -> None:
    rows = [replace(row, best_value=v) for row, v in zip(
        arms_data(two_arms), (-0.5, -0.1), strict=True)]  # fmt: skip
    assert "is -0.100 in arm pretrained" in lead_sentence(rows, Measure("val_qwk"))


def test_confirmed_arms_compare_and_show_what_was_confirmed(
    confirmed_tables: StudyTables,
) -> None:
    rows = arms_data(confirmed_tables, confirmed=confirmed_values(confirmed_tables))
    assert all(row.confirmed and row.confirmed.n_seeds == 5 for row in rows)
    assert all(row.confirmed_val for row in rows)
    assert arms_n(rows) == ("test: 600 images in 100 clusters; val: 600 images in 100 clusters")
    assert budget_sentence(rows).startswith("Each arm’s chosen configuration, trained again")
    # the confirm stage's rows name the search trial whose settings they took
    assert {row.chosen for row in rows} == {rows[0].chosen}
    assert rows[0].chosen.startswith("optimizer ")


def test_a_row_tells_what_became_of_its_trials(two_arms: StudyTables) -> None:
    scratch, pretrained = arms_data(two_arms)
    assert scratch.fate == "2 completed, 1 stopped; 1 collapsed"
    assert pretrained.fate == "2 completed, 1 failed"
