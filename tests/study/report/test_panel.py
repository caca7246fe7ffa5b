import numpy as np
import pandas as pd
import plotly.graph_objects as go
from hypothesis import given
from hypothesis import strategies as st

from study.folder.tables import StudyTables
from study.report.panel import GAP, Brush, Panel, Placed, Row, SomeArms, brushes, of_trials, sample
from study.report.trials.curves import curves_panel
from study.report.trials.learning_rate import learning_rate_panel
from study.report.trials.parallel import parallel_panel
from tests.study.report.simulated import MAJORITY


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 50))
def test_a_sample_is_small_ordered_and_holds_what_must_be_kept(
    keep: list[bool], most: int
) -> None:
    frame = pd.DataFrame({"row": np.arange(len(keep))})
    wanted = pd.Series(keep, dtype=bool)
    drawn = sample(frame, most, keep=wanted)["row"].tolist()
    assert len(drawn) == min(most, len(keep))
    assert drawn == sorted(set(drawn))
    kept = [i for i, k in enumerate(keep) if k]
    assert set(kept) <= set(drawn) or (len(kept) > most and set(drawn) <= set(kept))


def test_a_panel_knows_the_trials_that_its_points_stand_for() -> None:
    figure = go.Figure()
    figure.add_scatter(x=[0, 1, None, 0], y=[1, 2, None, 1], meta=of_trials([7, 7, GAP, 3], "a"))
    figure.add_scatter(x=[0, 1], y=[1, 2], meta={"arm": "a"})
    figure.add_scatter(x=[0], y=[1], meta=of_trials([9]))
    figure.add_scatter(x=[0], y=[1])
    assert Panel(reading="!", figure=figure).drawn == {3, 7, 9}
    assert Panel(reading="!").drawn == set()


def test_a_row_places_what_its_function_makes_and_nothing_where_it_makes_none() -> None:
    row = Row("p", "Is it so?", lambda n: Panel(reading="!", note="n = 1") if n else None)
    assert row.placed(1) == Placed(id="p", title="Is it so?", reading="!", note="n = 1")
    assert row.placed(0) is None


def test_arms_beyond_those_drawn_are_counted_in_the_note() -> None:
    some = SomeArms(arms=("a", "b"), n_arms=3)
    assert some.beyond("have a plot") == " Only the first 2 of 3 arms have a plot."
    assert SomeArms(arms=("a",), n_arms=1).beyond("have a plot") == ""


def test_a_panel_that_can_be_brushed_says_so() -> None:
    figure = go.Figure()
    assert not Panel(reading="!", figure=figure).can_brush
    brush = Brush(column="lr", along="x", low=(-2, 0.01), high=(0, 1.0), log=True)
    figure.update_layout(meta=brushes(brush))
    assert Panel(reading="!", figure=figure).can_brush


def test_every_point_of_a_trial_names_it(tables: StudyTables) -> None:
    for panel in (
        learning_rate_panel(tables, majority=MAJORITY),
        curves_panel(tables, majority=MAJORITY),
        parallel_panel(tables),
    ):
        assert panel.figure is not None
        for trace in panel.figure.data:
            trials = trace.meta["trials"]
            assert len(trials) == len(trace.x) == len(trace.y)
            gaps = pd.isna(np.asarray(trace.y, dtype=float))
            np.testing.assert_array_equal(trials == GAP, gaps)
            of_arm = tables.trials["arm"].iloc[trials[~gaps]]
            assert set(of_arm) == {trace.meta["arm"]}


def test_brushes_of_parallel_coordinates_turn_positions_into_values(tables: StudyTables) -> None:
    figure = parallel_panel(tables).figure
    assert figure is not None
    brushed = {brush["column"]: brush for brush in figure.layout.meta["brush"]}
    assert [brush["at"] for brush in brushed.values()] == list(range(len(brushed)))
    completed = tables.trials[tables.trials["status"] == "completed"]
    rates = completed["config/lr"]
    assert brushed["lr"]["log"]
    assert brushed["lr"]["low"] == (0.0, rates.min())
    assert brushed["lr"]["high"] == (1.0, rates.max())
    assert brushed["optimizer"]["high"] == (1.0, 1)  # its second level
    assert brushed["val_accuracy"]["high"] == (1.0, completed["val_accuracy"].max())
