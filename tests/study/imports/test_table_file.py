import numpy as np
import pandas as pd
import pytest

from study.errors import StudyError
from study.imports.table_file import Columns, read_table_file


def write(path, frame):
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def test_an_export_of_wandb(tmp_path):
    """One row a run, settings and last values side by side."""
    path = tmp_path / "wandb.csv"
    path.write_text(
        '"Name","State","Created","Runtime","lr","net","val_acc"\n'
        '"brisk-1","finished","2026-11-28T07:00:00","60","0.001","ORG","0.81"\n'
        '"deft-2","crashed","2026-11-28T07:01:00","6","0.1","mlp",""\n'
        '"calm-3","running","2026-11-28T07:02:00","6","0.01","mlp","0.5"\n'
        '"wild-4","finished","2026-11-28T07:03:00","60","0.02","mlp","NaN"\n'
        '"odd-5","finished","2026-11-28T07:04:00","60","0.03","mlp","see notes"\n'
    )
    search = read_table_file(path, Columns(metric="val_acc", factors=["lr", "net"]))
    assert not search.is_minimised
    assert [t.name for t in search.trials] == ["brisk-1", "deft-2", "calm-3", "wild-4"]
    assert [t.state for t in search.trials] == ["completed", "failed", "interrupted", "failed"]
    assert search.trials[0].params == {"lr": 0.001, "net": "ORG"}
    assert search.trials[0].value == 0.81
    assert search.trials[3].error == "its last val_acc is nan"
    assert search.left_out == {"rows whose `val_acc` is no number": 1}


def test_an_export_of_mlflow(tmp_path):
    frame = pd.DataFrame(
        {
            "run_id": ["a", "b"],
            "status": ["FINISHED", "FAILED"],
            "metrics.rmse": [0.5, np.nan],
            "params.lr": ["0.1", "0.2"],
            "params.units": ["32", None],
        }
    )
    path = write(tmp_path / "runs.parquet", frame)
    search = read_table_file(path, Columns(metric="rmse"))
    assert (search.metric, search.is_minimised) == ("rmse", True)
    assert [t.params for t in search.trials] == [{"lr": 0.1, "units": 32.0}, {"lr": 0.2}]
    assert [t.state for t in search.trials] == ["completed", "failed"]


def test_mlflow_keeps_an_infinite_metric_as_the_largest_number(tmp_path):
    largest = 1.7976931348623157e308
    frame = pd.DataFrame({"params.lr": [0.1, 1.0, 2.0], "metrics.loss": [0.5, largest, -largest]})
    search = read_table_file(write(tmp_path / "runs.csv", frame), Columns(metric="loss"))
    assert [t.state for t in search.trials] == ["completed", "failed", "failed"]
    assert [t.error for t in search.trials[1:]] == [
        "its last metrics.loss is inf",
        "its last metrics.loss is -inf",
    ]


def test_a_row_that_tells_another_metric_does_not_end_a_trial(tmp_path):
    """As W&B's histories: a run logs its validation at other steps than its training."""
    path = tmp_path / "history.csv"
    path.write_text(
        "run_id,epoch,config/lr,val_acc,train_loss\n"
        "a,1,0.1,0.5,\n"
        "a,2,0.1,0.6,\n"
        "a,3,0.1,,0.9\n"
        "b,1,0.2,0.5,\n"
        "b,2,0.2,NaN,\n"
        "c,1,0.3,,0.9\n"
        "d,1,0.4,0.7,\n"
        "d,2,0.4,NA,0.9\n"
        "d,3,0.4,None,0.9\n"
    )
    search = read_table_file(path, Columns(metric="val_acc", step="epoch"))
    assert [t.state for t in search.trials] == ["completed", "failed", "failed", "completed"]
    assert search.trials[0].value == 0.6
    assert search.trials[3].value == 0.7
    assert search.trials[1].error == "its last val_acc is nan"


def test_a_row_an_epoch(tmp_path):
    frame = pd.DataFrame(
        {
            "trial": ["a"] * 3 + ["b"] * 2,
            "step": [2, 1, 3, 1, 2],
            "hp/lr": [0.1] * 3 + [0.2] * 2,
            "loss": [2.0, 3.0, 1.0, 5.0, 4.0],
        }
    )
    path = write(tmp_path / "long.csv", frame)
    search = read_table_file(path, Columns(metric="loss", trial="trial", step="step"))
    assert [t.curve for t in search.trials] == [
        ((1.0, 3.0), (2.0, 2.0), (3.0, 1.0)),
        ((1.0, 5.0), (2.0, 4.0)),
    ]
    with pytest.raises(StudyError, match=r"have several rows; give --step"):
        read_table_file(path, Columns(metric="loss", trial="trial"))


def test_rows_that_spoil_a_column_of_numbers_are_left_out(tmp_path):
    frame = pd.DataFrame({"lr": ["0.1"] * 19 + ["?"], "loss": [1.0] * 20})
    path = write(tmp_path / "t.csv", frame)
    search = read_table_file(path, Columns(metric="loss", factors=["lr"]))
    assert len(search.trials) == 19
    assert search.left_out == {"rows whose `lr` is no number": 1}


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (Columns(metric="acc"), r"no column `acc` \(--metric\); there are lr, loss"),
        (Columns(metric="loss"), "give --factors A,B,…, there are lr"),
        (Columns(metric="loss", factors=["rate"]), r"no column `rate` \(--factors\)"),
    ],
)
def test_columns_that_are_not_there_are_named(tmp_path, columns, says):
    path = write(tmp_path / "t.csv", pd.DataFrame({"lr": [0.1], "loss": [1.0]}))
    with pytest.raises(StudyError, match=says):
        read_table_file(path, columns)


def test_what_is_no_table_is_one_line(tmp_path):
    for name, content in (("none.csv", None), ("a.parquet", b"PAR1broken"), ("b.csv", b"")):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(StudyError, match=r"no such file|neither CSV nor parquet"):
            read_table_file(path, Columns(metric="loss"))


def test_steps_of_nobody_know_whose_they_are(tmp_path):
    frame = pd.DataFrame({"step": [1, 2], "lr": [0.1, 0.1], "loss": [2.0, 1.0]})
    path = write(tmp_path / "t.csv", frame)
    with pytest.raises(StudyError, match="which trial a row is of; give --trial"):
        read_table_file(path, Columns(metric="loss", factors=["lr"], step="step"))


def test_a_score_of_which_less_is_better_is_asked_for(tmp_path):
    path = write(tmp_path / "t.csv", pd.DataFrame({"lr": [0.1], "brier_score": [0.2]}))
    with pytest.raises(StudyError, match="whether less of `brier_score` is better"):
        read_table_file(path, Columns(metric="brier_score", factors=["lr"]))
