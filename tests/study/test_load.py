import subprocess
import sys

import pandas as pd
import pytest

import study
from study.errors import StudyError
from tests.study.planted import START, write_planted


@pytest.fixture
def folder(tmp_path):
    return write_planted(tmp_path / "results" / "planted")


def test_a_study_is_loaded_by_name_and_by_folder(folder):
    for found in (study.load("planted", out=folder.parent), study.load(folder)):
        assert found.folder == folder
        assert found.study.name == "planted"
        assert found.trials["trial_id"].tolist() == ["t00000", "t00001", "t00002", "t00003"]
        assert len(found.epochs) == 4


def test_the_frames_are_typed(folder):
    trials = study.load(folder).trials
    assert trials["epochs_run"].dtype == pd.Int64Dtype()
    assert trials["collapsed"].dtype == pd.BooleanDtype()
    assert trials["config/zero_gamma"].tolist() == [True, pd.NA, False, pd.NA]
    assert trials["val_accuracy"].dtype == "float64"
    assert trials["started_at"].iloc[0] == START


def test_a_stage_that_has_not_run_is_none(folder):
    found = study.load(folder)
    assert found.confirm["test_accuracy"].tolist() == [0.4]
    assert found.claims is found.confirmed is found.importance is found.predictions is None


def test_predictions_are_read_when_they_are_asked_for(folder):
    found = study.load(folder)
    (folder / "predictions.parquet").write_bytes(b"damaged")
    with pytest.raises(StudyError, match="not a whole parquet file"):
        _ = found.predictions


def test_a_study_that_is_not_there_is_an_error_that_names_those_that_are(folder):
    with pytest.raises(StudyError, match=r"planed: no such study.*there are planted"):
        study.load("planed", out=folder.parent)


def test_loading_needs_neither_torch_nor_ray_nor_optuna(folder):
    code = (
        "import sys, study\n"
        "assert not {'pandas', 'numpy', 'pyarrow'} & set(sys.modules), 'the import is heavy'\n"
        "study.load(sys.argv[1])\n"
        "print(*({'torch', 'ray', 'optuna', 'plotly', 'scipy'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
