from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from study.report.look import arm_marks
from study.report.search.collapse import collapse_data, collapse_figure, collapse_panel
from tests.study.report.analyses import hand_analysis, hand_study, hand_trials
from tests.study.report.simulated import NO_EPOCHS, tables_of

ARMS = ("scratch", "pretrained")
FRAMES = hand_analysis().frames
COLLAPSED = replace(FRAMES, trials=FRAMES.trials.assign(outcome=["collapsed"] * 3 + ["full"] * 9))


def curve(arm: str, where: str, probabilities: list[float]) -> pd.DataFrame:
    values = np.geomspace(0.01, 1.0, len(probabilities))
    return pd.DataFrame(
        {
            "arm": arm,
            "factor": "lr",
            "where": where,
            "value": values,
            "probability": probabilities,
            "low": [p / 2 for p in probabilities],
            "high": [(1 + p) / 2 for p in probabilities],
            "n_trials": 6,
            "n_collapsed": 2,
        }
    )


CURVES = pd.concat(
    [
        curve("scratch", "optimizer = sgd, init = scratch", [0.0, 0.1, 0.8]),
        curve("scratch", "optimizer = adamw, init = scratch", [0.2, 0.5, 0.9]),
    ],
    ignore_index=True,
)


def test_each_range_of_an_arm_is_a_curve_in_a_band_named_by_what_the_arm_does_not_say() -> None:
    data = collapse_data(hand_analysis(collapse=CURVES, frames=COLLAPSED), ARMS)
    assert data.curves["name"].unique().tolist() == ["sgd", "adamw"]
    assert (data.arms, data.n_trials, data.n_collapsed) == (("scratch",), 12, 3)
    figure = collapse_figure(data, arm_marks(hand_study()), is_log=True)
    lines = [t for t in figure.data if t.hovertemplate]
    assert [list(t.y) for t in lines] == [[0.0, 10.0, 80.0], [20.0, 50.0, 90.0]]
    assert [t.line.dash for t in lines] == ["solid", "dash"]
    bands = [t for t in figure.data if t.fill == "toself"]
    assert list(bands[0].y) == [50.0, 55.0, 90.0, 40.0, 5.0, 0.0]
    assert [list(t.text) for t in lines] == [["sgd", "", ""], ["adamw", "", ""]]
    assert list(figure.layout.xaxis.tickvals) == [0.01, 0.1, 1.0]


def test_the_sentence_counts_and_the_note_says_n(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = collapse_panel(tables, hand_analysis(collapse=CURVES, frames=COLLAPSED))
    assert panel.reading.startswith(
        "Of the trials in the ranges drawn, these collapsed: 4 of 12 in scratch; see where along "
        "the learning rate"
    )
    assert panel.note.startswith("n = 12 trials, 3 of them collapsed")
    assert "scratch (sgd) from 0.0\u202f% at 0.01 to 80.0\u202f% at 1" in panel.alt


def test_where_the_rate_is_fixed_each_arm_has_an_interval() -> None:
    rows = pd.concat([curve(arm, "", [0.25]) for arm in ARMS], ignore_index=True)
    rows["value"] = np.nan
    data = collapse_data(hand_analysis(collapse=rows, frames=COLLAPSED), ARMS)
    figure = collapse_figure(data, arm_marks(hand_study()), is_log=False)
    assert [(list(t.x), list(t.y)) for t in figure.data] == [([25.0], [0]), ([25.0], [1])]
    assert (figure.data[0].error_x.array[0], figure.data[0].error_x.arrayminus[0]) == (37.5, 12.5)
    assert list(figure.layout.yaxis.ticktext) == list(ARMS)


def test_without_a_collapse_there_is_a_sentence_and_no_figure(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = collapse_panel(tables, hand_analysis(collapse=CURVES))
    assert (panel.figure, panel.reading) == (None, "None of 12 trials collapsed or diverged.")
