import os
import re
import signal
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from study import export_to
from study.exporters.forms import FORMS
from tests.study.planted import write_planted

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    return write_planted(tmp_path / "results" / "planted")


def command(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "study.export_to", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
    )


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="pip install tensorboard")
def test_tensorboard_files_come_to_the_study_s_folder_and_are_not_written_twice(folder, tmp_path):
    done = command("tensorboard", "planted", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "results/planted/tensorboard: 5 runs\n")
    assert len(list((folder / "tensorboard").rglob("events.*"))) == 5
    again = command("tensorboard", "planted", cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr == (
        "study.export_to: results/planted/tensorboard is no empty folder; remove it, or give "
        "another --to\n"
    )


@pytest.mark.skipif(find_spec("mlflow") is None, reason="pip install mlflow-skinny")
def test_mlflow_s_database_comes_to_the_study_s_folder(folder, tmp_path):
    done = command("mlflow", "planted", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"sqlite:///{folder}/mlflow.db: 5 runs in the experiment planted\n"
    assert (folder / "mlflow.db").stat().st_size > 0
    # nothing lies about where the user happened to be
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_what_is_not_there_is_one_line_and_status_2(folder, tmp_path, capsys, monkeypatch):
    assert export_to.main(["tensorboard", "nothing", "--out", str(tmp_path)]) == 2
    assert "nothing: no such study" in capsys.readouterr().err
    monkeypatch.setattr(export_to, "find_spec", lambda name: None)
    for tracker, package in (("mlflow", "mlflow-skinny"), ("tensorboard", "tensorboard")):
        assert export_to.main([tracker, "planted", "--out", str(folder.parent)]) == 2
        assert capsys.readouterr().err == (
            f"study.export_to: {tracker} is not installed; pip install {package}\n"
        )


def test_help_answers_without_heavy_imports():
    code = (
        "import sys\n"
        "from study.export_to import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'mlflow', 'tensorboard'}\n"
        "assert not heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mlflow ui" in done.stdout


def test_sigterm_ends_the_command_as_ctrl_c_does(monkeypatch, capsys):
    def ended(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal came to nothing")

    monkeypatch.setattr("study.report.__main__.find_folder", ended)
    # the test's own end, were the signal not the command's
    at_start = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert export_to.main(["tensorboard", "it"]) == 130
    finally:
        signal.signal(signal.SIGTERM, at_start)
    assert capsys.readouterr().err == "study.export_to: interrupted\n"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_its_module_and_an_extra_that_installs_what_it_needs(form):
    assert find_spec(f"study.exporters.{form}") is not None
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = extras["optional-dependencies"][form]
    assert any(re.fullmatch(rf"{FORMS[form].package}\W.*", requirement) for requirement in needs)
