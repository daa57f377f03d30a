"""A CSV some megabytes at a time: the fields of all rows of a block found at once, without an object for each.

What stands behind an odd number of quotes is inside a field. That holds for as long as every quote opens a field,
closes one, or is doubled inside one, which is seen to block by block; from the first that is otherwise on, Python's
reader, which defines what the rows are, has to go on. A test holds the two equal.
"""

import re
from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import from_numpy
from sentiment.text.tokens import from_encoded

_BLOCK_BYTES = 2 << 20  # of which several are under way at once
_MAY_BE_UTF8 = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")  # nothing that is not ASCII is UTF-8 without
_QUOTE, _LINE_FEED, _RETURN, _NUL = b'"\n\r\0'


class Block(NamedTuple):
    """Whole rows.

    Attributes:
        data: uint8 ``(bytes,)``, which end with a line feed.
        inside: bool ``(bytes,)``: behind an odd number of quotes.
        line: lines before them.
    """

    data: np.ndarray
    inside: np.ndarray
    line: int


class Fields(NamedTuple):
    """Texts of some rows ``(n,)``, the distinct ``values`` of their labels, and indices of these, int32 ``(n,)``."""

    texts: pa.Array
    values: list[str]
    codes: np.ndarray


class CsvBlocks:
    """Iterates over the blocks of a CSV; where it ends, :attr:`rest` is what was taken of the stream, but is in none.

    Args:
        head: the first bytes, taken of the stream already.
        stream: what follows.
        delimiter: one ASCII character.
        header: the first row is no data.
    """

    def __init__(self, head: bytes, stream: IO[bytes], delimiter: str, header: bool) -> None:
        self.rest, self.line = head, 0
        self._stream, self._delimiter, self._header = stream, ord(delimiter), header

    def __iter__(self) -> Iterator[Block]:
        """Yield blocks for as long as the quotes are regular."""
        data = np.frombuffer(self.rest.removeprefix(b"\xef\xbb\xbf"), np.uint8)
        while len(data) or len(self.rest):
            block = self._whole_rows(data)
            if block is None:
                return
            self.line += lines_of(block.data)
            self.rest = data[len(block.data) :].tobytes()
            yield self._without_header(block)
            self.rest += self._stream.read(_BLOCK_BYTES)
            data = np.frombuffer(self.rest, np.uint8)

    def _whole_rows(self, data: np.ndarray) -> Block | None:
        """The rows that end in ``data``; None where quotes are not regular, or no row ends."""
        inside = np.bitwise_xor.accumulate((data == _QUOTE).view(np.uint8)).view(bool)
        ends = np.flatnonzero((data == _LINE_FEED) & ~inside)
        if not len(ends):
            return None
        block = Block(data[: ends[-1] + 1], inside[: ends[-1] + 1], self.line)
        return block if _is_regular(block, self._delimiter) else None

    def _without_header(self, block: Block) -> Block:
        if not self._header:
            return block
        self._header = False
        end = int(np.argmax((block.data == _LINE_FEED) & ~block.inside)) + 1
        return Block(block.data[end:], block.inside[end:], lines_of(block.data[:end]))


def read_head(stream: IO[bytes]) -> bytes:
    """The bytes that :class:`CsvBlocks` begins with."""
    return stream.read(_BLOCK_BYTES)


def lines_of(data: np.ndarray) -> int:
    """How many lines end in ``data``, as Python counts: at a line feed, a carriage return, or both together."""
    returns = np.flatnonzero(data == _RETURN)
    pairs = int((data.take(returns + 1, mode="clip") == _LINE_FEED).sum())
    return int((data == _LINE_FEED).sum()) + len(returns) - pairs


def _is_regular(block: Block, delimiter: int) -> bool:
    """Whether quotes are where they can mean but one thing; carriage returns end lines; and nothing is NUL."""
    data, inside = block.data, block.inside
    returns = np.flatnonzero((data == _RETURN) & ~inside)
    if (data[returns + 1] != _LINE_FEED).any() or not data.all():
        return False
    quotes = np.flatnonzero(data == _QUOTE)
    opens = inside[quotes]
    beside = data.take(np.where(opens, quotes - 1, quotes + 1))
    if len(quotes) and quotes[0] == 0:
        beside[0] = _LINE_FEED
    allowed = np.zeros(256, bool)
    allowed[[delimiter, _LINE_FEED, _QUOTE, _RETURN]] = True  # a return outside is part of the end of a line, as seen
    return bool(allowed[beside].all())


def fields_of(
    block: Block, delimiter: str, width: int, text: int, label: int, encoding: str, repair_utf8: bool, longest: int
) -> Fields | None:
    """Text and label of every row.

    Args:
        block: the rows.
        delimiter: between fields.
        width: fields of a row, at least 2.
        text, label: which of them are wanted.
        encoding: ``latin-1`` or ``utf-8``.
        repair_utf8: read text in latin-1 as UTF-8 where it is that.
        longest: bytes of a row.

    Returns:
        None where a row has not ``width`` fields, or is longer, or a field is not in ``encoding``.
    """
    data = block.data
    ends = np.flatnonzero(((data == ord(delimiter)) | (data == _LINE_FEED)) & ~block.inside)
    if len(ends) % width or not len(ends):
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    last = np.arange(width) == width - 1
    grid = ends.reshape(-1, width)
    if ((data[grid] == _LINE_FEED) != last).any() or (grid[:, -1] - starts[::width]).max() > longest:
        return None
    doubled = int(np.count_nonzero(data == _QUOTE)) > 2 * int(np.count_nonzero(data[starts] == _QUOTE))
    starts = starts.reshape(-1, width)
    texts, labels = (_column(data, starts[:, i], grid[:, i], doubled) for i in (text, label))
    distinct = labels.dictionary_encode()
    texts, values = _decoded(texts, encoding, repair_utf8), _decoded(distinct.dictionary, encoding, False)
    if texts is None or values is None:
        return None
    return Fields(texts, values.to_pylist(), np.frombuffer(distinct.indices.buffers()[1], np.int32, len(texts)))


def _column(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, doubled: bool) -> pa.Array:
    """The fields from ``starts`` to ``ends``, without their quotes, as strings that may not be UTF-8."""
    ends = ends - ((data[ends - 1] == _RETURN) & (ends > starts) & (data[ends] == _LINE_FEED))
    quoted = (data[starts] == _QUOTE) & (ends > starts)
    borders = np.stack([starts + quoted, ends - quoted], axis=1).astype(np.int32)
    # Fields and what stands between them in turn; of these, the fields.
    pieces = pa.Array.from_buffers(pa.string(), 2 * len(starts) - 1, [None, pa.py_buffer(borders), pa.py_buffer(data)])
    which = np.arange(0, 2 * len(starts), 2)
    fields = pieces.take(from_numpy(which))
    return pc.replace_substring(fields, '""', '"') if doubled else fields


def _decoded(fields: pa.Array, encoding: str, repair_utf8: bool) -> pa.Array | None:
    """``fields`` in UTF-8; None where they are not in ``encoding``."""
    if encoding == "utf-8":
        try:
            fields.validate(full=True)
        except pa.ArrowInvalid:
            return None
        return fields
    other = pc.invert(pc.string_is_ascii(fields))
    found = fields.filter(other).cast(pa.binary()).to_pylist()
    if not found:
        return fields
    return pc.replace_with_mask(fields, other, from_encoded([_in_utf8(each, repair_utf8) for each in found]))


def _in_utf8(field: bytes, repair_utf8: bool) -> bytes:
    """Latin-1 as UTF-8, or as it is, if it is UTF-8 already and that is to be repaired."""
    if repair_utf8 and _MAY_BE_UTF8.search(field):
        try:
            field.decode()
            return field
        except UnicodeDecodeError:
            pass
    return field.decode("latin-1").encode()
