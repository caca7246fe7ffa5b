from pathlib import Path

import pandas as pd
import pytest

from study.report.checks import fit
from study.report.checks.fit import fit_data, fit_figure, fit_panel, imputation_panel
from study.report.look import arm_marks
from study.report.wording import Measure
from tests.study.report.analyses import hand_analysis, hand_study, hand_trials
from tests.study.report.simulated import NO_EPOCHS, tables_of

HELD = pd.DataFrame(
    [
        {"row": 0, "arm": "scratch", "seen": 50.0, "predicted": 51.0, "sd": 1.0},
        {"row": 2, "arm": "scratch", "seen": 60.0, "predicted": 55.0, "sd": 1.0},
        {"row": 5, "arm": "pretrained", "seen": 40.0, "predicted": 41.0, "sd": 1.0},
    ]
)
CHECKS = hand_analysis().fit.assign(
    n_full=3, n_imputed=0, r2=0.8, coverage=2 / 3, rmse=3.0, noise_sd=1.5, repeat_sd=None,
    n_repeats=0, spread_sd=4.0,
)  # fmt: skip
IMPUTATION = pd.DataFrame(
    [
        {
            "fraction": f, "n_stopped": 7, "n_trials": 40, "bias": b, "rmse": 2.0,
            "naive_bias": n, "coverage": c,
        }
        for f, b, n, c in ((1 / 9, 0.5, -12.0, 0.9), (1 / 3, 0.0, -3.0, 0.96))
    ]
)  # fmt: skip


def test_seen_stands_over_predicted_and_is_hollow_where_the_interval_missed() -> None:
    data = fit_data(hand_analysis(held_out=HELD, fit=CHECKS), measure=Measure("val_accuracy"))
    figure = fit_figure(data, arm_marks(hand_study()))
    drawn = [(t.meta["arm"], list(t.x), list(t.y), t.marker.symbol) for t in figure.data]
    assert drawn == [
        ("scratch", [51.0], [50.0], "circle"),
        ("scratch", [55.0], [60.0], "circle-open"),
        ("pretrained", [41.0], [40.0], "square"),
    ]
    assert list(figure.data[1].meta["trials"]) == [2]
    assert figure.data[1].customdata[0] == (
        "<b>Trial 2</b>, scratch<br>predicted 55.0\u202f% [53.0\u202f%, 57.0\u202f%]"
        "<br>seen 60.0\u202f%"
    )


def test_the_checks_are_in_the_sentence_and_in_the_table(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = fit_panel(tables, hand_analysis(held_out=HELD, fit=CHECKS))
    assert panel.reading == (
        "Of the variance between held-out trials the model foretells 80.0\u202f%, and 66.7\u202f% "
        "of them lie inside their 95 % interval."
    )
    assert panel.note.startswith("n = 3 full-length trials in the box")
    assert panel.table is not None
    assert [row[1] for row in panel.table.rows] == [
        "0.80", "66.7\u202f%", "3.0 points", "1.5 points", "–", "4.0 points",
    ]  # fmt: skip
    useless = fit_panel(tables, hand_analysis(held_out=HELD, fit=CHECKS.assign(r2=-0.3)))
    assert "the model foretells none" in useless.reading


def test_of_very_many_trials_those_that_miss_are_kept_and_the_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "MOST_POINTS", 1)
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = fit_panel(tables, hand_analysis(held_out=HELD, fit=CHECKS))
    assert panel.drawn == {2}
    assert "Drawn: 1 of them at random" in panel.note


def test_without_a_model_there_is_none_to_check(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = fit_panel(tables, hand_analysis(held_out=HELD.iloc[:0], fit=CHECKS))
    assert panel.figure is None
    assert panel.reading.startswith("Too few full-length trials")


def test_the_imputation_is_a_table_by_where_trials_were_stopped(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = imputation_panel(tables, hand_analysis(imputation=IMPUTATION))
    assert panel.reading == (
        "Full-length trials, cut where others were stopped and predicted from there, lie in their "
        "95 % interval in 90.0\u202f% of cases at worst; to take an early value for the end would "
        "miss by up to 12.0 points on average."
    )
    assert panel.table is not None
    assert panel.table.rows == (
        ("11.1\u202f%", "7", "+0.5 points", "2.0 points", "90.0\u202f%", "−12.0 points", "40"),
        ("33.3\u202f%", "7", "0.0 points", "2.0 points", "96.0\u202f%", "−3.0 points", "40"),
    )


def test_without_a_check_a_sentence_says_whether_anything_was_imputed(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = imputation_panel(tables, hand_analysis())
    assert panel.reading == ("No trial in the box was stopped early, so no end had to be imputed.")
