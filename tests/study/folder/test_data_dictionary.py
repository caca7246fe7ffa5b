from pathlib import Path

import pandas as pd
import pytest

from study.folder.columns import SCHEMAS
from study.folder.data_dictionary import ROWS, data_dictionary
from tests.study.planted import write_planted

PAGE = Path(__file__).resolve().parents[3] / "results" / "COLUMNS.md"


@pytest.fixture
def trials(tmp_path):
    return write_planted(tmp_path / "planted") / "trials.parquet"


def test_the_page_on_disk_is_what_the_columns_say():
    assert PAGE.read_text(encoding="utf-8") == data_dictionary(), (
        "write it again: python -m study.folder.data_dictionary > results/COLUMNS.md"
    )


NAMED_BY_USERS = ("config/FACTOR", "METRIC", "ANY OTHER NAME")


def test_every_table_and_column_is_described_once():
    parts = data_dictionary().split("\n## ")[1:]
    assert [part.split("\n")[0] for part in parts] == list(SCHEMAS)
    assert ROWS.keys() == SCHEMAS.keys()
    for part, columns in zip(parts, SCHEMAS.values(), strict=True):
        rows = [line.split(" | ") for line in part.splitlines() if line.startswith("| `")]
        names = [row[0].strip("| `") for row in rows]
        found = [name for name in names if name not in NAMED_BY_USERS]
        assert found == [column.name for column in columns]
        assert all(len(row) == 3 and len(row[2].strip(" |")) > 3 for row in rows)


def test_a_fraction_a_word_and_a_number_are_told_apart():
    lines = data_dictionary().splitlines()
    assert any(line.startswith("| `val_accuracy` | fraction | ") for line in lines)
    assert any(line.startswith("| `val_loss` | number | ") for line in lines)
    statuses = "| `status` | `completed` `stopped` `failed` `interrupted`, filled | "
    assert any(line.startswith(statuses) for line in lines)


def test_pandas_reads_a_table_as_it_is(trials):
    frame = pd.read_parquet(trials)
    assert frame.loc[frame["status"] == "completed", "val_accuracy"].tolist() == [0.5]
    assert frame["config/zero_gamma"].isna().tolist() == [False, True, False, True]
    assert str(frame["started_at"].dtype) == "datetime64[us, UTC]"


def test_polars_reads_a_table_as_it_is(trials):
    polars = pytest.importorskip("polars", reason="pip install polars")
    frame = polars.read_parquet(trials)
    assert frame.filter(polars.col("status") == "completed")["val_accuracy"].to_list() == [0.5]
    assert frame["config/zero_gamma"].to_list() == [True, None, False, None]
    assert frame.schema["started_at"] == polars.Datetime("us", "UTC")


def test_duckdb_reads_a_table_as_it_is(trials):
    duckdb = pytest.importorskip("duckdb", reason="pip install duckdb")
    asked = f"""select arm, count(*), max(val_accuracy), bool_or("config/zero_gamma")
        from '{trials}' group by arm order by arm"""
    assert duckdb.sql(asked).fetchall() == [
        ("pretrained", 2, 0.375, None),
        ("scratch", 2, 0.5, True),
    ]
