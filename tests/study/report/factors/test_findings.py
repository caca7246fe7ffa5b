from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from study.folder.columns import Kind
from study.folder.parquet import read_table, write_table
from study.folder.tables import StudyTables
from study.report.factors.findings import findings_data, is_analysed


@pytest.fixture
def typed(tmp_path: Path) -> Callable[..., pd.DataFrame]:
    def make(kind: Kind, **columns: list[object]) -> pd.DataFrame:
        path = tmp_path / f"{kind}.parquet"
        write_table(path, pd.DataFrame(columns), kind, study_name="x")
        return read_table(path, kind)

    return make


def test_before_the_analysis_there_is_no_table(tables: StudyTables) -> None:
    assert not is_analysed(tables)
    assert findings_data(tables) == []


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
    assert is_analysed(analysed)
    importance, interactions, marginals = findings_data(analysed)
    share = "61.0\u202f% [50.0\u202f%, 70.0\u202f%]"
    assert importance.rows[0].cells == ("lr", share, "2.5", "p = 0.001")
    assert importance.rows[0].verdict == "matters"
    assert interactions.rows[0].cells[0] == "lr × init"
    assert marginals.rows[0].cells == (
        "lr", "0.1 (extrapolated)", "-3.0 [-4.0, -2.0]", "12 trials",
    )  # fmt: skip
