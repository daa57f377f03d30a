"""A CSV some megabytes at a time: the fields of all rows of a block found at once, without an object for each.

What stands behind an odd number of quotes is inside a field. That holds for as long as every quote opens a field,
closes one, or is doubled inside one, which is seen to block by block; from the first that is otherwise on, Python's
reader, which defines what the rows are, has to go on. A test holds the two equal.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import from_numpy
from sentiment.data.table_rows import Layout
from sentiment.text.tokens import from_encoded

_BLOCK_BYTES = 2 << 20  # of which several are under way at once
_TAIL_BYTES = 1 << 16  # a row mostly ends in so many
_MAY_BE_UTF8 = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")  # nothing that is not ASCII is UTF-8 without
_QUOTE, _LINE_FEED, _RETURN = b'"\n\r'
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BYTES_OF_WORD = np.uint64(0x0101010101010101)


class Block(NamedTuple):
    """Whole rows, if the quotes in them are regular: uint8 ``(bytes,)`` that end with a line feed.

    ``header``: the first of them is no data.
    """

    data: np.ndarray
    header: bool


class Format(NamedTuple):
    """How a CSV is written.

    Attributes:
        delimiter: between fields, one ASCII character.
        layout: of a row, of at least 2 fields.
        encoding: ``latin-1`` or ``utf-8``.
        repair_utf8: read text in latin-1 as UTF-8 where it is that.
        longest: bytes of a row.
    """

    delimiter: str
    layout: Layout
    encoding: str
    repair_utf8: bool
    longest: int


class Fields(NamedTuple):
    """Texts of some rows ``(n,)``, the distinct ``values`` of their labels, and indices of these, int32 ``(n,)``."""

    texts: pa.Array
    values: list[str]
    codes: np.ndarray


class Rows(NamedTuple):
    """What is in a block.

    Attributes:
        data: its bytes without the header.
        lines: it has, of which so many are ``header_lines``.
        fields: of all rows; None where a row has too many or few of them, or is too long, or not in the encoding.
    """

    data: np.ndarray
    lines: int
    header_lines: int
    fields: Fields | None


class CsvBlocks:
    """Iterates over the blocks of a CSV, as far as rows end in them.

    Args:
        head: the first bytes, taken of the stream already.
        stream: what follows.
        header: the first row is no data.
    """

    def __init__(self, head: bytes, stream: IO[bytes], header: bool) -> None:
        self._ahead, self._stream, self._header = head, stream, header
        self._under_way: deque[bytes] = deque()

    def __iter__(self) -> Iterator[Block]:
        """Yield blocks; each that is done with is to be told to :meth:`done`."""
        skipped, header = len(_BYTE_ORDER_MARK) * self._ahead.startswith(_BYTE_ORDER_MARK), self._header
        while end := _end_of_rows(np.frombuffer(self._ahead, np.uint8)):
            block, self._ahead = self._ahead[:end], self._ahead[end:]
            self._under_way.append(block)
            yield Block(np.frombuffer(block, np.uint8)[skipped:], header)
            skipped, header = 0, False
            self._ahead += self._stream.read(_BLOCK_BYTES)

    def done(self) -> None:
        """The earliest of the blocks that are under way is done with."""
        self._under_way.popleft()

    @property
    def rest(self) -> bytes:
        """What was taken of the stream, but is in no block that is done with."""
        return b"".join([*self._under_way, self._ahead])


def read_head(stream: IO[bytes]) -> bytes:
    """The bytes that :class:`CsvBlocks` begins with."""
    return stream.read(_BLOCK_BYTES)


def _end_of_rows(data: np.ndarray) -> int:
    """Where the last line of ``data`` ends that an even number of quotes is before; 0 if none does."""
    size = _TAIL_BYTES
    while True:
        before, tail = np.split(data, [max(0, len(data) - size)])
        inside = behind_odd_quotes(tail) ^ bool(np.count_nonzero(before == _QUOTE) % 2)
        ends = np.flatnonzero((tail == _LINE_FEED) & ~inside)
        if len(ends) or not len(before):
            return len(before) + int(ends[-1]) + 1 if len(ends) else 0
        size *= 8


def behind_odd_quotes(data: np.ndarray) -> np.ndarray:
    """Which bytes have an odd number of quotes up to them, themselves included: bool ``(bytes,)``.

    Added up eight bytes at a time: first within words, then over words. Byte by byte takes three times as long.
    """
    words = np.zeros(-(-len(data) // 8), "<u8")
    answer = words.view(bool)[: len(data)]
    np.equal(data, _QUOTE, out=answer)
    for bits in (8, 16, 32):
        words ^= words << np.uint64(bits)
    odd = np.bitwise_xor.accumulate((words >> np.uint64(56)).astype(np.uint8))
    words[1:] ^= odd[:-1] * _BYTES_OF_WORD
    return answer


def rows_of(block: Block, written: Format) -> Rows | None:
    """What is in ``block``; None where its quotes are not regular."""
    data, inside = block.data, behind_odd_quotes(block.data)
    if not _is_regular(data, inside, ord(written.delimiter)):
        return None
    start = int(np.argmax((data == _LINE_FEED) & ~inside)) + 1 if block.header else 0
    lines, header_lines = lines_of(data), lines_of(data[:start])
    return Rows(data[start:], lines, header_lines, _fields(data[start:], inside[start:], written))


def lines_of(data: np.ndarray) -> int:
    """How many lines end in ``data``, as Python counts: at a line feed, a carriage return, or both together."""
    returns = np.flatnonzero(data == _RETURN)
    pairs = int((data.take(returns + 1, mode="clip") == _LINE_FEED).sum())
    return int((data == _LINE_FEED).sum()) + len(returns) - pairs


def _is_regular(data: np.ndarray, inside: np.ndarray, delimiter: int) -> bool:
    """Whether quotes are where they can mean but one thing; carriage returns end lines; and nothing is NUL."""
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


def _fields(data: np.ndarray, inside: np.ndarray, written: Format) -> Fields | None:
    """Text and label of every row; None as :class:`Rows` says."""
    width, *wanted = written.layout
    ends = np.flatnonzero(((data == ord(written.delimiter)) | (data == _LINE_FEED)) & ~inside)
    if len(ends) % width or not len(ends):
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    last = np.arange(width) == width - 1
    grid = ends.reshape(-1, width)
    if ((data[grid] == _LINE_FEED) != last).any() or (grid[:, -1] - starts[::width]).max() > written.longest:
        return None
    doubled = int(np.count_nonzero(data == _QUOTE)) > 2 * int(np.count_nonzero(data[starts] == _QUOTE))
    starts = starts.reshape(-1, width)
    texts, labels = (_column(data, starts[:, i], grid[:, i], doubled) for i in wanted)
    distinct = labels.dictionary_encode()
    texts = _decoded(texts, written.encoding, written.repair_utf8)
    values = _decoded(distinct.dictionary, written.encoding, False)
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
