from pathlib import Path

import pandas as pd

from study.folder.tables import StudyTables
from study.report.look import arm_marks
from study.report.search.survival import survival_data, survival_figure, survival_panel
from tests.study.report.simulated import LR_ONLY, NO_EPOCHS, a_study, tables_of, trial


def searched(number: int, run: int, **values: object) -> dict[str, object]:
    """A search trial of nine planned epochs; rungs lie at epochs 1 and 3."""
    status = "completed" if run == 9 else "stopped"
    base = {"origin": "search", "status": status, "epochs_planned": 9, "epochs_run": run}
    return trial(number, **(base | values))


def small(folder: Path, rows: list[dict[str, object]]) -> StudyTables:
    return tables_of(folder, a_study(LR_ONLY), pd.DataFrame(rows), NO_EPOCHS)


ROWS = [
    searched(0, 9),
    searched(1, 1),
    searched(2, 3),
    searched(3, 3),
    searched(4, 9, origin="design"),
    searched(5, 2, status="interrupted"),
    searched(6, 2, status="failed", val_accuracy=None),
]


def test_a_stopped_trial_has_passed_every_rung_before_its_last_epoch(tmp_path: Path) -> None:
    data = survival_data(small(tmp_path, ROWS))
    assert data.left.values.tolist() == [
        ["all", 0, 4, 4],
        ["all", 1, 3, 4],
        ["all", 2, 1, 4],
    ]
    assert data.stages == ("start", "past 1/9", "past 1/3")
    assert (data.n_design, data.n_excluded) == (1, 2)


def test_rungs_of_a_length_that_no_power_divides_are_rounded_up_as_they_were_judged(tmp_path):
    # at epochs 2 and 4
    rows = [searched(number, run, epochs_planned=10) for number, run in enumerate((2, 3, 4, 5))]
    assert survival_data(small(tmp_path, rows)).left["n_left"].tolist() == [4, 3, 1]


def test_the_figure_falls_from_all_to_those_that_went_on(tmp_path: Path) -> None:
    tables = small(tmp_path, ROWS)
    figure = survival_figure(survival_data(tables), arm_marks(tables.study))
    assert [list(t.y) for t in figure.data] == [[100.0, 75.0, 25.0]]
    assert [round(s.y0, 2) for s in figure.layout.shapes] == [33.33, 11.11]
    assert figure.data[0].customdata[1] == "3 of 4 left"


def test_the_note_says_n_and_what_is_left_out(tmp_path: Path) -> None:
    panel = survival_panel(small(tmp_path, ROWS))
    assert panel.reading == (
        "Of 4 trials that could be stopped, 1 was let through to the planned end."
    )
    assert panel.note.startswith("n = 4 search trials, every one counted")
    assert "Left out: 1 design trial, which no rung may stop." in panel.note
    assert panel.note.endswith("Left out: 2 trials, failed or interrupted.")


def test_without_search_trials_a_sentence_says_so(tmp_path: Path) -> None:
    panel = survival_panel(small(tmp_path, ROWS[4:5]))
    assert (panel.figure, panel.reading) == (
        None,
        "No trial that a rung may stop has ended yet.",
    )


def test_a_table_that_knows_no_origin_counts_as_searched(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "origin"} for row in ROWS[:5]]
    assert survival_data(small(tmp_path, rows)).left["n_trials"].tolist() == [5, 5, 5]
