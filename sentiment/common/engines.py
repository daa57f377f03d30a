"""Engines run tasks: they apply a function to each task and yield each result as soon as it is ready.

The caller of an engine decides which tasks there are, and what to do when a task fails. This module has the engines for
one machine, and :mod:`sentiment.common.ray_engine` has the engine for a cluster.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Self, TypeVar

from sentiment.common.parallel import available_cores, work_alone

T = TypeVar("T")
R = TypeVar("R")
# A task is given up after its process has died this many times, because the task itself may need too much memory.
ATTEMPTS = 3
_WHY = 'out of memory, or called in a script without `if __name__ == "__main__":`?'
# The matrix libraries read their number of threads from these variables when they are loaded.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Outcome(NamedTuple):
    """The ``result`` of the task with the index ``task``. If its process died repeatedly, ``lost`` says so."""

    task: int
    result: Any
    lost: str = ""


class Engine:
    """Run tasks in worker processes, on this machine or others. The workers stop at the end of a ``with`` block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop the workers."""

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """Apply ``function`` to each task, and yield each outcome when ready. Errors of ``function`` propagate."""
        raise NotImplementedError


class InProcess(Engine):
    """An engine that runs one task after the other in this process, with all its threads."""

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """Apply ``function`` to each task in order, and yield the outcomes."""
        for i, task in enumerate(tasks):
            yield Outcome(i, function(task))


class LocalEngine(Engine):
    """An engine of ``workers`` processes, which are started when there are tasks for them.

    A dead process fails all running tasks of a `ProcessPoolExecutor`, which cannot tell which task was the cause. The
    engine retries each of these tasks alone, and gives up only a task whose process dies every time. A single task runs
    in this process if ``workers`` is the number of cores, because it can then use all of them at once.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._context = multiprocessing.get_context("spawn")
        # The workers exit when this process closes its end of the pipe. The system closes it if this process is killed.
        self._watched, self._open_end = self._context.Pipe(duplex=False)
        self._pool: ProcessPoolExecutor | None = None

    def __exit__(self, *exception: object) -> None:
        self._open_end.close()  # the workers exit at once, without the tenth of a second that Python's own end takes
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        self._watched.close()

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """Apply ``function`` to each task, and yield each outcome when ready. Errors of ``function`` propagate."""
        if len(tasks) == 1 and self.workers >= available_cores():
            yield from InProcess().map(function, tasks)
            return
        function = partial(_on_one_core, function)
        waiting, running = deque(range(len(tasks))), dict[Future[Any], int]()
        while waiting or running:
            while waiting and len(running) < self.workers:
                task = waiting.popleft()
                running[self._submit(function, tasks[task])] = task
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            if any(_has_lost_its_process(future) for future in done):
                done, _ = wait(running)
            ended = {future: running.pop(future) for future in done}
            for future, task in ended.items():
                if _has_lost_its_process(future):
                    yield self._repeated_alone(function, tasks[task], task)
                else:
                    yield Outcome(task, future.result())

    def _new_pool(self, workers: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(workers, self._context, _prepare_process, (self._watched,))

    def _submit(self, function: Callable[[Any], Any], argument: Any) -> Future[Any]:
        if self._pool:
            try:
                return self._pool.submit(function, argument)
            except BrokenProcessPool:  # a pool stays unusable after one of its processes has died
                self._pool.shutdown()
        self._pool = self._new_pool(self.workers)
        return self._pool.submit(function, argument)

    def _repeated_alone(self, function: Callable[[Any], Any], argument: Any, task: int) -> Outcome:
        for _ in range(ATTEMPTS - 1):
            with self._new_pool(1) as pool:
                future = pool.submit(function, argument)
                if not _has_lost_its_process(future):
                    return Outcome(task, future.result())
        return Outcome(task, None, f"its process ended {ATTEMPTS} times; {_WHY}")


def grouped(items: Iterable[T], size: Callable[[T], int], most: int, most_items: int) -> Iterator[list[T]]:
    """Yield groups of consecutive ``items``, each with at most ``most_items`` items and a total size up to ``most``.

    An item that is larger than ``most`` is a group of its own.
    """
    together: list[T] = []
    total = 0
    for item in items:
        if together and (total + size(item) > most or len(together) == most_items):
            yield together
            together, total = [], 0
        together.append(item)
        total += size(item)
    if together:
        yield together


def results(
    engine: Engine,
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    progress: Callable[[int], None] = lambda done: None,
) -> list[Any]:
    """Return the results of ``function`` in the order of the tasks. ``progress`` receives the number of finished ones.

    A task whose process died repeatedly raises a ChildProcessError.
    """
    found: list[Any] = [None] * len(tasks)
    for done, outcome in enumerate(engine.map(function, tasks), 1):
        if outcome.lost:
            raise ChildProcessError(f"a task was given up: {outcome.lost}; use fewer workers")
        found[outcome.task] = outcome.result
        progress(done)
    return found


def use_one_core() -> None:
    """Limit the calling thread and Arrow to one thread."""
    import pyarrow as pa

    work_alone()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def _on_one_core(function: Callable[[T], R], argument: T) -> R:
    use_one_core()
    return function(argument)


def _has_lost_its_process(future: Future[Any]) -> bool:
    """Wait for a future, and return whether its process died before there was a result."""
    return isinstance(future.exception(), BrokenProcessPool)


def _prepare_process(watched: Connection) -> None:
    """Limit the matrix libraries of this process to one thread, and end it when its parent ends."""
    from tqdm import tqdm

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(watched,), daemon=True).start()
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    tqdm.set_lock(threading.RLock())  # the default, a lock between processes, would outlive a killed process


def _end_with_parent(watched: Connection) -> None:
    watched.poll(None)
    os._exit(1)
