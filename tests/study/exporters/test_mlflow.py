from dataclasses import replace
from importlib.util import find_spec

import pandas as pd
import pytest

import study
from study.errors import StudyError
from study.exporters.mlflow import export, log_runs, other_names
from study.exporters.runs import runs_of
from tests.study import measured
from tests.study.planted import START, write_planted

pytestmark = [
    pytest.mark.skipif(find_spec("mlflow") is None, reason="pip install mlflow-skinny"),
    # its own imports and its database use what others call deprecated
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """An SQLite store with the runs, and the experiment's identity."""
    folder = tmp_path_factory.mktemp("mlflow")
    tables = study.load(write_planted(folder / "planted"))
    uri = f"sqlite:///{folder}/runs.db"
    tags = {"question": "Is it there?"}
    n = log_runs(runs_of(tables), uri, experiment="planted", tags=tags, names={})
    assert n == 5
    return uri


@pytest.fixture(scope="module")
def client(store):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=store)


@pytest.fixture(scope="module")
def found(client):
    experiment = client.get_experiment_by_name("planted")
    assert experiment.tags["question"] == "Is it there?"
    runs = client.search_runs([experiment.experiment_id])
    return {run.info.run_name: run for run in runs}


def test_every_run_is_there_with_how_it_ended(found):
    assert {name: (run.info.status, run.data.tags["status"]) for name, run in found.items()} == {
        "t00000": ("FINISHED", "completed"),
        "t00001": ("FAILED", "failed"),
        "t00002": ("KILLED", "stopped"),
        "t00003": ("KILLED", "interrupted"),
        "scratch-seed99": ("FINISHED", "completed"),
    }
    assert found["t00001"].data.tags["error"] == "loss is NaN"
    assert {name: run.data.tags["stage"] for name, run in found.items() if name[0] == "s"} == {
        "scratch-seed99": "confirm"
    }


def test_parameters_and_times_are_those_of_the_tables(found):
    run = found["t00000"]
    some = {k: run.data.params[k] for k in ("init", "lr", "zero_gamma", "seed", "depth")}
    assert some == {
        "init": "scratch",
        "lr": "0.01",
        "zero_gamma": "True",
        "seed": "11",
        "depth": "50",
    }
    started = 1000 * int(START.timestamp())
    assert (run.info.start_time, run.info.end_time) == (started, started + 30_000)


def test_every_epoch_s_metrics_are_there_under_its_number(client, found):
    history = client.get_metric_history(found["t00000"].info.run_id, "val_accuracy")
    started = 1000 * int(START.timestamp())
    assert [(m.step, m.timestamp, m.value) for m in history] == [
        (1, started + 10_000, 0.75),
        (2, started + 22_000, 0.5),
    ]
    assert found["t00001"].data.metrics == {}
    assert found["scratch-seed99"].data.metrics == {
        "temperature": 1.25,
        "val_accuracy": 0.4375,
        "test_accuracy": 0.4,
    }


TAKEN = ("loss", "recall_5", "Größe/a b", "val:f1", ".hidden", "a/..b", "x" * 250)
REFUSED = {
    "recall@5": "recall_5-3",
    "recall[5]": "recall_5_",
    "RECALL#5": "RECALL_5-2",
    "../loss": "__loss",
    "a//b": "a__b",
    "a/../b": "a_.._b",
    ".": "_",
    "…" * 300: "_" * 240,
    "#" + "y" * 249: "_" + "y" * 239,
    "@" + "y" * 249: "_" + "y" * 239 + "-2",
}
"""By names that MLflow refuses, what it is to call them: two would be `recall_5`, in some
databases three."""


def test_what_it_refuses_has_another_name_there_and_nothing_is_lost_or_merged(
    tmp_path, client, store
):
    assert other_names({*TAKEN, *REFUSED}) == REFUSED
    values = {name: float(n) for n, name in enumerate([*TAKEN, *REFUSED])}
    tables = study.load(measured.write(tmp_path / "mine", seeds=0).path)
    tables = replace(
        tables,
        trials=tables.trials.iloc[:1].rename(columns={"config/momentum": "config/beta[1]"}),
        epochs=pd.DataFrame([{"trial_id": "t0", "epoch": 1, "seconds": 1.0} | values]),
    )
    told = export(tables, store)
    assert "'recall@5' is 'recall_5-3'" in told
    assert "\n" not in told
    experiment = client.get_experiment_by_name("mine")
    assert "'beta[1]' is 'beta_1_'" in experiment.tags["renamed"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics == {REFUSED.get(name, name): value for name, value in values.items()}
    assert float(run.data.params["beta_1_"]) in (0.0, 0.9)


def test_an_experiment_that_is_there_is_not_added_to(store):
    with pytest.raises(StudyError, match="the experiment 'planted' is there already"):
        log_runs([], store, experiment="planted", tags={}, names={})


def test_a_store_that_cannot_be_used_is_one_line():
    with pytest.raises(StudyError, match="ftp://x: MLflow says"):
        log_runs([], "ftp://x", experiment="planted", tags={}, names={})
