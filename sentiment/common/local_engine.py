"""An engine of local processes, one per core, that survives the death of a process.

It uses a `ProcessPoolExecutor`. When a process dies, the executor fails all running tasks, because it cannot tell which
task was the cause. The engine retries each of these tasks alone, and gives up only a task whose process dies every
time.

If there is only one task, its process uses a thread per core.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any

from tqdm import tqdm

from sentiment.common.engines import ATTEMPTS, Outcome, use_one_core
from sentiment.common.parallel import available_cores

# The matrix libraries read their number of threads from these variables when they are loaded.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class LocalEngine:
    """An engine of ``workers`` processes, which are started when there are tasks for them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._context = multiprocessing.get_context("spawn")
        # The workers exit when this process closes its end of the pipe. The system closes it if this process is killed.
        self._watched, self._open_end = self._context.Pipe(duplex=False)
        self._threads = False
        self._pool = self._new_pool(workers)

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *exception: object) -> None:
        if exception[0] is not None:
            self._open_end.close()  # do not wait for tasks
        self._pool.shutdown(cancel_futures=True)
        self._open_end.close()
        self._watched.close()

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """Apply ``function`` to each task, and yield each outcome when ready. Errors of ``function`` propagate."""
        self._use_threads(len(tasks) == 1 and self.workers >= available_cores())
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

    def _use_threads(self, threads: bool) -> None:
        """Let each process use one thread per core, or only one thread. A change restarts the processes."""
        if threads != self._threads:
            self._pool.shutdown()
            self._threads = threads
            self._pool = self._new_pool(self.workers)

    def _new_pool(self, workers: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(workers, self._context, _prepare_process, (self._watched, self._threads))

    def _submit(self, function: Callable[[Any], Any], argument: Any) -> Future[Any]:
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
        return Outcome(task, None, f"its process ended {ATTEMPTS} times; out of memory?")


def _has_lost_its_process(future: Future[Any]) -> bool:
    """Wait for a future, and return whether its process died before there was a result."""
    return isinstance(future.exception(), BrokenProcessPool)


def _prepare_process(watched: Connection, threads: bool) -> None:
    """Limit this process to one core unless it may use ``threads``, and end it when its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(watched,), daemon=True).start()
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    tqdm.set_lock(threading.RLock())  # the default, a lock between processes, would outlive a killed process
    if not threads:
        use_one_core()


def _end_with_parent(watched: Connection) -> None:
    watched.poll(None)
    os._exit(1)
