"""Limits on the sizes, numbers and times of requests, and the back-pressure that refuses requests beyond them."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_RETRY_SECONDS = 1


class Refusal(Exception):
    """The refusal of a request, with the HTTP ``status`` and the sentence ``message`` that the client gets."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one worker process. Each is an option of ``sentiment serve``.

    All except ``bytes_per_second`` are maxima. The number in parentheses is the HTTP status of a refused request.

    Attributes:
        body_bytes: the bytes in the body of one JSON request (413).
        header_bytes: the bytes in the headers of one request (431).
        texts: the number of texts in one request (422).
        characters: the number of characters in one text (422).
        explained: the number of texts in one request for explanations (422).
        pending_texts: the number of texts, of all requests together, that wait for answers (429).
        pending_bytes: the bytes of all JSON bodies in memory (429).
        file_bytes: the bytes of one uploaded file (413).
        files: the number of files that are uploaded or scored at the same time (429).
        connections: the number of open connections (503).
        receive_seconds: the seconds until the whole body has arrived (408). Received bytes extend this time.
        bytes_per_second: the number of received bytes that extends ``receive_seconds`` by one second.
        send_seconds: the seconds until a client accepts the next piece of a scored file.
        idle_seconds: the seconds that a connection stays open between two requests.
        stop_seconds: the seconds that running requests get to finish after SIGTERM.
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
    """Counts the texts that wait for answers, the bytes of JSON bodies in memory, and the files that are scored.

    ``held`` has the present number of each. Only the event loop's thread calls the methods, so no lock is needed.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.held = {"texts": 0, "bytes": 0, "files": 0}

    @contextlib.contextmanager
    def hold(self, what: str, count: int) -> Iterator[None]:
        """Add ``count`` to ``held[what]`` for the ``with`` block, or raise a :class:`Refusal` (429) beyond its limit.

        If none is in use, any ``count`` is admitted, so that a large request can be answered alone.
        """
        held = self.held[what]
        most, sentence = {
            "texts": (self.limits.pending_texts, "{} texts are waiting, at most {} may"),
            "bytes": (self.limits.pending_bytes, "requests hold {} bytes, at most {} may be held"),
            "files": (self.limits.files, "{} files are being scored, at most {} may be at a time"),
        }[what]
        if held and count and held + count > most:
            reason = f"{sentence.format(held, most)}; try again in {_RETRY_SECONDS} s"
            raise Refusal(429, reason, {"retry-after": str(_RETRY_SECONDS)})
        self.held[what] += count
        try:
            yield
        finally:
            self.held[what] -= count
