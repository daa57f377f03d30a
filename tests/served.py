"""A service in a process of its own, as a user starts it, and plain ways to talk to it."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.model_fixture import child_environment

WAIT = 30.0


def until(reached: Callable[[], Any]) -> Any:
    """Return what ``reached()`` returns, once that is true."""
    deadline = time.monotonic() + WAIT
    while not (value := reached()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return value


class Answer:
    """Status, headers (lower case) and body of a response."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """A running service."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        first = self.wait_for(r"serve: http://[^ ]*:(\d+) ready: .*")
        self.port = int(first.group(1))

    def _read(self) -> None:
        for line in self.process.stderr or ():
            with self._changed:
                self.log.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.log.append("(ended)")
            self._changed.notify_all()

    def wait_for(self, pattern: str, count: int = 1) -> re.Match[str]:
        """The ``count``-th line of the log that matches."""
        deadline = time.monotonic() + WAIT
        with self._changed:
            while True:
                found = [match for line in self.log if (match := re.match(pattern, line))]
                if len(found) >= count:
                    return found[count - 1]
                assert "(ended)" not in self.log, (pattern, self.log)
                assert time.monotonic() < deadline, (pattern, self.log)
                self._changed.wait(1)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request on a connection of its own; ``body`` as JSON unless it is bytes, and called so unless told."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        with contextlib.closing(connection):
            content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            given = {name.replace("_", "-"): text for name, text in headers.items()}
            kind = {} if body is None else {"content-type": "application/json"}
            connection.request(method, path, content, kind | given)
            return Answer(connection.getresponse())

    def predict(self, texts: Any, **more: Any) -> Answer:
        return self.ask("POST", "/predict", {"texts": texts} | more)

    def raw(self, *pieces: bytes) -> bytes:
        """Send bytes as they are, and return what comes back until the other side closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT) as sock:
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    sock.sendall(piece)
            received = b""
            with contextlib.suppress(ConnectionError):
                while piece := sock.recv(1 << 16):
                    received += piece
            return received

    def processes(self) -> list[int]:
        """The processes that answer: this one alone, or those that it started as workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        workers = [
            child for child in children if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
        return [int(child) for child in workers] or [self.process.pid]

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT)


@contextlib.contextmanager
def serve(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[Served]:
    """``sentiment serve`` with these arguments, on a free port; killed at the end if it does not stop."""
    command = [sys.executable, "-m", "sentiment", "serve", "--port", "0", *arguments]
    env = child_environment() | (environment or {})
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env, cwd=os.path.dirname(__file__))
    try:
        yield Served(process)
    finally:
        process.terminate()
        try:
            process.wait(WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr:
            process.stderr.close()
