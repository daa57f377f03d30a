"""Where a large file can be cut: between two rows, and nowhere else.

JSON lines end at every line feed. A CSV row does not: a quoted field may hold line feeds. Whether a byte is inside
quotes depends on the number of quotes before it, so each stretch is looked at under both assumptions, side by side,
and which of the two held is known once the quotes of all earlier stretches are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentiment.score.parts import BYTES_PER_PART, InputFile

# Encodings in which the bytes of a line feed, a quote and a comma are nothing else.
SPLITTABLE = ("utf-8", "iso8859-1", "ascii", "cp1252")
_LINE_FEED, _QUOTE, _RETURN = ord("\n"), ord('"'), ord("\r")
_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Findings:
    """What a stretch of a CSV says, for either answer to "does it begin inside quotes?" (index 1: yes).

    Attributes:
        quotes: how many there are.
        firsts: after which byte of the file the first line feed outside quotes comes, -1 without one.
        regular: whether each quote stands where quotes belong: around a field, or doubled inside one.
    """

    quotes: int
    firsts: tuple[int, int]
    regular: tuple[bool, bool]


def starts(file: InputFile) -> list[int]:
    """Where stretches to be looked at begin: every ``BYTES_PER_PART``."""
    count = max(1, round(file.size / BYTES_PER_PART))
    return [i * file.size // count for i in range(count)]


def examine(content: bytes, start: int, before: int, after: int, delimiter: str) -> Findings:
    """Look at a stretch.

    Args:
        content: the stretch.
        start: where in the file it begins.
        before: the byte before it, -1 at the beginning of the file.
        after: the byte behind it, -1 at its end.
        delimiter: between fields.
    """
    data = np.frombuffer(content, np.uint8)
    quotes = np.flatnonzero(data == _QUOTE)
    around = np.concatenate(([before], data, [after])).astype(np.int16) if len(quotes) else np.zeros(0, np.int16)
    firsts, regular = [], []
    for inside in (0, 1):
        firsts.append(_first_line_end(data, quotes, inside, start))
        regular.append(_is_regular(around, quotes, inside, ord(delimiter)))
    return Findings(len(quotes), (firsts[0], firsts[1]), (regular[0], regular[1]))


def first_row_end(head: bytes) -> int:
    """Bytes of a CSV's first row, -1 where ``head``, its beginning, does not hold all of it."""
    data = np.frombuffer(head, np.uint8)
    return _first_line_end(data, np.flatnonzero(data == _QUOTE), 0, 0)


def _first_line_end(data: np.ndarray, quotes: np.ndarray, inside: int, start: int) -> int:
    for block in range(0, len(data), _BLOCK_BYTES):
        feeds = np.flatnonzero(data[block : block + _BLOCK_BYTES] == _LINE_FEED) + block
        outside = feeds[(np.searchsorted(quotes, feeds) + inside) % 2 == 0]
        if len(outside):
            return start + int(outside[0]) + 1
    return -1


def _is_regular(around: np.ndarray, quotes: np.ndarray, inside: int, delimiter: int) -> bool:
    """Opening quotes follow a delimiter, a row's end or a closing quote; closing ones precede one of them."""
    opens = (np.arange(len(quotes)) + inside) % 2 == 0
    left, right = around[quotes[opens]], around[quotes[~opens] + 2]
    ends = (-1, delimiter, _LINE_FEED, _RETURN, _QUOTE)
    return bool(np.isin(left, ends).all() and np.isin(right, ends).all())


def csv_borders(file: InputFile, findings: Sequence[Findings]) -> list[int]:
    """Where to cut, both ends included; only those two where any quote is out of place."""
    firsts, inside = [], 0
    for found in findings:
        if not found.regular[inside]:
            return [0, file.size]
        firsts.append(found.firsts[inside])
        inside = (inside + found.quotes) % 2
    return line_borders(file, firsts)


def line_borders(file: InputFile, firsts: Sequence[int]) -> list[int]:
    """Where to cut, both ends included: at the first line end of each stretch (-1: it has none) but the first."""
    inner = (first for first in firsts[1:] if 0 < first < file.size)
    return [0, *dict.fromkeys(inner), file.size]
