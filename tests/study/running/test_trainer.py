import errno
import os
import pickle
from dataclasses import replace

import pytest
import torch

from agecls.errors import DivergedError
from agecls.recipe import Recipe
from agecls.training import checkpoints
from agecls.training.loop import fit
from study.asked.study_file import load_study
from study.folder.record import Record
from study.running.search_state import Search
from study.running.steps import FAILURE, KIND, METRICS
from study.running.trainer import Trainer
from tests.agecls.tiny import shades
from tests.hostile.test_weights import POSES, Trap
from tests.small_studies import study_toml

RECIPE = Recipe(depth=18, epochs=3, batch_size=16, lr=0.02)


def begin(tmp_path, *, recipe=RECIPE, done=0, weights=None, backbones=None):
    """A trainer with its first trial begun."""
    trainer = Trainer(shades(), backbones or {}, None)
    config = {
        "number": 0,
        "trial_id": "t00000",
        "recipe": recipe.to_dict(),
        "epochs_done": done,
        "storage": str(tmp_path),
        "weights": weights,
        "threads": 1,
        "wants_gpu": False,
        "fold": None,
    }
    trainer.begin(config)
    return trainer


def numbers(result):
    """An epoch's metrics without what depends on the clock and the machine."""
    left_out = {"seconds", "images_per_second", "node", "device", "peak_memory_mib"}
    return {key: value for key, value in result[METRICS].items() if key not in left_out}


@pytest.fixture
def unbroken(tmp_path_factory):
    trainer = begin(tmp_path_factory.mktemp("unbroken"))
    return [numbers(trainer.step()) for _ in range(3)]


def test_a_trial_that_goes_on_in_another_process_gives_the_same_epochs(tmp_path, unbroken):
    first = numbers(begin(tmp_path).step())
    second = numbers(begin(tmp_path, done=1).step())
    assert [first, second] == unbroken[:2]


def test_an_epoch_that_the_checkpoint_has_and_the_record_lacks_is_not_trained_again(
    tmp_path, unbroken, monkeypatch
):
    begin(tmp_path).step()
    monkeypatch.setattr("study.running.trainer.fit", lambda state, data: iter(()))
    assert numbers(begin(tmp_path, done=0).step()) == unbroken[0]


def test_a_checkpoint_waits_until_ten_times_its_time_has_gone_into_training(tmp_path, monkeypatch):
    """Epochs of 4 s and checkpoints of 1 s, on a clock of our own."""
    clock, saved = [100.0], []

    def epochs(state, data):
        for metrics in fit(state, data):
            clock[0] += 4
            yield metrics

    def save(path, state):
        clock[0] += 1
        saved.append(state.epoch)

    monkeypatch.setattr("study.running.trainer.monotonic", lambda: clock[0])
    monkeypatch.setattr("study.running.trainer.fit", epochs)
    monkeypatch.setattr(checkpoints, "save", save)
    recipe = replace(RECIPE, epochs=8)

    trainer = begin(tmp_path, recipe=recipe)
    for _ in range(recipe.epochs):
        trainer.step()

    assert saved == [1, 4, 7, 8]  # the last one always


def test_a_trial_whose_checkpoint_is_epochs_behind_its_record_gives_the_same_epochs(
    tmp_path, unbroken, monkeypatch
):
    monkeypatch.setattr("study.running.trainer.CHECKPOINT_SPACING", 1e9)
    killed = begin(tmp_path)
    assert [numbers(killed.step()) for _ in range(2)] == unbroken[:2]
    again = begin(tmp_path, done=2)
    assert [numbers(again.step()) for _ in range(2)] == unbroken[1:]  # the second one once more


def test_a_damaged_checkpoint_is_trained_anew_from_the_start(tmp_path, unbroken):
    begin(tmp_path).step()
    path = tmp_path / "t00000.pt"
    path.write_bytes(path.read_bytes()[:1000])
    again = begin(tmp_path, done=1)
    assert [numbers(again.step()) for _ in range(2)] == unbroken[:2]


def test_a_record_that_came_without_checkpoints_gets_every_epoch_once_with_the_same_numbers(
    tmp_path, unbroken
):
    path = tmp_path / "study.toml"
    path.write_text(study_toml(trials=2, lengths=(3,), design_share=1.0))
    study = load_study(path)
    with Record(tmp_path) as record:
        number = Search(study, record, tmp_path).next().number
        for metrics in unbroken[:2]:
            record.append("epoch", number=number, at=1.0, **metrics)
    elsewhere = tmp_path / "elsewhere"
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        assignment = search.next()
        assert assignment.epochs_done == 2
        trainer = begin(elsewhere, done=assignment.epochs_done)
        n_reported, goes_on = 0, True
        while goes_on:
            goes_on = search.finished_epoch(number, trainer.step()[METRICS])
            n_reported += 1
        epochs = record.trials[number].epochs
    assert n_reported == 3  # the first two came again, and were passed over
    assert [e["epoch"] for e in epochs] == [1, 2, 3]
    assert [e["val_loss"] for e in epochs] == [m["val_loss"] for m in unbroken]
    assert epochs[0]["at"] == epochs[1]["at"] == 1.0


@pytest.mark.parametrize("pose", POSES)
def test_a_pickle_that_poses_as_weights_never_runs_on_a_worker(tmp_path, pose):
    evil = tmp_path / "evil.pt"
    files = {evil.name: POSES[pose](Trap(tmp_path / "ran"))}
    recipe = Recipe(depth=18, epochs=1, init="pretrained")
    trainer = begin(tmp_path, recipe=recipe, weights=str(evil), backbones={str(evil): files})
    result = trainer.step()
    assert result[KIND] == "refused"
    assert "evil.pt" in result[FAILURE]
    assert not (tmp_path / "ran").exists()


def test_a_pickle_that_poses_as_a_checkpoint_never_runs_and_the_trial_starts_anew(
    tmp_path, unbroken
):
    (tmp_path / "t00000.pt").write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    assert numbers(begin(tmp_path, done=1).step()) == unbroken[0]
    assert not (tmp_path / "ran").exists()


def test_a_reused_actor_starts_the_next_trial_afresh(tmp_path, unbroken):
    trainer = begin(tmp_path / "other", recipe=Recipe(depth=18, epochs=1, batch_size=16))
    trainer.step()
    config = {
        "number": 1,
        "trial_id": "t00001",
        "recipe": RECIPE.to_dict(),
        "epochs_done": 0,
        "storage": str(tmp_path),
        "weights": None,
        "threads": 1,
        "wants_gpu": False,
        "fold": None,
    }
    trainer.begin(config)
    assert numbers(trainer.step()) == unbroken[0]


def test_what_a_trial_held_is_freed_before_the_memory_of_the_next_one_is_counted(
    tmp_path, monkeypatch
):
    happened = []

    def held():
        try:
            yield {}
        finally:
            happened.append("freed")

    trainer = begin(tmp_path)
    trainer._epochs = held()
    trainer.step()
    monkeypatch.setattr(
        "study.running.trainer.reset_peak_memory", lambda: happened.append("counted")
    )
    trainer.begin({"threads": 1})
    assert happened == ["freed", "counted"]


def test_unusable_weights_are_refused_not_retried(tmp_path):
    recipe = Recipe(depth=18, epochs=1, init="pretrained")
    result = begin(tmp_path, recipe=recipe, weights="/no/such.safetensors").step()
    assert result[KIND] == "refused"
    assert "/no/such.safetensors" in result[FAILURE]


def test_a_full_disk_is_told_apart_from_a_trial_s_own_failure(tmp_path, monkeypatch):
    def full(path, state):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(checkpoints, "save", full)
    result = begin(tmp_path).step()
    assert result[KIND] == "disk"
    assert "No space left" in result[FAILURE]


def test_an_exception_is_a_result_in_one_line(tmp_path, monkeypatch):
    def broken(state, data):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("study.running.trainer.fit", broken)
    result = begin(tmp_path).step()
    assert result == {FAILURE: "RuntimeError: first line", KIND: "raised"}


def test_weights_travel_as_bytes_to_nodes_that_do_not_have_the_file(tmp_path):
    from agecls.nets.families import build_net
    from agecls.nets.weights import save_backbone

    source = tmp_path / "source" / "org-18.safetensors"
    source.parent.mkdir()
    torch.manual_seed(1)
    save_backbone(
        build_net("org", 18), source, made_by={}, mean=(0.5,) * 3, std=(0.5,) * 3, licence="x"
    )
    files = {p.name: p.read_bytes() for p in source.parent.iterdir()}
    for path in source.parent.iterdir():
        path.unlink()
    recipe = Recipe(depth=18, epochs=1, batch_size=16, init="pretrained")
    trainer = begin(tmp_path, recipe=recipe, weights=str(source), backbones={str(source): files})
    assert trainer.step()[METRICS]["epoch"] == 1


def test_divergence_is_a_result_with_its_reason(tmp_path, monkeypatch):
    def diverging(state, data):
        raise DivergedError("epoch 1, step 3 of 9: the loss is nan")

    monkeypatch.setattr("study.running.trainer.fit", diverging)
    result = begin(tmp_path).step()
    assert result == {
        FAILURE: "epoch 1, step 3 of 9: the loss is nan",
        KIND: "diverged",
    }
