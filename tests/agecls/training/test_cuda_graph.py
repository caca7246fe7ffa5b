"""Recorded steps of a GPU; nothing here runs without one."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from agecls.recipe import CHOICES, Recipe
from agecls.training import checkpoints, loop
from agecls.training.cuda_graph import Recorded
from agecls.training.loop import fit, predict, start
from tests.agecls.tiny import shades

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

TINY = Recipe(depth=18, epochs=3, batch_size=16, lr=0.02, precision="float32")


@pytest.fixture(autouse=True)
def _repeatable(monkeypatch):
    """No TF32, so that two ways of computing may be compared."""
    monkeypatch.setattr("agecls.training.loop._set_up", lambda device: None)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)


def unrecorded(monkeypatch):
    monkeypatch.setattr(loop, "Recorded", lambda backward, model: backward)


def batches(n, size=32):
    generator = torch.Generator("cuda").manual_seed(0)
    for _ in range(n):
        yield (
            torch.randint(
                256, (16, size, size, 3), generator=generator, device="cuda", dtype=torch.uint8
            ),
            torch.rand(16, 13, generator=generator, device="cuda"),
            torch.randint(8, (16,), generator=generator, device="cuda"),
        )


@pytest.mark.parametrize("loss", CHOICES["loss"])
@pytest.mark.parametrize("kind", CHOICES["augmentation_kind"])
def test_a_replay_gives_the_results_gradients_and_statistics_of_the_pass_itself(loss, kind):
    recipe = replace(TINY, loss=loss, augmentation_kind=kind)
    states = [start(recipe, shades(), device="cuda") for _ in range(2)]
    normal = torch.full((2, 3, 1, 1), 127.5, device="cuda")
    plain, recorded = (partial(loop._backward, state, normal) for state in states)
    recorded = Recorded(recorded, states[1].model)

    for batch in batches(3):  # the first one is the one that is recorded
        for state in states:
            state.model.train()
        expected, found = plain(*batch), recorded(*batch)

        torch.testing.assert_close(found, expected)
        ours, theirs = (state.model for state in states)
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(other.grad, one.grad, rtol=1e-3, atol=1e-5)
        for one, other in zip(ours.buffers(), theirs.buffers(), strict=True):
            torch.testing.assert_close(other, one)
        ours.zero_grad()


@pytest.mark.parametrize("optimizer", CHOICES["optimizer"])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_recorded_training_ends_where_unrecorded_training_ends(monkeypatch, optimizer, ema):
    recipe = replace(TINY, optimizer=optimizer, ema=ema, lr=1e-3)
    data = shades()
    recorded = start(recipe, data, device="cuda")
    list(fit(recorded, data))
    unrecorded(monkeypatch)
    plain = start(recipe, data, device="cuda")
    list(fit(plain, data))

    assert recorded.last.train_loss == pytest.approx(plain.last.train_loss, rel=0.02)
    assert recorded.last.val_loss == pytest.approx(plain.last.val_loss, rel=0.02)


def test_a_recorded_run_goes_on_from_its_checkpoint(tmp_path):
    data = shades()
    unbroken = start(TINY, data, device="cuda")
    list(fit(unbroken, data))
    state = start(TINY, data, device="cuda")
    next(fit(state, data))
    checkpoints.save(tmp_path / "a.pt", state)

    state = checkpoints.restore(tmp_path / "a.pt", TINY, data, device="cuda")
    list(fit(state, data))

    assert state.last.train_loss == pytest.approx(unbroken.last.train_loss, rel=0.02)


def test_a_model_trained_on_a_gpu_predicts_alike_on_a_cpu(tmp_path):
    data = shades()
    state = start(TINY, data, device="cuda")
    list(fit(state, data))
    checkpoints.save(tmp_path / "a.pt", state)
    on_cpu = checkpoints.restore(tmp_path / "a.pt", TINY, data, device="cpu")

    found, expected = predict(on_cpu, data.val_images), predict(state, data.val_images)

    assert found == pytest.approx(expected, abs=1e-3)
