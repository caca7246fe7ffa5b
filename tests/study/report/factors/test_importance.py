from pathlib import Path

import pandas as pd
import pytest

from study.report.factors import importance
from study.report.factors.importance import importance_data, importance_figure, importance_panel
from study.report.wording import Measure
from tests.study.report.analyses import (
    NO_OTHERS,
    factor_row,
    hand_analysis,
    hand_study,
    hand_trials,
)
from tests.study.report.simulated import NO_EPOCHS, tables_of

THREE = pd.DataFrame(
    [
        factor_row("init", "negligible", 0.0004),
        factor_row("loss", "unresolved", 0.04),
        factor_row("lr", "matters", 0.64, total_share=0.81, total_low=0.7, total_high=0.9),
    ]
)
FIT = hand_analysis().fit.assign(n_full=10, n_imputed=1)


def data_of(rows: pd.DataFrame, others: pd.DataFrame = NO_OTHERS) -> importance.ImportanceData:
    analysis = hand_analysis(importance=rows, fit=FIT)
    found = importance_data(analysis, others, measure=Measure("val_accuracy"))
    assert found is not None
    return found


def panel_of(folder: Path, rows: pd.DataFrame, **frames: pd.DataFrame) -> importance.Panel:
    tables = tables_of(folder, hand_study(), hand_trials(), NO_EPOCHS)
    return importance_panel(tables, hand_analysis(importance=rows, **({"fit": FIT} | frames)))


def test_what_matters_comes_first_and_what_is_negligible_last() -> None:
    data = data_of(THREE)
    assert data.factors["factor"].tolist() == ["lr", "loss", "init"]
    assert (data.n_full, data.n_imputed, data.n_left_out) == (10, 1, 1)


def test_shares_stand_at_their_roots_with_their_intervals() -> None:
    figure = importance_figure(data_of(THREE))
    total, *mains = figure.data
    assert list(total.x) == [0.9, 0.2, 0.02]
    assert [(list(t.x), list(t.y)) for t in mains] == [
        ([0.8], [0]),
        ([0.2], [1]),
        ([0.02], [2]),
    ]
    matters = mains[0].error_x
    assert 0.8 - matters.arrayminus[0] == pytest.approx(0.32**0.5, abs=1e-4)
    assert 0.8 + matters.array[0] == pytest.approx(0.96**0.5, abs=1e-4)
    assert mains[1].error_x.arrayminus[0] == 0.2  # unresolved: the interval starts at 0


def test_a_verdict_is_a_sign_and_a_word_and_the_null_band_lies_behind_each_row() -> None:
    figure = importance_figure(data_of(THREE))
    words = [a.text for a in figure.layout.annotations]
    assert words == ["● matters", "? unresolved", "○ negligible"]
    assert [(s.x0, s.x1) for s in figure.layout.shapes] == [(0, 0.1)] * 3
    assert [t.marker.symbol for t in figure.data[1:]] == ["circle", "circle-open", "circle-open"]
    assert figure.data[2].mode == "text"
    assert figure.data[2].text == "<b>?</b>"


def test_other_peoples_numbers_stand_apart_under_their_own_question() -> None:
    others = pd.DataFrame(
        [
            {"method": "PED-ANOVA", "factor": f, "share": s, "answers": "a", "n_trials": 12}
            for f, s in (("loss", 0.9), ("lr", 0.1))
        ]
    )
    figure = importance_figure(data_of(THREE, others))
    bars = figure.data[-1]
    assert (bars.type, bars.xaxis, list(bars.x)) == ("bar", "x2", [10.0, 90.0, 0.0])
    assert bars.customdata[2] == "has no place in this method"
    assert any("where the best 10 %" in a.text for a in figure.layout.annotations)
    assert figure.layout.xaxis.domain[1] < figure.layout.xaxis2.domain[0]


def test_the_sentence_says_what_the_verdicts_say(tmp_path: Path) -> None:
    panel = panel_of(tmp_path, THREE)
    assert panel.reading == (
        "lr (81.0\u202f% [70.0\u202f%, 90.0\u202f%]) matters (shares of the variance, "
        "interactions included); of 2 other factors, 1 is shown to be negligible and 1 is "
        "unresolved."
    )
    assert panel.note.startswith("n = 10 full-length trials and 1 stopped one with imputed ends.")
    assert "fANOVA" not in panel.note
    assert "lr 64.0\u202f% [32.0\u202f%, 96.0\u202f%], matters" in panel.alt


def test_where_nothing_matters_nothing_is_claimed(tmp_path: Path) -> None:
    rows = pd.DataFrame([factor_row(f, "unresolved", s) for f, s in (("lr", 0.9), ("loss", 0.1))])
    panel = panel_of(tmp_path, rows)
    assert panel.reading == (
        "No factor is shown to matter: 2 factors are unresolved, and their order here means "
        "nothing."
    )


def test_without_a_fit_a_sentence_says_why(tmp_path: Path) -> None:
    rows = hand_analysis().importance.assign(reason="only 3 full-length trials")
    panel = panel_of(tmp_path, rows, fit=FIT.assign(n_full=None))
    assert panel.figure is None
    assert panel.reading == "Nothing can be said of any factor: only 3 full-length trials."


def test_of_very_many_factors_the_first_are_drawn_and_the_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importance, "MOST_FACTORS", 2)
    panel = panel_of(tmp_path, THREE)
    assert panel.figure is not None
    assert list(panel.figure.layout.yaxis.ticktext) == ["lr", "loss"]
    assert panel.note.endswith("Only the first 2 of 3 factors are drawn.")
    assert "of 2 other factors" in panel.reading


def test_the_note_says_what_other_peoples_numbers_answer(tmp_path: Path) -> None:
    others = pd.DataFrame(
        [{"method": "PED-ANOVA", "factor": "lr", "share": 1.0, "answers": "a", "n_trials": 12}]
    )
    note = panel_of(tmp_path, THREE, others=others).note
    assert (
        "PED-ANOVA says another thing: where the best 10 % of the trials lie, not what makes them "
        "good; n = 12." in note
    )
    assert "fANOVA" not in note
