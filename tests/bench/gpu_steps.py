"""Training steps on a GPU: ours, recorded and not, against eager NCHW, by wall time."""

from collections.abc import Callable
from time import perf_counter
from unittest.mock import patch

import torch

from agecls.training import loop
from study.cost.flops import TRAINING, forward_flops
from tests.bench.steps import eager, ours

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

    def ours_in(precision: str) -> Callable[[], dict[str, float]]:
        return measured(ours(size, batch, precision, steps=steps, device="cuda"))

    def eager_in(*, is_mixed: bool) -> Callable[[], dict[str, float]]:
        step = eager(size, batch, device="cuda", is_mixed=is_mixed)
        return measured(lambda: [step() for _ in range(steps)])

    with patch.object(loop, "Recorded", as_it_is):
        unrecorded = ours_in("mixed")
    return {
        "this tool": ours_in("mixed"),
        "this tool, unrecorded": unrecorded,
        "this tool, float32": ours_in("float32"),
        "NCHW eager": eager_in(is_mixed=False),
        "NCHW eager, AMP": eager_in(is_mixed=True),
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
