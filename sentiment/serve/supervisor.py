"""Workers: processes that share an address, each replaced when it dies.

Each worker has a listening socket of its own, and the system shares the connections out among them (SO_REUSEPORT). The
sockets belong to the supervisor: when a worker is killed, those who wait for it to accept them are accepted by the one
that takes its place. All are forked from one process that has read the models, so they share that memory.
"""

import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from sentiment.errors import InputError
from sentiment.serve import metrics

log = logging.getLogger("sentiment.serve")

BACKLOG = 1024
_QUICK_SECONDS = 1.0
_SLOWEST_SECONDS = 5.0
# Runs a worker over its socket, given the supervisor's process id (0 for none); returns when it has been told to stop.
Work = Callable[[socket.socket, int], None]


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """``count`` sockets that share ``host`` and ``port`` (0 lets the system choose).

    Raises:
        InputError: the address is in use or none of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:  # sharing would not notice another program there
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
            port = probe.getsockname()[1]
        return [_socket(family, host, port, count > 1) for _ in range(count)]
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"--host {host} --port {port}: cannot listen there ({reason}); choose another") from error


def _socket(family: int, host: str, port: int, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((host, port))
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def run(work: Work, sockets: list[socket.socket]) -> None:
    """One worker a socket, until SIGTERM or SIGINT; a single one in this very process."""
    if len(sockets) == 1:
        with _stop_signals(lambda number, frame: None):
            work(sockets[0], 0)
        return
    folder = tempfile.mkdtemp(prefix="sentiment-serve-")
    try:
        metrics.share(folder)
        _Supervisor(work, sockets).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _stop_signals(handler: "Callable[[int, FrameType | None], None]") -> "contextlib.Iterator[None]":  # type: ignore[name-defined]
    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@dataclass(slots=True)
class _Worker:
    socket: socket.socket
    process: int = 0
    started: float = 0.0
    start_at: float = 0.0
    quick_ends: int = 0


class _Supervisor:
    def __init__(self, work: Work, sockets: list[socket.socket]) -> None:
        self.work = work
        self.workers = [_Worker(sock) for sock in sockets]
        self.stopping = False

    def run(self) -> None:
        with _stop_signals(self._stop):
            while not self.stopping or any(worker.process for worker in self.workers):
                for worker in self.workers:
                    if not worker.process and not self.stopping and time.monotonic() >= worker.start_at:
                        self._start(worker)
                self._reap()
                time.sleep(0.05)

    def _start(self, worker: _Worker) -> None:
        sys.stderr.flush()
        parent = os.getpid()
        process = os.fork()
        if process == 0:
            os._exit(self._as_worker(worker, parent))
        worker.process, worker.started = process, time.monotonic()
        if self.stopping:  # the signal came while it was being started
            self._stop(signal.SIGTERM, None)

    def _as_worker(self, worker: _Worker, parent: int) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(0))  # until the server takes them over
        try:
            self.work(worker.socket, parent)
        except BaseException as error:
            from sentiment.serve.gate import where

            log.error("worker %d: %s", os.getpid(), where(error))
            return 1
        finally:
            sys.stderr.flush()
        return 0

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                for worker in self.workers:
                    if worker.process == ended[0]:
                        self._ended(worker, ended[1])

    def _ended(self, worker: _Worker, status: int) -> None:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.process)  # its gauges; what it counted stays
        if not self.stopping:
            log.error("worker %d ended (%s); starting another", worker.process, _reason(status))
        quick = time.monotonic() - worker.started < _QUICK_SECONDS
        worker.quick_ends = worker.quick_ends + 1 if quick else 0
        pause = min(_SLOWEST_SECONDS, 0.1 * 2**worker.quick_ends) if worker.quick_ends else 0.0
        worker.process, worker.start_at = 0, time.monotonic() + pause

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True
        for worker in self.workers:
            if worker.process:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.process, signal.SIGTERM)


def _reason(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"status {code}"
