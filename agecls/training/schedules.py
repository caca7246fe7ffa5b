"""Learning rates as pure functions of the step: a resumed run needs no scheduler state."""

import math

from agecls.recipe import Recipe

STEP_DECAY = 0.1
"""Factor of scheduler `step` at one half and again at three quarters of the way."""


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Rate of one step of the run.

    The schedule counts in ticks: steps, or epochs where `schedule_per` is `epoch`, which then
    hold their rate. Of T ticks the first W = round(warmup * T) rise linearly, tick t having
    (t + 1) / (W + 1) of the peak; the rest decays from the peak. Without warm-up, `cosine` is
    torch's CosineAnnealingLR(T_max=T), which would reach 0 after the last tick.

    Args:
        recipe: Gives `lr`, `epochs`, `scheduler`, `schedule_per` and `warmup`.
        step: From 0, over all epochs; below epochs * steps_per_epoch.
        steps_per_epoch: At least 1.
    """
    if recipe.schedule_per == "epoch":
        tick, ticks = step // steps_per_epoch, recipe.epochs
    else:
        tick, ticks = step, recipe.epochs * steps_per_epoch
    warm = round(recipe.warmup * ticks)
    if tick < warm:
        return recipe.lr * (tick + 1) / (warm + 1)
    return recipe.lr * decay(recipe.scheduler, (tick - warm) / (ticks - warm))


def decay(scheduler: str, progress: float) -> float:
    """Share of the peak rate that is left after a share `progress` in [0, 1) of the decay.

    Raises:
        ValueError: No scheduler has this name.
    """
    if scheduler == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    if scheduler == "linear":
        return 1 - progress
    if scheduler == "step":
        return STEP_DECAY ** ((progress >= 0.5) + (progress >= 0.75))
    if scheduler == "constant":
        return 1.0
    raise ValueError(
        f"scheduler {scheduler!r} is unknown; expected one of agecls.recipe.CHOICES['scheduler']"
    )
