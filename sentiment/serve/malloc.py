"""Bound the memory of a worker, where the C library is glibc.

glibc gives each thread an arena that keeps what the thread has freed, and it returns the end of an arena only. Arrow's
own allocator keeps still more: 15 MB of a worker.
"""

import contextlib
import ctypes
import os

_ARENA_MAX = -8  # M_ARENA_MAX in malloc.h


def share_one_arena() -> None:
    """Make all threads of this process, and Arrow, share one arena. Call it before threads start and Arrow is used."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def return_free_memory() -> None:
    """Return all free pages of the arena to the system: below the last object in use there may be many."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
