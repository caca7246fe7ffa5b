"""The main job's stages without Ray: a loop that trains nothing stands for the executor."""

import errno
import json
from contextlib import nullcontext
from dataclasses import fields, replace

import pandas as pd
import pytest
from rich.console import Console

from agecls.errors import WeightsError
from agecls.training.loop import EpochMetrics
from study.asked.study_file import load_study
from study.errors import StorageError, StudyError
from study.running.ray_session import Resources
from study.stages import session
from tests.study import tiny

NUMBERS = {field.name: 0.5 for field in fields(EpochMetrics)}
PLACE = {"node": "here", "device": "cpu", "peak_memory_mib": 100.0}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Conduct a tiny study of four trials in `tmp_path / "it"`."""
    study = load_study(tiny.write_study(tmp_path, trials=4))
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(session.ray_session, "ray_session", lambda resources: nullcontext())
    monkeypatch.setattr(session.tune_run, "run_search", _all_epochs)

    def call(**changes):
        return session.conduct(
            replace(study, **changes), tmp_path / "it", resources=Resources(), time_budget=None,
            storage=None, command=["study.run"], console=Console(quiet=True),
        )  # fmt: skip

    return call


def _all_epochs(search, data, storage, *, tick, **rest):
    while (asked := search.next()) is not None:
        for epoch in range(1, asked.epochs_planned + 1):
            measured = {"epoch": epoch, "val_accuracy": 0.3, "collapsed": False, **PLACE}
            if not search.finished_epoch(asked.number, NUMBERS | measured):
                break
        tick()


def test_models_that_cannot_be_kept_cost_no_table(run, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(session.models, "keep_best", full)
    with pytest.raises(OSError, match="No space left"):
        run()
    trials = pd.read_parquet(tmp_path / "it" / "trials.parquet")
    assert len(trials) == 4
    epochs = pd.read_parquet(tmp_path / "it" / "epochs.parquet")
    assert len(epochs) == trials["epochs_run"].sum() > 4


def test_confirmed_models_that_will_not_fit_are_told_before_any_is_trained(tmp_path, monkeypatch):
    study = load_study(tiny.write_study(tmp_path))
    free = 5 * 4 * 100_000_000 - 1  # of five seeds of two arms, twice what is there
    usage = type("Usage", (), {"free": free // 2})
    monkeypatch.setattr(session.shutil, "disk_usage", lambda path: usage)

    def work(n_seeds):
        session.confirm_work(
            study, tmp_path, None, "/elsewhere", Resources(), None, [], None, n_seeds=n_seeds
        )

    with pytest.raises(StorageError, match=r"10 confirmed models may take 1\.0 GB"):
        work(5)


def test_the_disk_must_hold_the_checkpoints_of_the_trials_at_a_time(tmp_path, monkeypatch):
    study = load_study(tiny.write_study(tmp_path))
    usage = type("Usage", (), {"free": 0})
    monkeypatch.setattr(session.shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr("study.running.ray_session.cores", lambda: 8)
    # two arms' best ones, their models, and one of each trial that runs
    with pytest.raises(StorageError, match=r"may take 2\.8 GB"):
        session.prepare(study, tmp_path / "it", None, Resources(cpus_per_trial=2))


def test_a_search_in_which_every_trial_diverges_ends_with_its_tables_and_a_report(
    run, tmp_path, monkeypatch
):
    def all_diverge(search, data, storage, *, tick, **rest):
        while (asked := search.next()) is not None:
            while search.failed(asked.number, "the loss is nan", "diverged"):
                search.next()
        tick()

    monkeypatch.setattr(session.tune_run, "run_search", all_diverge)
    outcome = run(confirm_seeds=2)
    assert outcome.failed
    assert "no trial ran to its end, so there is nothing to confirm" in outcome.interrupted
    assert outcome.report.is_file()
    trials = pd.read_parquet(tmp_path / "it" / "trials.parquet")
    assert set(trials["status"]) == {"failed"}


def test_what_fails_midway_costs_no_table_and_is_on_record(run, tmp_path, monkeypatch):
    def weights_vanish(search, data, storage, *, tick, **rest):
        search.next()
        search.finished_epoch(
            0, NUMBERS | {"epoch": 1, "val_accuracy": 0.3, "collapsed": False, **PLACE}
        )
        raise WeightsError("org-50.safetensors: there is no such file")

    monkeypatch.setattr(session.tune_run, "run_search", weights_vanish)
    outcome = run()
    assert outcome.failed
    assert outcome.interrupted == "org-50.safetensors: there is no such file"
    assert pd.read_parquet(tmp_path / "it" / "epochs.parquet")["val_accuracy"].tolist() == [0.3]
    assert _session(tmp_path)["interrupted"] == outcome.interrupted


def test_a_finished_study_stays_finished_where_ray_does_not_start(run, tmp_path, monkeypatch):
    assert run().interrupted is None
    before = (tmp_path / "it" / "study.json").read_text()

    def refuses(resources):
        raise StudyError("no node can hold a trial of 2 GPUs")

    monkeypatch.setattr(session.ray_session, "ray_session", refuses)
    with pytest.raises(StudyError, match="no node"):
        run()
    assert (tmp_path / "it" / "study.json").read_text() == before


def _session(tmp_path):
    """The last one in the study's provenance."""
    return json.loads((tmp_path / "it" / "study.json").read_text())["sessions"][-1]
