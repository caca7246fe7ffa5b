from pathlib import Path

import pandas as pd

from study.asked.claims.difference import DifferenceClaim
from study.report.checks.power import power_panel
from tests.study.report.analyses import hand_analysis, hand_study, hand_trials
from tests.study.report.simulated import NO_EPOCHS, tables_of


def row(kind: str, name: str, **values: object) -> dict[str, object]:
    base = {
        "kind": kind,
        "name": name,
        "half_width": 2.0,
        "distance": 1.0,
        "n_now": 40,
        "n_needed": 1200.0,
        "more_trials": 1160.0,
        "seeds_per_arm": None,
        "advice": "about 1160 more design trials",
    }
    return base | values


POWER = pd.DataFrame(
    [
        row("claim", "helps", seeds_per_arm=12.0),
        row("factor", "lr", n_needed=None, more_trials=None, advice="out of reach here"),
        row(
            "box",
            "of lr, its middle half",
            distance=None,
            n_needed=None,
            more_trials=None,
            advice="±2",
        ),
    ]
)
CLAIM = DifferenceClaim(
    name="helps", text="It helps", factor="init", better="pretrained", worse="scratch", least=1.0
)


def test_each_open_question_has_a_row_with_what_would_settle_it(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(claims=(CLAIM,)), hand_trials(), NO_EPOCHS)
    panel = power_panel(tables, hand_analysis(power=POWER))
    assert panel.table is not None
    assert panel.table.rows == (
        (
            "It helps", "± 2.0 points", "1.0 points", "1,200", "1,160", "12",
            "about 1160 more design trials",
        ),
        ("factor lr", "± 2.0 points", "1.0 points", "–", "–", "–", "out of reach here"),
        ("range of lr, its middle half", "± 2.0 points", "–", "–", "–", "–", "±2"),
    )  # fmt: skip
    assert panel.reading == (
        "1 claim and 1 factor are unresolved, 1 of them out of reach of more trials or with "
        "nothing to plan from."
    )
    assert panel.note.startswith("n = 40 full-length trials now. Planning figures, not results")


def test_a_claim_about_shares_is_planned_in_shares(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(claims=(CLAIM,)), hand_trials(), NO_EPOCHS)
    claims = pd.DataFrame([{"claim": "helps", "unit": "share"}])
    power = pd.DataFrame([row("claim", "helps", half_width=0.2, distance=0.05)])
    panel = power_panel(tables, hand_analysis(power=power, claims=claims))
    assert panel.table is not None
    assert panel.table.rows[0][1:3] == ("± 20.0\u202f%", "5.0\u202f%")


def test_where_nothing_is_open_or_planned_a_sentence_says_so(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    panel = power_panel(tables, hand_analysis(power=POWER.iloc[2:]))
    assert panel.reading.startswith("Nothing is unresolved;")
    panel = power_panel(tables, hand_analysis(power=POWER.iloc[:0]))
    assert panel.table is None
    assert panel.reading.startswith("No plan can be made")
