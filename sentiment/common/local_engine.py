"""Processes of this machine, one a core: each is given one task at a time over a pipe of its own.

Unlike `concurrent.futures`, which gives up all tasks once a process is killed, it is known here which task that one
had: the task is done again by a new process, and the others notice nothing.
"""

import ctypes
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, cast

from sentiment.common.engines import ATTEMPTS, Outcome, use_one_core

# What the matrix libraries read when they are loaded.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_DIE_WITH_PARENT = 1  # Linux's PR_SET_PDEATHSIG


class LocalEngine:
    """See the module.

    Args:
        workers: processes.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._context = multiprocessing.get_context("spawn")
        self._running: dict[Connection, BaseProcess] = {}

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *exception: object) -> None:
        for connection, process in self._running.items():
            if exception[0] is not None:
                process.kill()  # it may be in the middle of a task
            connection.close()
            process.join()
        self._running.clear()

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """See :class:`sentiment.common.engines.Engine`."""
        for _ in range(min(self.workers, len(tasks)) - len(self._running)):  # no more than there is work for
            self._start()
        waiting, attempts = deque(range(len(tasks))), [0] * len(tasks)
        busy: dict[Connection, int] = {}
        while waiting or busy:
            for connection in [each for each in self._running if each not in busy]:
                if waiting:
                    task = waiting.popleft()
                    if self._send(connection, (function, tasks[task])):
                        busy[connection] = task
                    else:
                        waiting.appendleft(task)
            for connection in cast(list[Connection], wait(list(busy))):
                task = busy.pop(connection)
                try:
                    done, value = connection.recv()
                except (EOFError, OSError):
                    reason = self._replace(connection)
                    attempts[task] += 1
                    if attempts[task] < ATTEMPTS:
                        waiting.appendleft(task)
                    else:
                        yield Outcome(task, None, reason)
                    continue
                if not done:
                    raise value
                yield Outcome(task, value)

    def _send(self, connection: Connection, message: Any) -> bool:
        """Whether the process was still there to be given something; if not, a new one is started."""
        try:
            connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            self._replace(connection)
            return False
        return True

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        kept = {name: os.environ.get(name) for name in _THREADS}
        os.environ.update(dict.fromkeys(_THREADS, "1"))
        try:
            process = self._context.Process(target=_serve, args=(theirs, os.getpid()), daemon=True)
            process.start()
        finally:
            for name, value in kept.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        theirs.close()
        self._running[ours] = process

    def _replace(self, connection: Connection) -> str:
        """Put a new process in the place of one that has ended; tells how that one did."""
        process = self._running.pop(connection)
        connection.close()
        process.join()
        self._start()
        code = process.exitcode or 0
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        return f"its process ended {ATTEMPTS} times, at last {how}; out of memory?"


def _serve(connection: Connection, parent: int) -> None:
    """What each process does: a function and its argument in, the value or what it raised out, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with(parent)
    use_one_core()
    while True:
        try:
            function, task = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = (True, function(task))
        except Exception as error:
            answer = (False, error)
        try:
            connection.send(answer)
        except OSError:
            return


def _end_with(parent: int) -> None:
    """Die as soon as the process that has started this one does, where the system (Linux) can see to it."""
    try:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(1)
