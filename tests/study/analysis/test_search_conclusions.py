import shutil

import pandas as pd
import pytest

from study.analysis import conclude
from study.asked.study_file import dump_study
from study.folder.parquet import read_table, write_table
from study.folder.tables import read_study
from tests.study.report.simulated import a_study, simulate


@pytest.fixture
def folder(tmp_path):
    study = a_study(weights="weights.safetensors")
    trials, epochs = simulate(study, 48)
    (tmp_path / "study.toml").write_text(dump_study(study))
    path = tmp_path / "trials.parquet"
    write_table(path, trials, "trials", study_name="demo", factors=study.factors)
    write_table(tmp_path / "epochs.parquet", epochs, "epochs", study_name="demo")
    return tmp_path


def test_the_four_tables_are_written_and_hold_what_was_found(folder):
    found = conclude(folder).analysis
    tables = read_study(folder)
    assert tables.importance["factor"].tolist() == found.importance["factor"].tolist()
    assert tables.importance["share"].tolist() == found.importance["share"].tolist()
    assert tables.claims["verdict"].tolist() == found.claims["verdict"].tolist()
    assert len(tables.marginals) == len(found.marginals) > 0
    assert len(tables.interactions) == len(found.interactions) > 0


def test_the_same_tables_give_the_same_answers(folder, tmp_path_factory):
    again = tmp_path_factory.mktemp("again") / "study"
    shutil.copytree(folder, again)
    conclude(folder)
    conclude(again)
    for kind in ("importance", "interactions", "marginals", "claims"):
        name = f"{kind}.parquet"
        pd.testing.assert_frame_equal(
            read_table(folder / name, kind), read_table(again / name, kind)
        )


def test_claims_of_the_confirm_stage_stay(folder):
    confirmed = pd.DataFrame(
        {"claim": ["transfer_helps"], "stage": ["confirm"], "verdict": ["supported"]}
    )
    write_table(folder / "claims.parquet", confirmed, "claims", study_name="demo")
    for _ in range(2):
        conclude(folder)
        stages = read_table(folder / "claims.parquet", "claims")["stage"].tolist()
        assert stages == ["search", "confirm"]
