"""What the service accepts and how long it waits; a request beyond a limit is refused with one sentence."""

from dataclasses import dataclass


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
