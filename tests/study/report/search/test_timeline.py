from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.folder.tables import StudyTables
from study.report.look import arm_marks
from study.report.panel import GAP
from study.report.search import timeline
from study.report.search.timeline import (
    concurrency,
    timeline_data,
    timeline_figure,
    timeline_panel,
)
from tests.study.report.simulated import LR_ONLY, NO_EPOCHS, a_study, tables_of, trial

START = pd.Timestamp("2026-03-01T10:00Z")


def ran(number: int, start: float, end: float | None, **values: object) -> dict[str, object]:
    """A trial that ran from one minute to another."""
    ended = None if end is None else START + pd.Timedelta(minutes=end)
    times = {"started_at": START + pd.Timedelta(minutes=start), "ended_at": ended, "node": "n1"}
    return trial(number, **(times | values))


ROWS = [
    ran(0, 0, 4),
    ran(1, 1, 2, status="stopped"),
    ran(2, 2, 4, status="failed", val_accuracy=None),
    ran(3, 4, 8, collapsed=True),
    ran(4, 0, 3, node="n2", status="interrupted"),
    ran(5, 5, None),
]


def small(folder: Path, rows: list[dict[str, object]]) -> StudyTables:
    return tables_of(folder, a_study(LR_ONLY), pd.DataFrame(rows), NO_EPOCHS)


def test_a_trial_takes_the_lowest_slot_of_its_node_that_is_free(tmp_path: Path) -> None:
    data = timeline_data(small(tmp_path, ROWS))
    assert data is not None
    assert data.bars[["trial", "slot", "start", "end"]].values.tolist() == [
        [0, 0, 0.0, 4.0],
        [1, 1, 1.0, 2.0],
        [2, 1, 2.0, 4.0],
        [3, 0, 4.0, 8.0],
        [4, 2, 0.0, 3.0],
    ]
    assert data.slots == ("n1", "n1", "n2")
    assert (data.unit, data.first, data.n_without) == ("minutes", "2026-03-01 10:00 UTC", 1)
    assert data.busy == pytest.approx((4 + 1 + 2 + 4 + 3) / (3 * 8))


def test_a_bar_says_its_trial_and_how_it_ended(tmp_path: Path) -> None:
    tables = small(tmp_path, ROWS)
    data = timeline_data(tables)
    assert data is not None
    figure = timeline_figure(data, arm_marks(tables.study))
    bars, pale, line, cross, circle = figure.data
    assert list(pale.x)[:3] == [1.0, 1.5, 2.0]
    assert (pale.opacity, bars.opacity) == (0.4, 0.92)
    assert bars.meta["arm"] == "all"
    assert list(bars.meta["trials"])[:4] == [0, 0, 0, GAP]
    assert bars.text[0] == "<b>Trial 0</b>, all<br>completed, 2 epochs in 4.0 minutes"
    assert list(line.x)[:2] == [4.0, 8.0]
    assert (cross.marker.symbol, list(cross.x)) == ("x-thin", [4.0])
    assert (circle.marker.symbol, list(circle.x), list(circle.y)) == ("circle-open", [3.0], [2])
    assert list(figure.layout.yaxis.ticktext) == ["n1", "n2"]


def test_the_sentence_says_how_long_and_how_busy(tmp_path: Path) -> None:
    panel = timeline_panel(small(tmp_path, ROWS))
    assert panel.reading == (
        "5 trials took 8.0 minutes on 3 slots on 2 nodes, which were busy 58.3\u202f% of that "
        "time."
    )
    assert panel.note.startswith("n = 5 trials, from 2026-03-01 10:00 UTC.")
    assert panel.note.endswith("Left out: 1 trial without both times.")


def test_without_times_a_sentence_says_so(tmp_path: Path) -> None:
    panel = timeline_panel(small(tmp_path, [trial(0)]))
    assert (panel.figure, panel.reading) == (
        None,
        "No trial has both a beginning and an end in the table.",
    )


def test_of_very_many_trials_it_is_drawn_how_many_ran_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "MOST_BARS", 3)
    monkeypatch.setattr(timeline, "BINS", 4)
    tables = small(tmp_path, ROWS)
    data = timeline_data(tables)
    assert data is not None
    figure = timeline_figure(data, arm_marks(tables.study))
    (area,) = figure.data
    assert list(area.x) == [1.0, 3.0, 5.0, 7.0]
    assert list(area.y) == [2.5, 2.5, 1.0, 1.0]
    assert "mean over each of 4 equal stretches" in timeline_panel(tables).note


def test_concurrency_is_time_covered_over_time() -> None:
    rng = np.random.default_rng(3)
    start = rng.uniform(0, 10, size=50)
    end = start + rng.uniform(0, 5, size=50)
    edges = np.linspace(0, 15, 7)
    slow = [
        sum(max(0.0, min(e, high) - max(s, low)) for s, e in zip(start, end, strict=True))
        / (high - low)
        for low, high in pairwise(edges)
    ]
    np.testing.assert_allclose(concurrency(start, end, edges), slow)
