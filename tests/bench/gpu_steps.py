"""Training steps on a GPU: ours, recorded and not, against eager NCHW, by wall time."""

from collections.abc import Callable
from time import perf_counter
from unittest.mock import patch

import torch
from torch import nn
from torchvision.models import resnet50

from agecls import training
from agecls.recipe import Recipe
from agecls.training import fit, start
from study.estimate import random_faces
from study.flops import TRAINING, forward_flops

PEAK_SIDE = 8192
"""Side of the bfloat16 matrices whose product counts as the peak."""


def contestants(size: int, batch: int, steps: int) -> dict[str, Callable[[], dict[str, float]]]:
    """Images per second over epochs of so many steps, by who trains."""
    peak = bfloat16_peak()
    flops = TRAINING * forward_flops("org", 50, size)
    n = steps * batch

    def measured(epoch: Callable[[], object]) -> Callable[[], dict[str, float]]:
        epoch()  # chooses kernels, takes memory, records

        def timed() -> dict[str, float]:
            torch.cuda.synchronize()
            began = perf_counter()
            epoch()
            torch.cuda.synchronize()
            rate = n / (perf_counter() - began)
            return {"images_per_second": rate, "share_of_peak": rate * flops / peak}

        return timed

    def as_it_is(backward: object, model: object) -> object:
        return backward

    with patch.object(training, "Recorded", as_it_is):
        unrecorded = measured(_ours(size, batch, steps, "mixed"))
    return {
        "this tool": measured(_ours(size, batch, steps, "mixed")),
        "this tool, unrecorded": unrecorded,
        "this tool, float32": measured(_ours(size, batch, steps, "float32")),
        "NCHW eager": measured(_eager(size, batch, steps, is_mixed=False)),
        "NCHW eager, AMP": measured(_eager(size, batch, steps, is_mixed=True)),
    }


def bfloat16_peak() -> float:
    """Operations per second of a large matrix product."""
    a = torch.randn(PEAK_SIDE, PEAK_SIDE, device="cuda", dtype=torch.bfloat16)
    seconds = []
    for _ in range(5):
        torch.cuda.synchronize()
        began = perf_counter()
        a @ a
        torch.cuda.synchronize()
        seconds.append(perf_counter() - began)
    return 2 * PEAK_SIDE**3 / min(seconds)


def _ours(size: int, batch: int, steps: int, precision: str) -> Callable[[], object]:
    """An epoch as `fit` trains it, augmentation included; one image is validated."""
    data = random_faces(steps * batch, size)
    recipe = Recipe(batch_size=batch, epochs=1000, lr=1e-3, precision=precision)
    epochs = fit(start(recipe, data, device="cuda"), data)
    next(epochs)
    return lambda: next(epochs)


def _eager(size: int, batch: int, steps: int, *, is_mixed: bool) -> Callable[[], object]:
    """What the tutorials do with a batch that is on the device already: NCHW, plain SGD."""
    model = resnet50(weights=None, num_classes=8).cuda().train()
    images, labels = torch.randn(batch, 3, size, size).cuda(), (torch.arange(batch) % 8).cuda()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, nesterov=True)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            with torch.autocast("cuda", dtype=torch.bfloat16, enabled=is_mixed):
                loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()

    return epoch
