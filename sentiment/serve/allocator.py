"""How the C library keeps memory that is free: in one place, where all threads find it, and no more than is of use.

glibc gives threads areas of their own, which keep what one thread has freed from all others. Here one thread at a time
works in Python, so that gains nothing and takes some megabytes a worker.
"""

import ctypes
from typing import Any

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def share_one_area() -> None:
    """Before there are threads; does nothing where the C library is another."""
    if (mallopt := _function("mallopt")) is not None:
        mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """What is free goes back to the system; after much that was needed once."""
    if (malloc_trim := _function("malloc_trim")) is not None:
        malloc_trim(0)


def _function(name: str) -> Any:
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
