from pathlib import Path

import pandas as pd

from study.report.look import arm_marks
from study.report.search.fidelity import fidelity_data, fidelity_figure, fidelity_panel
from tests.study.report.analyses import hand_analysis, hand_study, hand_trials
from tests.study.report.simulated import LR_ONLY, NO_EPOCHS, a_study, tables_of, trial

ARMS = ("scratch", "pretrained")


def rung(
    arm: str, number: int, r: float, low: float, high: float, n: int = 9
) -> dict[str, object]:
    return {
        "arm": arm,
        "rung": number,
        "fraction": 3.0**-number,
        "rank_correlation": r,
        "low": low,
        "high": high,
        "n_trials": n,
    }


RUNGS = pd.DataFrame(
    [
        rung("all", 1, 0.7, 0.5, 0.9, 18),
        rung("pretrained", 1, 0.8, 0.5, 0.95),
        rung("scratch", 1, 0.6, 0.1, 0.9),
        rung("pretrained", 2, 0.2, -0.3, 0.6),
        rung("scratch", 2, 0.7, 0.2, 0.9),
    ]
)


def test_a_row_per_arm_and_one_for_all_the_later_rung_filled() -> None:
    data = fidelity_data(hand_analysis(rungs=RUNGS), ARMS)
    assert data.arms == ("scratch", "pretrained", "all")
    figure = fidelity_figure(data, arm_marks(hand_study()))
    drawn = [(list(t.x), t.marker.symbol.endswith("-open")) for t in figure.data]
    assert drawn == [
        ([0.6], False), ([0.7], True), ([0.8], False), ([0.2], True), ([0.7], False),
    ]  # fmt: skip
    assert [t.meta and t.meta["arm"] for t in figure.data] == [
        "scratch", "scratch", "pretrained", "pretrained", None,
    ]  # fmt: skip
    assert figure.data[3].error_x.arrayminus[0] == 0.5
    assert list(figure.layout.yaxis.ticktext) == [*ARMS, "all arms, within each"]


def test_only_intervals_above_nothing_count_as_shown(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = fidelity_panel(tables, hand_analysis(rungs=RUNGS))
    assert panel.reading == (
        "After 1/3 of the plan the early order is shown to go with the last one in every arm; "
        "after 1/9 of the plan the early order is shown to go with the last one in scratch only."
    )
    assert panel.note.startswith("n = 18 design trials")
    assert "scratch after 1/3: 0.60 [0.10, 0.90]" in panel.alt


def test_where_nothing_is_shown_nothing_is_claimed(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    vague = RUNGS[RUNGS["rung"] == 1].assign(low=-0.2)
    panel = fidelity_panel(tables, hand_analysis(rungs=vague))
    assert panel.reading == (
        "After 1/3 of the plan no arm shows that the early order goes with the last one."
    )


def test_arms_that_have_none_of_their_own_are_told_of_together(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    pooled = pd.DataFrame([rung("all", 1, 0.7, 0.5, 0.9, 18), rung("all", 2, 0.2, -0.3, 0.6, 18)])
    panel = fidelity_panel(tables, hand_analysis(rungs=pooled))
    assert panel.reading == (
        "After 1/3 of the plan the early order is shown to go with the last one over all arms "
        "together; after 1/9 of the plan all arms together do not show that the early order goes "
        "with the last one."
    )


def test_in_a_study_of_one_arm_the_arm_is_all_there_is(tmp_path: Path) -> None:
    study = a_study(LR_ONLY, claims=())
    tables = tables_of(tmp_path, study, pd.DataFrame([trial(0)]), NO_EPOCHS)
    panel = fidelity_panel(tables, hand_analysis(rungs=RUNGS[RUNGS["arm"] == "all"]))
    assert panel.figure is not None
    assert panel.figure.data[0].meta == {"arm": "all"}
    assert panel.note.startswith("n = 18 design trials")


def test_without_design_trials_it_cannot_be_told(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = fidelity_panel(tables, hand_analysis(rungs=RUNGS.assign(rank_correlation=None)))
    assert panel.figure is None
    assert panel.reading.startswith("It cannot be told")
