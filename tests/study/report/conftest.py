import json
import shutil
from pathlib import Path

import pytest

from study.factors import PretrainPlan
from study.study_file import dump_study
from study.tables import StudyTables, read_study, write_table
from tests.study.report.simulated import a_study, provenance, simulate


@pytest.fixture(scope="session")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of 48 trials in four arms, before the analysis."""
    folder = tmp_path_factory.mktemp("results") / "demo"
    folder.mkdir()
    study = a_study(pretrain=PretrainPlan(data="synthetic-source", epochs=1))
    trials, epochs = simulate(study, 48)
    (folder / "study.toml").write_text(dump_study(study))
    (folder / "study.json").write_text(json.dumps(provenance()))
    path = folder / "trials.parquet"
    write_table(path, trials, "trials", study_name="demo", factors=study.factors)
    write_table(folder / "epochs.parquet", epochs, "epochs", study_name="demo")
    return folder


@pytest.fixture
def folder(_folder: Path, tmp_path: Path) -> Path:
    """A copy of it, for this test alone."""
    copy = tmp_path / "results" / "demo"
    shutil.copytree(_folder, copy)
    return copy


@pytest.fixture(scope="session")
def tables(_folder: Path) -> StudyTables:
    """The folder, read."""
    return read_study(_folder)
