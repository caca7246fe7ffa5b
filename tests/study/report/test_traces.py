import pandas as pd
import plotly.graph_objects as go
import pytest

from study.report.look import Mark
from study.report.panel import GAP
from study.report.traces import (
    about,
    band,
    cells,
    diagonal,
    either,
    estimate,
    filled,
    heading,
    in_pieces,
    log_axis,
    saying,
    scaled,
)

MARK = Mark("#1d5fbf", "square")


def test_a_mark_is_hollow_where_it_weighs_less() -> None:
    assert filled(MARK, 9) == {"symbol": "square", "color": "#1d5fbf", "size": 9}
    hollow = either(MARK, 9, is_hollow=True)
    assert (hollow["symbol"], hollow["line"]) == ("square-open", {"width": 2})
    assert either(MARK, 9, is_hollow=False) == filled(MARK, 9) | {"line": {"width": 0}}


def test_a_trace_about_an_arm_shows_its_name_letter_by_letter_and_knows_it_as_it_is() -> None:
    assert about("<b>%{y}") == {
        "name": "&lt;b&gt;%&#123;y}",
        "meta": {"arm": "<b>%{y}"},
    }
    assert saying("org", "%{x}") == "<b>org</b><br>%{x}<extra></extra>"


@pytest.mark.parametrize(("along", "across"), [("x", "y"), ("y", "x")])
def test_an_estimate_has_its_interval_along_its_axis_to_unrounded_ends(
    along: str, across: str
) -> None:
    trace = estimate(
        (1.26, 0.5, 3.0),
        4,
        filled(MARK, 9),
        along=along,
        digits=1,
        hovertemplate="h",  # type: ignore[arg-type]
    )
    assert (trace[along], trace[across]) == ((1.3,), (4,))
    bar = trace[f"error_{along}"]
    assert (bar.array, bar.arrayminus, bar.color) == ((1.74,), (0.76,), "#1d5fbf")
    assert trace[f"error_{across}"].array is None
    assert trace.hovertemplate == "h"


def test_a_band_goes_along_the_upper_curve_and_back_along_the_lower() -> None:
    trace = band([0, 1], [1, 2], [5, 6], "#1d5fbf", opacity=0.2, meta={"arm": "a"})
    assert trace.x == (0, 1, 1, 0)
    assert trace.y == (5, 6, 2, 1)
    assert (trace.fillcolor, trace.hoverinfo, trace.meta) == ("#1d5fbf", "skip", {"arm": "a"})
    assert band([0], [1], [2], "#1d5fbf", opacity=1, fillcolor="#8a929b").fillcolor == "#8a929b"


def test_cells_are_coloured_up_to_half_so_that_what_stands_in_them_can_be_read() -> None:
    trace = cells([[1.0, 3.0, 2.0]], [["1", "3", "2"]], low=1.0, span=2.0, meta={"arm": "a"})
    assert (trace.zmin, trace.zmax) == (1.0, 5.0)
    assert (trace.x, trace.y, trace.meta) == ((0, 1, 2), (0,), {"arm": "a"})


def test_columns_are_scaled_and_rounded_in_the_order_asked_for() -> None:
    rows = pd.DataFrame({"low": [0.12361, None], "high": [1, 2]})
    high, low = scaled(rows, ("high", "low"), 100, 2)
    assert high == [100.0, 200.0]
    assert low[0] == 12.36
    assert pd.isna(low[1])


def test_lines_are_parted_by_gaps() -> None:
    assert in_pieces([[1, 2], [3]]) == [1, 2, None, 3, None]
    assert in_pieces([(7, 7)], GAP) == [7, 7, GAP]


def test_lines_and_words_stand_where_they_are_told() -> None:
    figure = go.Figure()
    diagonal(figure, 2, 9, 1.5)
    (line,) = figure.layout.shapes
    assert (line.x0, line.y0, line.x1, line.y1, line.line.dash) == (2, 2, 9, 9, "dash")
    heading(figure, "<b>org</b>", 3, bgcolor="#ffffff")
    (text,) = figure.layout.annotations
    assert (text.text, text.x, text.xref, text.y) == ("<b>org</b>", 0, "paper", 3)
    log_axis(figure, pd.Series([0.01, 0.3]))
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.ticktext == ("0.01", "0.03", "0.1", "0.3")
