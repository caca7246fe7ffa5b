from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.asked.factors import Factor
from study.folder.tables import StudyTables
from study.report.look import arm_marks
from study.report.trials import learning_rate
from study.report.trials.learning_rate import (
    learning_rate_data,
    learning_rate_figure,
    learning_rate_panel,
)
from tests.study.report.simulated import LR_ONLY, MAJORITY, NO_EPOCHS, a_study, tables_of, trial


def small(folder: Path) -> StudyTables:
    trials = pd.DataFrame(
        [
            trial(0, val_accuracy=0.6, **{"config/lr": 0.001}),
            trial(1, val_accuracy=0.3, status="stopped", **{"config/lr": 0.01}),
            trial(2, val_accuracy=0.25, collapsed=True, **{"config/lr": 0.5}),
            trial(3, val_accuracy=0.25, collapsed=True, status="stopped", **{"config/lr": 0.9}),
            trial(4, val_accuracy=None, collapsed=None, status="failed", **{"config/lr": 0.2}),
            trial(5, val_accuracy=0.7, collapsed=None, **{"config/lr": None}),
            trial(6, val_accuracy=0.4, status="interrupted", **{"config/lr": 0.02}),
        ]
    )
    return tables_of(folder, a_study(LR_ONLY), trials, NO_EPOCHS)


def test_each_trial_with_a_rate_and_a_value_is_a_point_and_its_ending_is_told(
    tmp_path: Path,
) -> None:
    data = learning_rate_data(small(tmp_path), majority=0.25)
    assert data.points[["number", "rate", "value", "ending"]].values.tolist() == [
        [0, 0.001, 0.6, "full"],
        [1, 0.01, 0.3, "cut"],
        [2, 0.5, 0.25, "collapsed"],
        [3, 0.9, 0.25, "collapsed"],
        [6, 0.02, 0.4, "cut"],
    ]
    assert data.n_drawable == 5
    assert data.n_without_value == 1
    assert data.points["text"].tolist()[0] == "lr 0.001"


def test_the_note_says_n_and_what_is_left_out(tmp_path: Path) -> None:
    panel = learning_rate_panel(small(tmp_path), majority=0.25)
    assert panel.note == (
        "n = 5 trials: 1 completed (filled), 2 stopped early or interrupted (hollow, at their "
        "last value) and 2 collapsed (cross). Left out: 1 trial without a value."
    )
    assert "25.0\u202f%" in panel.reading
    assert panel.alt == (
        "Scatter of validation accuracy against learning rate: all from 25.0\u202f% to "
        "60.0\u202f% at rates 0.001 to 0.9, 2 collapsed."
    )


def test_the_figure_draws_every_point_in_per_cent_on_a_log_axis(tmp_path: Path) -> None:
    tables = small(tmp_path)
    figure = learning_rate_figure(
        learning_rate_data(tables, majority=0.25), arm_marks(tables.study)
    )
    assert figure.layout.xaxis.type == "log"
    by_symbol = {t.marker.symbol: sorted(t.y) for t in figure.data}
    assert by_symbol == {
        "circle": [60.0],
        "circle-open": [30.0, 40.0],
        "x-thin": [25.0, 25.0],
    }
    low, high = figure.layout.yaxis.range
    assert low < 25 < 60 < high
    assert [s.y0 for s in figure.layout.shapes if s.type == "line"] == [25.0]


def test_arms_differ_in_colour_and_in_symbol(tables: StudyTables) -> None:
    data = learning_rate_data(tables, majority=MAJORITY)
    figure = learning_rate_figure(data, arm_marks(tables.study))
    full = [
        t for t in figure.data if "open" not in t.marker.symbol and t.marker.symbol != "x-thin"
    ]
    assert len(full) == 4
    assert len({t.marker.color for t in full}) == 4
    assert len({t.marker.symbol for t in full}) == 4
    assert sum(len(t.x) for t in figure.data) == data.n_drawable


def test_without_a_known_majority_nothing_is_shaded(tmp_path: Path) -> None:
    tables = small(tmp_path)
    figure = learning_rate_figure(
        learning_rate_data(tables, majority=None), arm_marks(tables.study)
    )
    assert not figure.layout.shapes


def test_the_majority_share_says_nothing_about_another_metric(tmp_path: Path) -> None:
    tables = small(tmp_path)
    trials = tables.trials.assign(val_qwk=[0.5, 0.4, 0.0, 0.0, np.nan, 0.6, 0.1])
    study = replace(tables.study, metric="val_qwk")
    data = learning_rate_data(replace(tables, trials=trials, study=study), majority=0.25)
    assert data.majority is None
    assert learning_rate_figure(data, arm_marks(study)).data[0].y.tolist() == [0.5]


def test_many_trials_are_sampled_alike_each_time_and_the_best_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning_rate, "MOST_POINTS", 10)
    values = np.linspace(0.2, 0.6, 50)
    values[17] = 0.8
    trials = pd.DataFrame([trial(i, val_accuracy=v) for i, v in enumerate(values)])
    tables = tables_of(tmp_path, a_study(LR_ONLY), trials, NO_EPOCHS)
    first = learning_rate_data(tables, majority=None)
    assert len(first.points) == 10
    assert first.n_drawable == 50
    assert 17 in first.points["number"].tolist()
    again = learning_rate_data(tables, majority=None)
    pd.testing.assert_frame_equal(first.points, again.points)
    assert "n = 50 trials, of which 10 are drawn" in (
        learning_rate_panel(tables, majority=None).note
    )


def test_a_study_that_does_not_vary_the_rate_says_so(tmp_path: Path) -> None:
    fixed = (Factor(name="lr", role="fixed", levels=(0.05,)),)
    tables = tables_of(tmp_path, a_study(fixed), pd.DataFrame([trial(0)]), NO_EPOCHS)
    panel = learning_rate_panel(tables, majority=None)
    assert panel.figure is None
    assert panel.reading == "The learning rate was fixed at 0.05 in this study."
    trials = pd.DataFrame([trial(0)]).drop(columns="config/lr")
    tables = tables_of(tmp_path, a_study(()), trials, NO_EPOCHS)
    panel = learning_rate_panel(tables, majority=None)
    assert panel.reading == "The learning rate is not a factor of this study."


def test_a_rate_with_levels_is_drawn_too(tmp_path: Path) -> None:
    factors = (Factor(name="lr", role="arm", levels=(0.1, 0.01)),)
    trials = pd.DataFrame([trial(0, arm="0.01"), trial(1, arm="0.1", **{"config/lr": 0.1})])
    tables = tables_of(tmp_path, a_study(factors), trials, NO_EPOCHS)
    data = learning_rate_data(tables, majority=None)
    assert data.points["rate"].tolist() == [0.01, 0.1]


def test_only_failed_trials_make_a_sentence_instead_of_a_figure(tmp_path: Path) -> None:
    trials = pd.DataFrame([trial(0, status="failed", val_accuracy=None)])
    tables = tables_of(tmp_path, a_study(LR_ONLY), trials, NO_EPOCHS)
    panel = learning_rate_panel(tables, majority=0.2)
    assert (panel.figure, panel.reading) == (None, "No trial has a value to draw yet.")
