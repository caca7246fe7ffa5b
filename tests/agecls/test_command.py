import argparse
import os
import platform
import signal
import subprocess
import sys

import pytest

from agecls import command
from agecls.classes import DECADES, EIGHT, Classes
from agecls.command import classes_of
from agecls.errors import AgeclsError, DataLayoutError, DivergedError
from tests.agecls.pictures import write_picture


def raising(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (DataLayoutError("no faces"), 2, "tool: no faces"),
        (DivergedError("the loss is nan"), 1, "tool: the loss is nan"),
        (OSError(28, "No space left on device", "out.csv"), 1, "tool: out.csv: No space left"),
        (KeyboardInterrupt(), 130, "tool: interrupted; all is kept"),
        (DataLayoutError("a\nb"), 2, "tool: a\\nb"),
    ],
)
def test_an_error_is_one_line_and_its_status(capsys, error, status, line):
    assert command.status_of("tool", raising(error), when_interrupted="all is kept") == status
    err = capsys.readouterr().err
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_an_error_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        command.status_of("tool", raising(ZeroDivisionError()), when_interrupted="")


def test_sigterm_interrupts_and_the_old_handler_comes_back(capsys):
    before = signal.getsignal(signal.SIGTERM)

    def work():
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    assert command.status_of("tool", work, when_interrupted="bye") == 130
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("text", "expected"), [("45s", 45), ("1.5m", 90), ("6h", 21600)])
def test_lengths_of_time(text, expected):
    assert command.seconds(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "-3s", "0s", "5 weeks"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="no length of time"):
        command.seconds(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "²", "many"])
def test_what_is_no_positive_number_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="at least 1"):
        command.positive(text)


def test_progress_off_a_terminal_is_a_line_every_ten_seconds(capsys, monkeypatch):
    clock = iter([0.0, 1.0, 11.0, 12.0, 30.0])
    monkeypatch.setattr(command.time, "monotonic", lambda: next(clock))
    show = command.progress_on_stderr("Reading")
    for done in (10, 1500, 1600, 2000):
        show(done, 2000)
    assert capsys.readouterr().err == "Reading: 1,500 of 2,000\nReading: 2,000 of 2,000\n"


@pytest.mark.parametrize("module", ["agecls.audit", "study.run"])
def test_a_parser_complains_in_one_line_and_knows_the_version_of_its_package(capsys, module):
    parser = command.Parser(module, "Does things.")
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--bogus\nline"])
    assert capsys.readouterr().err == f"{module}: unrecognized arguments: --bogus\\nline\n"
    with pytest.raises(SystemExit, match="0"):
        parser.parse_args(["--version"])
    assert capsys.readouterr().out.startswith(f"{module.partition('.')[0]} ")


def write(path, text):
    path.write_text(text)
    return str(path)


def test_classes_are_named_or_those_of_a_file_or_of_the_data(tmp_path):
    for name in ("cat", "dog"):
        write_picture(tmp_path / "zoo" / name / "1.png")
    animals = Classes(("cat", "dog"), None, False)
    assert classes_of("eight", "x") == EIGHT
    assert classes_of("decades", "x") == DECADES
    assert classes_of("folders", str(tmp_path / "zoo")) == animals
    text = '[classes]\nnames = ["cat", "dog"]'
    assert classes_of(write(tmp_path / "c.toml", text), "x") == animals
    text = "[classes]\nyears = [[0, 17], [18, 120]]"
    assert classes_of(write(tmp_path / "c.toml", text), "x").midpoints == (8.5, 69)
    text = '[classes]\nof = "folders"'
    assert classes_of(write(tmp_path / "c.toml", text), str(tmp_path / "zoo")) == animals


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"has no \[classes\]"),
        ("classes =", "is not TOML"),
        ("[classes]", "says nothing"),
        ('[classes]\nname = ["a", "b"]', "`name` is none of names, years, ordered"),
        ("[classes]\nnames = [1, 2]", "`names` is a list of texts"),
        ('[classes]\nnames = ["a", "a"]', "each once"),
        ("[classes]\nyears = [[0, 9], [13]]", "two ages each"),
        ("[classes]\nyears = [[0, 9], [13, 19]]\nordered = false", "ages have an order"),
        ('[classes]\nnames = ["a", "b"]\nordered = 1', "true or false"),
    ],
)
def test_a_file_of_no_classes_is_refused_in_one_line(tmp_path, text, problem):
    with pytest.raises(AgeclsError, match=problem):
        classes_of(write(tmp_path / "c.toml", text), "x")


def test_words_for_no_classes_are_refused(tmp_path):
    with pytest.raises(AgeclsError, match="none of eight, decades, folders and no file"):
        classes_of("sixteen", "x")
    with pytest.raises(AgeclsError, match="has no two folders"):
        classes_of("folders", str(tmp_path))


THREADS = """
import sys
from agecls.command import status_of

def work():
    import scipy.linalg
    from threadpoolctl import threadpool_info
    print(*(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"))
    return 0

sys.exit(status_of("tool", work))
"""


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="elsewhere numpy may come without OpenBLAS, or PyTorch with it",
)
def test_a_commands_products_take_one_thread():
    pytest.importorskip("threadpoolctl")
    ours = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    words = [sys.executable, "-c", THREADS]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=ours)
    assert set(done.stdout.split()) == {"1"}


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"])
def test_a_users_number_of_threads_stays(monkeypatch, name):
    for known in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(known, raising=False)
    monkeypatch.setenv(name, "2")
    before = dict(os.environ)
    assert command.status_of("tool", lambda: 0) == 0
    assert dict(os.environ) == before


def test_threads_are_left_alone_where_pytorch_may_train_with_them(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    for known in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(known, raising=False)
    assert command.status_of("tool", lambda: 0) == 0
    assert "OPENBLAS_NUM_THREADS" not in os.environ
