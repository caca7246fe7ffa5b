import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from study.folder.tables import StudyTables
from study.report.trials import trial_table
from study.report.trials.trial_table import packed, trial_table_data
from tests.study.report.simulated import LR_ONLY, NO_EPOCHS, a_study, tables_of, trial


def unpacked(values: dict[str, str]) -> list[Any]:
    found: list[Any] = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return found


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
    texts = [[table.text(column, row) for column in table.shown] for row in table.head]
    assert [column.label for column in table.shown] == [
        "trial", "arm", "origin", "status", "validation accuracy", "best epoch's", "epochs", "lr",
    ]  # fmt: skip
    assert texts == [
        ["3", "all", "–", "completed", "60.0\u202f%", "–", "2", "0.01"],
        ["1", "all", "–", "completed", "30.0\u202f%", "–", "2", "0.01"],
        ["2", "all", "–", "stopped", "80.0\u202f%", "–", "1 of 2", "0.2"],
        ["0", "all", "–", "failed", "–", "–", "2", "0.01"],
    ]
    assert table.trials.tolist() == [3, 1, 2, 0]
    assert [table.error(row) for row in table.head] == ["", "", "", "out of memory"]
    assert table.note == "n = 4 trials, all of them."


def test_what_the_page_carries_are_the_values_of_the_table(tables: StudyTables) -> None:
    table = trial_table_data(tables)
    content = json.loads(table.embedded())
    rows = tables.trials.iloc[unpacked(content["trials"])]
    assert len(rows) == content["total"] == 48
    columns = {column["key"]: column for column in content["columns"]}
    for key, of in (("lr", "config/lr"), ("val_accuracy", "val_accuracy"), ("number", "number")):
        np.testing.assert_array_equal(
            np.array(unpacked(columns[key]["values"]), dtype=float),
            rows[of].astype("Float64").to_numpy(dtype=float, na_value=np.nan),
        )
    for key, of in (("arm", "arm"), ("zero_gamma", "config/zero_gamma"), ("status", "status")):
        texts = [*(json.loads(text) for _, text in columns[key]["levels"]), None]
        codes = unpacked(columns[key]["values"])
        expected = [None if pd.isna(value) else value for value in rows[of]]
        assert [texts[code] for code in codes] == expected
    assert [pair[0] for pair in columns["zero_gamma"]["levels"]] == ["false", "true"]
    assert content["seeds"] == rows["seed"].tolist()
    assert unpacked(content["collapsed"]) == rows["collapsed"].fillna(False).astype(int).tolist()
    names = [content["columns"][part["column"]]["key"] for part in content["configuration"]]
    assert names == [factor.name for factor in tables.study.factors]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([-1, 127], "i1"), ([128], "i2"), ([-40000], "i4"), ([2**40], "f8"), ([0.5, np.nan], "f8")],
)
def test_numbers_are_packed_small_and_exact(values: list[float], dtype: str) -> None:
    found = packed(np.array(values))
    assert found["dtype"] == dtype
    np.testing.assert_array_equal(unpacked(found), values)


def test_seeds_too_large_for_the_page_go_as_text(tmp_path: Path) -> None:
    for seed, written in ((2**53 - 1, 2**53 - 1), (2**53, str(2**53))):
        tables = tables_of(
            tmp_path, a_study(LR_ONLY), pd.DataFrame([trial(0, seed=seed)]), NO_EPOCHS
        )
        assert json.loads(trial_table_data(tables).embedded())["seeds"] == [written]


def test_of_many_trials_those_drawn_the_best_and_some_failed_ones_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_table, "MOST_ROWS", 10)
    monkeypatch.setattr(trial_table, "MOST_FAILED", 3)
    trials = pd.DataFrame(
        [trial(i, val_accuracy=i / 100) for i in range(20)]
        + [trial(i, status="failed", val_accuracy=None) for i in range(20, 30)]
    )
    tables = tables_of(tmp_path, a_study(LR_ONLY), trials, NO_EPOCHS)
    table = trial_table_data(tables, drawn=[2, 19, 29])
    assert table.trials.tolist() == [19, 18, 17, 16, 15, 2, 20, 21, 22, 29]
    assert table.note.startswith("n = 30 trials, too many for one page; here are 10: those drawn")


def test_no_trials_make_a_table_without_rows(tmp_path: Path) -> None:
    table = trial_table_data(tables_of(tmp_path, a_study(LR_ONLY), pd.DataFrame(), NO_EPOCHS))
    assert not table.head
    assert table.note == "n = 0 trials, all of them."
