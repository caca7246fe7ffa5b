from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from study.asked.plans import Imported
from study.measure import Scale
from study.report.look import arm_marks
from study.report.search import best
from study.report.search.best import best_data, best_figure, best_panel
from study.report.wording import Measure
from tests.study.report.analyses import hand_analysis, hand_study, hand_trials
from tests.study.report.simulated import NO_EPOCHS, tables_of

ACCURACY = Measure("val_accuracy")
ARMS = ("scratch", "pretrained")
SO_FAR = pd.DataFrame(
    [
        {"arm": "scratch", "row": 0, "spent": 1.0, "best": 50.0},
        {"arm": "scratch", "row": 4, "spent": 3.0, "best": 60.0},
        {"arm": "scratch", "row": -1, "spent": 6.0, "best": 60.0},
    ]
)
EXPECTED = pd.DataFrame(
    [
        {"arm": "scratch", "k": k, "expected": e, "low": e - 4, "high": e + 3, "n_trials": 4}
        for k, e in ((1, 52.0), (2, 56.0))
    ]
).assign(pool="design")
WORTH = pd.DataFrame(
    [{"arm": "scratch", "row": 4, "estimate": 57.0, "low": 54.0, "high": 61.0, "n_trials": 6}]
)


def test_steps_go_on_to_the_end_of_the_arms_training() -> None:
    data = best_data(hand_analysis(best=SO_FAR, expected_best=EXPECTED), ARMS, measure=ACCURACY)
    figure = best_figure(data, arm_marks(hand_study()))
    band, line, steps = figure.data
    assert (list(steps.x), list(steps.y)) == ([1.0, 3.0, 6.0], [50.0, 60.0, 60.0])
    assert list(steps.marker.size) == [7, 7, 0]
    assert steps.line.shape == "hv"
    assert (list(line.x), list(line.y)) == ([1, 2], [52.0, 56.0])
    assert list(band.y) == [55.0, 59.0, 52.0, 48.0]
    assert {t.meta["arm"] for t in figure.data} == {"scratch"}
    assert [a.text for a in figure.layout.annotations] == list(ARMS)
    assert line.customdata[1] == "best of 2 of 4: 56.0\u202f% [52.0\u202f%, 59.0\u202f%]"


def test_the_sentence_says_when_the_best_last_rose(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = best_panel(tables, hand_analysis(best=SO_FAR, expected_best=EXPECTED))
    assert panel.reading.startswith(
        "The best last rose after this part of the arm's training: scratch 50.0\u202f%;"
    )
    assert panel.note.startswith("n = 12 full-length trials (scratch 6 and pretrained 6).")
    assert "design trials" in panel.note
    assert panel.alt.endswith(
        "scratch from 50.0\u202f% to 60.0\u202f% within 6.0 full trials' worth."
    )


def test_what_the_best_recipe_is_worth_stands_where_the_steps_end(tmp_path: Path) -> None:
    told = hand_analysis(best=SO_FAR, expected_best=EXPECTED.iloc[:0], worth=WORTH)
    panel = best_panel(tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS), told)
    assert panel.figure is not None
    square = panel.figure.data[-1]
    assert (list(square.x), list(square.y)) == ([6.0], [57.0])
    assert (list(square.error_y.arrayminus), list(square.error_y.array)) == ([3.0], [4.0])
    worth = "57.0\u202f% [54.0\u202f%, 61.0\u202f%]"
    assert panel.reading.endswith(f" The best recipe is worth about: scratch {worth}.")
    assert square.customdata == (f"worth {worth}, by 6 full-length trials",)
    assert "drawn 5.0\u202f% of the way" in panel.note


def test_a_worth_is_said_to_be_of_trainings_that_do_not_collapse(tmp_path: Path) -> None:
    told = hand_analysis(best=SO_FAR, expected_best=EXPECTED, worth=WORTH)
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    assert "does not collapse" not in best_panel(tables, told).note
    trials = told.frames.trials.copy()
    trials.loc[[0, 1, 2], "outcome"] = "collapsed"  # two of them in the arm with a worth
    collapsed = replace(told, frames=replace(told.frames, trials=trials))
    assert best_panel(tables, collapsed).note.endswith(
        "It holds of a training that does not collapse, as 2 of this arm did."
    )


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        (None, "99.5\u202f% [98.0\u202f%, 100.0\u202f%]"),
        (Scale(unit="share"), "99.50\u202f% [98.00\u202f%, 100.00\u202f%]"),
        (Scale(unit="bits"), "0.9950\u202fbits [0.9800\u202fbits, 1.0200\u202fbits]"),
    ],
)
def test_no_share_is_worth_more_than_all(tmp_path: Path, scale: Scale | None, told: str) -> None:
    study = hand_study(imported=scale and Imported(source="elsewhere", scale=scale))
    worth = WORTH.assign(estimate=99.5, low=98.0, high=102.0)
    analysis = hand_analysis(best=SO_FAR, expected_best=EXPECTED, worth=worth)
    panel = best_panel(tables_of(tmp_path, study, hand_trials(), NO_EPOCHS), analysis)
    assert panel.reading.endswith(f" The best recipe is worth about: scratch {told}.")


def test_the_best_of_a_loss_fell(tmp_path: Path) -> None:
    study = hand_study(imported=Imported(source="elsewhere", scale=Scale(is_minimised=True)))
    tables = tables_of(tmp_path, study, hand_trials(), NO_EPOCHS)
    panel = best_panel(tables, hand_analysis(best=SO_FAR, expected_best=EXPECTED))
    assert panel.reading.startswith("The best last fell after this part of the arm's training:")


def test_the_note_warns_where_survivors_are_the_pool(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    survivors = EXPECTED.assign(pool="completed")
    panel = best_panel(tables, hand_analysis(best=SO_FAR, expected_best=survivors))
    assert "so this is no random search and flatters" in panel.note


def test_without_a_pool_only_the_steps_are_drawn(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = best_panel(tables, hand_analysis(best=SO_FAR, expected_best=EXPECTED.iloc[:0]))
    assert panel.figure is not None
    assert len(panel.figure.data) == 1
    assert "Dashed" not in panel.note
    assert panel.reading.endswith("scratch 50.0\u202f%.")


def test_without_a_full_length_trial_a_sentence_says_so(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = best_panel(tables, hand_analysis(best=SO_FAR.iloc[:0], expected_best=EXPECTED))
    assert (panel.figure, panel.reading) == (None, "No trial has reached its planned end yet.")


def test_of_very_many_arms_the_first_have_a_plot_and_the_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(best, "MOST_ARMS", 1)
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = best_panel(tables, hand_analysis(best=SO_FAR, expected_best=EXPECTED))
    assert panel.note.endswith("Only the first 1 of 2 arms have a plot.")
