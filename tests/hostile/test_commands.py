"""Commands on hostile input, in this process: the exit status, and one line on standard error."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import strategies as st

from agecls.faces.__main__ import main as faces
from study.folder.record import Record
from study.report.__main__ import main as report
from study.run import main as run
from study.running.in_process import InProcess
from study.running.steps import METRICS
from tests.agecls.pictures import family_rows, write_family_set
from tests.hostile.cases import EDITS, FRAGMENTS, NAMES, Edit, cases, damaged, try_out
from tests.hostile.commands import BAD_DATA, status_and_line
from tests.hostile.results import write_results
from tests.hostile.test_records import metrics
from tests.hostile.test_weights import POSES, Trap
from tests.study import tiny
from tests.untrained import Untrained


class Measured(Untrained):
    """Metrics that are a function of the configuration, in the place of training."""

    def step(self) -> dict[str, Any]:
        self.epoch += 1
        rate = self.config["recipe"]["lr"]
        return {METRICS: metrics(self.config["number"], rate, self.epoch)}


@pytest.fixture(autouse=True)
def _without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main job in this process, without training."""
    monkeypatch.setattr(
        "study.running.tune_run.OnRay", lambda resources, trainer: InProcess(trainer=Measured)
    )
    monkeypatch.setattr("study.stages.disk_space.CHECKPOINT_BYTES", 0)
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
    monkeypatch.setattr("study.stages.jobs._report", lambda session: session.folder.report)
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
    elif name == "record.jsonl":  # trials would be trained again over their table
        assert status == 2
        assert f"{name} lacks" in complaint, complaint
    elif name == "study.json":  # of what is locked, nothing else knows the hash
        assert status == 1
        assert f"{name}: lacks the hash of lock.json" in complaint, complaint
        (finished / "lock.json").unlink()
        assert status_and_line(run, words, capsys) == (0, "")
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
    assert run(words) == 0
    told = capsys.readouterr()
    for arm in ("org", "bcd"):
        assert f"{arm}: no model of its best trial t0000" in told.out
    assert "is damaged or no checkpoint" in told.out.replace("\n", " ")
    assert told.err == ""
    assert not (tmp_path / "ran").exists()
    assert not list((finished / "models").rglob("*.safetensors"))


def test_the_study_file_changed_by_hand_is_refused_with_the_difference(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = finished / "study.toml"
    path.write_text(path.read_text().replace("reduction = 3", "reduction = 2"))
    words = ["--resume", "tiny", "--out", str(finished.parent)]
    status, complaint = status_and_line(run, words, capsys)
    assert status == 2
    assert "study.toml: it has changed since the study began" in complaint
    assert "[study] reduction: 3 became 2" in complaint


def test_a_second_command_on_a_study_that_runs_leaves_its_half_written_checkpoints(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    being_written = finished / "checkpoints" / ".t00001.pt.123.tmp"
    being_written.write_bytes(b"half")
    with Record(finished):
        words = ["--resume", "tiny", "--out", str(finished.parent)]
        status, complaint = status_and_line(run, words, capsys)
    assert status == 2
    assert "another process is working on this study" in complaint
    assert being_written.exists()


@pytest.mark.parametrize("pose", POSES)
def test_weights_that_are_a_pickle_are_refused_before_anything_is_written_and_never_run(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], pose: str
) -> None:
    evil = tmp_path / "evil.pt"
    evil.write_bytes(POSES[pose](Trap(tmp_path / "ran")))
    pretrained = tmp_path / "tiny.toml"
    pretrained.write_text(
        study.read_text() + '[factors.init]\nrole = "fixed"\nvalue = "pretrained"\n'
    )
    words = [str(pretrained), "--weights", str(evil), "--out", str(tmp_path / "out")]
    status, complaint = status_and_line(run, words, capsys)
    assert status == 2
    assert "evil.pt" in complaint
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out").exists()


def test_another_study_s_record_is_not_taken_for_ones_own(
    finished: Path, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(study), "--seed", "5", "--name", "other", "--out", str(finished.parent)]
    assert status_and_line(run, words, capsys) == (0, "")
    shutil.copy(finished.parent / "other" / "record.jsonl", finished / "record.jsonl")
    words = ["--resume", "tiny", "--out", str(finished.parent)]
    status, complaint = status_and_line(run, words, capsys)
    assert status == 2
    assert "trials.parquet: of its " in complaint
    assert "record.jsonl" in complaint


def test_a_name_that_no_folder_can_have_is_no_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, complaint = status_and_line(report, ["--out", str(tmp_path), "n" * 300], capsys)
    assert status == 2
    assert "no such study" in complaint


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
