"""The main job's stages without Ray and without training; all else is real."""

import errno
import json
from dataclasses import dataclass, replace

import pandas as pd
import pytest
from rich.console import Console

from agecls.errors import WeightsError
from study.asked.study_file import load_study
from study.errors import StorageError, StudyError
from study.folder.folder import Folder
from study.running.in_process import InProcess
from study.running.ray_session import Resources
from study.running.steps import FAILURE, KIND
from study.stages import jobs, room
from study.stages.confirm import check_models
from study.stages.session import Means
from tests.study import tiny
from tests.study.staged import reads, session_at
from tests.untrained import Guessing, Untrained, without_checkpoints

UNTRAINED = InProcess(trainer=Untrained)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Conduct a tiny study of four trials in `tmp_path / "it"`."""
    study = load_study(tiny.write_study(tmp_path, trials=4))
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))

    def call(executor=UNTRAINED, **changes):
        means = Means(
            resources=Resources(), executor=executor, command=["study.run"],
            console=Console(quiet=True),
        )  # fmt: skip
        return jobs.main_job(replace(study, **changes), Folder(tmp_path / "it"), means)

    return call


def test_models_that_cannot_be_kept_cost_no_table(run, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(jobs.models, "keep_best", full)
    with pytest.raises(OSError, match="No space left"):
        run()
    trials = pd.read_parquet(tmp_path / "it" / "trials.parquet")
    assert len(trials) == 4
    epochs = pd.read_parquet(tmp_path / "it" / "epochs.parquet")
    assert len(epochs) == trials["epochs_run"].sum() > 4


def test_a_study_reads_its_tables_once_when_it_has_written_them(run, monkeypatch):
    without_checkpoints(monkeypatch)
    with reads() as read:
        outcome = run(InProcess(trainer=Guessing), confirm_seeds=1)
    assert outcome.interrupted is None
    assert len(read) == len(set(read)) == 5  # trials, epochs, predictions and two models' own


def test_confirmed_models_that_will_not_fit_are_told_before_any_is_trained(tmp_path, monkeypatch):
    study = load_study(tiny.write_study(tmp_path))
    free = 5 * 4 * 100_000_000 - 1  # of five seeds of two arms, twice what is there
    usage = type("Usage", (), {"free": free // 2})
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: usage)

    session, _ = session_at(study, tmp_path, None)
    with pytest.raises(StorageError, match=r"10 confirmed models may take 1\.0 GB"):
        check_models(session, n_seeds=5)


def test_the_disk_must_hold_the_checkpoints_of_the_trials_at_a_time(tmp_path, monkeypatch):
    study = load_study(tiny.write_study(tmp_path))
    usage = type("Usage", (), {"free": 0})
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr("study.running.ray_session.cores", lambda: 8)
    # two arms' best ones, their models, and one of each trial that runs
    with pytest.raises(StorageError, match=r"may take 2\.8 GB"):
        room.prepare(study, Folder(tmp_path / "it"), None, Resources(cpus_per_trial=2))


def test_a_search_in_which_every_trial_diverges_ends_with_its_tables_and_a_report(run, tmp_path):
    class Diverging(Untrained):
        def step(self):
            return {FAILURE: "the loss is nan", KIND: "diverged"}

    outcome = run(InProcess(trainer=Diverging), confirm_seeds=2)
    assert outcome.failed
    assert "no trial ran to its end, so there is nothing to confirm" in outcome.interrupted
    assert outcome.report.is_file()
    trials = pd.read_parquet(tmp_path / "it" / "trials.parquet")
    assert set(trials["status"]) == {"failed"}


def test_what_fails_midway_costs_no_table_and_is_on_record(run, tmp_path):
    class WeightsVanish(Untrained):
        def step(self):
            if self.epoch:
                raise WeightsError("org-50.safetensors: there is no such file")
            return super().step()

    outcome = run(InProcess(trainer=WeightsVanish))
    assert outcome.failed
    assert outcome.interrupted == "org-50.safetensors: there is no such file"
    assert pd.read_parquet(tmp_path / "it" / "epochs.parquet")["val_accuracy"].tolist() == [0.3]
    assert _session(tmp_path)["interrupted"] == outcome.interrupted


@dataclass(frozen=True)
class Refusing(InProcess):
    def ready(self):
        raise StudyError("no node can hold a trial of 2 GPUs")


def test_a_finished_study_stays_finished_where_ray_does_not_start(run, tmp_path):
    assert run().interrupted is None
    before = (tmp_path / "it" / "study.json").read_text()
    with pytest.raises(StudyError, match="no node"):
        run(Refusing())
    assert (tmp_path / "it" / "study.json").read_text() == before


def _session(tmp_path):
    """The last one in the study's provenance."""
    return json.loads((tmp_path / "it" / "study.json").read_text())["sessions"][-1]
