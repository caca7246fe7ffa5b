import pandas as pd
import pytest

import study
from study.exporters.runs import Point, runs_of
from study.folder.parquet import write_table
from tests.study import measured
from tests.study.planted import START, write_planted


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    tables = study.load(write_planted(tmp_path_factory.mktemp("runs") / "planted"))
    return {run.name: run for run in runs_of(tables)}


def test_every_trial_and_every_confirmed_model_is_a_run(runs):
    assert [(run.name, run.group, run.stage, run.status) for run in runs.values()] == [
        ("t00000", "scratch", "search", "completed"),
        ("t00001", "pretrained", "search", "failed"),
        ("t00002", "scratch", "search", "stopped"),
        ("t00003", "pretrained", "search", "interrupted"),
        ("scratch-seed99", "scratch", "confirm", "completed"),
    ]


def test_a_run_s_parameters_are_the_factors_that_exist_with_seed_and_length(runs):
    found = runs["t00000"].parameters
    assert {k: found[k] for k in ("init", "lr", "zero_gamma", "seed", "epochs_planned")} == {
        "init": "scratch",
        "lr": 0.01,
        "zero_gamma": True,
        "seed": 11,
        "epochs_planned": 2,
    }
    # fixed factors are parameters too, and one that does not exist is none
    assert runs["t00001"].parameters["depth"] == 50
    assert "zero_gamma" not in runs["t00001"].parameters
    assert runs["scratch-seed99"].parameters == {
        "seed": 99,
        "epochs_planned": 2,
        "trial_id": "t00000",
    }


def test_a_run_s_curve_is_placed_in_time_by_the_seconds_of_its_epochs(runs):
    started = START.timestamp()
    run = runs["t00000"]
    assert run.curve == (
        Point(
            epoch=1,
            at=started + 10,
            values={"learning_rate": 0.01, "train_loss": 2.0, "val_accuracy": 0.75},
        ),
        Point(
            epoch=2,
            at=started + 22,
            values={"learning_rate": 0.005, "train_loss": 1.5, "val_accuracy": 0.5},
        ),
    )
    assert (run.started_at, run.ended_at) == (started, started + 30)
    # nobody said when this one ended: as far as its epochs tell
    assert runs["t00003"].ended_at == started + 3 * 60 + 8


def test_what_is_no_number_is_left_out(runs):
    assert runs["t00001"].curve == ()
    assert "train_loss" not in runs["t00003"].curve[0].values


def test_tags_say_how_a_run_came_about_and_ended(runs):
    assert runs["t00001"].tags == {
        "arm": "pretrained",
        "origin": "design",
        "status": "failed",
        "error": "loss is NaN",
        "device": "cpu",
    }
    assert runs["t00002"].tags["collapsed"] == "True"


def test_a_confirmed_model_has_its_scores_at_the_study_s_end(runs):
    [point] = runs["scratch-seed99"].curve
    assert (point.epoch, point.at) == (2, pd.Timestamp("2026-01-03T00:00:00Z").timestamp())
    assert point.values == {"temperature": 1.25, "val_accuracy": 0.4375, "test_accuracy": 0.4}


@pytest.fixture
def settled(tmp_path):
    """The planted study with two trainings of settling: one was scored, one is under way."""
    folder = write_planted(tmp_path / "planted")
    tables = study.load(folder)
    settle = pd.DataFrame(
        {
            "trial_id": ["t00000", "t00001"],
            "number": [0, 1],
            "row": [0, 1],
            "block": [0, 0],
            "fold": [3, 3],
            "seed": [7, 7],
            "arm": ["scratch", "pretrained"],
            "config/init": ["scratch", "pretrained"],
            "config/lr": [0.01, 0.02],
            "config/zero_gamma": [True, None],
            "epochs_planned": [2, 2],
            "epochs_run": [2, 1],
            "status": ["completed", "interrupted"],
            "learned": [True, None],
            "val_accuracy": [0.625, None],
            "started_at": [START, START],
            "ended_at": [START + pd.Timedelta(seconds=40), None],
        }
    )
    write_table(
        folder / "settle.parquet", settle, "settle", study_name="planted",
        factors=tables.study.factors,
    )  # fmt: skip
    return {run.name: run for run in runs_of(study.load(folder))}


def test_trainings_of_settling_are_runs_apart_from_the_search_s_of_the_same_number(settled):
    assert settled["t00000"].stage == "search"
    run = settled["settle-t00000"]
    assert (run.group, run.stage, run.status) == ("scratch", "settle", "completed")
    assert {k: run.parameters[k] for k in ("lr", "row", "block", "fold", "seed")} == {
        "lr": 0.01, "row": 0, "block": 0, "fold": 3, "seed": 7,
    }  # fmt: skip
    assert run.tags["learned"] == "True"
    ended = START.timestamp() + 40
    assert run.curve == (Point(epoch=2, at=ended, values={"val_accuracy": 0.625}),)
    assert (run.started_at, run.ended_at) == (START.timestamp(), ended)


def test_a_training_of_settling_that_has_no_score_yet_has_no_curve(settled):
    run = settled["settle-t00001"]
    assert run.curve == ()
    assert run.ended_at == START.timestamp()
    assert "zero_gamma" not in run.parameters


def test_a_function_s_score_on_a_fresh_seed_is_its_metric_and_a_lost_training_has_none(tmp_path):
    tables = study.load(measured.write(tmp_path / "mine", failed=1).path)
    confirmed = [run for run in runs_of(tables) if run.stage == "confirm"]
    rows = tables.confirm.to_dict("records")
    for run, row in zip(confirmed, rows, strict=True):
        assert [point.values for point in run.curve] == (
            [{"loss": row["loss"]}] if row["status"] == "completed" else []
        )
    assert [run.status for run in confirmed].count("failed") == 1
