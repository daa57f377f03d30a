"""What the service accepts, how long it waits, and the back-pressure that refuses what is beyond a limit."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_RETRY_SECONDS = 1


class Refusal(Exception):
    """A request that is refused with the HTTP ``status`` and the sentence ``message``."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one worker process; each is an option of ``sentiment serve``.

    Attributes:
        body_bytes: bytes of one JSON request (413).
        header_bytes: bytes of the headers of one request (431).
        texts: texts in one request (422).
        characters: characters in one text (422).
        explained: texts in one request that asks for explanations (422).
        pending_texts: texts of all requests that wait for their answer (429).
        pending_bytes: bytes of all JSON bodies held in memory (429).
        file_bytes: bytes of one uploaded file (413).
        files: files that are uploaded or scored at the same time (429).
        connections: open connections (503).
        receive_seconds: seconds that a body may take to arrive (408), plus ...
        bytes_per_second: ... one second per this number of bytes received.
        send_seconds: seconds that a client may take to accept the next piece of a scored file.
        idle_seconds: seconds that a connection may stay open between two requests.
        stop_seconds: seconds that running requests get to finish after SIGTERM.
    """

    body_bytes: int = 4 << 20
    header_bytes: int = 32 << 10
    texts: int = 10_000
    characters: int = 20_000
    explained: int = 100
    pending_texts: int = 20_000
    pending_bytes: int = 64 << 20
    file_bytes: int = 4 << 30
    files: int = 4
    connections: int = 900
    receive_seconds: float = 10.0
    bytes_per_second: int = 16 << 10
    send_seconds: float = 60.0
    idle_seconds: int = 30
    stop_seconds: int = 30


class Admission:
    """Counts what the requests hold; it is used in the event loop's thread alone and needs no lock.

    Attributes:
        texts: texts that wait for their answer.
        bytes: bytes of JSON bodies held in memory.
        files: files that are uploaded or scored.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.texts = self.bytes = self.files = 0

    @contextlib.contextmanager
    def hold_texts(self, count: int) -> Iterator[None]:
        """Count ``count`` texts as waiting. One request alone is always admitted.

        Raises:
            Refusal: 429, too many texts are waiting already.
        """
        if self.texts and self.texts + count > self.limits.pending_texts:
            raise _busy(f"{self.texts} texts are waiting, at most {self.limits.pending_texts} may")
        self.texts += count
        try:
            yield
        finally:
            self.texts -= count

    @contextlib.contextmanager
    def hold_file(self) -> Iterator[None]:
        """Count one file.

        Raises:
            Refusal: 429, as many files are being scored as may be.
        """
        if self.files >= self.limits.files:
            raise _busy(f"{self.files} files are being scored, at most {self.limits.files} may be at a time")
        self.files += 1
        try:
            yield
        finally:
            self.files -= 1

    def hold_bytes(self, count: int) -> None:
        """Count ``count`` bytes of a body; the caller subtracts them from ``bytes`` afterwards.

        Raises:
            Refusal: 429, all bodies together are too large.
        """
        if self.bytes and self.bytes + count > self.limits.pending_bytes:
            raise _busy(f"requests hold {self.bytes} bytes, at most {self.limits.pending_bytes} may be held")
        self.bytes += count


def _busy(reason: str) -> Refusal:
    """Return a refusal with status 429, which asks the client to try again."""
    return Refusal(429, f"{reason}; try again in {_RETRY_SECONDS} s", {"retry-after": str(_RETRY_SECONDS)})
