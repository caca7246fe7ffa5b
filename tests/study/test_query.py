"""`study.query`: SQL over a study's tables, and over nothing else."""

import csv
import io
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from study.query import main
from tests.study.locked import searched

pytest.importorskip("duckdb", reason="pip install duckdb")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("asked") / "demo", n=48)


@pytest.fixture
def ask(home, capsys):
    def asked(question, *words):
        status = main([str(home), question, *words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return asked


def test_the_answer_is_what_pandas_says(home, ask):
    status, out, _ = ask(
        'select arm, count(*) as n, max("config/lr") as lr from trials group by 1'
    )
    assert status == 0
    trials = pd.read_parquet(home / "trials.parquet").groupby("arm")["config/lr"]
    found = {row["arm"]: row for row in csv.DictReader(io.StringIO(out))}
    assert {arm: int(row["n"]) for arm, row in found.items()} == trials.count().to_dict()
    assert {arm: float(row["lr"]) for arm, row in found.items()} == trials.max().to_dict()


def test_json_has_types_and_null(ask):
    status, out, _ = ask(
        "select number, collapsed, error, sum(number) over () as total, 'nan'::double as x, "
        "timestamptz '2026-01-02 03:04:05+00' as at, [1, 2] as both from trials where number = 0",
        "--format", "json",
    )  # fmt: skip
    assert status == 0
    assert json.loads(out) == [
        {
            "number": 0,
            "collapsed": False,
            "error": None,
            "total": 0,
            "x": None,
            "at": "2026-01-02T03:04:05+00:00",
            "both": [1, 2],
        }
    ]


def test_csv_leaves_null_empty(ask):
    _, out, _ = ask("select null as a, true as b, 1.5 as c, 'x,\"y' as d")
    assert out == 'a,b,c,d\n,true,1.5,"x,""y"\n'


def test_no_rows_are_an_answer_too(ask):
    assert ask("select arm from trials where false") == (0, "arm\n", "")
    assert ask("select arm from trials where false", "--format", "json") == (0, "[]\n", "")


@pytest.mark.parametrize(
    "question",
    ["show tables", "describe trials", "summarize trials", "with a as (from trials) from a",
     "explain select 1"],
)  # fmt: skip
def test_whatever_reads_is_taken(ask, question):
    assert ask(question)[0] == 0


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("select * from nothing", "nothing does not exist; there are epochs, trials"),
        ("select", "Parser Error: SELECT clause without selection list"),
        ("selec 1", "syntax error"),
        ("select x from trials", 'column "x" not found'),
        ("", "0 statements; ask one that reads"),
        ("select 1; select 2", "2 statements; ask one that reads"),
        ("create table a as select 1", "create: nothing is changed here"),
        ("drop view trials", "drop: nothing is changed here"),
        ("insert into trials values (1)", "insert: nothing is changed here"),
        ("copy trials to 'x.csv'", "copy: nothing is changed here"),
        ("attach 'x.db'", "attach: nothing is changed here"),
        ("set lock_configuration = false", "set: nothing is changed here"),
        ("install httpfs", "load: nothing is changed here"),
        ("select * from read_csv('/etc/passwd')", "operations are disabled by configuration"),
        ("select * from read_text('study.toml')", "operations are disabled by configuration"),
        ("select * from read_parquet('https://x.y/z')", "disabled"),
        ("select * from glob('*')", "operations are disabled by configuration"),
        ("select * from '/etc/passwd'", "does not exist"),
        ("select * from paths", "does not exist"),  # a variable of ours
        ("select getenv('HOME')", "getenv does not exist"),
    ],
)
def test_what_does_not_read_the_tables_is_refused_in_one_line(ask, question, line):
    status, out, err = ask(question)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert line.lower() in err.lower()


def test_two_columns_of_one_name_are_no_object(ask):
    assert ask("select 1 as a, 2 as a")[1] == "a,a\n1,2\n"
    status, _, err = ask("select 1 as a, 2 as a", "--format", "json")
    assert (status, "two columns are called a" in err) == (2, True)


def test_a_table_that_is_no_parquet_is_named(tmp_path, capsys):
    home = searched(tmp_path / "it", n=24)
    (home / "claims.parquet").write_bytes(b"PAR1")
    assert main([str(home), "select 1"]) == 2
    error = capsys.readouterr().err
    assert "claims.parquet: not a whole parquet file" in error
    assert error.count("\n") == 1


def test_without_duckdb_one_line_names_the_extra(home, capsys, monkeypatch):
    monkeypatch.setattr("study.report.programs.sql.find_spec", lambda name: None)
    assert main([str(home), "select 1"]) == 2
    assert capsys.readouterr().err == (
        "study.query: duckdb is not installed; pip install 'agecls-study[sql]'\n"
    )


def test_nan_is_found_where_another_tool_wrote_it(tmp_path, capsys):
    """DuckDB's own reader of parquet would not: findings/duckdb-parquet-nan.sh."""
    home = searched(tmp_path / "it", n=24)
    pq.write_table(pa.table({"score": [1.0, 2.0, float("nan")]}), home / "theirs.parquet")
    assert main([str(home), "select count(*) as n from theirs where isnan(score)"]) == 0
    assert capsys.readouterr().out == "n\n1\n"
