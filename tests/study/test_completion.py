import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import agecls
import study
from study.commands import COMMANDS
from study.completion import main

pytest.importorskip("shtab", reason="pip install shtab")
BASH = shutil.which("bash")


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "completion.sh"
    command = [sys.executable, "-m", "study.completion"]
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    return path


@pytest.mark.skipif(BASH is None, reason="no bash on this machine")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "python -m study.",
            "study.run study.confirm study.settle study.report study.check study.query "
            "study.export_to study.import_from",
        ),
        ("python3 -m agecls.pre", "agecls.pretrain agecls.predict"),
        ("python -m study.run fa", "faces-cpu faces-gpu"),
        ("python -m study.run own", "own.toml"),
        ("python -m study.run --tri", "--trials"),
        ("python -m study.run --trials 3 --resume t", "tried"),
        ("python -m study.report t", "tried"),
        ("python -m study.export_to mlf", "mlflow"),
        ("python -m study.export_to mlflow t", "tried"),
        ("python -m agecls.pretrain faces --target ", "classes years"),
        # whatever is not ours is left to bash
        ("python -m pip ins", ""),
        ("python own", ""),
        ("python -m", ""),
    ],
)
def test_bash_completes_the_last_word(script, tmp_path, line, expected):
    (tmp_path / "results" / "tried").mkdir(parents=True)
    (tmp_path / "results" / "tried" / "study.toml").touch()
    (tmp_path / "results" / "torn").mkdir()
    (tmp_path / "own.toml").touch()
    (tmp_path / "own.py").touch()
    words = " ".join(f"'{word}'" for word in line.split(" "))
    code = f"""source {script}
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _study_python
        echo "${{COMPREPLY[*]}}" """
    command = [BASH, "--norc", "--noprofile", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert (done.stdout.strip(), done.stderr) == (expected, "")


def test_every_command_is_completed():
    packages = [Path(package.__file__).parent for package in (agecls, study)]
    found = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for package in packages
        for path in package.rglob("*.py")
        if "def parser() -> " in path.read_text()
    }
    assert found == {*COMMANDS.values(), "study.completion"}


def test_without_shtab_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr("study.completion.find_spec", lambda name: None)
    assert main([]) == 2
    assert capsys.readouterr().err == (
        "study.completion: shtab is not installed; pip install shtab\n"
    )
