import json
from pathlib import Path

import pandas as pd
import pytest

from agecls.recipe import Recipe
from study.report import trial_table
from study.report.trial_table import trial_table_data
from study.tables import StudyTables
from tests.study.report.simulated import LR_ONLY, NO_EPOCHS, a_study, tables_of, trial


def test_rows_are_ordered_by_how_far_trials_got_and_then_by_value(tmp_path: Path) -> None:
    trials = pd.DataFrame(
        [
            trial(0, status="failed", val_accuracy=None, error="out of memory"),
            trial(1, val_accuracy=0.3),
            trial(2, status="stopped", val_accuracy=0.8, epochs_run=1, **{"config/lr": 0.2}),
            trial(3, val_accuracy=0.6),
        ]
    )
    table = trial_table_data(tables_of(tmp_path, a_study(LR_ONLY), trials, NO_EPOCHS))
    texts = [[cell.text for cell in row.cells] for row in table.rows]
    assert table.columns == (
        "trial", "arm", "origin", "status", "validation accuracy", "best epoch's", "epochs", "lr",
    )  # fmt: skip
    assert texts == [
        ["3", "all", "–", "completed", "60.0\u202f%", "–", "2", "0.01"],
        ["1", "all", "–", "completed", "30.0\u202f%", "–", "2", "0.01"],
        ["2", "all", "–", "stopped", "80.0\u202f%", "–", "1 of 2", "0.2"],
        ["0", "all", "–", "failed", "–", "–", "2", "0.01"],
    ]
    assert [row.error for row in table.rows] == ["", "", "", "out of memory"]
    assert table.are_numbers == (True, False, False, False, True, False, True, True)
    assert table.note == "n = 4 trials, all of them."


def test_the_copied_configuration_makes_a_recipe(tables: StudyTables) -> None:
    table = trial_table_data(tables)
    assert len(table.rows) == 48
    for row in table.rows:
        recipe = Recipe.from_dict(json.loads(row.configuration))
        assert recipe.epochs == 9
        assert recipe.seed >= 1000
        assert row.arm == f"{recipe.variant}-{recipe.init}"


def test_of_many_trials_the_best_and_some_failed_ones_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_table, "MOST_ROWS", 10)
    monkeypatch.setattr(trial_table, "MOST_FAILED", 3)
    trials = pd.DataFrame(
        [trial(i, val_accuracy=i / 100) for i in range(20)]
        + [trial(i, status="failed", val_accuracy=None) for i in range(20, 30)]
    )
    table = trial_table_data(tables_of(tmp_path, a_study(LR_ONLY), trials, NO_EPOCHS))
    assert [row.cells[0].text for row in table.rows] == [
        "19", "18", "17", "16", "15", "14", "13", "20", "21", "22",
    ]  # fmt: skip
    assert table.note.startswith("n = 30 trials; shown: 10, the best completed ones")


def test_no_trials_make_a_table_without_rows(tmp_path: Path) -> None:
    table = trial_table_data(tables_of(tmp_path, a_study(LR_ONLY), pd.DataFrame(), NO_EPOCHS))
    assert table.rows == ()
    assert table.note == "n = 0 trials, all of them."
