"""`--benchmark`: images per second with one trial, and with several at a time, on this machine.

Each trial is a process of its own that trains a study's network on random pixels, as trials do;
all start together, and what counts is what they train together. Nothing is kept.
"""

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

import torch
from rich.console import Console

from agecls.errors import AgeclsError
from agecls.machine import cores
from agecls.recipe import Recipe
from agecls.training.loop import fit, start
from study.asked.factors import Study
from study.cost.estimate import measured_recipe, random_faces, structures
from study.running.trainable import device_name, peak_memory_mib, reset_peak_memory

SECONDS: Final = 8.0
"""For which each number of trials is measured, after one epoch to warm up."""

MOST_ON_A_GPU: Final = 8
"""Trials at a time that are tried on one GPU; a CPU is tried up to one per core."""

LEAST_GAIN: Final = 1.03
"""More trials at a time must train this much more together to be worth their memory."""

BATCHES: Final = {"cpu": 2, "cuda": 32}
"""Batches in an epoch of the measurement: few, so that all trials end at nearly one time."""

_WAIT: Final = 600.0


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
    console.print(
        f"{device_name(device)}, {cores()} cores: ResNet {recipe.variant}-"
        f"{recipe.depth} at {study.size} px, batches of {recipe.batch_size}, {SECONDS:g} s each",
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


def deepest(study: Study) -> tuple[str, int]:
    """The structure to measure: the deepest net, of the first variant."""
    return max(structures(study), key=lambda structure: structure[1])


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
    barrier = context.Barrier(trials)
    pipes, processes = [], []
    for _ in range(trials):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=_train, args=(recipe, size, threads, device, seconds, barrier, theirs)
        )
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    try:
        found = [_received(pipe) for pipe in pipes]
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return Rate(
        trials=trials,
        threads=threads,
        images_per_second=sum(rate for rate, _ in found),
        peak_memory_mib=max(memory for _, memory in found),
    )


def _received(pipe: Connection) -> tuple[float, float]:
    try:
        if not pipe.poll(_WAIT):
            raise AgeclsError(f"a trial did not end within {_WAIT:g} s")
        answer = pipe.recv()
    except EOFError as error:
        raise AgeclsError("a trial's process died, perhaps for want of memory") from error
    if isinstance(answer, str):
        raise AgeclsError(answer)
    rate, memory = answer
    return rate, memory


def _train(
    recipe: Recipe,
    size: int,
    threads: int,
    device: str,
    seconds: float,
    barrier: Any,
    pipe: Connection,
) -> None:
    """In a process of its own: train until the time is over and send (images/s, MiB)."""
    try:
        torch.set_num_threads(threads)
        data = random_faces(BATCHES[device] * recipe.batch_size, size)
        reset_peak_memory()
        state = start(recipe, data, device=device)
        epochs = fit(state, data)
        next(epochs)  # a recorded step takes its memory here
        barrier.wait(_WAIT)
        began, n = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            next(epochs)
            n += len(data.train_labels)
        pipe.send((n / (time.perf_counter() - began), peak_memory_mib(state.device)))
    except Exception as error:  # whatever it was, the one who waits must learn of it
        pipe.send(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
        barrier.abort()


def _line(rate: Rate) -> str:
    return (
        f"trials at a time: {rate.trials}; threads of each: {rate.threads}; images/s together: "
        f"{rate.images_per_second:.1f}; of each: {rate.images_per_second / rate.trials:.1f}; "
        f"MiB of each: {rate.peak_memory_mib:.0f}"
    )
