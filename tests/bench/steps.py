"""One training step: ours against eager NCHW, beside what the processor could do at most."""

from collections.abc import Callable

import torch
from torch import nn
from torchvision.models import resnet50

from agecls.recipe import Recipe
from agecls.training.batches import draw, normalisation, training_batch
from agecls.training.loop import fit, start
from study.cost.flops import TRAINING, forward_flops
from study.cost.measured import random_faces
from tests.bench.ratios import cpu_seconds

PEAK_SIDE = 2048
"""Side of the matrices whose product counts as the peak."""


def contestants(size: int, batch: int, steps: int) -> dict[str, Callable[[], dict[str, float]]]:
    """Images per CPU second on one thread, by who trains, and the data pipeline's share."""
    torch.set_num_threads(1)
    mixed, exact = ours(size, batch, "mixed"), ours(size, batch, "float32")
    plain = eager(size, batch)
    mixed(), exact(), plain()  # the first steps prepare kernels and memory
    pipeline = _pipeline(size, batch)
    flops = TRAINING * forward_flops("org", 50, size)

    def measured(step: Callable[[], object]) -> dict[str, float]:
        rate = batch / cpu_seconds(step, repeats=steps)
        peak = sgemm_peak()
        return {
            "images_per_second": rate,
            "peak_gflops": peak / 1e9,
            "share_of_peak": rate * flops / peak,
        }

    def with_share() -> dict[str, float]:
        figures = measured(mixed)
        seconds = cpu_seconds(pipeline, repeats=steps)
        return {**figures, "pipeline_share": seconds * figures["images_per_second"] / batch}

    return {
        "this tool": with_share,
        "this tool, float32": lambda: measured(exact),
        "NCHW eager": lambda: measured(plain),
    }


def sgemm_peak() -> float:
    """float32 operations per CPU second of a large matrix product on one thread."""
    a = torch.randn(PEAK_SIDE, PEAK_SIDE)
    best = min(cpu_seconds(lambda: a @ a) for _ in range(2))
    return 2 * PEAK_SIDE**3 / best


def ours(
    size: int, batch: int, precision: str, *, steps: int = 1, device: str = "cpu"
) -> Callable[[], object]:
    """An epoch of so many steps as `fit` trains it, augmentation included; validates one image."""
    data = random_faces(steps * batch, size)
    recipe = Recipe(batch_size=batch, epochs=1000, lr=1e-3, precision=precision)
    epochs = fit(start(recipe, data, device=device), data)
    return lambda: next(epochs)


def eager(
    size: int, batch: int, *, device: str = "cpu", is_mixed: bool = False
) -> Callable[[], object]:
    """What the tutorials do with a batch that is there already: NCHW, plain SGD."""
    model = resnet50(weights=None, num_classes=8).to(device).train()
    images = torch.randn(batch, 3, size, size).to(device)
    labels = (torch.arange(batch) % 8).to(device)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, nesterov=True)
    criterion = nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=is_mixed):
            loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()

    return step


def _pipeline(size: int, batch: int) -> Callable[[], object]:
    """Picking, augmenting and normalising a batch of uint8 images."""
    images = torch.from_numpy(random_faces(batch, size).images)
    draws = draw(batch, torch.Generator().manual_seed(0))
    normal = normalisation((0.5,) * 3, (0.5,) * 3, torch.device("cpu"))  # type: ignore[arg-type]
    order = torch.randperm(batch)
    return lambda: training_batch(images[order], draws[order], normal, strength=0.3)
