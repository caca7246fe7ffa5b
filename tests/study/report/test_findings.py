from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from study.columns import Kind
from study.report.findings import NOT_YET, findings_data, is_analysed
from study.tables import StudyTables, read_table, write_table


@pytest.fixture
def typed(tmp_path: Path) -> Callable[..., pd.DataFrame]:
    def make(kind: Kind, **columns: list[object]) -> pd.DataFrame:
        path = tmp_path / f"{kind}.parquet"
        write_table(path, pd.DataFrame(columns), kind, study_name="x")
        return read_table(path, kind)

    return make


def test_before_the_analysis_declared_claims_are_listed_as_open(tables: StudyTables) -> None:
    (claims,) = findings_data(tables)
    assert not is_analysed(tables)
    assert [row.cells[0] for row in claims.rows] == [
        "Transfer learning beats training from scratch"
    ]
    assert [row.verdict for row in claims.rows] == [NOT_YET]


def test_claims_show_estimate_interval_verdict_and_n(
    tables: StudyTables, typed: Callable[..., pd.DataFrame]
) -> None:
    frame = typed(
        "claims",
        claim=["transfer_helps", "other"],
        text=["Transfer helps", None],
        estimate=[9.14, None],
        low=[7.0, None],
        high=[11.2, None],
        verdict=["supported", "unresolved"],
        stage=["search", "search"],
        n_trials=[48, 40],
        n_seeds=[None, 5],
        reason=["the interval lies above 1 point", None],
        unit=["points", "points"],
    )
    analysed = replace(tables, claims=frame)
    assert is_analysed(analysed)
    (claims,) = findings_data(analysed)
    assert [row.cells for row in claims.rows] == [
        (
            "Transfer helps",
            "+9.1 [+7.0, +11.2]",
            "search",
            "48 trials",
            "the interval lies above 1 point",
        ),
        ("other", "withheld: too few trials to support it", "search", "40 trials, 5 seeds", "–"),
    ]
    assert [row.verdict for row in claims.rows] == ["supported", "unresolved"]


def test_importance_interactions_and_marginals_are_shown_as_they_are(
    tables: StudyTables,
    typed: Callable[..., pd.DataFrame],
) -> None:
    analysed = replace(
        tables,
        importance=typed(
            "importance", factor=["lr"], share=[0.61], low=[0.5], high=[0.7], verdict=["matters"],
            sd=[2.51], reason=["p = 0.001"],
        ),
        interactions=typed(
            "interactions", factor_a=["lr"], factor_b=["init"], share=[0.1], low=[0.0],
            high=[0.2], verdict=["unresolved"],
        ),
        marginals=typed(
            "marginals", factor=["lr"], level=["0.1"], estimate=[-3.0], low=[-4.0], high=[-2.0],
            n_trials=[12], extrapolated=[True],
        ),
    )  # fmt: skip
    _, importance, interactions, marginals = findings_data(analysed)
    share = "61.0\u202f% [50.0\u202f%, 70.0\u202f%]"
    assert importance.rows[0].cells == ("lr", share, "2.5", "p = 0.001")
    assert importance.rows[0].verdict == "matters"
    assert interactions.rows[0].cells[0] == "lr × init"
    assert marginals.rows[0].cells == (
        "lr", "0.1 (extrapolated)", "-3.0 [-4.0, -2.0]", "12 trials",
    )  # fmt: skip


def test_a_claim_about_importance_is_a_difference_of_shares_not_of_points(
    tables: StudyTables, typed: Callable[..., pd.DataFrame]
) -> None:
    frame = typed(
        "claims", claim=["structure_minor"], estimate=[0.42], low=[0.2], high=[0.6],
        verdict=["supported"], stage=["search"], unit=["share"],
    )  # fmt: skip
    (claims,) = findings_data(replace(tables, claims=frame))
    assert claims.rows[0].cells[1] == "42.0\u202f% [20.0\u202f%, 60.0\u202f%]"
