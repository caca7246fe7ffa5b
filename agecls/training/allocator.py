"""Memory that a training step frees stays with the process, since the next step asks for it again.

glibc gives freed memory back to the system, which clears every page that it hands out anew: a
tenth to a fifth of a small step's CPU time. Other allocators (macOS, musl, jemalloc) are left
alone.
"""

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""Options of mallopt(3), of malloc.h."""

KEPT: Final = 2**30
"""Bytes free at the end of the heap that are kept: a step's activations, or the part of them."""

MAPPED: Final = 2**25
"""Bytes from which a block is a mapping of its own, given back when it is freed; the most that
glibc takes. No activation of a small step is as large, and arrays of images are."""


def keep_memory() -> None:
    """Have this process keep what it frees from now on."""
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, MAPPED)
        mallopt(_TRIM_THRESHOLD, KEPT)


def give_memory_back() -> None:
    """Give the system all that was freed so far."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> "ctypes._FuncPointer | None":
    """A function of the C library, if this process has one that knows it."""
    try:
        found: ctypes._FuncPointer = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):  # TypeError: of None, on Windows
        return None
    return found
