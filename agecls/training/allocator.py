"""Memory that a training step frees stays with the process, since the next step asks for it again.

glibc gives freed memory back to the system, which clears every page that it hands out anew: a
tenth to a fifth of a small step's CPU time. Other allocators (macOS, musl, jemalloc) are left
alone. What no step asks for is given back before a trial: free memory, and the pages of libraries
that loading has read.
"""

import ctypes
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""Options of mallopt(3), of malloc.h."""

KEPT: Final = 2**30
"""Bytes free at the end of the heap that are kept: a step's activations, or the part of them."""

MAPPED: Final = 2**25
"""Bytes from which a block is a mapping of its own, given back when it is freed; the most that
glibc takes. No activation of a small step is as large, and arrays of images are."""

_DONT_NEED: Final = 4
"""Advice of madvise(2), of Linux's mman.h."""

_WHILE: Final = 0.02
"""Seconds in which a library that is being loaded has got past its first mapping."""

_MAPPING: Final = re.compile(r"^(\w+)-(\w+) r-[-x]p .* /.+\n((?:\w+: .*\n)+)", re.MULTILINE)
"""Start, end and sizes of a private mapping of a file that is only read, in smaps; proc(5)."""


def keep_memory() -> None:
    """Have this process keep what it frees from now on."""
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, MAPPED)
        mallopt(_TRIM_THRESHOLD, KEPT)


def give_memory_back() -> None:
    """Give the system all that was freed so far, and what it can read from a file again.

    Libraries run through their code when they are loaded, those for GPUs as well: 320 MiB of
    PyTorch, Ray and pandas, of which a training on a CPU reads 60 again.
    """
    trim, madvise = _of_glibc("malloc_trim"), _of_glibc("madvise")
    if trim is not None and madvise is not None:
        trim(0)
        # a library that another thread is loading lies for microseconds as a mapping that nothing
        # has changed yet, and is linked in the next: what lies as before after a while is not one
        before = set(_unchanged())
        time.sleep(_WHILE)
        for first, end in before.intersection(_unchanged()):
            madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), _DONT_NEED)


def _unchanged() -> Iterator[tuple[int, int]]:
    """Where this process's mappings of files are that it has not changed and cannot change.

    A changed page of such a mapping, as those that the loader has linked, would be lost.
    """
    try:
        mappings = _MAPPING.finditer(Path("/proc/self/smaps").read_text())
    except OSError:  # not Linux
        return
    for first, end, told in (mapping.groups() for mapping in mappings):
        own = dict(line.split(maxsplit=1) for line in told.splitlines())
        if own.get("Anonymous:") == own.get("Swap:") == "0 kB":
            yield int(first, 16), int(end, 16)


def _of_glibc(name: str) -> "ctypes._FuncPointer | None":
    """A function of the C library, if this process has one that knows it."""
    try:
        found: ctypes._FuncPointer = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):  # TypeError: of None, on Windows
        return None
    return found
