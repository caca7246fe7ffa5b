"""docs/your-function.md done as a reader would, with this process in the place of Ray."""

import sys

import pandas as pd
import pytest

from study.asked.free import TrainableStudyTable
from study.asked.plans import Trainable
from study.measure import Scale
from study.run import main
from study.running import tune_run
from study.running.in_process import InProcess
from study.running.steps import METRICS
from study.trainables.found import fingerprint
from study.trainables.steps import FunctionSteps
from tests.pages import Page, commands
from tests.study.trainable import forgotten

PAGE = Page("docs/your-function.md")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The reader's folder, in which the page's files lie."""
    (tmp_path / "moons.py").write_text(PAGE.blocks("python")[0], encoding="utf-8")
    (tmp_path / "moons.toml").write_text(PAGE.blocks("toml")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tune_run, "OnRay", lambda resources, trainer: InProcess(trainer=trainer))
    return tmp_path


def test_its_commands_lead_from_a_function_to_a_report(desk, capsys):
    for line in PAGE.shell_lines:
        (command,) = commands(line, {})
        with forgotten("moons"):
            assert main(command.words) == 0
    assert "80 trials in 2 arms: 34 design, 6 repeat, 40 search" in capsys.readouterr().out
    home = desk / "results/moons"
    trials = pd.read_parquet(home / "trials.parquet")
    assert set(trials["status"]) == {"completed", "stopped"}
    assert trials["accuracy"].max() > 0.85
    assert (home / "report.html").is_file()
    assert len(pd.read_parquet(home / "claims.parquet")) == 1


def test_the_function_is_short_and_needs_numpy_alone():
    text = PAGE.blocks("python")[0]
    assert len([line for line in text.splitlines() if line]) <= 25
    assert [line for line in text.splitlines() if "import" in line] == ["import numpy as np"]


def test_a_trial_that_keeps_its_model_goes_on(tmp_path):
    (tmp_path / "kept.py").write_text(PAGE.blocks("python")[1], encoding="utf-8")
    told = {
        "config": {"rate": 0.05, "epochs": 3},
        "seed": 1,
        "epochs": 3,
        "fold": None,
        "trial_id": "t00000",
        "storage": str(tmp_path),
        "threads": 1,
        "wants_gpu": False,
    }
    asked = Trainable(function="kept:train", scale=Scale(), folder=str(tmp_path))
    losses = []
    for done, n in ((0, 1), (1, 2)):
        with forgotten("kept"):
            steps = FunctionSteps(asked, fingerprint(asked), "loss", None)
            steps.begin({**told, "epochs_done": done})
            losses += [steps.step()[METRICS]["loss"] for _ in range(n)]
            steps.end()
    assert losses[0] > losses[1] > losses[2]
    assert "kept" not in sys.modules


def test_every_key_of_its_own_is_explained():
    page = PAGE.text
    assert not {key for key in TrainableStudyTable.model_fields if f"`{key}`" not in page}
