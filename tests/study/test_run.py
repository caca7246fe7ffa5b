import errno
import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import torch
from rich.console import Console

from agecls.errors import DataLayoutError
from agecls.machine import cores
from agecls.nets.families import build_net
from agecls.nets.kernels.precision import number_format
from agecls.nets.weights import save_backbone
from study.asked.study_file import load_study
from study.errors import StudyError
from study.run import _resume_command, main, parser
from study.trainables.study_faces import study_faces
from tests.study import tiny

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tiny study, run once for all tests that only look at it."""
    folder = tmp_path_factory.mktemp("finished")
    done = tiny.run(folder, tiny.write_study(folder))
    assert done.returncode == 0, done.stderr
    return folder / "results" / "tiny", done


def test_the_main_job_leaves_every_file_of_the_contract(finished):
    folder, done = finished
    names = {path.name for path in folder.iterdir()}
    expected = {"study.toml", "study.json", "trials.parquet", "epochs.parquet", "report.html"}
    assert expected | {"journal.log", "models", "record.jsonl"} <= names
    assert f"Report: {folder / 'report.html'}" in done.stdout


def test_every_trial_is_in_the_table_with_its_memory_and_device(finished):
    trials = pd.read_parquet(finished[0] / "trials.parquet")
    assert trials["number"].tolist() == list(range(6))
    assert (trials["arm"] == "org").sum() == 3
    assert set(trials["status"]) <= {"completed", "stopped"}
    assert trials["peak_memory_mib"].between(100, 8000).all()
    assert (trials["device"] == "cpu").all()
    assert set(trials["number_format"]) == {number_format(torch.device("cpu"), "mixed")}
    epochs = pd.read_parquet(finished[0] / "epochs.parquet")
    assert len(epochs) == trials["epochs_run"].sum()


@pytest.mark.skipif(cores() == 1, reason="one core has one worker")
def test_workers_start_side_by_side(finished):
    trials = pd.read_parquet(finished[0] / "trials.parquet")
    first, second = trials["started_at"].sort_values().iloc[:2]
    assert (second - first).total_seconds() < 1  # a worker's imports take several


def test_the_terminal_names_each_arm_and_the_majority_class(finished):
    lines = finished[1].stdout
    for word in ("org: ", "bcd: ", "majority class: "):
        assert word in lines
    assert "Traceback" not in finished[1].stderr


def test_the_best_model_of_each_arm_is_kept_and_no_other_checkpoint(finished):
    folder = finished[0]
    trials = pd.read_parquet(folder / "trials.parquet")
    done = trials[trials["status"] == "completed"]
    best = done.loc[done.groupby("arm")["val_accuracy"].idxmax()].set_index("arm")["trial_id"]
    kept = {path.stem for path in (folder / "checkpoints").iterdir()}
    assert kept == set(best)
    for arm, trial_id in best.items():
        described = json.loads((folder / "models" / arm / "model.json").read_text())
        assert described["trial_id"] == trial_id
        assert (folder / "models" / arm / "model.safetensors").stat().st_size > 1e6


def test_provenance_says_how_the_study_was_made(finished):
    found = json.loads((finished[0] / "study.json").read_text())
    assert found["finished"]
    assert found["command"].startswith("python -m study.run")
    assert found["data"]["summary"]["images"]["train"] > 50
    assert found["sampler"]["multivariate"] is True


def test_an_existing_study_is_not_overwritten(finished):
    folder = finished[0].parent.parent
    again = tiny.run(folder, folder / "tiny.toml", "--name", "tiny")
    assert again.returncode == 2
    assert "--resume tiny" in again.stderr


def test_a_finished_study_resumed_trains_nothing_and_keeps_its_tables(finished):
    folder = finished[0]
    before = tiny.tables(folder)
    again = tiny.run(folder.parent.parent, "--resume", "tiny")
    assert again.returncode == 0, again.stderr
    for old, new in zip(before, tiny.tables(folder), strict=True):
        pd.testing.assert_frame_equal(old, new)


def test_a_changed_study_is_refused_with_the_difference(finished):
    folder = finished[0].parent.parent
    changed = folder / "changed.toml"
    changed.write_text((folder / "tiny.toml").read_text().replace("high = 0.1", "high = 0.2"))
    refused = tiny.run(folder, changed, "--resume", "tiny")
    assert refused.returncode == 2
    assert "0.2" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_after_the_epoch_with_status_130_and_the_way_to_go_on(tmp_path, number):
    study = tiny.write_study(tmp_path)
    process = tiny.start(tmp_path, study)
    record = tmp_path / "results" / "tiny" / "record.jsonl"
    tiny.wait_for_epochs(record, 2, process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert "--resume tiny" in stdout.splitlines()[-1]
    trials = pd.read_parquet(record.parent / "trials.parquet")
    assert "interrupted" in set(trials["status"]) or len(trials) < 6
    assert (record.parent / "report.html").exists()
    resumed = tiny.run(tmp_path, "--resume", "tiny")
    assert resumed.returncode == 0, resumed.stderr
    trials = pd.read_parquet(record.parent / "trials.parquet")
    assert len(trials) == 6
    assert set(trials["status"]) <= {"completed", "stopped"}


def shell(folder, line, **environment):
    """What bash makes of a line in which RUN is the main job on a tiny study of two trials."""
    words = shlex.join(map(str, tiny.command(tiny.write_study(folder, trials=2))))
    return subprocess.run(
        ["bash", "-c", line.replace("RUN", f"{words} --out {folder}/결과")],
        capture_output=True,
        env={**tiny.environment(folder), **environment},
        timeout=900,
    )


def test_a_reader_that_leaves_and_a_terminal_without_letters_end_no_search(tmp_path):
    line = "RUN | head -1; exit ${PIPESTATUS[0]}"
    done = shell(tmp_path, line, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"\n") == 1
    ending = done.stderr.decode("ascii").splitlines()
    assert ending[-1] == f"Report: {tmp_path}/\\uacb0\\uacfc/tiny/report.html"
    assert len(pd.read_parquet(tmp_path / "결과" / "tiny" / "trials.parquet")) == 2


def test_closed_descriptors_end_no_search(tmp_path):
    done = shell(tmp_path, "RUN >&- 2>&-")
    assert done.returncode == 0
    assert (tmp_path / "결과" / "tiny" / "report.html").exists()


def test_ctrl_c_that_ends_the_reader_too_gives_130_and_the_way_to_go_on(tmp_path):
    with tiny.start(tmp_path, tiny.write_study(tmp_path)) as process:
        tiny.wait_for_epochs(tmp_path / "results" / "tiny" / "record.jsonl", 2, process)
        process.stdout.close()  # as `tee` does
        process.send_signal(signal.SIGINT)
        ending = process.stderr.read()
    assert process.returncode == 130, ending
    assert "--resume tiny" in ending.splitlines()[-1]
    assert (tmp_path / "results" / "tiny" / "report.html").exists()


def test_a_time_budget_ends_the_search_and_says_so(tmp_path):
    study = tiny.write_study(tmp_path)
    done = tiny.run(tmp_path, study, "--time-budget", "1s")
    assert done.returncode == 130
    assert "time budget" in done.stdout
    assert (tmp_path / "results" / "tiny" / "study.toml").exists()


def test_more_trials_are_a_safe_change(tmp_path):
    study = tiny.write_study(tmp_path, trials=2)
    assert tiny.run(tmp_path, study).returncode == 0
    grown = tiny.run(tmp_path, "--resume", "tiny", "--trials", "4")
    assert grown.returncode == 0, grown.stderr
    trials = pd.read_parquet(tmp_path / "results" / "tiny" / "trials.parquet")
    assert len(trials) == 4
    assert (trials["origin"].iloc[2:] == "search").all()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nonsense"], "nonsense"),
        (["--data", "/does/not/exist"], "/does/not/exist"),
        (["--trials", "0"], "--trials"),
        (["--resume", "nobody"], "nobody"),
        (["demo", "--weights", "no-such-file.pt", "--trials", "4"], "no-such-file.pt"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path, words, expected):
    done = tiny.run(tmp_path, *words)
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_trials_that_all_fail_alike_end_the_search_with_their_reason(tmp_path):
    weights = tmp_path / "org-26.safetensors"
    model = build_net("org", 26)
    save_backbone(model, weights, made_by={}, mean=(0.5,) * 3, std=(0.5,) * 3, licence="none")
    study = tiny.write_study(tmp_path)
    pretrained = '\n[factors.init]\nrole = "fixed"\nvalue = "pretrained"\n'
    study.write_text(study.read_text() + pretrained)
    done = tiny.run(tmp_path, study, "--weights", weights)
    assert done.returncode == 1
    assert "the first 3 trials failed, so the others would too" in done.stderr
    trials = pd.read_parquet(tmp_path / "results" / "tiny" / "trials.parquet")
    failed = trials[trials["status"] == "failed"]
    assert len(failed) in (3, 4)  # one more may have been running
    assert failed["error"].str.contains("org-26.safetensors").all()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--resume", "tiny"], "--resume tiny"),
        (["--resume", "tiny", "--out", "my results"], "--resume tiny --out 'my results'"),
        (["--resume", "/far/tiny"], "--resume /far/tiny"),
        (["--resume", "tiny", "--storage", "s3://b/c"], "--resume tiny --storage s3://b/c"),
    ],
)
def test_the_way_to_go_on_names_what_must_be_told_again(words, expected):
    options = parser().parse_args(words)
    folder = options.out / "tiny" if options.resume == "tiny" else Path(options.resume)
    assert _resume_command(options, folder) == f"python -m study.run {expected}"


@pytest.mark.parametrize(
    ("words", "n"), [([], 8), (["--concurrency", "3"], 3), (["--cpus-per-trial", "4"], 2)]
)
def test_a_dry_run_counts_the_trials_that_will_run_at_a_time(
    tmp_path, monkeypatch, capsys, words, n
):
    monkeypatch.setattr("study.running.ray_session.cores", lambda: 8)
    assert main([str(tiny.write_study(tmp_path)), "--dry-run", *words]) == 0
    assert f"with {n} trials at a time" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_faces_are_read_is_status_130_in_one_line(
    tmp_path, monkeypatch, capsys, number
):
    def interrupted(*_, **__):
        os.kill(os.getpid(), number)
        raise AssertionError("the signal came to nothing")

    monkeypatch.setattr("study.trainables.study_faces.load_data", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    words = [str(tiny.write_study(tmp_path)), "--out", str(tmp_path / "results")]
    # a shell starts what runs in its background with SIGINT ignored, the tests too
    at_start = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(words) == 130
    finally:
        signal.signal(signal.SIGINT, at_start)
    assert capsys.readouterr().err == "study.run: interrupted\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_disk_that_is_full_is_one_line_with_the_file_and_the_way_to_go_on(
    tmp_path, monkeypatch, capsys
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/far/record.jsonl")

    monkeypatch.setattr("study.stages.session.Search", full)
    out = tmp_path / "results"
    assert main([str(tiny.write_study(tmp_path)), "--out", str(out)]) == 1
    assert capsys.readouterr().err == (
        "study.run: /far/record.jsonl: No space left on device; what is on disk is whole, go on "
        f"with: python -m study.run --resume tiny --out {out}\n"
    )


@pytest.mark.parametrize("there", [[], ["results"], ["results/tiny"]])
def test_a_refused_start_leaves_what_was_there_and_no_more(tmp_path, monkeypatch, capsys, there):
    @contextmanager
    def refuse(resources):
        raise StudyError("no node can hold a trial")
        yield

    for folder in there:
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr("study.running.ray_session.ray_session", refuse)
    words = [str(tiny.write_study(tmp_path)), "--out", str(tmp_path / "results")]
    assert main(words) == 2
    assert capsys.readouterr().err == "study.run: no node can hold a trial\n"
    assert (tmp_path / "results").exists() is bool(there)
    assert (tmp_path / "results" / "tiny").exists() is ("results/tiny" in there)


def test_a_relative_path_of_faces_is_kept_as_an_absolute_one(tmp_path, monkeypatch):
    study = tiny.write_study(tmp_path, trials=2)
    study.write_text(study.read_text().replace(str(tmp_path / "faces"), "faces"))
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    asked = []

    def only_remember(study, folder, means):
        asked.append(study.data)
        raise StudyError("enough")

    monkeypatch.setattr("study.stages.jobs.main_job", only_remember)
    monkeypatch.chdir(tmp_path)
    assert main([str(study), "--out", str(tmp_path / "results")]) == 2
    assert asked == [str(tmp_path / "faces")]


def test_an_older_relative_path_is_said_to_be_relative_and_to_what(tmp_path, monkeypatch):
    study = tiny.write_study(tmp_path, trials=2)
    old = load_study(study, overrides={"data": "faces"})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(DataLayoutError, match=r"faces does not exist.*elsewhere.*--data PATH"):
        study_faces(old, Console())


def test_help_answers_without_heavy_imports():
    code = (
        "import sys; from study.run import parser; parser().format_help();"
        "print(sorted({'torch', 'ray', 'pandas', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
