"""docs/digits.md done as a reader would, with this process in the place of Ray."""

import re

import pytest

from study.check import main as check
from study.run import main
from study.running import tune_run
from study.running.in_process import InProcess
from tests.pages import Page, commands
from tests.study.trainable import forgotten

PAGE = Page("docs/digits.md")
TOLD = re.compile(r"(\w+)(?:, fragile)?: (.+?) \(([+-][\d.]+) points \[")


def verdicts(text):
    return {claim: (verdict, float(value)) for verdict, claim, value in TOLD.findall(text)}


def test_its_commands_settle_three_claims_as_it_says(tmp_path, monkeypatch, capsys):
    (tmp_path / "digits.py").write_text(PAGE.blocks("python")[0], encoding="utf-8")
    (tmp_path / "digits.toml").write_text(PAGE.blocks("toml")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tune_run, "OnRay", lambda resources, trainer: InProcess(trainer=trainer))
    status = {}
    for line in PAGE.shell_lines:
        (command,) = commands(line, {})
        with forgotten("digits"):
            status[command.module] = {"study.run": main, "study.check": check}[command.module](
                command.words
            )
    assert status == {"study.run": 0, "study.check": 3}
    found, said = verdicts(capsys.readouterr().out), verdicts(PAGE.text)
    assert len(said) == 3
    assert {claim: found[claim][0] for claim in said} == {c: v for c, (v, _) in said.items()}
    # other versions of the libraries add up in another order
    for claim, (_, value) in said.items():
        assert found[claim][1] == pytest.approx(value, abs=4)
