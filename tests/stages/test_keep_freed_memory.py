"""A process may reuse the memory that it frees."""

from __future__ import annotations

import ctypes

import pytest

from tests.processes import printed

REPORT = """
import ctypes, resource, sys
from stages import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes = [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    block = library.malloc(50_000_000)
    ctypes.memset(block, 1, 50_000_000)
    library.free(block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Page faults of a process that ten times takes, fills and frees 50 MB."""
    return int(printed(REPORT, how))


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"),
    reason="these are glibc's options",
)
def test_memory_that_was_freed_is_used_again_without_fetching_it_anew() -> None:
    kept, given_back = faults("kept"), faults("given back")
    # Pages of 4 KB, or fewer and larger ones where the system makes such: fetched once, or ten times.
    assert kept < given_back / 4
