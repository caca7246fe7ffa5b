from dataclasses import replace

import pandas as pd
import pytest

from study.asked.study_file import load_study
from study.folder.folder import Folder
from study.folder.parquet import read_table, write_table
from study.folder.record import TrialRecord
from study.folder.tabulate import (
    MOST_REPORTED,
    epoch_columns,
    epochs_frame,
    reported_in,
    trials_frame,
)
from tests.study.trainable import TOML


def epoch(number, accuracy, **more):
    return {
        "epoch": number,
        "val_accuracy": accuracy,
        "val_loss": 2.0,
        "seconds": 10.0,
        "images_per_second": 50.0 * number,
        "peak_memory_mib": 500.0 + number,
        "collapsed": False,
        "at": 1_700_000_000.0 + number,
        **more,
    }


@pytest.fixture
def study():
    return load_study("demo")


def trial(study, number, epochs, *, status=None, error=None):
    config = {
        "variant": "org",
        "init": "pretrained",
        "optimizer": "sgd",
        "lr": 0.01,
        "epochs": 3,
    }
    end = None if status is None else {"status": status, "error": error, "at": 1_700_000_099.0}
    return TrialRecord(
        number=number,
        arm="org-pretrained",
        origin="search",
        config=config,
        seed=number,
        epochs_planned=3,
        started_at=1_700_000_000.0,
        epochs=epochs,
        end=end,
    )


def test_a_trial_s_row_holds_its_last_and_its_best_epoch(study):
    run = [epoch(1, 0.2), epoch(2, 0.5), epoch(3, 0.4)]
    row = trials_frame(study, [trial(study, 4, run, status="completed")]).iloc[0]
    assert (row["trial_id"], row["status"], row["epochs_run"]) == ("t00004", "completed", 3)
    assert (row["val_accuracy"], row["best_val_accuracy"], row["best_epoch"]) == (0.4, 0.5, 2)
    assert row["train_seconds"] == 30.0
    assert row["images_per_second"] == 100.0
    assert row["peak_memory_mib"] == 503.0
    assert row["ended_at"] == pd.Timestamp("2023-11-14 22:14:59", tz="UTC")
    assert row["config/lr"] == 0.01
    assert row["config/zero_gamma"] is None


def test_a_trial_that_has_not_ended_is_interrupted(study):
    row = trials_frame(study, [trial(study, 0, [epoch(1, 0.2)])]).iloc[0]
    assert row["status"] == "interrupted"


def test_a_failed_trial_keeps_its_reason_and_may_lack_epochs(study):
    row = trials_frame(study, [trial(study, 0, [], status="failed", error="nan")]).iloc[0]
    assert (row["status"], row["error"], row["epochs_run"]) == ("failed", "nan", 0)
    assert row["val_accuracy"] is None


@pytest.mark.parametrize("n", [0, 3])
def test_both_tables_can_be_written_and_read_even_without_trials(study, tmp_path, n):
    trials = [trial(study, i, [epoch(1, 0.2)]) for i in reversed(range(n))]
    path = tmp_path / "trials.parquet"
    frame = trials_frame(study, trials)
    write_table(path, frame, "trials", study_name=study.name, factors=study.factors)
    assert read_table(path, "trials", factors=study.factors)["number"].tolist() == list(range(n))
    path = tmp_path / "epochs.parquet"
    write_table(path, epochs_frame(trials), "epochs", study_name=study.name)
    assert len(read_table(path, "epochs")) == n


def free_trial(study, number, *told):
    shared = {"seconds": 1.0, "at": 1.0, "peak_memory_mib": 1.0}
    lines = [{"epoch": n, **shared, **line} for n, line in enumerate(told, start=1)]
    config = {"net": "deep", "rate": 0.1, "width": 2, "momentum": 0.9, "epochs": 4}
    return replace(trial(study, number, lines), arm="deep", config=config)


@pytest.fixture
def free_folder(tmp_path):
    folder = Folder(tmp_path)
    folder.study_file.write_text(TOML, encoding="utf-8")
    return folder


def test_what_a_function_reports_beside_its_metric_is_a_column_of_both_tables(free_folder):
    study = free_folder.read_study()
    # in per cent, and called as a fraction of ours is
    told = {"loss": 1.0, "val_accuracy": 61.0}, {"loss": 0.5, "recall": 2.0}
    last = free_trial(study, 1, {"loss": 2.0, "val_accuracy": None, "norm": 3.0})
    trials = [last, free_trial(study, 0, *told)]
    free_folder.write_table("trials", trials_frame(study, trials), study)
    epochs = epochs_frame(trials, epoch_columns(study, trials))
    free_folder.write_table("epochs", epochs, study)
    found = read_table(free_folder.table("epochs"), "epochs", metric="loss")
    assert found["val_accuracy"].dropna().tolist() == [61.0]
    assert found["recall"].dropna().tolist() == [2.0]
    assert set(reported_in(found, "loss")) == {"val_accuracy", "recall", "norm"}
    of_trials = read_table(free_folder.table("trials"), "trials", metric="loss")
    assert list(of_trials.columns[-2:]) == ["recall", "norm"]
    assert set(reported_in(of_trials, "loss")) == {"recall", "norm"}


def test_a_function_that_reports_ever_new_names_fills_no_table_with_them(free_folder):
    study = free_folder.read_study()
    told = [{"loss": 1.0, f"loss_{n}": 1.0} for n in range(1, 300)]
    named = epoch_columns(study, [free_trial(study, 0, *told)])
    assert named[:4] == ("epoch", "loss", "seconds", "loss_1")
    assert len(named) == 3 + MOST_REPORTED
