"""Damaged requests to a running service: none may be answered with a defect, hold it up or make it grow.

Each connection carries one to three requests, damaged in body, head or as a whole. It is closed for sending as soon as
no answer comes any more. A few connections at a time send a body by single bytes and never end. In between, good requests must be answered as ever.
"""

import contextlib
import json
import random
import re
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.mutations import Mutator
from tests.served import Served, serve

LIMITS = ("--body-bytes", "100000", "--receive-seconds", "2", "--file-bytes", "400000")
ALLOWED = {200, 206, 304, 400, 404, 405, 408, 413, 415, 416, 422, 429, 431}
QUIET = 0.15  # seconds without an answer after which the sender ends
TIMEOUT = 20.0
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_TENSOR = {"name": "text", "datatype": "BYTES", "shape": [2], "data": ["I love it", "hate \U0001f44d"]}
_JSON = [
    ("/predict", {"texts": ["I love it", "hate \u00e9"], "threshold": 0.7, "explain": True, "model": "tiny"}),
    ("/v1/models/tiny:predict", {"instances": ["love", {"b64": "bG92ZQ=="}], "signature_name": "serving_default"}),
    ("/v1/models/tiny/versions/1:predict", {"inputs": {"text": ["love", "hate"]}}),
    ("/v1/models/tiny:predict", {"instances": [[1, 2, 0, 0]], "signature_name": "serve_ids"}),
    ("/v2/models/tiny/infer", {"id": "x", "inputs": [_TENSOR], "outputs": [{"name": "label"}]}),
]
_FORM = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.csv"\r\n\r\ntext\r\nlove\r\n--b--\r\n'
_FILES = [
    ("/predict?column=text", "text/csv", b'id,text\n1,"so, love"\n2,hate\n'),
    ("/predict?column=1&threshold=0.5", "text/csv; charset=latin-1", b"1,love\n2,caf\xe9\n"),
    ("/predict", "application/x-ndjson", b'{"text": "love"}\n{"text": "hate", "n": [1, {"m": null}]}\n'),
    ("/predict", "multipart/form-data; boundary=b", _FORM),
]
_VALUES = (
    b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"-0", b'"\\ud800"', b'"\\udc00x"', b"null", b"true", b"{}", b"[]",
    b'"' + b"x" * 30_000 + b'"', b"[" * 2000, b'{"a":' * 2000, b'"\xff\xfe"', b'"\\u0000"', b"[[[]]]", b'{"b64":"%"}',
)  # fmt: skip
_WHOLE = [
    b"[" * 90_000, b"[" * 200_000, b'{"texts":' * 10_000, b'{"texts":["' + b"\xf0\x9f" * 100 + b'"]}', b"", b"\0" * 100,
    b'{"texts": ["' + b"love " * 30_000 + b'"]}', b'{"texts": [' + b'"a",' * 20_000 + b'"a"]}',
]  # fmt: skip
_HEADERS = (
    b"X: " + b"y" * 40_000, b"X\0: y", b": y", b"Content-Length: -1", b"Content-Length: 99999999999999999999999",
    b"Content-Length: 5, 6", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Content-Encoding: gzip",
    b"Expect: 100-continue", b"Upgrade: websocket\r\nConnection: Upgrade", b"Connection: close", b"Host: \xff", b"Host: evil.example",
    b"Content-Type: text/csv; charset=hex", b"Content-Type: text/csv; charset=utf-16", b"Content-Type: \xff/csv",
    b"Content-Type: multipart/form-data", b"Content-Type: multipart/form-data; boundary=" + b"b" * 5000,
    b"Authorization: Bearer \xe9", b"Inference-Header-Content-Length: 7", b"If-None-Match: *", b"X: a\r\n b",
)  # fmt: skip
_PATHS = (
    b"/", b"/models", b"/docs", b"/openapi.json", b"/metrics", b"/static/page.js", b"/static/..%2f..%2fapp.py", b"*",
    b"/models/tiny/report.html", b"/models/tiny/..%2fmodel.json", b"/models/tiny/model.json", b"//predict", b"/%ff%00",
    b"/v1/models/" + b"x" * 3000, b"http://a/b?c", b"/v1/models/tiny/versions/" + b"9" * 5000, b"/?" + b"q" * 3000,
)  # fmt: skip
_METHODS = (b"GET", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"PATCH", b"CONNECT", b"TRACE", b"QQQ", b"get")


class Requests:
    """Makes damaged requests; the same for the same ``seed``."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        bodies = [json.dumps(body).encode() for _, body in _JSON]
        self.damaged = Mutator([*bodies, *(body for _, _, body in _FILES)], seed)
        self.seeds = [(path, "application/json", body) for (path, _), body in zip(_JSON, bodies, strict=True)] + _FILES

    def next(self) -> bytes:
        """One request."""
        path, kind, body = self.random.choice(self.seeds)
        choice = self.random.randrange(10)
        if choice < 5:
            body = self._damaged_body(body)
        head = self._head(b"POST", path.encode(), f"Content-Type: {kind}".encode(), body)
        if choice == 5:
            head = self._head(b"POST", path.encode(), self.random.choice(_HEADERS), body)
        elif choice == 6:
            method = self.random.choice(_METHODS)
            head = self._head(method, self.random.choice((*_PATHS, path.encode())), b"X: y", body)
        elif choice == 7:
            return self._chunked(path, kind, body)
        elif choice == 8:
            return self.damaged.next(head + body)
        return head + body

    def _damaged_body(self, body: bytes) -> bytes:
        choice = self.random.randrange(4)
        if choice == 0:
            return self.random.choice(_WHOLE)
        if choice == 1:  # another value in the place of one
            places = [match.span() for match in re.finditer(rb'"[^"]*"|[\d.]+|true|\[|\{', body)]
            start, end = self.random.choice(places or [(0, 0)])
            return body[:start] + self.random.choice(_VALUES) + body[end:]
        return self.damaged.next(body)

    def _head(self, method: bytes, path: bytes, header: bytes, body: bytes) -> bytes:
        declared = len(body) if self.random.random() < 0.95 else self.random.choice((0, 1, len(body) + 10, 10**9))
        lines = [b"%s %s HTTP/1.1" % (method, path), b"Host: localhost", header, b"Content-Length: %d" % declared]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _chunked(self, path: str, kind: str, body: bytes) -> bytes:
        times = self.random.choice((1, 1, 5000 // (len(body) or 1)))
        pieces = [body[i : i + 100] for i in range(0, len(body), 100)] * times
        sizes = [self.random.choice((b"%x", b"%x;a=b", b"0%x")) % len(piece) for piece in pieces]
        chunks = b"".join(size + b"\r\n" + piece + b"\r\n" for size, piece in zip(sizes, pieces, strict=True))
        end = self.random.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"", b"fffffffffffffffff\r\n", b"-1\r\n", b"zz\r\n"))
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head.encode() + chunks + end


@dataclass
class RequestTally:
    """What became of the requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    requests: int = 0
    slowest: float = 0.0
    defects: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def defect(self, what: str, sent: bytes) -> None:
        """Note one, with the beginning of what was sent."""
        self.defects.append(f"{what}: {sent[:300]!r}")


def fuzz(served: Served, requests: int, seed: int, threads: int = 4) -> RequestTally:
    """Send ``requests`` damaged requests, or as many as fit into ten minutes."""
    tally, lock, stop = RequestTally(), threading.Lock(), threading.Event()
    end = time.monotonic() + 600

    def work(number: int) -> None:
        made = Requests(seed * 1000 + number)
        sent = 0
        while sent < requests // threads and time.monotonic() < end:
            several = [made.next() for _ in range(made.random.choice((1, 1, 1, 2, 3)))]
            attempt(served, several, number, tally, lock)
            sent += len(several)
            if made.random.random() < 0.02:
                check_good(served, tally)

    dripping = threading.Thread(target=drip, args=(served, stop, tally))
    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in (dripping, *workers):
        thread.start()
    while any(worker.is_alive() for worker in workers):
        tally.memory.append(resident(served))
        workers[-1].join(1.0)
        time.sleep(0.01)
    stop.set()
    dripping.join()
    check_good(served, tally)
    tally.memory.append(resident(served))
    return tally


def attempt(served: Served, several: list[bytes], number: int, tally: RequestTally, lock: threading.Lock) -> None:
    """Send requests on one connection, and look at what comes back."""
    sent, start = b"".join(several), time.perf_counter()
    received = exchange(served.port, sent, f"127.0.0.{2 + number}")
    with lock:
        tally.requests += len(several)
        tally.slowest = max(tally.slowest, time.perf_counter() - start)
        if received is None:
            tally.defect("held up", sent)
            return
        statuses = [int(status) for status in _STATUS.findall(received)]
        tally.statuses.update(statuses or [0])
        if set(statuses) - ALLOWED - {100}:
            tally.defect(f"status {statuses}", sent)
        if b"Traceback" in received or b".py" in received.replace(b"/static/page.js", b""):
            tally.defect("tells of its inside", sent)


def exchange(port: int, sent: bytes, source: str) -> bytes | None:
    """What comes back, until the other side closes; None if it never does. Many sources have many ports."""
    with socket.socket() as sock:
        sock.bind((source, 0))
        sock.settimeout(TIMEOUT)
        received = b""
        try:
            sock.connect(("127.0.0.1", port))
            with contextlib.suppress(ConnectionError):
                sock.sendall(sent)
            sock.settimeout(QUIET)
            with contextlib.suppress(TimeoutError):
                while piece := sock.recv(1 << 16):
                    received += piece
                return received
            sock.settimeout(TIMEOUT)
            sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(1 << 16):
                received += piece
        except TimeoutError:
            return None
        except OSError:
            return received
        return received


def check_good(served: Served, tally: RequestTally) -> None:
    """A good request must be answered as ever, unless there is too much to do."""
    answer = served.predict(["I do love", "hate"])
    labels = [each["label"] for each in answer.json.get("answers", ())]
    if answer.status != 429 and labels != ["positive", "negative"]:
        tally.defect(f"a good request got {answer.status}", answer.body)


def drip(served: Served, stop: threading.Event, tally: RequestTally) -> None:
    """Connections that send a byte now and then, and must be ended."""
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    while not stop.wait(0.05):
        with contextlib.ExitStack() as stack:
            opened = [stack.enter_context(socket.socket()) for _ in range(10)]
            for sock in opened:
                sock.bind(("127.0.0.99", 0))
                sock.connect(("127.0.0.1", served.port))
                sock.sendall(head)
            started = time.monotonic()
            while opened and time.monotonic() - started < TIMEOUT and not stop.is_set():
                opened = [sock for sock in opened if _still_open(sock, b" ")]
                stop.wait(0.3)
            if opened and not stop.is_set():
                tally.defect("slow senders are never ended", head[:100])


def _still_open(sock: socket.socket, byte: bytes) -> bool:
    try:
        sock.sendall(byte)
    except OSError:
        return False
    return True


def resident(served: Served) -> int:
    """Resident memory of the service, in MiB."""
    return psutil.Process(served.process.pid).memory_info().rss >> 20


def fuzzed_service(folder: Path) -> contextlib.AbstractContextManager[Served]:
    """A service with narrow limits over a small model."""
    return serve("--model", f"tiny={folder}", *LIMITS)


def report(tally: RequestTally, served: Served, before: int = 0) -> list[str]:
    """All that should not have been: defects, what the service says went wrong in it, growth.

    ``before`` is the memory after a first round of requests; by default it is the most in a quarter of this round.
    """
    problems = [*tally.defects, *(line for line in served.log if "defect" in line)]
    before = before or max(tally.memory[: max(1, len(tally.memory) // 4)])
    late = settled(served, round(before * 1.1 + 8))
    if late > before * 1.1 + 8:
        problems.append(f"memory grew from {before} to {late} MiB: {tally.memory}")
    return problems


def settled(served: Served, enough: int = 0) -> int:
    """Resident memory at rest: at most ``enough``, or the least once it has not fallen for some seconds.

    A row of 100,000 fields is as many columns for Arrow, which take 90 MiB until the answer is sent.
    """
    least, patience = resident(served), 6.0 if enough else 1.5
    until = time.monotonic() + patience
    while least > enough and time.monotonic() < until:
        time.sleep(0.1)
        if (now := resident(served)) < least:
            least, until = now, time.monotonic() + patience
    return least
