import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingLR

from agecls.recipe import CHOICES, Recipe
from agecls.training.schedules import decay, learning_rate

patient = settings(deadline=None, max_examples=50)  # the machine may be shared


def rates(*, steps_per_epoch=4, **fields):
    recipe = Recipe(**{"lr": 1.0, "epochs": 4, "warmup": 0.0, **fields})
    n = recipe.epochs * steps_per_epoch
    return [learning_rate(recipe, step, steps_per_epoch) for step in range(n)]


def torchs_cosine(n):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    schedule = CosineAnnealingLR(optimizer, T_max=n)
    values = []
    for _ in range(n):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return values


def test_cosine_per_epoch_is_torchs_with_t_max_epochs():
    ours = rates(epochs=10, schedule_per="epoch", steps_per_epoch=3)

    assert ours[::3] == pytest.approx(torchs_cosine(10))


def test_cosine_per_step_is_torchs_with_t_max_steps():
    assert rates(epochs=5, steps_per_epoch=7) == pytest.approx(torchs_cosine(35))


def test_per_epoch_holds_the_rate_within_an_epoch():
    ours = rates(scheduler="linear", schedule_per="epoch", steps_per_epoch=2)

    assert ours == pytest.approx([1, 1, 0.75, 0.75, 0.5, 0.5, 0.25, 0.25])


def test_linear_falls_evenly_to_zero_after_the_last_step():
    assert rates(scheduler="linear", epochs=1) == pytest.approx([1, 0.75, 0.5, 0.25])


def test_step_decay_takes_a_tenth_at_half_and_again_at_three_quarters():
    ours = rates(scheduler="step", epochs=2, steps_per_epoch=4)

    assert ours == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_constant_stays():
    assert rates(scheduler="constant", epochs=1) == [1, 1, 1, 1]


def test_warm_up_rises_linearly_then_decays_from_the_peak():
    ours = rates(scheduler="linear", warmup=0.5, epochs=2, steps_per_epoch=3)

    assert ours == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1, 2 / 3, 1 / 3])


def test_one_epoch_of_warm_up_per_epoch_runs_at_half_the_peak():
    ours = rates(
        scheduler="constant", schedule_per="epoch", warmup=0.25, epochs=4, steps_per_epoch=1
    )

    assert ours == [0.5, 1, 1, 1]


def test_a_run_that_is_all_warm_up_has_a_rate():
    assert rates(warmup=0.9, epochs=1, steps_per_epoch=1) == [0.5]


@patient
@given(
    scheduler=st.sampled_from(CHOICES["scheduler"]),
    per=st.sampled_from(CHOICES["schedule_per"]),
    warmup=st.floats(0, 0.9),
    epochs=st.integers(1, 12),
    steps=st.integers(1, 12),
)
def test_rates_rise_to_at_most_the_peak_and_never_rise_again(
    scheduler, per, warmup, epochs, steps
):
    ours = rates(
        scheduler=scheduler,
        schedule_per=per,
        warmup=warmup,
        epochs=epochs,
        steps_per_epoch=steps,
    )

    top = ours.index(max(ours))
    assert all(0 < rate <= 1 for rate in ours)
    assert ours[:top] == sorted(ours[:top])
    assert ours[top:] == sorted(ours[top:], reverse=True)


def test_an_unknown_scheduler_is_named():
    with pytest.raises(ValueError, match="scheduler 'cyclic' is unknown"):
        decay("cyclic", 0.5)
