"""Back-pressure: the service refuses texts, bytes and files beyond what it can hold."""

import contextlib
from collections.abc import Iterator

from sentiment.serve.errors import Refusal, busy
from sentiment.serve.limits import Limits


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
            raise busy(f"{self.texts} texts are waiting, at most {self.limits.pending_texts} may")
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
            raise busy(f"{self.files} files are being scored, at most {self.limits.files} may be at a time")
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
            raise busy(f"requests hold {self.bytes} bytes, at most {self.limits.pending_bytes} may be held")
        self.bytes += count


def too_large(limit: int) -> Refusal:
    """Return a refusal with status 413."""
    return Refusal(413, f"expected a body of at most {limit} bytes: send fewer texts at a time, or a file to /predict")
