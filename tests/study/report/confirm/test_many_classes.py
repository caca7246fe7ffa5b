"""What a report shows of 100 classes, which no figure can name."""

import numpy as np
import pandas as pd
import pytest

from agecls.classes import Classes
from study.analysis import Predicted
from study.analysis.confirm.predicted import RELIABILITY_COLUMNS
from study.report.confirm.confusion import confusion_panel
from study.report.confirm.many_classes import lowest_figure, lowest_first, recall_table
from study.report.confirm.values import Value
from study.report.look import marks_of

N = 100
NAMES = tuple(f"kind <{k}>" for k in range(N))
NOMINAL = Classes(NAMES, None, False)
ORDERED = Classes(NAMES, None, True)


def predicted(classes: Classes, *, arms: tuple[str, ...] = ("org", "bcd", "mid")) -> Predicted:
    """Right in 90 per cent, else the class 50 places on; the fourth in half of its images."""
    n = len(classes)
    share = 0.9 * np.eye(n)
    share[np.arange(n), (np.arange(n) + n // 2) % n] += 0.1
    share[3, [3, (3 + n // 2) % n]] = 0.5
    rows = [
        {
            "arm": arm, "split": "test", "true": true, "predicted": named,
            "share": share[t, p], "n_images": 20, "n_seeds": 3,
        }
        for arm in arms
        for t, true in enumerate(classes.names)
        for p, named in enumerate(classes.names)
    ]  # fmt: skip
    return Predicted(
        confusion=pd.DataFrame(rows),
        reliability=pd.DataFrame(columns=RELIABILITY_COLUMNS),
        classes=classes,
    )


def test_the_matrix_has_no_names_on_its_axes_and_confused_classes_beside_each_other() -> None:
    panel = confusion_panel(predicted(NOMINAL), split="test")
    assert panel.figure is not None
    assert panel.min_width == 0  # a phone need not scroll it
    assert {axis.showticklabels for axis in panel.figure.select_xaxes()} == {False}
    assert {axis.showticklabels for axis in panel.figure.select_yaxes()} == {False}
    names = list(panel.figure.data[0].x)
    assert names == list(panel.figure.data[0].y)
    assert "kind &lt;7&gt;" in names  # nothing in a class's name is a tag
    apart = [abs(names.index(f"kind &lt;{k}&gt;") - names.index(f"kind &lt;{k + 50}&gt;"))
             for k in range(50)]  # fmt: skip
    assert set(apart) == {1}
    assert np.array(panel.figure.data[0].customdata).max() == 90
    assert "Only the first 2 of 3 arms" in panel.note


def test_classes_with_an_order_keep_it() -> None:
    panel = confusion_panel(predicted(ORDERED), split="test")
    assert panel.figure is not None
    assert list(panel.figure.data[0].x)[:2] == ["kind &lt;0&gt;", "kind &lt;1&gt;"]


def test_the_pairs_that_most_images_are_lost_to_are_a_short_table() -> None:
    table = confusion_panel(predicted(NOMINAL), split="test").table
    assert table is not None
    assert table.columns == ("True class → named", "org", "bcd", "Images")
    assert len(table.rows) == 12
    assert table.rows[0] == ("kind <3> → kind <53>", "50.0\u202f%", "50.0\u202f%", "20")


@pytest.mark.parametrize(("n", "is_drawn"), [(200, True), (201, False)])
def test_a_matrix_that_no_screen_has_room_for_is_a_table_alone(n: int, is_drawn: bool) -> None:
    classes = Classes(tuple(map(str, range(n))), None, False)
    panel = confusion_panel(predicted(classes, arms=("org",)), split="test")
    assert (panel.figure is not None) == is_drawn
    assert panel.table is not None
    assert ("figure" in panel.reading) == is_drawn


def test_the_classes_that_are_right_least_often_are_drawn_and_all_are_listed() -> None:
    values = {
        (arm, name): Value(
            estimate=1 - k / 100, low=0.0, high=1.0, n_seeds=3, n_images=20, n_clusters=20
        )
        for arm in ("org", "bcd")
        for k, name in enumerate(NAMES)
        if (arm, k) != ("org", 99)
    }
    rows = lowest_first(values, NOMINAL)
    assert rows == list(range(99, -1, -1))
    figure = lowest_figure(values, rows[:15], NOMINAL, marks_of(("org", "bcd")))
    assert len(figure.data) == 29
    assert figure.layout.yaxis.ticktext[0] == "kind &lt;99&gt;"
    table = recall_table(values, dict.fromkeys(NAMES, 20), rows, NOMINAL)
    assert len(table.rows) == N
    assert table.rows[0] == ("kind <99>", "–", "1.0\u202f% [0.0, 100.0]", "20")
    assert table.fold
