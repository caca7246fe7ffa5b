"""docs/letters.md done whole but small, with this process in the place of Ray."""

import re
import tomllib
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from study.check import main as check
from study.run import main
from study.running import tune_run
from study.running.in_process import InProcess
from tests.pages import Page, commands
from tests.study.trainable import forgotten

PAGE = Page("docs/letters.md")
TOML = PAGE.blocks("toml")[0]
TOLD = re.compile(r"^(\w+) +(gru|rate|size) +([+-][\d.]+) \[", re.MULTILINE)
SAID = {claim: verdict for verdict, claim, _ in TOLD.findall(PAGE.text)}
SMALLER = {
    "TOPIC, WINDOW, LETTERS = 1024,": "TOPIC, WINDOW, LETTERS = 128,",
    "trials = 24": "trials = 8",
}
"""What the page's files say, and what they say here, for seconds in the place of minutes."""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A reader's folder with the page's two files, made small."""
    text = {"letters.py": PAGE.blocks("python")[0], "letters.toml": TOML}
    for said, smaller in SMALLER.items():
        assert sum(said in whole for whole in text.values()) == 1, said
        text = {name: whole.replace(said, smaller) for name, whole in text.items()}
    for name, whole in text.items():
        (tmp_path / name).write_text(whole, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_its_commands_search_and_settle_what_it_claims(desk, monkeypatch, capsys):
    monkeypatch.setattr(tune_run, "OnRay", lambda resources, trainer: InProcess(trainer=trainer))
    for line in PAGE.shell_lines:
        (command,) = commands(line, {})
        with forgotten("letters"):
            status = {"study.run": main, "study.check": check}[command.module](command.words)
        # one refuted claim makes it 3, and one that is open 4
        assert status == (0 if command.module == "study.run" else 3)
    found = {claim: verdict for verdict, claim, _ in TOLD.findall(capsys.readouterr().out)}
    assert found == SAID
    made = desk / "results" / "letters"
    assert len(pd.read_parquet(made / "trials.parquet")) == 8
    assert set(pd.read_parquet(made / "looks.parquet")["claim"]) == set(SAID)


@pytest.mark.parametrize("net", [{"net": "gru"}, {"net": "conv", "kernel": 3}])
def test_a_training_that_goes_on_ends_where_a_whole_one_does(desk, net):
    with forgotten("letters"):
        train = import_module("letters").train
    fold = SimpleNamespace(train=np.arange(60), held_out=np.arange(60, 80))
    config = {**net, "size": 16, "lr": 0.01, "epochs": 3}
    whole, first, rest = Reports(), Reports(), Reports()
    train(config, seed=1, fold=fold, report=whole)
    train({**config, "epochs": 2}, seed=1, fold=fold, report=first)
    rest.kept, rest.done = first.kept, 2
    train(config, seed=1, fold=fold, report=rest)
    assert rest.epochs == {3: whole.epochs[3]}
    assert whole.epochs[3]["entropy"] < whole.epochs[1]["entropy"]


class Reports:
    """What a function reports, and the objects that it keeps, brought back if there are any."""

    def __init__(self):
        self.epochs, self.kept, self.done = {}, {}, 0

    def __call__(self, epoch, metrics):
        self.epochs[epoch] = metrics

    def keep(self, **objects):
        for name, before in self.kept.items():
            objects[name].load_state_dict(before.state_dict())
        self.kept = objects
        return self.done


def test_it_quotes_a_settled_verdict_of_each_of_three_claims():
    assert list(SAID) == list(tomllib.loads(TOML)["claims"])
    assert len(SAID) == 3
    assert set(SAID.values()) <= {"supported", "refuted"}
