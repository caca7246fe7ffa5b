"""The main job's stages without Ray and without training; all else is real."""

import errno
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from agecls.errors import WeightsError
from study.asked.claims.equivalence import EquivalenceClaim
from study.asked.plans import FoldPlan, SettlePlan
from study.asked.study_file import load_study
from study.errors import RecordError, StorageError, StudyError
from study.folder.folder import Folder
from study.running.in_process import InProcess
from study.running.ray_session import Resources
from study.running.steps import FAILURE, KIND
from study.stages import disk_space, jobs, models
from study.stages.confirm import check_models
from study.stages.session import Means
from study.stages.settle import Settle
from tests.study import tiny
from tests.study.staged import reads, session_at
from tests.untrained import Guessing, Untrained, without_checkpoints

UNTRAINED = InProcess(trainer=Untrained)
ALIKE = EquivalenceClaim(
    name="alike", text="BCD performs like ORG", factor="variant", equal=("org", "bcd"), within=1.0
)


def conduct(study, folder, executor=UNTRAINED):
    means = Means(
        resources=Resources(), executor=executor, command=["study.run"],
        console=Console(quiet=True),
    )  # fmt: skip
    return jobs.main_job(study, Folder(folder), means)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Conduct a tiny study of four trials in `tmp_path / "it"`."""
    study = load_study(tiny.write_study(tmp_path, trials=4))
    monkeypatch.setenv("AGECLS_CACHE", str(tmp_path / "cache"))
    return lambda executor=UNTRAINED, **changes: conduct(
        replace(study, **changes), tmp_path / "it", executor
    )


def test_models_that_cannot_be_kept_cost_no_table(run, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(models, "keep_best", full)
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
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda path: usage)

    session, _ = session_at(study, tmp_path, None)
    with pytest.raises(StorageError, match=r"10 confirmed models may take 1\.0 GB"):
        check_models(session, n_seeds=5)


def test_the_disk_must_hold_the_checkpoints_of_the_trials_at_a_time(tmp_path, monkeypatch):
    study = load_study(tiny.write_study(tmp_path))
    usage = type("Usage", (), {"free": 0})
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr("study.running.ray_session.cores", lambda: 8)
    # two arms' best ones, their models, and one of each trial that runs
    with pytest.raises(StorageError, match=r"may take 2\.8 GB"):
        disk_space.prepare(study, Folder(tmp_path / "it"), None, Resources(cpus_per_trial=2))


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


def everything(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A study that is searched, confirmed and settled, and its folder."""
    home = tmp_path_factory.mktemp("done")
    study = replace(
        load_study(tiny.write_study(home, trials=2)),
        folds=FoldPlan(k=2, search=False),
        confirm_seeds=1,
        claims=(ALIKE,),
        settle=SettlePlan(trainings=4),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGECLS_CACHE", str(home / "cache"))
        without_checkpoints(patch)
        outcome = conduct(study, home / "it", InProcess(trainer=Guessing))
    assert outcome.interrupted is None
    return study, home / "it"


@pytest.fixture
def settled(done, tmp_path):
    study, folder = done
    return study, Path(shutil.copytree(folder, tmp_path / "it"))


def cut_off_end(record):
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:-2]))


@pytest.mark.parametrize("lose", [Path.unlink, cut_off_end, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("of", ["", "confirm", "settle"])
def test_what_is_not_on_record_any_more_is_not_trained_again_over_the_tables(settled, of, lose):
    study, folder = settled
    lose(folder / of / "record.jsonl")
    before = everything(folder)
    said = rf"{of or 'trials'}\.parquet: of its \d+ trials .*record\.jsonl lacks \d+, or their"
    with pytest.raises(RecordError, match=said) as told:
        conduct(study, folder)
    assert "Copy " in str(told.value)
    assert "\n" not in str(told.value)
    assert everything(folder) == before


@pytest.mark.parametrize("stage", ["confirm", "settle"])
def test_a_stage_whose_folder_was_not_copied_is_not_run_again(settled, stage):
    study, folder = settled
    means = Means(
        resources=Resources(), executor=UNTRAINED, command=["it"], console=Console(quiet=True)
    )
    jobs_of = {
        "confirm": lambda: jobs.confirm_job(study, Folder(folder), means, n_seeds=1),
        "settle": lambda: jobs.settle_job(study, Folder(folder), means, Settle(trainings=4)),
    }
    shutil.rmtree(folder / stage)
    before = everything(folder)
    with pytest.raises(RecordError, match=f"Copy the folder {stage}/"):
        jobs_of[stage]()
    assert everything(folder) == before


def test_a_table_that_is_behind_the_record_or_damaged_is_made_again(run, tmp_path):
    run()
    path = tmp_path / "it" / "trials.parquet"
    whole = pd.read_parquet(path)
    path.write_bytes(b"PAR1")
    run()
    assert len(pd.read_parquet(path)) == len(whole)


def test_trainings_that_make_no_block_are_refused_before_the_search(run, tmp_path):
    with pytest.raises(StudyError, match="1 training was asked for, and the first block takes 2"):
        run(claims=(ALIKE,), settle=SettlePlan(trainings=1))
    assert not (tmp_path / "it").exists()


def _session(tmp_path):
    """The last one in the study's provenance."""
    return json.loads((tmp_path / "it" / "study.json").read_text())["sessions"][-1]


def test_a_study_that_is_not_as_locked_is_not_confirmed(settled):
    study, folder = settled
    path = Folder(folder).lock
    path.write_text(path.read_text().replace("BCD performs like", "BCD is better than"))
    means = Means(
        resources=Resources(), executor=UNTRAINED, command=["it"], console=Console(quiet=True)
    )
    outcome = jobs.confirm_job(study, Folder(folder), means, n_seeds=1)
    assert outcome.failed
    assert "changed since it was locked" in outcome.interrupted
