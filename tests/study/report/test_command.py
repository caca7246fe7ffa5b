import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from study import __version__
from study.report.__main__ import main


def test_the_report_s_path_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([folder.name, "--out", str(folder.parent)]) == 0
    path = folder / "report.html"
    printed = capsys.readouterr()
    assert printed.out == f"{path}\n"
    recipe, checks = printed.err.splitlines()
    assert recipe.startswith("Recipe to use in arm ")
    assert re.fullmatch(r"\d+ checks: \d+ issues?, \d+ tips?, .+\.", checks)
    assert path.is_file()
    path.unlink()


def test_a_path_works_as_a_name(folder: Path, tmp_path: Path) -> None:
    assert main([str(folder), "--out", str(tmp_path)]) == 0
    (folder / "report.html").unlink()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["nobody"], "nobody: no such study, neither .*; there are demo$"),
        (["demo", "demo"], "a study is named twice; name each one once"),
        (["demo", "demo", "--format", "md"], "--format md is of one study; a comparison is html"),
    ],
)
def test_wrong_names_end_with_status_2_and_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], names: list[str], message: str
) -> None:
    assert main([*names, "--out", str(folder.parent)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error.strip())


def test_a_damaged_table_ends_with_status_2_and_its_name(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("study.toml", "epochs.parquet"):
        (broken / name).write_bytes((folder / name).read_bytes())
    (broken / "trials.parquet").write_bytes((folder / "trials.parquet").read_bytes()[:99])
    assert main([str(broken)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "trials.parquet: not a whole parquet file" in error
    assert not (broken / "report.html").exists()


def test_a_folder_that_cannot_be_written_ends_with_status_1(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("study.report.page.write_whole", refuse)
    assert main([str(folder)]) == 1
    assert "Permission denied" in capsys.readouterr().err


def test_the_summary_s_path_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder), "--format", "md"]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.md'}\n"
    assert not (folder / "report.html").exists()


def test_several_names_give_one_report_that_compares_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    assert main(["demo", "other", "--out", str(folder.parent)]) == 0
    path = folder.parent / "demo-vs-other.html"
    assert capsys.readouterr().out == f"{path}\n"
    assert "What changed between these studies?" in path.read_text()


def test_wrong_usage_ends_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "NAME" in capsys.readouterr().err


def in_a_fresh_interpreter(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_report_needs_neither_torch_nor_ray() -> None:
    code = "import sys, study.report.page; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = in_a_fresh_interpreter(code).split()
    assert "plotly" in loaded
    assert not {"torch", "ray", "torchvision", "optuna"} & set(loaded)


def test_help_and_version_answer_without_loading_pandas() -> None:
    code = (
        "import sys; from study.report.__main__ import main\n"
        "try: main(['{flag}'])\n"
        "except SystemExit as end: print(end.code, 'pandas' in sys.modules)"
    )
    assert in_a_fresh_interpreter(code.format(flag="--version")) == (
        f"study {__version__}\n0 False\n"
    )
    shown = in_a_fresh_interpreter(code.format(flag="--help"))
    assert "--out DIR" in shown
    assert shown.endswith("0 False\n")


def test_help_answers_in_half_a_second() -> None:
    def seconds() -> float:
        start = time.perf_counter()
        command = [sys.executable, "-m", "study.report", "--help"]
        subprocess.run(command, capture_output=True, check=True)
        return time.perf_counter() - start

    # the fastest of some, since other work shares the machine
    assert min(seconds() for _ in range(5)) < 0.5


def test_sigterm_ends_the_command_as_ctrl_c_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal came to nothing")

    monkeypatch.setattr("study.report.__main__.find_folder", ended)
    # the test's own end, were the signal not the command's
    at_start = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert main(["it"]) == 130
    finally:
        signal.signal(signal.SIGTERM, at_start)
    assert capsys.readouterr().err == "study.report: interrupted\n"
