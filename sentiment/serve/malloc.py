"""Bound the memory of a worker: glibc gives each thread an arena that keeps what the thread has freed."""

import contextlib
import ctypes

_ARENA_MAX = -8  # M_ARENA_MAX in malloc.h


def share_one_arena() -> None:
    """Make all threads of this process share one arena. Call it before threads start. Only glibc has arenas."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
