"""What a command prints, in whatever locale and whoever reads it; real pipes and processes."""

import os
import subprocess
import sys

import pytest

from study.commands import COMMANDS

WORK = """
import os, sys, time
from agecls.command import Parser, status_of
from agecls.standard_output import say_last

def work():
    print("첫 줄", flush=True)
    time.sleep(float(sys.argv[1]) if sys.argv[1:] else 0)
    for _ in range(3):
        print("line", flush=True)
    print("erst", file=sys.stderr)
    with open(sys.argv[2] if sys.argv[2:] else os.devnull, "w") as file:
        file.write("whole")
    say_last("끝")
    return 130

Parser("agecls.test", "").parse_args([])
sys.exit(status_of("agecls.test", work, when_interrupted=""))
"""


@pytest.fixture
def shell(tmp_path):
    """Runs a line of bash in which RUN is the work."""
    (tmp_path / "work.py").write_text(WORK, "utf-8")

    def run(line, **environment):
        return subprocess.run(
            ["bash", "-c", line.replace("RUN", f"{sys.executable} {tmp_path}/work.py")],
            capture_output=True,
            timeout=60,
            env={**os.environ, **environment},
        )

    return run


@pytest.mark.parametrize(
    "locale",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_locale_without_the_letters_gets_escapes(shell, locale):
    done = shell("RUN", **locale)
    assert done.returncode == 130
    assert done.stdout.decode("ascii").splitlines()[0] == "\\uccab \\uc904"
    assert done.stderr == b"erst\n"


def test_a_locale_with_the_letters_gets_them(shell):
    assert "첫 줄" in shell("RUN", PYTHONIOENCODING="utf-8").stdout.decode()


def test_a_reader_that_leaves_ends_no_work_and_the_ending_goes_to_standard_error(shell, tmp_path):
    left = tmp_path / "left"
    done = shell(f"RUN 0.5 {left} | head -1; exit ${{PIPESTATUS[0]}}", PYTHONUTF8="1")
    assert done.returncode == 130
    assert done.stdout.decode() == "첫 줄\n"
    assert done.stderr.decode() == "erst\n끝\n"
    assert left.read_text() == "whole"


def test_nobody_reads_standard_error_either(shell, tmp_path):
    left = tmp_path / "left"
    done = shell(f"RUN 0.5 {left} 2>&1 | head -1; exit ${{PIPESTATUS[0]}}", PYTHONUTF8="1")
    assert (done.returncode, done.stderr) == (130, b"")
    assert left.read_text() == "whole"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_lead_nowhere_and_into_no_file(shell, tmp_path, closed):
    left = tmp_path / "left"
    done = shell(f"RUN 0 {left} {closed}", PYTHONUTF8="1")
    assert done.returncode == 130
    assert left.read_text() == "whole"


@pytest.mark.parametrize("module", COMMANDS.values())
def test_every_command_begins_with_it(module):
    """Its help is asked of a terminal that has gone away and had no letters."""
    done = subprocess.run(
        ["bash", "-c", f"({sys.executable} -m {module} --help; echo $? >&2) | true"],
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.stderr == b"0\n"
