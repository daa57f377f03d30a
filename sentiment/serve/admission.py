"""Back-pressure: texts and bytes that the service has taken on, and no more of either than it can hold."""

import contextlib
from collections.abc import Iterator

from sentiment.serve.limits import Limits
from sentiment.serve.refusals import Refusal, busy


class Admission:
    """Counts what requests hold; lives in the event loop's thread alone, so it needs no lock.

    Attributes:
        texts: taken on and not yet answered.
        bytes: of bodies held in memory.
        files: being scored.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.texts = self.bytes = self.files = 0

    @contextlib.contextmanager
    def hold_texts(self, count: int) -> Iterator[None]:
        """Take ``count`` texts on.

        Raises:
            Refusal: 429, they are too many beside those that wait already.
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
        """Take a file on.

        Raises:
            Refusal: 429, as many are being scored as may be.
        """
        if self.files >= self.limits.files:
            raise busy(f"{self.files} files are being scored, which is as many as may be at a time")
        self.files += 1
        try:
            yield
        finally:
            self.files -= 1

    def take_bytes(self, count: int, before: int) -> None:
        """Add ``count`` bytes to a body that holds ``before``.

        Raises:
            Refusal: 413 or 429.
        """
        if before + count > self.limits.body_bytes:
            raise too_large(self.limits.body_bytes)
        if self.bytes and self.bytes + count > self.limits.pending_bytes:
            raise busy(f"requests hold {self.bytes} bytes, at most {self.limits.pending_bytes} may be held")
        self.bytes += count


def too_large(limit: int) -> Refusal:
    """413."""
    return Refusal(413, f"expected a body of at most {limit} bytes: send fewer texts at a time, or a file to /predict")
