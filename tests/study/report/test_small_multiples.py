import pytest

from study.report.small_multiples import log_ticks, small_multiples


def test_plots_fill_rows_from_the_left() -> None:
    grid = small_multiples(["a", "b", "c", "d<b>"], columns=3, row_height=100)
    assert [grid.place(i) for i in range(4)] == [
        {"row": 1, "col": 1},
        {"row": 1, "col": 2},
        {"row": 1, "col": 3},
        {"row": 2, "col": 1},
    ]
    assert [grid.is_bottom(i) for i in range(4)] == [False, True, True, True]
    assert [a.text for a in grid.figure.layout.annotations] == ["a", "b", "c", "d&lt;b&gt;"]
    assert grid.figure.layout.height == 290


@pytest.mark.parametrize("share_x", [True, False])
def test_all_plots_share_the_upright_axis_and_if_asked_the_other(share_x: bool) -> None:
    layout = small_multiples("abcd", columns=2, row_height=99, share_x=share_x).figure.layout
    assert [layout[f"yaxis{i}"].matches for i in ("", 2, 3, 4)] == [None, "y", "y", "y"]
    expected = [None, "x", "x", "x"] if share_x else [None] * 4
    assert [layout[f"xaxis{i}"].matches for i in ("", 2, 3, 4)] == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1e-5, 1e-2, [1e-5, 1e-4, 1e-3, 1e-2]),
        (0.01, 0.3, [0.01, 0.03, 0.1, 0.3]),
        (0.01, 0.1, [0.01, 0.02, 0.05, 0.1]),
        (1e-6, 1.0, [1e-6, 1e-4, 1e-2, 1.0]),
        (0.1, 0.1, [0.1]),
    ],
)
def test_ticks_of_a_log_axis_are_few_and_round(
    low: float, high: float, expected: list[float]
) -> None:
    assert log_ticks(low, high) == expected
