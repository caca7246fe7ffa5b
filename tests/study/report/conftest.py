import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from study.analysis import Analysis, Predicted, analyse, predicted_of
from study.asked.plans import PretrainPlan
from study.folder.tables import StudyTables, read_study
from study.report.confirm.values import ConfirmedValues, confirmed_values
from tests.study.report.browsing import chromium
from tests.study.report.confirming import confirm_study
from tests.study.report.simulated import a_study, provenance, simulate, written


@pytest.fixture(scope="session")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of 48 trials in four arms, before the analysis."""
    study = a_study(pretrain=PretrainPlan(data="synthetic-source", epochs=1))
    folder = tmp_path_factory.mktemp("results") / "demo"
    return written(folder, study, *simulate(study, 48), provenance())


@pytest.fixture
def folder(_folder: Path, tmp_path: Path) -> Path:
    """A copy of it, for this test alone."""
    copy = tmp_path / "results" / "demo"
    shutil.copytree(_folder, copy)
    return copy


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests of pages."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def tables(_folder: Path) -> StudyTables:
    """The folder, read."""
    return read_study(_folder)


@pytest.fixture(scope="session")
def analysis(tables: StudyTables) -> Analysis:
    """What the analysis says of it."""
    return analyse(tables.study, tables.trials, tables.epochs, seed=0)


@pytest.fixture(scope="session")
def confirmed_tables(_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyTables:
    """The same study, confirmed on five fresh seeds: pretraining is truly worth nine points."""
    copy = tmp_path_factory.mktemp("confirmed") / "demo"
    shutil.copytree(_folder, copy)
    worth = {"scratch": 0.46, "pretrained": 0.55}
    confirm_study(copy, {f"{v}-{i}": worth[i] for v in ("org", "bcd") for i in worth})
    return read_study(copy)


@pytest.fixture(scope="session")
def confirmed(confirmed_tables: StudyTables) -> ConfirmedValues:
    """What the confirm stage of it measured."""
    found = confirmed_values(confirmed_tables)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def predicted(confirmed_tables: StudyTables) -> Predicted:
    """What its confirmed models say image by image."""
    found = predicted_of(confirmed_tables)
    assert found is not None
    return found
