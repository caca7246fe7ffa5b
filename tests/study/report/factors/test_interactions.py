from pathlib import Path

import pandas as pd
import pytest

from study.report.factors import interactions
from study.report.factors.interactions import (
    InteractionsData,
    interactions_data,
    interactions_figure,
    interactions_panel,
)
from study.report.wording import Measure
from tests.study.report.analyses import factor_row, hand_analysis, hand_study, hand_trials
from tests.study.report.simulated import NO_EPOCHS, tables_of

IMPORTANCE = pd.DataFrame(
    [
        factor_row("init", "unresolved", 0.2),
        factor_row("lr", "matters", 0.6),
        factor_row("loss", "matters", 0.1),
    ]
)


def pair(a: str, b: str, verdict: str, share: float, high: float) -> dict[str, object]:
    low = share / 2 if verdict == "matters" else 0.0
    return {
        "factor_a": a,
        "factor_b": b,
        "share": share,
        "low": low,
        "high": high,
        "verdict": verdict,
        "sd": 0.6,
        "probability": 0.5,
        "n_trials": 5,
        "reason": "because",
    }


PAIRS = pd.DataFrame(
    [
        pair("init", "lr", "matters", 0.09, 0.16),
        pair("init", "loss", "negligible", 0.001, 0.01),
        pair("lr", "loss", "unresolved", 0.01, 0.04),
    ]
)
FIT = hand_analysis().fit.assign(n_full=70, n_imputed=0)


def data_of(pairs: pd.DataFrame = PAIRS) -> InteractionsData:
    analysis = hand_analysis(importance=IMPORTANCE, interactions=pairs, fit=FIT)
    found = interactions_data(analysis, measure=Measure("val_accuracy"))
    assert found is not None
    return found


def panel_of(folder: Path, pairs: pd.DataFrame) -> interactions.Panel:
    tables = tables_of(folder, hand_study(), hand_trials(), NO_EPOCHS)
    analysis = hand_analysis(importance=IMPORTANCE, interactions=pairs, fit=FIT)
    return interactions_panel(tables, analysis)


def test_pairs_lie_below_the_diagonal_in_the_order_of_importance() -> None:
    data = data_of()
    assert data.names == ("lr", "loss", "init")
    assert data.pairs[["factor_a", "factor_b", "x", "y"]].values.tolist() == [
        ["init", "lr", 0, 2],
        ["init", "loss", 1, 2],
        ["lr", "loss", 0, 1],
    ]


def test_areas_are_shares_and_only_a_pair_that_matters_is_filled() -> None:
    figure = interactions_figure(data_of())
    disc, ring, open_, idle = figure.data
    assert (disc.marker.symbol, ring.marker.symbol) == ("circle", "circle-open")
    assert ring.marker.size[0] == 34.0
    assert disc.marker.size[0] == pytest.approx(34 * (0.09 / 0.16) ** 0.5)
    assert open_.marker.size[0] == pytest.approx(34 * (0.04 / 0.16) ** 0.5)
    assert idle.marker.size[0] == pytest.approx(34 * (0.01 / 0.16) ** 0.5)
    assert {t.marker.symbol for t in (open_, idle)} == {"circle-open"}
    assert (open_.text, list(open_.textposition)) == ("?", ["middle center"])


def test_the_hover_gives_the_interval_and_the_verdict() -> None:
    ring = interactions_figure(data_of()).data[1]
    assert ring.customdata[0][0] == (
        "<b>init × lr</b>: matters<br>9.0\u202f% [4.5\u202f%, 16.0\u202f%] of the variance, sd "
        "0.6 points<br>n ≥ 5 full-length trials per quarter<br>because"
    )


def test_the_sentence_says_what_the_verdicts_say(tmp_path: Path) -> None:
    panel = panel_of(tmp_path, PAIRS)
    assert panel.reading == (
        "init × lr (9.0\u202f% [4.5\u202f%, 16.0\u202f%] of the variance) matters; of 2 other "
        "pairs, 1 is shown to be negligible and 1 is unresolved."
    )
    assert panel.note.startswith("n = 70 full-length trials; 3 pairs.")


def test_where_no_pair_matters_none_is_named(tmp_path: Path) -> None:
    panel = panel_of(tmp_path, PAIRS.iloc[[2]])
    assert panel.reading == "No pair is shown to matter: 1 pair is unresolved."


def test_without_a_fit_or_without_pairs_a_sentence_says_why(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, hand_study(), hand_trials(), NO_EPOCHS)
    pairs = PAIRS.assign(reason="only 3 full-length trials")
    analysis = hand_analysis(interactions=pairs, fit=FIT.assign(n_full=None))
    panel = interactions_panel(tables, analysis)
    assert panel.reading == "Nothing can be said of any pair: only 3 full-length trials."
    panel = interactions_panel(tables, hand_analysis(interactions=PAIRS.iloc[:0], fit=FIT))
    assert panel.reading == "No two factors of this study can vary together."
    alone = hand_analysis(importance=IMPORTANCE.iloc[:1], interactions=PAIRS.iloc[:0], fit=FIT)
    assert interactions_panel(tables, alone).reading == "Fewer than two factors were varied."


def test_of_very_many_factors_the_first_are_drawn_and_the_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactions, "MOST_FACTORS", 2)
    panel = panel_of(tmp_path, PAIRS)
    assert panel.note.endswith("Drawn: the pairs among the 2 most important factors.")
    assert panel.figure is not None
    assert [len(t.x) for t in panel.figure.data] == [1]
