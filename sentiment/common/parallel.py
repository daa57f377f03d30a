"""The one thread pool, and the one owner of how many threads the matrix library takes.

Both belong to the process, not to a call: calls that run side by side share them.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def available_cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Shared:
    """What all threads share: the pool, and who holds the matrix library to one thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pool: ThreadPoolExecutor | None = None
        self.worker = threading.local()
        self.holders = 0
        self.threads_before: list[int] = []


_shared = _Shared()


def _start_anew() -> None:
    """A forked child has none of its parent's threads."""
    global _shared
    _shared = _Shared()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


def ordered_map(function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """``map(function, items)`` on the pool, a thread a core, for work that releases the interpreter lock; in order.

    No more than two items a core are taken ahead of the results, so memory stays bounded. Called from within the pool
    it works in the calling thread: a pool that waited for itself could stand still, and a second one would only
    compete for the same cores; and so it does with a sequence of one item. An exception ends it once the items that are
    being worked on are done.
    """
    if getattr(_shared.worker, "is_one", False) or (isinstance(items, Sized) and len(items) == 1):
        yield from map(function, items)
        return
    pool, ahead = _pool(), 2 * available_cores()
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
        wait(pending)


def work_alone() -> None:
    """Have :func:`ordered_map` work in the calling thread from now on: this process is one of several, one a core."""
    _mark(_shared)


def _pool() -> ThreadPoolExecutor:
    shared = _shared
    with shared.lock:
        if shared.pool is None:
            shared.pool = ThreadPoolExecutor(available_cores(), "sentiment", lambda: _mark(shared))
        return shared.pool


def _mark(shared: _Shared) -> None:
    shared.worker.is_one = True


@contextmanager
def one_matrix_thread() -> Iterator[None]:
    """Have the matrix library multiply in the calling thread alone.

    Cores are kept busy by :func:`ordered_map`, and a product shared between threads rounds otherwise than one that is
    not. The library has one limit for the process: the first who asks sets it, the last who leaves puts back what
    there was.
    """
    shared = _shared
    with shared.lock:
        if not shared.holders:
            shared.threads_before = [library.get_num_threads() for library in _matrix_libraries()]
            _set_threads([1] * len(shared.threads_before))
        shared.holders += 1
    try:
        yield
    finally:
        with shared.lock:
            shared.holders -= 1
            if not shared.holders:
                _set_threads(shared.threads_before)


def _set_threads(counts: Sequence[int]) -> None:
    """Threadpoolctl heeds only the thread that set a limit first, silently; but the last to leave may be another."""
    from threadpoolctl import OpenBLASController

    for library, count in zip(_matrix_libraries(), counts, strict=True):
        OpenBLASController.clear_controlling_thread(force=True)
        library.set_num_threads(count)
    OpenBLASController.clear_controlling_thread(force=True)


@cache
def _matrix_libraries() -> list[Any]:
    """The libraries that multiply matrices, found once: looking for them takes longer than a tweet."""
    from threadpoolctl import ThreadpoolController

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
