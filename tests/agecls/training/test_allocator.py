import ctypes
import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from agecls.training import allocator

needs_glibc = pytest.mark.skipif(
    allocator._of_glibc("mallopt") is None, reason="another allocator than glibc's"
)

FAULTS = """
import resource, sys, torch
from agecls.training.loop import _set_up
from agecls.training.allocator import give_memory_back

def step():  # 96 MiB, in blocks as a net's activations
    blocks = [torch.ones(2**20) for _ in range(24)]

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "training":
    _set_up(torch.device("cpu"))
step()
step()
kept = []
for _ in range(5):
    before = pages()
    step()
    kept.append(pages() - before)
again = pages()
give_memory_back()
step()
print(min(kept), pages() - again)
"""


def page_faults(mode: str) -> tuple[int, int]:
    """Of a step with the memory of the one before, and of one after it was given back.

    The fewest of five steps: whatever else the process keeps may take a freed block's place, and
    that block is fetched anew once.
    """
    words = [sys.executable, "-c", FAULTS, mode]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    kept, given_back = map(int, told.split())
    return kept, given_back


@needs_glibc
def test_a_step_of_a_training_process_takes_the_memory_that_the_last_one_freed():
    kept, given_back = page_faults("training")
    assert kept < 100
    # by system a page of 4 KiB to 2 MiB
    assert given_back >= 40
    ordinary, _ = page_faults("ordinary")
    assert ordinary > 10 * (kept + 1)


@pytest.fixture
def mapped(tmp_path):
    """A private mapping of a file of 8 MiB of zeros, all of it read."""
    size = 2**23
    path = tmp_path / "library"
    path.write_bytes(bytes(size))
    with path.open("rb") as file:
        mapping = mmap.mmap(
            file.fileno(), size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE
        )
    assert not any(mapping[:])
    return mapping


def forbid_writing(mapping: mmap.mmap, first: int) -> None:
    """To all of a mapping from this byte on, as the loader does."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(mapping)) + first
    size = ctypes.c_size_t(len(mapping) - first)
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), size, mmap.PROT_READ) == 0


def of_files() -> int:
    """KiB of files that are mapped and in memory."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if "RssFile" in line))


@needs_glibc
def test_pages_of_files_that_can_be_read_again_are_given_back(mapped):
    forbid_writing(mapped, 0)
    before = of_files()
    allocator.give_memory_back()
    assert before - of_files() > 7 * 2**10
    assert not any(mapped[:])


@needs_glibc
@pytest.mark.parametrize("is_forbidden", [True, False])
def test_a_page_of_a_file_that_was_changed_is_kept(mapped, is_forbidden):
    mapped[4097] = 7
    if is_forbidden:
        forbid_writing(mapped, 0)
    allocator.give_memory_back()
    assert mapped[4097] == 7


def test_other_allocators_are_left_alone(monkeypatch):
    monkeypatch.setattr(allocator, "_of_glibc", lambda name: None)
    allocator.keep_memory()
    allocator.give_memory_back()


def test_what_the_c_library_does_not_know_is_no_error():
    assert allocator._of_glibc("no_such_function_of_a_c_library") is None
