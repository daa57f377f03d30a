"""Whether a CSV ends inside quotes: readers then take all that follows the open one for one field, without a word.

Counting quotes does not tell: one in the middle of a field that is not quoted means nothing. What tells is the last
field. Where its quote was never closed, the file ends with that quote and all of the field behind it, line ends too.
"""

from collections import deque
from pathlib import Path
from typing import Any

from sentiment.errors import InputError

_BLOCKS_KEPT = 3  # a row may reach over two blocks, and what is read last may be empty
_MARK = b"\xef\xbb\xbf"
_SHOWN = 40  # bytes of what the quote stands before


class OpenQuoteError(InputError):
    """A CSV ends inside quotes that are opened in ``line``, before ``content``."""

    def __init__(self, path: str | Path, line: int, content: bytes) -> None:
        begins = content[:_SHOWN].decode(errors="replace")
        super().__init__(
            f"{path}: the file ends inside a quote that was opened in line {line} (before {begins!r}): close it there, "
            "or fetch the file again if it was cut short"
        )


class Watched:
    """A stream of UTF-8 whose ``lines`` (line feeds) are counted and whose last blocks are kept while it is read."""

    closed = False

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._blocks: deque[bytes] = deque(maxlen=_BLOCKS_KEPT)
        self.lines = 0

    def read(self, size: int = -1) -> bytes:
        """The next block."""
        block: bytes = self._stream.read(size)
        if block:
            self._blocks.append(block)
            self.lines += block.count(b"\n")
        return block

    @property
    def end(self) -> bytes:
        """What was read last."""
        return b"".join(self._blocks)


def ends_inside_quotes(end: bytes, last: bytes, delimiter: bytes) -> bool:
    """Whether the field ``last``, the last of a CSV, was opened by a quote that is never closed.

    A quote with nothing but line ends behind it has swallowed no row, and counts as closed.

    Args:
        end: the last bytes of the file, all of the last row among them.
        last: what a reader made of the field, doubled quotes as one.
        delimiter: between fields.
    """
    tail = b'"' + last.replace(b'"', b'""')
    if not last.strip(b"\r\n") or not end.endswith(tail):
        return False
    before = end[: len(end) - len(tail)]
    return before in (b"", _MARK) or before.endswith((delimiter, b"\n", b"\r"))
