"""Commands on hostile input, in this process: the exit status, and one line on standard error."""

import contextlib
import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import strategies as st

from agecls.faces import main as faces
from study.report.__main__ import main as report
from study.run import main as run
from tests.agecls.pictures import family_rows, write_family_csv, write_family_set, write_picture
from tests.hostile.cases import EDITS, FRAGMENTS, NAMES, Edit, cases, damaged, try_out
from tests.hostile.results import write_results
from tests.hostile.test_records import metrics
from tests.hostile.test_weights import Trap
from tests.study import tiny

Command = Callable[[list[str]], int]


def status_and_line(
    command: Command, words: list[str], capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """The exit status and standard error, which is one line if the command did not succeed."""
    capsys.readouterr()
    try:
        status = command(words)
    except SystemExit as end:  # argparse
        status = int(end.code or 0)
    complaint = capsys.readouterr().err
    assert "Traceback" not in complaint
    if status in (1, 2):
        assert complaint.endswith("\n")
        assert complaint[:-1].isprintable(), complaint
    return status, complaint


@pytest.fixture(autouse=True)
def _without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main job with a plain loop in the place of Ray, and metrics in that of training."""

    @contextlib.contextmanager
    def session(resources: Any) -> Iterator[None]:
        yield

    def search(search: Any, *_: Any, tick: Callable[[], None], **__: Any) -> None:
        while (assignment := search.next()) is not None:
            goes_on, epoch = True, assignment.epochs_done
            while goes_on:
                epoch += 1
                goes_on = search.finished_epoch(assignment.number, metrics(assignment, epoch))
                tick()

    monkeypatch.setattr("study.tune_run.ray_session", session)
    monkeypatch.setattr("study.tune_run.run_search", search)
    monkeypatch.setattr("study.conduct.CHECKPOINT_BYTES", 0)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study file on drawn faces."""
    return tiny.write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture
def finished(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], _without_ray: None
) -> Path:
    """A copy of the results folder of the study, run to its end."""
    once = study.parent / "all"
    if not once.exists():
        status, complaint = status_and_line(run, [str(study), "--out", str(once)], capsys)
        assert (status, complaint) == (0, "")
    return Path(shutil.copytree(once / "tiny", tmp_path / "all" / "tiny"))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--trials", "many"], "--trials"),
        (["--trials", "1.5"], "--trials"),
        (["--trials", "9" * 5000], "--trials"),
        (["--trials", "-1"], "--trials"),
        (["--size", "5"], "--size"),
        (["--epochs", "0"], "--epochs"),
        (["--seed", "-1"], "--seed"),
        (["--concurrency", "0"], "--concurrency"),
        (["--concurrency", "-3"], "--concurrency"),
        (["--cpus-per-trial", "nan"], "--cpus-per-trial"),
        (["--gpus-per-trial", "inf"], "--gpus-per-trial"),
        (["--time-budget", "soon"], "--time-budget"),
        (["--name", "../elsewhere"], "--name"),
        (["--name", "a\nb"], "--name"),
        (["--name", "\u202egnp"], "--name"),
        (["--weights", "{secret}"], "--weights"),
        (["--data", "no\nsuch\nplace"], "no\\nsuch\\nplace"),
        (["--data", ""], "--data"),
        (["--resume", "no\x1b[31mbody"], "no\\x1b[31mbody"),
        (["--resume", "../.."], "no study to resume"),
        (["--unknown", "x\ny"], "--unknown"),
        (["--out"], "--out"),
    ],
)
def test_a_wrong_option_of_the_main_job_is_named_in_one_line(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], named: str
) -> None:
    out = [] if words == ["--out"] else ["--out", str(tmp_path / "out")]
    status, complaint = status_and_line(run, [str(study), *out, *words], capsys)
    assert status == 2
    assert named in complaint
    assert not (tmp_path / "out").exists()


def empty_folder(root: Path) -> None:
    root.mkdir()


def one_class(root: Path) -> None:
    write_family_set(root, "train", family_rows(4, letters="a"))
    write_family_set(root, "val", family_rows(2, first=9, letters="ab"))


def one_person(root: Path) -> None:
    for number, letter in enumerate("abcd"):
        write_picture(root / f"F0001_AGE_D_30_{letter}1.jpg", number)


def unknown_classes(root: Path) -> None:
    write_family_set(root, "train", [[*row[:2], "k", row[3]] for row in family_rows(2)])


def only_val(root: Path) -> None:
    write_family_set(root, "val", family_rows(2))


def pictures_of_nothing(root: Path) -> None:
    for letter in "ab":
        (root / letter).mkdir(parents=True)
        (root / letter / "x.jpg").write_bytes(b"no picture")


def rows_without_files(root: Path) -> None:
    write_family_csv(root, "train", family_rows(2))


def garbage_table(root: Path) -> None:
    root.mkdir()
    (root / "labels.csv").write_bytes(bytes(range(256)) * 9)


def utf_16_without_a_mark(root: Path) -> None:
    root.mkdir()
    (root / "labels.csv").write_bytes("path,label\n1.png,a\n".encode("utf-16-le"))


def a_link_to_itself(root: Path) -> None:
    root.symlink_to(root.name)


def duplicates_that_disagree(root: Path) -> None:
    write_family_set(root, "train", family_rows(2), seeds=[0] * 8)
    write_family_set(root, "val", family_rows(1, first=9))


BAD_DATA = (
    empty_folder, one_class, one_person, unknown_classes, only_val, pictures_of_nothing,
    rows_without_files, garbage_table, utf_16_without_a_mark, a_link_to_itself,
    duplicates_that_disagree,
)  # fmt: skip


@pytest.mark.parametrize("make", BAD_DATA)
def test_data_that_no_study_can_use_are_refused_before_anything_is_written(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None]
) -> None:
    make(tmp_path / "bad data")
    words = [str(study), "--data", str(tmp_path / "bad data"), "--out", str(tmp_path / "out")]
    status, complaint = status_and_line(run, words, capsys)
    assert status == 2
    assert "bad data" in complaint
    assert not (tmp_path / "out").exists()


def test_a_class_absent_from_val_is_no_obstacle_and_is_reported(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_family_set(tmp_path / "set", "train", family_rows(4, letters="abcd"))
    write_family_set(tmp_path / "set", "val", family_rows(2, first=9, letters="ab"))
    words = [str(study), "--data", str(tmp_path / "set"), "--out", str(tmp_path / "out")]
    assert status_and_line(run, words, capsys) == (0, "")
    page = (tmp_path / "out" / "tiny" / "report.html").read_text(encoding="utf-8")
    assert "c, d, e, f, g, h in val" in page


RESUMED = ("record.jsonl", "study.json", "study.toml", "journal.log", "trials.parquet")


@cases(10, 150)
def test_resuming_a_damaged_study_goes_on_or_says_in_one_line_why_not(
    n: int,
    finished: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the report takes longest, and is tried by other tests
    monkeypatch.setattr("study.conduct.write_report", lambda folder: folder / "report.html")
    expected = tiny.tables(finished)

    def check(name: str, edits: list[Edit]) -> None:
        folder = tmp_path / "damaged" / "tiny"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(finished, folder)
        whole = (finished / name).read_bytes()
        (folder / name).write_bytes(damaged(whole, edits))
        words = ["--resume", "tiny", "--out", str(folder.parent)]
        status, complaint = status_and_line(run, words, capsys)
        assert status in (0, 2)
        assert status == 0 or complaint.startswith("study.run: ")
        if status == 0 and name in ("journal.log", "trials.parquet", "study.json"):
            # what these hold is made from the record
            for found, was in zip(tiny.tables(folder), expected, strict=True):
                pd.testing.assert_frame_equal(found, was)

    try_out(n, check, name=st.sampled_from(RESUMED), edits=EDITS)


@pytest.mark.parametrize("name", [*RESUMED, "epochs.parquet", "report.html", "models"])
def test_resuming_a_study_that_lost_a_file_goes_on_or_names_what_is_missing(
    finished: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = finished / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    words = ["--resume", "tiny", "--out", str(finished.parent)]
    status, complaint = status_and_line(run, words, capsys)
    if name == "study.toml":
        assert status == 2
        assert "no study.toml" in complaint
    else:
        assert status == 0, complaint
        assert (finished / "report.html").is_file()


@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"data": []}', "\xff", "[" * 99_999])
def test_resuming_with_a_damaged_provenance_names_the_file(
    finished: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (finished / "study.json").write_bytes(content.encode("latin-1"))
    words = ["--resume", "tiny", "--out", str(finished.parent)]
    status, complaint = status_and_line(run, words, capsys)
    assert status == 2
    assert "study.json: damaged" in complaint


def test_resuming_never_runs_a_pickle_that_poses_as_a_checkpoint(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints = finished / "checkpoints"
    for number in range(6):
        (checkpoints / f"t{number:05d}.pt").write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    words = ["--resume", "tiny", "--out", str(finished.parent)]
    status, complaint = status_and_line(run, words, capsys)
    assert status == 2
    assert "checkpoint" in complaint
    assert not (tmp_path / "ran").exists()


def test_another_study_s_record_is_not_taken_for_ones_own(
    finished: Path, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(study), "--seed", "5", "--name", "other", "--out", str(finished.parent)]
    assert status_and_line(run, words, capsys) == (0, "")
    shutil.copy(finished.parent / "other" / "record.jsonl", finished / "record.jsonl")
    words = ["--resume", "tiny", "--out", str(finished.parent)]
    status, complaint = status_and_line(run, words, capsys)
    assert status == 2
    assert "record.jsonl, trial t00000: its seed is" in complaint


@cases(12, 150)
def test_a_report_of_any_name_is_written_or_refused_in_one_line(
    n: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(name: str) -> None:
        status, complaint = status_and_line(report, ["--out", str(tmp_path), "--", name], capsys)
        assert status == 2
        assert complaint.startswith("study.report: ")

    try_out(n, check, name=st.one_of(NAMES, st.text(min_size=1).filter(lambda t: "\0" not in t)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("trials.parquet", b""),
        ("trials.parquet", b"PAR1PAR1"),
        ("epochs.parquet", b"trial_id,epoch\nt0,1\n"),
        ("epochs.parquet", pickle.dumps({"a": 1})),
        ("study.toml", b"\xff\xfe"),
        ("study.toml", b""),
        ("study.json", b"[]"),
        ("study.json", json.dumps({"data": {"summary": {"images": {"val": "x"}}}}).encode()),
        ("claims.parquet", b"x"),
        ("confirm.parquet", b"x"),
    ],
)
def test_a_report_on_a_damaged_folder_is_written_or_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes
) -> None:
    folder = write_results(tmp_path / "out" / "broken", n=8)
    (folder / name).write_bytes(content)
    status, complaint = status_and_line(report, ["broken", "--out", str(tmp_path / "out")], capsys)
    if status:
        assert status == 2
        assert name in complaint
        assert not (folder / "report.html").exists()
    else:
        assert name == "study.json"


@pytest.mark.parametrize("fragment", [f for f in FRAGMENTS if "/" not in f and f.strip()])
def test_drawing_to_a_place_of_any_name_works_or_fails_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fragment: str
) -> None:
    (tmp_path / "file").write_text("x")
    out = str(tmp_path / "file" / fragment)
    status, complaint = status_and_line(faces, ["--families", "1", "--size", "16", out], capsys)
    assert status in (1, 2)
    assert str(tmp_path / "file") in complaint
