import os

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.trial import TrialState, create_trial

from study.plan import optuna_journal
from study.plan.optuna_journal import ArmStudy, JournalImage, remembered
from study.plan.sampler import _sampler


def trial(number, *, value=None, x=0.5, state=TrialState.COMPLETE):
    made = create_trial(
        state=state,
        value=value,
        params={"x": x},
        distributions={"x": FloatDistribution(0.0, 1.0)},
        intermediate_values={1: 0.3} if state == TrialState.PRUNED else None,
    )
    made.number = number
    return made


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(optuna_journal, "BEST", 2)
    monkeypatch.setattr(optuna_journal, "LATEST", 3)


@pytest.mark.usefixtures("small")
def test_a_long_history_is_its_best_and_its_latest_trials_in_order():
    values = [0.1, 0.9, 0.2, 0.8, 0.3, 0.4, 0.5, 0.6]
    trials = [trial(n, value=v) for n, v in enumerate(values)]
    assert [t.number for t in remembered(trials)] == [1, 3, 5, 6, 7]


@pytest.mark.usefixtures("small")
def test_a_short_history_is_remembered_whole():
    trials = [trial(n, value=0.1 * n) for n in range(5)]
    assert remembered(trials) == trials


@pytest.mark.usefixtures("small")
def test_a_stopped_or_running_trial_is_remembered_only_while_it_is_among_the_latest():
    pruned, running = TrialState.PRUNED, TrialState.RUNNING
    trials = [
        trial(0, value=0.99, state=pruned),
        *(trial(n, value=0.1 * n) for n in range(1, 6)),
        trial(6, state=running),
    ]
    assert [t.number for t in remembered(trials)] == [2, 3, 4, 5, 6]


def arm_study(path):
    storage = JournalStorage(JournalImage(str(path)))
    made = optuna.create_study(study_name="arm", storage=storage, direction="maximize")
    return ArmStudy(made.study_name, storage)


@pytest.mark.usefixtures("small")
def test_the_sampler_sees_the_remembered_trials_and_everybody_else_all(tmp_path):
    study = arm_study(tmp_path / "journal.log")
    for n in range(8):
        study.add_trial(trial(n, value=0.1 * n))
    study.ask()
    assert len(study.get_trials()) == 9
    # the best two, and of the others the latest three: the one just asked for is number 8
    for use_cache in (True, False):
        assert [t.number for t in study._get_trials(use_cache=use_cache)] == [4, 5, 6, 7, 8]


def test_up_to_the_bound_a_proposal_is_that_of_the_whole_history(tmp_path):
    proposals = []
    for n, make in enumerate((ArmStudy, optuna.Study)):
        storage = JournalStorage(JournalImage(str(tmp_path / f"{n}.log")))
        optuna.create_study(study_name="arm", storage=storage, direction="maximize")
        study = make("arm", storage)
        for k in range(40):
            study.add_trial(trial(k, value=(k * 7 % 40) / 40, x=k / 40))
        study.sampler = _sampler(0, 3)
        proposals.append(study.ask().suggest_float("x", 0.0, 1.0))
    assert proposals[0] == proposals[1]


def test_a_proposal_looks_at_no_more_trials_than_are_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(optuna_journal, "LATEST", 10)
    study = arm_study(tmp_path / "journal.log")
    for k in range(optuna_journal.BEST + 40):
        study.add_trial(trial(k, value=k / 100, x=k / 100))
    looked = []
    real = TPESampler._get_internal_repr

    def spy(self, trials, *more, **named):
        looked.append(len(trials))
        return real(self, trials, *more, **named)

    monkeypatch.setattr(TPESampler, "_get_internal_repr", spy)
    study.sampler = _sampler(0, 3)
    study.ask().suggest_float("x", 0.0, 1.0)
    assert sum(looked) == optuna_journal.BEST + 10 - 1  # less the one that is being proposed


def test_optuna_s_own_backend_reads_what_was_written(tmp_path):
    path = tmp_path / "journal.log"
    study = arm_study(path)
    study.add_trial(trial(0, value=0.25))
    plain = JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    read = optuna.load_study(study_name="arm", storage=plain).get_trials()
    assert [(t.value, t.params) for t in read] == [(0.25, {"x": 0.5})]


def test_writing_waits_neither_for_the_disk_nor_for_a_lock(tmp_path, monkeypatch):
    (tmp_path / "journal.log.lock").symlink_to("held by a killed process")
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("waited for the disk"))
    study = arm_study(tmp_path / "journal.log")
    study.add_trial(trial(0, value=0.25))
    assert (tmp_path / "journal.log").read_bytes().endswith(b"\n")
