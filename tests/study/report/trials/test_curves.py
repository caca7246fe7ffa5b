from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from study.asked.factors import Factor
from study.folder.tables import StudyTables
from study.report.look import arm_marks
from study.report.trials import curves
from study.report.trials.curves import curves_data, curves_figure, curves_panel
from tests.study.report.simulated import LR_ONLY, MAJORITY, NO_EPOCHS, a_study, tables_of, trial


def epochs_of(*curves: tuple[str, Sequence[float | None]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"trial_id": trial_id, "epoch": epoch, "val_accuracy": value}
            for trial_id, values in curves
            for epoch, value in enumerate(values, start=1)
        ]
    )


def small(folder: Path) -> StudyTables:
    trials = pd.DataFrame(
        [
            trial(0, val_accuracy=0.5),
            trial(1, val_accuracy=0.6),
            trial(2, val_accuracy=0.3, status="stopped"),
            trial(3, val_accuracy=0.2, collapsed=True),
            trial(4, val_accuracy=None, status="failed"),
        ]
    )
    epochs = epochs_of(
        ("t3", [0.2, 0.2]),
        ("t0", [0.4, 0.5]),
        ("t1", [0.1, 0.6]),
        ("t2", [0.3]),
        ("t4", [None]),
        ("unknown", [0.9]),
    )
    return tables_of(folder, a_study(LR_ONLY), trials, epochs)


def test_every_trial_with_a_measured_epoch_is_a_curve_of_its_kind(tmp_path: Path) -> None:
    data = curves_data(small(tmp_path), majority=0.2)
    assert data.n_trials == data.n_drawn == 4
    assert data.curves[["number", "kind", "epoch", "value"]].values.tolist() == [
        [0, "completed", 1, 0.4],
        [0, "completed", 2, 0.5],
        [1, "best", 1, 0.1],
        [1, "best", 2, 0.6],
        [2, "cut", 1, 0.3],
        [3, "collapsed", 1, 0.2],
        [3, "collapsed", 2, 0.2],
    ]


def test_curves_are_drawn_in_per_cent_with_gaps_between_trials(tmp_path: Path) -> None:
    tables = small(tmp_path)
    figure = curves_figure(curves_data(tables, majority=0.2), arm_marks(tables.study))
    drawn = {t.line.dash + str(t.line.width): (list(t.x), list(t.y)) for t in figure.data}
    assert drawn == {
        "solid1": ([1, None], [30.0, None]),
        "solid1.2": ([1, 2, None], [40.0, 50.0, None]),
        "dot1.2": ([1, 2, None], [20.0, 20.0, None]),
        "solid3.5": ([1, 2, None], [10.0, 60.0, None]),
    }
    (cut,) = (t for t in figure.data if t.mode == "lines+markers")
    assert list(cut.marker.size) == [6, 0]


def test_the_alternative_text_tells_where_the_best_trial_goes(tmp_path: Path) -> None:
    panel = curves_panel(small(tmp_path), majority=None)
    assert panel.alt.endswith(
        "all: the best trial goes from 10.0\u202f% at epoch 1 to 60.0\u202f% at epoch 2."
    )
    assert panel.note.startswith("n = 4 trials with at least one epoch")
    assert "commonest" not in panel.note


def test_each_arm_has_its_own_plot_on_shared_axes(tables: StudyTables) -> None:
    data = curves_data(tables, majority=MAJORITY)
    figure = curves_figure(data, arm_marks(tables.study))
    assert {t.yaxis for t in figure.data} == {"y", "y2", "y3", "y4"}
    assert {figure.layout[axis].matches for axis in ("yaxis2", "yaxis3", "yaxis4")} == {"y"}
    titles = [a.text for a in figure.layout.annotations]
    assert titles == ["org-scratch", "org-pretrained", "bcd-scratch", "bcd-pretrained"]


def test_many_trials_are_sampled_per_arm_and_the_best_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "MOST_CURVES", 5)
    trials = pd.DataFrame([trial(i, val_accuracy=0.9 if i == 7 else 0.5) for i in range(30)])
    epochs = epochs_of(*((f"t{i}", [0.5]) for i in range(30)))
    tables = tables_of(tmp_path, a_study(LR_ONLY), trials, epochs)
    data = curves_data(tables, majority=None)
    assert data.curves["trial_id"].nunique() == 5
    assert data.curves.loc[data.curves["kind"] == "best", "number"].tolist() == [7]
    assert "Drawn: 5 of them" in curves_panel(tables, majority=None).note


def test_of_very_many_arms_the_first_have_a_plot_and_the_note_says_so(tmp_path: Path) -> None:
    levels = tuple(f"v{i}" for i in range(14))
    factors = (Factor(name="variant", role="arm", levels=levels),)
    trials = pd.DataFrame(
        [trial(i, arm=v, **{"config/variant": v}) for i, v in enumerate(levels)]
    ).drop(columns="config/lr")
    epochs = epochs_of(*((f"t{i}", [0.5]) for i in range(14)))
    tables = tables_of(tmp_path, a_study(factors), trials, epochs)
    data = curves_data(tables, majority=None)
    assert data.arms == levels[:12]
    assert data.n_trials == 12
    assert "Only the first 12 of 14 arms have a plot." in curves_panel(tables, majority=None).note


def test_without_epochs_or_without_the_metric_a_sentence_says_why(tmp_path: Path) -> None:
    trials = pd.DataFrame([trial(0)])
    tables = tables_of(tmp_path, a_study(LR_ONLY), trials, NO_EPOCHS)
    assert curves_panel(tables, majority=None).reading == "No epoch has been measured yet."
    tables = tables_of(tmp_path, a_study(LR_ONLY, metric="val_mine"), trials, NO_EPOCHS)
    panel = curves_panel(tables, majority=None)
    assert (panel.figure, panel.reading) == (None, "The table of epochs has no column val_mine.")
