from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.report.factors import marginals
from study.report.factors.marginals import marginals_data, marginals_figure, marginals_panel
from study.report.wording import Measure
from tests.study.report.analyses import factor_row, hand_analysis, hand_study, hand_trials
from tests.study.report.simulated import NO_EPOCHS, tables_of

ACCURACY = Measure("val_accuracy")


def row(factor: str, level: str, estimate: float, **values: object) -> dict[str, object]:
    base = {
        "factor": factor,
        "level": level,
        "estimate": estimate,
        "low": estimate - 2,
        "high": estimate + 1,
        "n_trials": 9,
        "extrapolated": False,
        "value": np.nan,
        "where": "",
    }
    return base | values


MARGINALS = pd.DataFrame(
    [
        row("loss", "ce", 50.0),
        row("loss", "focal", 51.0, extrapolated=True),
        row("lr", "0.0001", 40.0, value=1e-4),
        row("lr", "0.01", 44.0, value=1e-2, extrapolated=True),
        row("lr", "1", 42.0, value=1.0, extrapolated=True),
    ]
)


def importance(loss: str = "unresolved") -> pd.DataFrame:
    return pd.DataFrame([factor_row("loss", loss, 0.1), factor_row("lr", "matters", 0.6)])


def hand(loss: str = "unresolved") -> marginals.Analysis:
    return hand_analysis(importance=importance(loss), marginals=MARGINALS)


def test_plots_come_by_importance_with_the_trials_behind_them() -> None:
    data = marginals_data(hand(), measure=ACCURACY)
    rate, loss = data.plots
    assert (rate.title, rate.is_log, rate.is_numeric) == ("lr", True, True)
    assert (loss.title, loss.is_log, loss.is_numeric) == ("loss", False, False)
    # 12 trials evenly from 1e-4 to 1, losses in turns of two
    assert (rate.edges[0], rate.edges[-1]) == (-4.0, 0.0)
    assert rate.counts.sum() == 12
    assert rate.counts.max() == 1
    assert loss.counts.tolist() == [6, 6]
    assert data.n_full == 12


def test_a_number_is_a_line_in_a_band_and_grey_where_extrapolated() -> None:
    figure = marginals_figure(marginals_data(hand(), measure=ACCURACY))
    lines = [t for t in figure.data if t.xaxis == "x" and t.hovertemplate]
    assert [(list(t.x), list(t.y), t.line.dash) for t in lines] == [
        ([1e-4], [40.0], "solid"),
        ([1e-4, 1e-2, 1.0], [40.0, 44.0, 42.0], "dash"),
    ]
    bands = [t for t in figure.data if t.xaxis == "x" and t.fill == "toself"]
    assert list(bands[-1].y) == [41.0, 45.0, 43.0, 40.0, 42.0, 38.0]
    assert figure.layout.xaxis.type == "log"
    assert lines[0].line.color != lines[1].line.color


def test_levels_are_points_with_bars_and_hollow_where_extrapolated() -> None:
    figure = marginals_figure(marginals_data(hand(), measure=ACCURACY))
    points = [t for t in figure.data if t.xaxis == "x2" and t.mode == "markers"]
    assert [(list(t.x), list(t.y), t.marker.symbol) for t in points] == [
        ([0.0], [50.0], "circle"),
        ([1.0], [51.0], "circle-open"),
    ]
    assert (points[0].error_y.array[0], points[0].error_y.arrayminus[0]) == (1.0, 2.0)
    assert list(figure.layout.xaxis2.ticktext) == ["ce", "focal"]
    low, high = figure.layout.yaxis.range
    assert low < 38
    assert high > 51


def test_the_data_stand_as_steps_on_the_floor() -> None:
    figure = marginals_figure(marginals_data(hand(), measure=ACCURACY))
    steps = next(t for t in figure.data if t.xaxis == "x2" and t.fill == "toself")
    assert list(steps.x) == [-0.5, -0.5, 0.5, 0.5, 1.5, 1.5]
    floor = figure.layout.yaxis.range[0]
    assert steps.y[0] == pytest.approx(floor, abs=1e-3)
    assert len({round(y, 3) for y in steps.y[1:-1]}) == 1  # six trials at each


def test_a_range_that_depends_on_an_arm_has_a_plot_for_each() -> None:
    each = [
        row("lr", "0.01", 50.0, value=0.01, where="init = scratch"),
        row("lr", "0.1", 51.0, value=0.1, where="init = scratch"),
        row("lr", "0.001", 52.0, value=0.001, where="init = pretrained"),
        row("lr", "0.01", 53.0, value=0.01, where="init = pretrained"),
    ]
    analysis = hand_analysis(importance=importance(), marginals=pd.DataFrame(each))
    data = marginals_data(analysis, measure=ACCURACY)
    assert [p.title for p in data.plots] == ["lr, init = scratch", "lr, init = pretrained"]
    figure = marginals_figure(data)
    assert [a.text for a in figure.layout.annotations] == ["lr: scratch", "lr: pretrained"]
    assert list(figure.layout.xaxis.tickvals) == [0.01, 0.02, 0.05, 0.1]


def test_another_metric_is_drawn_in_its_own_unit() -> None:
    figure = marginals_figure(marginals_data(hand(), measure=Measure("val_qwk")))
    line = next(t for t in figure.data if t.xaxis == "x" and t.hovertemplate)
    assert list(line.y) == [0.4]
    assert "0.400 [0.380, 0.410]" in line.customdata[0][0]


def test_only_slopes_of_factors_that_matter_are_called_findings(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = marginals_panel(tables, hand())
    assert panel.reading.startswith("A slope or a difference is a finding only for lr;")
    assert panel.note.startswith("n = 12 full-length trials in the box")
    assert "extrapolated" in panel.note
    nothing = pd.DataFrame([factor_row("lr", "unresolved", 0.6)])
    panel = marginals_panel(tables, hand_analysis(importance=nothing, marginals=MARGINALS))
    assert panel.reading.startswith("No factor is shown to matter, so no slope here is a finding")


def test_of_very_many_plots_the_first_are_drawn_and_the_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marginals, "MOST_PLOTS", 1)
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = marginals_panel(tables, hand())
    assert panel.note.endswith("Drawn: the first 1 of 2 plots by importance.")


def test_without_a_fit_a_sentence_says_why(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    unknown = importance().assign(reason="only 3 full-length trials")
    panel = marginals_panel(
        tables, hand_analysis(importance=unknown, marginals=MARGINALS.iloc[:0])
    )
    assert (panel.figure, panel.reading) == (
        None,
        "Nothing can be said: only 3 full-length trials.",
    )
