"""Share one thread pool among all calls in this process, and limit the matrix library (BLAS) to one thread."""

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")
R = TypeVar("R")
_LARGEST_KEPT = (32 << 20) - (8 << 10)  # bytes; glibc adds a header, and rounds up to whole pages


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _ProcessState:
    """Hold what all threads of this process share: a thread pool, and the limit of BLAS to one thread.

    Closing ``limit`` removes this limit. ``limiter`` is the thread that has set it.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pool: ThreadPoolExecutor | None = None
        self.thread = threading.local()
        self.limit: ExitStack | None = None
        self.limiter = threading.current_thread()
        self.users_of_limit = 0


_state = _ProcessState()


def _start_anew() -> None:
    """Forget the thread pool and the BLAS limit in a forked child, because a child lacks its parent's threads."""
    global _state
    _state.lock.release()
    _state = _ProcessState()


if hasattr(os, "register_at_fork"):
    # Holding the lock during a fork keeps other threads out of threadpoolctl, whose own lock a child could never get.
    os.register_at_fork(
        before=lambda: _state.lock.acquire(),
        after_in_parent=lambda: _state.lock.release(),
        after_in_child=_start_anew,
    )


@cache
def keep_freed_memory() -> None:
    """Make glibc keep the memory of freed arrays below 32 MiB, and make Arrow take its memory from glibc.

    The system fills every page of new memory with zeros, and two threads wait for each other meanwhile. Without this
    call, two cores therefore predict a seventh fewer tweets per second, and encode a tenth fewer for training. The
    first call in a process has this effect, further ones have none. Freeing a block raises glibc's limits to its size,
    and to at most 32 MiB (M_MMAP_THRESHOLD in the manual page mallopt(3)). Other C libraries are not affected. Arrow's
    own allocator gives memory back too. It stays if the environment variable of Arrow names an allocator.
    """
    import pyarrow as pa

    bytes(_LARGEST_KEPT)  # never written to, so it takes no memory
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
        pa.set_memory_pool(pa.system_memory_pool())


def ordered_map(function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """Apply ``function`` to each item with one thread per core, and yield the results in order.

    Threads save time only if ``function`` releases the interpreter lock. At most two items per core are read ahead of
    the consumer, so memory stays bounded. A single item is computed in the calling thread. So are all items of a call
    inside a thread of the pool, because a pool that waits for itself can deadlock. After an exception no further item
    starts.
    """
    if getattr(_state.thread, "works_alone", False) or (isinstance(items, Sized) and len(items) == 1):
        yield from map(function, items)
        return
    from concurrent.futures import wait

    pool, most = _pool(), 2 * available_cores()
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= most:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
        wait(pending)


def work_alone() -> None:
    """Make :func:`ordered_map` use no other thread when this thread calls it, because the other cores are in use."""
    _state.thread.works_alone = True


def _pool() -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor  # imported late, because predicting one tweet needs no pool

    with _state.lock:
        if _state.pool is None:
            _state.pool = ThreadPoolExecutor(available_cores(), "sentiment", work_alone)
        return _state.pool


@contextmanager
def one_matrix_thread() -> Iterator[None]:
    """Limit the matrix library (BLAS) to one thread while a ``with`` block runs, because threads change how it rounds.

    The limit applies to the whole process, but only the thread that has set it can remove it. If blocks of
    several threads overlap, it may stay after the last block. A limit that the calling program has set stays, too.
    """
    state = _state
    with state.lock:
        if state.limit is None:
            from threadpoolctl import get_cached_controller

            state.limit, state.limiter = ExitStack(), threading.current_thread()
            state.limit.enter_context(get_cached_controller().limit(limits=1, user_api="blas"))
        state.users_of_limit += 1
    try:
        yield
    finally:
        with state.lock:
            state.users_of_limit -= 1
            may_remove = state.limiter is threading.current_thread() or not state.limiter.is_alive()
            if state.limit and may_remove and not state.users_of_limit:
                state.limit.close()
                state.limit = None
