"""`--benchmark`: images per second with one trial, and with several at a time, on this machine.

Each trial is a process of its own that trains a study's network on random pixels, as trials do;
all start together, and what counts is what they train together. Nothing is kept but, in the cache,
which kernels are the fastest.
"""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Barrier
from typing import Final

import torch
from rich.console import Console

from agecls.errors import AgeclsError
from agecls.machine import cores
from agecls.nets.families import family_of
from agecls.nets.source_names import structure_name
from agecls.recipe import Recipe
from agecls.training.loop import fit, start
from study.asked.study import Study
from study.cost.kernel_table import kernel_lines
from study.cost.measured import measured_recipe, random_faces
from study.running.trainer import device_name, peak_memory_mib, reset_peak_memory

SECONDS: Final = 8.0
"""For which each number of trials is measured, after one epoch to warm up."""

MOST_ON_A_GPU: Final = 8
"""Trials at a time that are tried on one GPU; a CPU is tried up to one per core."""

LEAST_GAIN: Final = 1.03
"""More trials at a time must train this much more together to be worth their memory."""

BATCHES: Final = {"cpu": 2, "cuda": 32}
"""Batches in an epoch of the measurement: few, so that all trials end at nearly one time."""

_WAIT: Final = 600.0
_barrier: Barrier | None = None


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What some trials at a time trained.

    Attributes:
        trials: At a time.
        threads: CPU threads of each.
        images_per_second: Of all trials together.
        peak_memory_mib: The largest trial's: of the GPU, or of its process on a CPU.
    """

    trials: int
    threads: int
    images_per_second: float
    peak_memory_mib: float


def describe_speed(study: Study, console: Console) -> None:
    """Measure and print; trains nothing that lasts.

    Raises:
        AgeclsError: Not even one trial can run.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recipe = measured_recipe(study, *deepest(study))
    family = family_of(recipe.variant)
    # names of whole nets speak for themselves
    net = f"{family.name} " if family.depths else ""
    net += structure_name(recipe.variant, recipe.depth)
    console.print(
        f"{device_name(device)}, {cores()} cores: {net} at "
        f"{study.size} px, batches of {recipe.batch_size}, {SECONDS:g} s each",
        highlight=False,
    )
    rates: list[Rate] = []
    for n in counts(device.type, cores()):
        try:
            rates.append(measure(recipe, study.size, n, device=device.type))
        except AgeclsError as error:
            if not rates:
                raise
            console.print(f"{n} trials at a time: {error}", highlight=False)
            break
        console.print(_line(rates[-1]), highlight=False)
    console.print(advice(rates, device.type), highlight=False)
    if device.type == "cpu":
        console.print("kernels are timed where they were not yet", highlight=False)
        for line in kernel_lines(recipe, study.size, best(rates).threads):
            console.print(line, highlight=False, soft_wrap=True)


def deepest(study: Study) -> tuple[str, int]:
    """The structure to measure: the deepest net, of the first variant."""
    return max(study.structures, key=lambda structure: structure[1])


def counts(device: str, cores: int) -> list[int]:
    """Numbers of trials at a time to try: powers of two up to the most, and that."""
    most = MOST_ON_A_GPU if device == "cuda" else cores
    return [*(2**k for k in range(most.bit_length()) if 2**k < most), most]


def best(rates: list[Rate]) -> Rate:
    """The fastest, or the first with fewer trials that is nearly as fast."""
    fastest = max(rate.images_per_second for rate in rates)
    return next(rate for rate in rates if rate.images_per_second * LEAST_GAIN >= fastest)


def advice(rates: list[Rate], device: str) -> str:
    """The flags that give the best rate, in one line."""
    chosen = best(rates)
    flags = (
        f"--gpus-per-trial {1 / chosen.trials:g}"
        if device == "cuda"
        else f"--concurrency {chosen.trials} --cpus-per-trial {chosen.threads}"
    )
    gain = chosen.images_per_second / rates[0].images_per_second
    return (
        f"best: {chosen.trials} at a time ({flags}), {chosen.images_per_second:.0f} images/s "
        f"together, {gain:.2f} times one trial's"
    )


def measure(
    recipe: Recipe, size: int, trials: int, *, device: str, seconds: float = SECONDS
) -> Rate:
    """Images per second of `trials` processes that train at the same time.

    Raises:
        AgeclsError: One of them failed, for instance for want of memory.
    """
    threads = max(1, cores() // trials)
    context = multiprocessing.get_context("spawn")
    train = partial(_train, recipe, size, threads, device, seconds)
    # each waits for all, so that each has a process of its own
    meeting = (context.Barrier(trials),)
    with ProcessPoolExecutor(trials, context, _meet_at, meeting) as processes:
        running = [processes.submit(train) for _ in range(trials)]
        try:
            found = [trial.result() for trial in running]
        except BrokenProcessPool as error:
            raise AgeclsError("a trial's process died, perhaps for want of memory") from error
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise AgeclsError(f"{type(error).__name__}: {reason}") from error
    return Rate(
        trials=trials,
        threads=threads,
        images_per_second=sum(rate for rate, _ in found),
        peak_memory_mib=max(memory for _, memory in found),
    )


def _meet_at(barrier: Barrier) -> None:
    """In a process of its own, before it trains: where it waits until all are warm."""
    global _barrier
    _barrier = barrier


def _train(
    recipe: Recipe, size: int, threads: int, device: str, seconds: float
) -> tuple[float, float]:
    """Train until the time is over; images/s and MiB."""
    assert _barrier is not None
    try:
        torch.set_num_threads(threads)
        data = random_faces(BATCHES[device] * recipe.batch_size, size)
        reset_peak_memory()
        state = start(recipe, data, device=device)
        epochs = fit(state, data)
        next(epochs)  # a recorded step takes its memory here
    except Exception:
        _barrier.abort()  # nobody need wait
        raise
    _barrier.wait(_WAIT)
    began, n = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        next(epochs)
        n += len(data.train)
    return n / (time.perf_counter() - began), peak_memory_mib(state.device)


def _line(rate: Rate) -> str:
    return (
        f"trials at a time: {rate.trials}; threads of each: {rate.threads}; images/s together: "
        f"{rate.images_per_second:.1f}; of each: {rate.images_per_second / rate.trials:.1f}; "
        f"MiB of each: {rate.peak_memory_mib:.0f}"
    )
