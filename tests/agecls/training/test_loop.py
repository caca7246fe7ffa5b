import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from agecls.classes import Classes
from agecls.errors import DivergedError
from agecls.metrics import score
from agecls.nets.kernels.precision import number_format
from agecls.recipe import CHOICES, Recipe
from agecls.training import loop
from agecls.training.loop import fit, predict, start
from tests.agecls.tiny import build_small_net, shades

TINY = Recipe(depth=18, epochs=2, batch_size=16, lr=0.02, augmentation=0.3)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small_net(monkeypatch):
    monkeypatch.setattr("agecls.training.state.build_net", build_small_net)


def run(recipe=TINY, data=None, **kwargs):
    data = data or shades()
    state = start(recipe, data, **kwargs)
    list(fit(state, data))
    return state


def without_clock(history):
    return [replace(metrics, seconds=0.0, images_per_second=0.0) for metrics in history]


def test_a_learnable_set_is_learned_well_above_the_majority_class():
    data = shades(160, 64, noise=30)
    recipe = replace(TINY, epochs=4, optimizer="adamw", lr=2e-3, augmentation=0.1)

    last = run(recipe, data).last

    majority = np.bincount(data.val_labels).max() / 64
    assert last.val_accuracy > majority + 0.25
    assert last.train_loss < 1.6
    assert not last.collapsed
    assert last.learned


@pytest.mark.usefixtures("small_net")
@pytest.mark.parametrize("loss", CHOICES["loss"])
def test_every_loss_lowers_the_loss_in_nats(loss):
    recipe = replace(TINY, loss=loss, optimizer="adamw", lr=0.03, epochs=8, augmentation=0.0)

    history = run(recipe, shades(64, 16, noise=30)).history

    assert history[-1].train_loss < history[0].train_loss - 0.1


def test_an_untrained_scratch_model_costs_about_ln_8():
    data = shades()

    scores = score(data.val_labels, predict(start(TINY, data), data.val_images))

    assert scores.nll == pytest.approx(math.log(8), abs=0.3)


@pytest.mark.usefixtures("small_net")
def test_metrics_are_of_the_model_as_it_predicts():
    data = shades()
    state = run(data=data)

    probabilities = predict(state, data.val_images)
    scores = score(data.val_labels, probabilities)

    last = state.last
    assert probabilities.dtype == np.float32
    assert last.epoch == 2
    assert (last.val_loss, last.val_accuracy) == (scores.nll, scores.accuracy)
    assert (last.val_accuracy_1off, last.val_qwk) == (scores.accuracy_1off, scores.qwk)
    assert (last.val_mae, last.val_macro_f1) == (scores.mae, scores.macro_f1)
    assert last.val_ece == scores.ece


@pytest.mark.usefixtures("small_net")
def test_an_epoch_measures_what_the_classes_have():
    names = tuple(f"kind-{k}" for k in range(11))
    unordered = run(data=shades(names=Classes(names, None, False))).last
    assert (unordered.val_accuracy_1off, unordered.val_qwk, unordered.val_mae) == (None,) * 3
    assert unordered.val_accuracy <= unordered.val_accuracy_top5 <= 1
    eight = run().last
    assert eight.val_accuracy <= eight.val_accuracy_1off
    assert eight.val_accuracy_top5 is None


def test_predictions_do_not_depend_on_what_they_are_batched_with(monkeypatch):
    data = shades()
    state = run(replace(TINY, epochs=1), data)
    together = predict(state, data.val_images)

    monkeypatch.setattr("agecls.training.loop.EVALUATION_PIXELS", 3 * 16 * 16)

    np.testing.assert_allclose(predict(state, data.val_images), together, atol=1e-5)


@pytest.mark.usefixtures("small_net")
def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    one, again, other = run(), run(), run(replace(TINY, seed=1))

    assert without_clock(one.history) == without_clock(again.history)
    assert without_clock(one.history) != without_clock(other.history)


@pytest.mark.usefixtures("small_net")
def test_nothing_depends_on_or_disturbs_torchs_global_generator():
    one = run()
    torch.manual_seed(99)
    state = torch.random.get_rng_state()

    again = run()

    assert torch.equal(torch.random.get_rng_state(), state)
    assert without_clock(one.history) == without_clock(again.history)


def seen(monkeypatch, recipe, data):
    """The batches of bytes and draws that a run trained on, in order."""
    calls = []
    real = loop.training_batch

    def spy(images, draws, normal, *, strength):
        calls.append((images.clone(), draws.clone()))
        return real(images, draws, normal, strength=strength)

    with monkeypatch.context() as patch:
        patch.setattr("agecls.training.loop.training_batch", spy)
        run(recipe, data)
    return [torch.cat(parts) for parts in zip(*calls, strict=True)]


@pytest.mark.usefixtures("small_net")
def test_recipes_of_one_seed_see_images_in_one_order_through_one_augmentation(monkeypatch):
    data = shades()
    images, draws = seen(monkeypatch, TINY, data)

    other = replace(TINY, variant="d", optimizer="adam", lr=1e-3, augmentation=0.9, batch_size=8)
    images_too, draws_too = seen(monkeypatch, other, data)

    assert torch.equal(images, images_too)
    assert {tuple(row) for row in draws.tolist()} == {tuple(row) for row in draws_too.tolist()}


@pytest.mark.usefixtures("small_net")
def test_each_epoch_shows_every_image_once_in_its_own_order_and_augmentation(monkeypatch):
    data = shades()
    images, draws = seen(monkeypatch, TINY, data)

    first, second = images.flatten(1).tolist()[:48], images.flatten(1).tolist()[48:]

    assert (
        sorted(first) == sorted(second) == sorted(data.images[data.train].reshape(48, -1).tolist())
    )
    assert first != second
    assert not {tuple(row) for row in draws[:48].tolist()} & {
        tuple(row) for row in draws[48:].tolist()
    }


@pytest.mark.usefixtures("small_net")
def test_the_last_partial_batch_is_left_out(monkeypatch):
    images, _ = seen(monkeypatch, replace(TINY, epochs=1, batch_size=20), shades())

    assert len(images) == 40


@pytest.mark.usefixtures("small_net")
def test_a_set_smaller_than_a_batch_is_one_batch(monkeypatch):
    images, _ = seen(monkeypatch, replace(TINY, epochs=1, batch_size=64), shades())

    assert len(images) == 48


@pytest.mark.usefixtures("small_net")
def test_the_rate_of_an_epoch_is_that_of_its_last_step():
    history = run(replace(TINY, scheduler="linear", warmup=0.0)).history

    assert [m.learning_rate for m in history] == pytest.approx([0.02 * 4 / 6, 0.02 * 1 / 6])


def test_averaged_weights_are_evaluated_with_the_models_batch_statistics():
    data = shades()
    state = run(replace(TINY, ema=0.9), data)

    assert state.evaluated is state.ema
    assert not torch.equal(state.ema.fc.weight, state.model.fc.weight)
    for (name, ours), theirs in zip(state.ema.named_buffers(), state.model.buffers(), strict=True):
        assert torch.equal(ours, theirs), name


@pytest.mark.usefixtures("small_net")
def test_averaged_weights_follow_the_decay_worked_by_hand():
    data = shades(4, 4)
    recipe = replace(TINY, ema=0.15, batch_size=4, epochs=2, augmentation=0.0)
    state = start(recipe, data)
    weights = [state.model.fc.weight.detach().clone()]
    for _ in fit(state, data):
        weights.append(state.model.fc.weight.detach().clone())

    # decay of step t: min(0.15, (1 + t) / (10 + t)) = 0.1, then 0.15
    after_one = 0.1 * weights[0] + 0.9 * weights[1]
    after_two = 0.15 * after_one + 0.85 * weights[2]
    torch.testing.assert_close(state.ema.fc.weight.detach(), after_two)


def test_a_huge_rate_ends_in_an_error_that_names_epoch_step_and_rate():
    recipe = replace(TINY, lr=10.0, momentum=0.999, warmup=0.0, scheduler="constant", epochs=9)

    with pytest.raises(DivergedError, match=r"epoch \d+, .* at learning rate 10; lower `lr`"):
        run(recipe)


@pytest.mark.usefixtures("small_net")
def test_the_step_that_diverged_is_named_not_the_one_that_looked(monkeypatch):
    data = shades(12 * 4, 4)
    state = start(replace(TINY, batch_size=4, epochs=1), data)
    real, calls = state.objective.__call__, []

    class Breaks:
        probabilities = staticmethod(state.objective.probabilities)

        def __call__(self, outputs, labels):
            calls.append(1)
            return real(outputs, labels) * (math.nan if len(calls) == 4 else 1.0)

    state.objective = Breaks()

    with pytest.raises(DivergedError, match="epoch 1, step 4 of 12: the loss is nan"):
        list(fit(state, data))
    assert len(calls) == 10  # looked at every tenth step
    assert state.epoch == 0


@pytest.mark.usefixtures("small_net")
def test_outputs_that_are_not_finite_after_a_fine_loss_are_an_error():
    data = shades()
    state = start(replace(TINY, epochs=1), data)
    state.model.bn1.register_forward_pre_hook(
        lambda module, inputs: None if module.training else (inputs[0] * math.nan,)
    )

    with pytest.raises(DivergedError, match="epoch 1, after its last step: validation outputs"):
        list(fit(state, data))


@pytest.mark.usefixtures("small_net")
def test_a_model_that_predicts_one_class_is_marked_collapsed():
    data = shades()
    state = start(replace(TINY, epochs=1, lr=1e-8), data)
    with torch.no_grad():
        state.model.fc.bias[2] = 50.0

    (metrics,) = fit(state, data)

    assert metrics.collapsed
    assert set(predict(state, data.val_images).argmax(1)) == {2}


@pytest.mark.usefixtures("small_net")
@pytest.mark.parametrize("loss", CHOICES["loss"])
def test_classes_absent_from_train_or_val_do_no_harm(loss):
    train, val = shades(classes=[1, 2, 6]), shades(classes=[0, 2])
    both = [np.concatenate(p) for p in ((train.images, val.images), (train.labels, val.labels))]
    data = replace(train, images=both[0], labels=both[1], val=val.val + len(train.images))

    history = run(replace(TINY, loss=loss, epochs=1, label_smoothing=0.1), data).history

    measured = vars(history[0])
    assert measured.pop("val_accuracy_top5") is None  # of eight classes
    assert all(math.isfinite(v) for v in measured.values())


@pytest.mark.usefixtures("small_net")
@pytest.mark.parametrize("precision", CHOICES["precision"])
def test_a_recipes_precision_is_that_of_training_and_evaluation_is_in_float32(precision):
    seen = set()
    data = shades(size=32)
    state = start(replace(TINY, epochs=1, precision=precision), data)
    state.model.fc.register_forward_hook(
        lambda module, inputs, output: seen.add((module.training, output.dtype))
    )

    list(fit(state, data))

    expected = getattr(torch, number_format(state.device, precision))
    assert seen == {(True, expected), (False, torch.float32)}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_learns_what_a_cpu_learns():
    data = shades(160, 64, noise=30)
    recipe = replace(TINY, epochs=4, optimizer="adamw", lr=2e-3, augmentation=0.1)

    on_gpu = run(recipe, data, device="cuda").last

    assert on_gpu.val_accuracy > np.bincount(data.val_labels).max() / 64 + 0.25
    assert on_gpu.train_loss == pytest.approx(run(recipe, data).last.train_loss, rel=0.2)
