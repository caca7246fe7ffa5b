import subprocess
import sys

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
before = pages()
step()
again = pages()
give_memory_back()
step()
print(again - before, pages() - again)
"""


def page_faults(mode: str) -> tuple[int, int]:
    """Of a third step with the memory of the second, and of one after it was given back."""
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


def test_other_allocators_are_left_alone(monkeypatch):
    monkeypatch.setattr(allocator, "_of_glibc", lambda name: None)
    allocator.keep_memory()
    allocator.give_memory_back()


def test_what_the_c_library_does_not_know_is_no_error():
    assert allocator._of_glibc("no_such_function_of_a_c_library") is None
