import math
import os

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from study.asked.study_file import load_study
from study.errors import SearchError
from study.folder.record import Record
from study.folder.record_lines import read_events
from study.running.search_state import FAILURES_IN_A_ROW, FIRST_FAILURES, RETRIES, Search
from tests.small_studies import RANGE_BY_OPTIMIZER, study_toml


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Nothing here cuts the power: waiting for the platter would prove nothing."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "tried.toml"
    path.write_text(
        study_toml(trials=24, lengths=(3, 9), design_share=0.25, rates=RANGE_BY_OPTIMIZER)
    )
    return load_study(path)


def accuracy(assignment, epoch):
    """A response with a best rate, that the trial's number makes unique."""
    best = 0.05 if assignment.config["optimizer"] == "sgd" else 0.002
    miss = abs(math.log(assignment.config["lr"] / best))
    return (0.7 - 0.1 * miss) * (1 - math.exp(-epoch / 3)) + assignment.number * 1e-6


class Killed(Exception):
    """Stands for SIGKILL between two events."""


def execute(study, folder, *, kill_after=None):
    """Run a study's trials one after the other without training; maybe die in the middle."""
    events = 0

    def survive():
        nonlocal events
        events += 1
        if events == kill_after:
            raise Killed

    with Record(folder) as record:
        search = Search(study, record, folder)
        while (assignment := search.next()) is not None:
            goes_on, epoch = True, assignment.epochs_done
            while goes_on:
                survive()
                epoch += 1
                metrics = {"epoch": epoch, "val_accuracy": accuracy(assignment, epoch)}
                goes_on = search.finished_epoch(assignment.number, metrics)
        assert search.is_over
        return dict(record.trials)


def values(trial):
    return [(e["epoch"], e["val_accuracy"], e.get("rung")) for e in trial.epochs]


def content(trials):
    """All that must not depend on interruptions: everything but the times."""
    return [
        (t.number, t.arm, t.origin, t.config, t.seed, t.status, values(t)) for t in trials.values()
    ]


def optuna_trials(folder, study, arm):
    storage = JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    return optuna.load_study(study_name=f"{study.name}/{arm}", storage=storage).trials


def test_every_planned_trial_ends_and_arms_get_equal_budgets(study, tmp_path):
    trials = execute(study, tmp_path)
    assert sorted(trials) == list(range(24))
    assert [t.arm for t in trials.values()].count("org") == 12
    assert {t.status for t in trials.values()} == {"completed", "stopped"}


def test_trials_of_the_design_are_never_stopped(study, tmp_path):
    trials = execute(study, tmp_path).values()
    decided = [t for t in trials if t.origin != "search"]
    assert len(decided) == 6
    assert all(t.status == "completed" for t in decided)


@pytest.mark.parametrize("arm", ["org", "bcd"])
def test_optuna_is_told_pruned_with_all_values_for_a_stopped_trial(study, tmp_path, arm):
    ours = [t for t in execute(study, tmp_path).values() if t.arm == arm]
    theirs = optuna_trials(tmp_path, study, arm)
    states = {"completed": TrialState.COMPLETE, "stopped": TrialState.PRUNED}
    assert [t.user_attrs["number"] for t in theirs] == [t.number for t in ours]
    assert [t.state for t in theirs] == [states[t.status] for t in ours]
    assert {t.state for t in theirs} == set(states.values())
    assert [t.intermediate_values for t in theirs] == [
        {e["epoch"]: e["val_accuracy"] for e in t.epochs} for t in ours
    ]
    assert [t.value for t in theirs if t.state == TrialState.COMPLETE] == [
        t.epochs[-1]["val_accuracy"] for t in ours if t.status == "completed"
    ]
    assert [rate for t in theirs for name, rate in t.params.items() if name.startswith("lr")] == [
        t.config["lr"] for t in ours
    ]


@pytest.mark.parametrize("kill_after", [1, 2, 7, 30, 50, 61])
def test_a_killed_search_goes_on_as_if_it_had_never_stopped(study, tmp_path, kill_after):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    unbroken.mkdir()
    broken.mkdir()
    expected = execute(study, unbroken)
    with pytest.raises(Killed):
        execute(study, broken, kill_after=kill_after)
    assert content(execute(study, broken)) == content(expected)


def test_a_search_killed_at_every_event_loses_and_repeats_nothing(study, tmp_path):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    unbroken.mkdir()
    broken.mkdir()
    expected = execute(study, unbroken)
    for _ in range(1000):
        try:
            trials = execute(study, broken, kill_after=3)
        except Killed:
            continue
        break
    assert content(trials) == content(expected)
    events = [
        (e["event"], e["number"], e.get("epoch")) for e in read_events(broken / "record.jsonl")
    ]
    assert len(events) == len(set(events))
    assert len(optuna_trials(broken, study, "org")) == 12


def test_a_lost_journal_is_rebuilt_from_the_record(study, tmp_path):
    execute(study, tmp_path)
    before = optuna_trials(tmp_path, study, "org")
    (tmp_path / "journal.log").unlink()
    execute(study, tmp_path)
    after = optuna_trials(tmp_path, study, "org")
    assert [(t.state, t.params, t.intermediate_values) for t in after] == [
        (t.state, t.params, t.intermediate_values) for t in before
    ]


def test_a_trial_proposed_but_not_recorded_is_adopted_not_repeated(study, tmp_path):
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        first = search.next()
    (tmp_path / "record.jsonl").write_text("")  # killed between the proposal and the record
    with Record(tmp_path) as record:
        again = Search(study, record, tmp_path).next()
        assert again == first
    assert len(optuna_trials(tmp_path, study, first.arm)) == 1


@pytest.mark.parametrize("kind", ["died", "raised", "diverged", "refused"])
def test_a_failed_attempt_is_tried_again_as_often_as_its_kind_says(study, tmp_path, kind):
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        number = search.next().number
        for _ in range(RETRIES[kind]):
            assert search.failed(number, "reason", kind)
            assert search.next().number == number
        assert not search.failed(number, "reason", kind)
        trial = record.trials[number]
        assert trial.status == "failed"
        assert trial.end["error"] == "reason"
        assert search.next().number == number + 1
    assert optuna_trials(tmp_path, study, trial.arm)[0].state == TrialState.FAIL


def test_a_failed_attempt_is_remembered_over_a_restart(study, tmp_path):
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        search.failed(search.next().number, "reason", "died")
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        assert search.next().number == 0
        assert search.failed(0, "reason", "died")
        assert not search.failed(0, "reason", "died")


def test_a_trial_that_gets_on_between_its_failures_is_tried_again_every_time(study, tmp_path):
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        first = search.next()
        for epoch in range(1, first.epochs_planned + 1):
            for _ in range(RETRIES["died"]):
                assert search.failed(first.number, "the node was lost", "died")
                assert search.next().number == first.number
            search.finished_epoch(first.number, {"epoch": epoch, "val_accuracy": 0.5})
        assert record.trials[0].status == "completed"


def test_a_kill_between_the_last_failure_and_the_end_that_it_means_gives_no_further_try(
    study, tmp_path
):
    with Record(tmp_path) as record:
        number = Search(study, record, tmp_path).next().number
        record.append("failure", number=number, reason="no weights", kind="refused", at=1.0)
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        assert record.trials[number].status == "failed"
        assert record.trials[number].end["error"] == "no weights"
        assert search.next().number == number + 1
    assert optuna_trials(tmp_path, study, record.trials[number].arm)[0].state == TrialState.FAIL


def test_a_machine_that_breaks_on_the_way_does_not_fail_the_rest_of_the_plan(study, tmp_path):
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        first = search.next()
        for epoch in range(1, first.epochs_planned + 1):
            search.finished_epoch(first.number, {"epoch": epoch, "val_accuracy": 0.5})
        for _ in range(FAILURES_IN_A_ROW - 1):
            search.failed(search.next().number, "the GPU fell off the bus", "refused")
        with pytest.raises(SearchError, match=r"6 trials failed one after the other.*off the bus"):
            search.failed(search.next().number, "the GPU fell off the bus", "refused")
    with Record(tmp_path) as record:  # mended meanwhile
        search = Search(study, record, tmp_path)
        assert search.next().number == FAILURES_IN_A_ROW + 1
        search.failed(FAILURES_IN_A_ROW + 1, "another reason", "refused")


def gives_up_after(n_failures, study, folder):
    """Fail so many trials of a search, of which the last ends it."""
    with Record(folder) as record:
        search = Search(study, record, folder)
        for _ in range(n_failures - 1):
            search.failed(search.next().number, "no such weights", "refused")
        with pytest.raises(SearchError, match="no such weights"):
            search.failed(search.next().number, "no such weights", "refused")


def test_a_hopeless_search_that_is_resumed_unmended_ends_at_its_next_failure(study, tmp_path):
    gives_up_after(FIRST_FAILURES, study, tmp_path)
    gives_up_after(1, study, tmp_path)


def test_when_the_first_trials_all_fail_the_search_gives_up_and_says_why(study, tmp_path):
    gives_up_after(FIRST_FAILURES, study, tmp_path)


def test_one_trial_that_went_well_keeps_the_search_going(study, tmp_path):
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        first = search.next()
        for epoch in range(1, first.epochs_planned + 1):
            search.finished_epoch(first.number, {"epoch": epoch, "val_accuracy": 0.5})
        for _ in range(5):
            search.failed(search.next().number, "no such weights", "refused")


def test_divergence_alone_does_not_end_a_search(study, tmp_path):
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        for number in range(4):
            while search.next().number == number and search.failed(number, "nan", "diverged"):
                pass
        assert [t.status for t in record.trials.values()] == ["failed"] * 4


def test_an_epoch_reported_twice_is_recorded_once(study, tmp_path):
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        number = search.next().number
        for _ in range(2):
            search.finished_epoch(number, {"epoch": 1, "val_accuracy": 0.5})
        assert len(record.trials[number].epochs) == 1
