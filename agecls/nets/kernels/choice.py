"""Which kernel computes a shape's convolution and gradients: by rule, or timed once a machine.

By rule all machines take the same. Timed, a choice is made when a shape is first trained, written
to the cache, and never made again for the same processor, PyTorch and number of threads: a run
that goes on computes what an unbroken one would have. Runs carry their choices in their
checkpoints as well, in case the cache is emptied or the switch turned meanwhile.
"""

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from agecls.errors import AgeclsError
from agecls.files import cache_folder, write_whole
from agecls.machine import processor
from agecls.nets.kernels import candidates
from agecls.nets.kernels.candidates import Kernel, Shape, kernel_for
from agecls.nets.kernels.precision import TOLERANCE

SWITCH: Final = "AGECLS_KERNELS"
"""A variable of the environment: `fixed` (also if it is not set), or `timed`."""

MOST_TIMED: Final = 144
"""Pixels of the largest output map whose kernels are timed. On larger ones nothing gains on the
library that could be told from the noise, and timing them takes seconds."""

IMAGES: Final = 32
"""In the batch that is timed."""

ROUNDS: Final = 5
"""In which each kernel has a further turn; the fastest of its turns counts."""

HOPELESS: Final = 3.0
"""A kernel that takes so many times as long as the fastest one has no further turn; all have two,
of which the first prepares."""

LEAST_GAIN: Final = 1.05
"""How many times as fast a kernel must be to replace the one that is taken without timing."""

EXACT: Final = 1e-4
"""Largest relative difference in float32 between two orders of summation."""

_log = logging.getLogger(__name__)


class Choice(NamedTuple):
    """Names of the kernels that compute a shape.

    Attributes:
        forward: The convolution.
        to_maps: Gradient of the maps.
        to_weights: Gradient of the weights.
    """

    forward: str
    to_maps: str
    to_weights: str


PARTS: Final = Choice._fields

Times = Mapping[str, Mapping[str, float]]
"""Milliseconds by part of the choice and kernel; those that compute a part wrong have none."""


class Row(NamedTuple):
    """What was found for a shape.

    Attributes:
        choice: What computes it from now on.
        times: Why.
    """

    choice: Choice
    times: Times


def choose(shape: Shape) -> Choice:
    """What computes a shape in training; where kernels are timed, timed if it was not yet.

    Raises:
        AgeclsError: `AGECLS_KERNELS` is neither `timed` nor `fixed`.
    """
    if not is_timed() or shape.pixels > MOST_TIMED:
        return untimed(shape)
    try:
        return this_table().row(shape).choice
    except OSError as error:
        _warn_once(str(error))
        return untimed(shape)


def untimed(shape: Shape) -> Choice:
    """The same kernel for all three parts, the first that applies."""
    name = kernel_for(shape).name
    return Choice(name, name, name)


def is_timed() -> bool:
    """Whether `AGECLS_KERNELS` asks for timed kernels.

    Raises:
        AgeclsError: It has another value than `timed` and `fixed`.
    """
    asked = os.environ.get(SWITCH) or "fixed"
    if asked not in ("timed", "fixed"):
        raise AgeclsError(f"{SWITCH} is {asked!r}; expected timed or fixed, or leave it unset")
    return asked == "timed"


def named(name: str) -> Kernel:
    """The kernel of this name.

    Raises:
        KeyError: There is none.
    """
    for kernel in candidates.KERNELS:
        if kernel.name == name:
            return kernel
    raise KeyError(name)


def is_known(choice: Choice) -> bool:
    """Whether there are kernels of these names."""
    return set(choice) <= {kernel.name for kernel in candidates.KERNELS}


def fingerprint(choices: Mapping[Shape, Choice]) -> str:
    """Twelve hexadecimal digits that are equal for equal choices."""
    rows = sorted(json.dumps(plain(*row)) for row in choices.items())
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:12]


def plain(shape: Shape, choice: Choice) -> dict[str, Any]:
    """Lists, numbers and texts that `from_plain` reads."""
    sizes = {"maps": list(shape.maps), "weights": list(shape.weights)}
    return {**sizes, "stride": shape.stride, "is_mixed": shape.is_mixed, **choice._asdict()}


def from_plain(row: Mapping[str, Any]) -> tuple[Shape, Choice]:
    """What `plain` was given.

    Raises:
        KeyError, TypeError: The row is of another form.
    """
    sizes = (torch.Size(row["maps"]), torch.Size(row["weights"]))
    choice = Choice(*(str(row[part]) for part in PARTS))
    return Shape(*sizes, int(row["stride"]), bool(row["is_mixed"])), choice


class Table:
    """Rows by shape in a file of the cache, which several processes may read and fill at once.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, machine: Mapping[str, object]) -> None:
        """Read nothing yet.

        Args:
            path: A JSON file; made with its folder when the first row is.
            machine: What the rows hold for; written down for people.
        """
        self.path = path
        self._machine = machine
        self._rows: dict[Shape, Row] = {}

    def row(self, shape: Shape) -> Row:
        """What was found for a shape, or is found now: no two processes time at once.

        Raises:
            OSError: The file cannot be read or written.
        """
        if shape not in self._rows:
            with _alone(self.path.with_suffix(".lock")):
                self._rows = self._read()
                if shape not in self._rows:
                    self._rows[shape] = timed(shape)
                    self._write()
        return self._rows[shape]

    def _read(self) -> dict[Shape, Row]:
        try:
            told = json.loads(self.path.read_text())
            return dict(map(_read_row, told["rows"]))
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError) as error:
            _log.warning("%s is damaged (%r) and is made anew", self.path, error)
            return {}

    def _write(self) -> None:
        rows = [
            {**plain(shape, row.choice), "milliseconds": row.times}
            for shape, row in self._rows.items()
        ]
        text = json.dumps({**self._machine, "rows": rows}, indent=1)
        write_whole(self.path, text.encode())


def this_table() -> Table:
    """The table of this machine with as many threads as PyTorch has now."""
    return _table(cache_folder(), torch.get_num_threads())


@cache
def _table(folder: Path, threads: int) -> Table:
    machine = {
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "limit": os.environ.get("ONEDNN_MAX_CPU_ISA", ""),
        "torch": str(torch.__version__),
        "threads": threads,
        "kernels": [kernel.name for kernel in candidates.KERNELS],
    }
    key = hashlib.blake2b(json.dumps(machine).encode(), digest_size=8).hexdigest()
    return Table(folder / "kernels" / f"{key}.json", machine)


def timed(shape: Shape) -> Row:
    """Try, check and time every kernel that computes a shape, on drawn maps."""
    generator = torch.Generator().manual_seed(0)
    kind = torch.bfloat16 if shape.is_mixed else torch.float32

    def drawn(sizes: Sequence[int]) -> Tensor:
        values = torch.randn(tuple(sizes), generator=generator).to(kind)
        return values.contiguous(memory_format=torch.channels_last)

    kernels = [kernel for kernel in candidates.KERNELS if kernel.computes(shape)]
    times = {}
    with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
        x, weight = drawn([IMAGES, *shape.maps]), drawn(shape.weights)
        slope = drawn([IMAGES, shape.weights[0], *shape.sides])
        for part in PARTS:
            given = (x, weight, shape.stride)
            times[part] = _times(kernels, part, given if part == "forward" else (slope, *given))
    default = kernel_for(shape).name
    return Row(Choice(*(_fastest(times[part], default) for part in PARTS)), times)


def _times(kernels: Sequence[Kernel], part: str, given: tuple[Any, ...]) -> dict[str, float]:
    """Milliseconds by kernel of one part, of those whose result is float32's."""
    exact = getattr(candidates.KERNELS[-1], part)(*given)
    within = TOLERANCE if given[0].dtype == torch.bfloat16 else EXACT
    best = {}
    for kernel in kernels:
        if _differs(getattr(kernel, part)(*given), exact) <= within:
            best[kernel.name] = min(_milliseconds(kernel, part, given) for _ in range(2))
    for _ in range(ROUNDS):
        fastest = min(best.values())
        for kernel in kernels:
            if best.get(kernel.name, float("inf")) <= HOPELESS * fastest:
                again = _milliseconds(kernel, part, given)
                best[kernel.name] = min(best[kernel.name], again)
    return {name: round(value, 4) for name, value in best.items()}


def _differs(ours: Tensor, exact: Tensor) -> float:
    """Relative difference; of NaN, which compares as larger than nothing, infinite."""
    difference = float((ours.float() - exact).norm() / exact.norm())
    return difference if difference == difference else float("inf")


def _milliseconds(kernel: Kernel, part: str, given: tuple[Any, ...]) -> float:
    """CPU time of all threads; of the clock's, other processes take their share."""
    run = getattr(kernel, part)
    began = time.process_time()
    run(*given)
    return 1e3 * (time.process_time() - began)


def _fastest(times: Mapping[str, float], default: str) -> str:
    """The fastest kernel, or the default one where it is nearly as fast."""
    name = min(times, key=lambda kernel: times[kernel])
    return default if times.get(default, float("inf")) <= LEAST_GAIN * times[name] else name


def _read_row(told: Mapping[str, Any]) -> tuple[Shape, Row]:
    shape, choice = from_plain(told)
    if not is_known(choice):
        raise ValueError(f"there are no such kernels as {', '.join(choice)}")
    return shape, Row(choice, told["milliseconds"])


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """While no other process on this machine is here."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@cache
def _warn_once(reason: str) -> None:
    _log.warning(
        "kernels are not timed, since the cache cannot be used (%s); set AGECLS_CACHE to a folder "
        "that you can write",
        reason,
    )
