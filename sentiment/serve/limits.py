"""What the service accepts and for how long it waits; beyond it, one clear sentence with 408, 413, 422, 429 or 431."""

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings with sane defaults, each an option of ``sentiment serve``; refused unless positive.

    Attributes:
        body_bytes: of one JSON request (413).
        header_bytes: of the request line and all headers of one request (431).
        texts: in one request (422).
        characters: in one text (422).
        explained: texts of one request that asks for explanations (422).
        pending_texts: of all requests that are being answered or wait for it (429).
        pending_bytes: of all bodies that are held in memory (429).
        file_bytes: of one scored file (413).
        line_characters: of one line of a scored file (422).
        files: scored at the same time (429).
        receive_seconds: a request may take to arrive (408) ...
        bytes_per_second: ... longer only while it arrives at least as fast as this.
        send_seconds: a client may take to accept the next piece of a scored file.
        idle_seconds: a connection may stay open between two requests.
        stop_seconds: requests that have begun are given to end after SIGTERM.
    """

    body_bytes: int = 4 << 20
    header_bytes: int = 32 << 10
    texts: int = 10_000
    characters: int = 20_000
    explained: int = 100
    pending_texts: int = 20_000
    pending_bytes: int = 64 << 20
    file_bytes: int = 4 << 30
    line_characters: int = 1 << 20
    files: int = 4
    receive_seconds: float = 10.0
    bytes_per_second: int = 16 << 10
    send_seconds: float = 60.0
    idle_seconds: float = 30.0
    stop_seconds: float = 30.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name}: expected a positive number, received {getattr(self, field.name)}")
