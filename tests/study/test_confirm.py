import json
import shlex
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from agecls.classes import EIGHT
from agecls.errors import WeightsError
from agecls.faces.face_set import FaceSet, draw_face_set
from agecls.use.saved import load
from study.analysis.confirm.scoring import tempered
from study.asked.study_file import load_study
from study.confirm import _same_command, main, parser
from study.folder.parquet import read_table
from study.running import tune_run
from study.running.in_process import InProcess
from tests.study import tiny
from tests.study.staged import reads, write_search
from tests.untrained import Guessing, Untrained, without_checkpoints

CLAIM = """
[claims.bcd_equal]
text = "BCD performs like ORG"
factor = "variant"
equal = ["org", "bcd"]
within = 1.0
"""
KINDS = ("confirm", "predictions", "confirmed", "claims")


def write_study(folder, *, trials=4, seeds=0):
    """A tiny study whose faces have a test split, two of its images copied from train."""
    faces = folder / "faces"
    draw_face_set(faces, FaceSet(families=8, val_families=4, test_families=4, size=16, leaks=2))
    text = tiny.study_text(faces, trials=trials) + CLAIM
    path = folder / "tiny.toml"
    path.write_text(text.replace("[data]", f"[confirm]\nseeds = {seeds}\n[data]"))
    return path


def command(folder, *words):
    return [sys.executable, "-m", "study.confirm", *words, "--out", str(folder / "results")]


def run(folder, *words):
    return subprocess.run(
        command(folder, *words), capture_output=True, text=True, env=tiny.environment(folder),
        timeout=600,
    )  # fmt: skip


def tables(folder):
    return {kind: read_table(folder / f"{kind}.parquet", kind) for kind in KINDS}


def check_models(folder, faces, expected):
    """Each confirmed model, loaded again, says of test images what `predictions` holds."""
    columns = list(EIGHT.columns)
    for row in expected["confirm"].to_dict("records"):
        kept = load(folder / "models" / row["arm"] / "confirmed" / f"seed{row['seed']}")
        asked = expected["predictions"].query("split == 'test' and model == @row['model']")
        found = kept.predict([faces / image for image in asked["image"]], flip=False)
        told = tempered(asked[columns].to_numpy(), row["temperature"])
        np.testing.assert_allclose(found[columns].to_numpy(), told, atol=1e-4)
    assert not list((folder / "confirm" / "checkpoints").iterdir())


def test_help_answers_without_heavy_imports():
    code = (
        "import sys; from study.confirm import parser; parser().format_help();"
        "print(sorted({'torch', 'ray', 'pandas', 'optuna', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nobody"], "nobody: no such study"),
        (["nobody", "--seeds", "0"], "'0' is not a whole number of at least 1"),
        (["nobody", "--time-budget", "soon"], "'soon' is no length of time"),
    ],
)
def test_bad_input_is_status_2_and_no_traceback(tmp_path, words, expected):
    done = run(tmp_path, *words)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_the_way_to_go_on_names_all_that_must_be_told_again():
    words = ["it", "--out", "my results", "--data", "faces", "--weights", "w.pt", "--seeds", "7"]
    words += ["--storage", "s3://b/c", "--address", "auto", "--external", "museum=far/away"]
    options = parser().parse_args([*words, "--time-budget", "1h"])
    told = _same_command(options)
    assert told.startswith("python -m study.confirm it --out 'my results' ")
    again = vars(parser().parse_args(shlex.split(told)[3:]))
    assert again == vars(options) | {"time_budget": None}


def test_what_fails_midway_is_status_1_and_on_record_with_a_report(tmp_path, monkeypatch, capsys):
    class WeightsVanish(Untrained):
        def step(self):
            raise WeightsError("org-50.safetensors: there is no such file")

    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        tune_run, "OnRay", lambda resources, trainer: InProcess(trainer=WeightsVanish)
    )
    folder = tmp_path / "it"
    write_search(load_study(write_study(tmp_path)), folder, lr=0.01, epochs=2)
    assert main([str(folder)]) == 1
    assert capsys.readouterr().err == "study.confirm: org-50.safetensors: there is no such file\n"
    session = json.loads((folder / "study.json").read_text())["sessions"][-1]
    assert session["interrupted"] == "org-50.safetensors: there is no such file"
    assert (folder / "report.html").is_file()


def test_the_command_reads_each_table_once(tmp_path, monkeypatch):
    without_checkpoints(monkeypatch)
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tune_run, "OnRay", lambda resources, trainer: InProcess(trainer=Guessing))
    folder = tmp_path / "it"
    write_search(load_study(write_study(tmp_path, seeds=1)), folder, lr=0.01, epochs=2)
    with reads() as first:
        assert main([str(folder)]) == 0
    with reads() as again:
        assert main([str(folder)]) == 0
    own = {path.name for path in first if path.parent == folder}
    assert own == {"trials.parquet", "epochs.parquet", "predictions.parquet"}
    assert {path.name for path in again} > own | {"confirm.parquet", "claims.parquet"}
    for read in (first, again):
        assert len(read) == len(set(read))
    sessions = json.loads((folder / "study.json").read_text())["sessions"]
    assert sessions[-1]["ended_at"] in (folder / "report.html").read_text()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_stage_under_ray_killed_and_resumed_ends_as_the_unbroken_one(tmp_path):
    serial = ("--concurrency", "1")
    study = write_study(tmp_path, seeds=2)
    whole = tiny.run(tmp_path, study, *serial, "--name", "whole")
    assert whole.returncode == 0, whole.stderr
    expected = tables(tmp_path / "results" / "whole")
    assert len(expected["confirm"]) == 4
    assert (expected["confirm"]["status"] == "completed").all()
    assert expected["predictions"].query("split == 'test'")["is_duplicate"].any()
    assert set(expected["claims"]["stage"]) == {"search", "confirm"}
    assert "fresh seeds (the search's best trial" in whole.stdout
    check_models(tmp_path / "results" / "whole", tmp_path / "faces", expected)

    broken = tmp_path / "results" / "broken"
    process = tiny.start(tmp_path, study, *serial, "--name", "broken")
    tiny.wait_for_epochs(broken / "confirm" / "record.jsonl", 3, process)
    tiny.kill_hard(process)
    interrupted = subprocess.Popen(
        command(tmp_path, "broken", *serial), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=tiny.environment(tmp_path), start_new_session=True,
    )  # fmt: skip
    tiny.wait_for_epochs(broken / "confirm" / "record.jsonl", 5, interrupted)
    interrupted.send_signal(signal.SIGINT)
    stdout, stderr = interrupted.communicate(timeout=300)
    assert interrupted.returncode == 130, stderr
    assert "python -m study.confirm broken" in stdout
    done = run(tmp_path, "broken", *serial)
    assert done.returncode == 0, done.stderr
    for kind, frame in tables(broken).items():
        pd.testing.assert_frame_equal(frame, expected[kind])
    check_models(broken, tmp_path / "faces", expected)
    reads = json.loads((broken / "study.json").read_text())["test_reads"]
    assert len(reads) == 1

    again = run(tmp_path, "broken", *serial)
    assert again.returncode == 0, again.stderr
    assert "this is look 2" in again.stdout
    reads = json.loads((broken / "study.json").read_text())["test_reads"]
    assert [r["n_new_models"] for r in reads] == [4, 0]
    assert (broken / "report.html").exists()
