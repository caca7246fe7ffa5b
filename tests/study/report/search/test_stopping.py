from pathlib import Path

import pandas as pd
import pytest

from study.report.look import arm_marks
from study.report.search.stopping import stopping_data, stopping_figure, stopping_panel
from study.report.wording import Measure
from tests.study.report.analyses import hand_analysis, hand_study, hand_trials
from tests.study.report.simulated import NO_EPOCHS, tables_of

ARMS = ("scratch", "pretrained")


def stops(arm: str, share: float, high: float, **values: object) -> dict[str, object]:
    base = {
        "arm": arm,
        "n_trials": 9,
        "n_stopped": 5.0,
        "n_wrong": 5 * share,
        "wrong_share": share,
        "wrong_low": share / 2,
        "wrong_high": high,
        "blind_share": 1 / 3,
        "best_stopped": 0.2,
        "mean_lost": 1.25,
        "cost_saved": 0.5,
    }
    return base | values


STOPS = pd.DataFrame([stops("pretrained", 0.4, 0.6), stops("scratch", 0.1, 0.3, cost_saved=0.6)])


def test_each_arm_has_an_interval_and_a_stroke_for_blind_stops() -> None:
    data = stopping_data(hand_analysis(stops=STOPS), ARMS, measure=Measure("val_accuracy"))
    figure = stopping_figure(data, arm_marks(hand_study()))
    assert [(t.meta["arm"], list(t.x), list(t.y)) for t in figure.data] == [
        ("scratch", [10.0], [0]),
        ("pretrained", [40.0], [1]),
    ]
    assert (figure.data[1].error_x.array[0], figure.data[1].error_x.arrayminus[0]) == (20.0, 20.0)
    strokes = [(s.x0, s.y0) for s in figure.layout.shapes]
    assert strokes == [(33.33, -0.32), (33.33, pytest.approx(0.68))]


def test_only_an_arm_whose_interval_lies_below_blind_stops_is_called_better(
    tmp_path: Path,
) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = stopping_panel(tables, hand_analysis(stops=STOPS))
    assert panel.reading == (
        "Stopping saves 50.0\u202f% to 60.0\u202f% of the epochs; its choices are shown to be "
        "better than blind ones in scratch."
    )
    assert panel.note.startswith("n = 18 design trials")
    assert panel.table is not None
    assert panel.table.rows[1] == (
        "pretrained", "9", "5.0", "50.0\u202f%", "20.0\u202f%", "1.2 points"
    )  # fmt: skip
    worse = stopping_panel(tables, hand_analysis(stops=STOPS.iloc[:1]))
    assert worse.reading.endswith(
        "in no arm are its choices shown to be better than stopping blindly."
    )


def test_without_design_trials_it_cannot_be_told(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = stopping_panel(tables, hand_analysis(stops=STOPS.iloc[:0]))
    assert panel.figure is None
    assert panel.reading.startswith("It cannot be told")
    never = STOPS.assign(wrong_share=None)
    panel = stopping_panel(tables, hand_analysis(stops=never))
    assert panel.reading == "Replayed through ASHA, no design trial would have been stopped."
