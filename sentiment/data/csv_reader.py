"""Read a CSV with Arrow's parser in blocks of whole rows, without further threads.

To find the last complete row of a block, a probe row is appended to its bytes. If a quoted field is still open, the
probe becomes part of that field. The row with that field is then incomplete, and is read with the next block.
"""

import codecs
import contextlib
import csv
import functools
import io
import re
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from sentiment.common.arrow_arrays import as_numpy, from_numpy
from sentiment.common.messages import counted
from sentiment.data.csv_format import SAMPLE_BYTES, find_format, refuse_utf16, rows_of
from sentiment.data.reading import BadRow, Reading, TableBlock
from sentiment.errors import InputError

_BLOCK_BYTES = 4 << 20
_LONGEST_ROW = 16 << 20
_MARKS = (b"\xef\xbb\xbf", "ï»¿".encode())  # byte-order mark in UTF-8, and in UTF-8 that was read as latin-1
_PROBE = "\x1e"
_NO_TEXT = "\ufdd0"  # a code point that Unicode reserves for internal use, so no text contains it
_SURROGATE = re.compile("[\udc80-\udcff]")
_WITHIN = re.compile(r'([^"\r\n])[^"\r\n]+([^"\r\n])')  # text that opens and ends neither a quote nor a line
_SHOWN = 40
_HEAD_BYTES = 400
_NUMBER = re.compile(r"[-+]?[\d.,:/]+")
_LONGEST_WORD = 40


class _Parsed(NamedTuple):
    """The complete rows in the first ``size`` unparsed bytes: ``batch``, and ``bad`` with a wrong number of fields.

    If an incomplete row follows, ``open_field`` is the text after its unclosed quote.
    """

    batch: pa.RecordBatch
    bad: list[pa_csv.InvalidRow]
    size: int
    open_field: str


def read_csv(stream: IO[bytes], reading: Reading, name: str, kind: str) -> Iterator[TableBlock]:
    """Yield the rows of the ``csv`` or ``tsv`` file ``name`` in blocks, at least one. Every column is a string array.

    Raises:
        InputError: the file is empty, lacks a column, ends inside quotes, or has quotes around several rows.
    """
    yield from iter(_CsvReader(stream, reading, name, kind).next_block, None)


class _CsvReader:
    """Read whole rows from a stream. ``_data`` contains the UTF-8 bytes that are not parsed yet."""

    def __init__(self, stream: IO[bytes], reading: Reading, name: str, kind: str) -> None:
        self._stream, self._reading, self._name = stream, reading, name
        is_utf8 = codecs.lookup(reading.encoding).name == "utf-8"
        self._decoder = None if is_utf8 else codecs.getincrementaldecoder(reading.encoding)("surrogateescape")
        self._data, self._ended, self._is_damaged = b"", False, False
        self._fill(_BLOCK_BYTES)
        refuse_utf16(self._first, reading.encoding, name, f"{reading.option}encoding")
        for mark in _MARKS:
            self._data = self._data.removeprefix(mark)
        self._newline = b"\n" if b"\n" in self._data else b"\r"
        self._format = find_format(*self._sample(), reading, name, kind)
        self._rows = self._lines = 0  # read so far, including the header

    def _fill(self, size: int) -> None:
        while len(self._data) < size and not self._ended:
            raw = self._stream.read(size - len(self._data))
            if not self._data:
                self._first = raw[:_HEAD_BYTES]
            self._ended = not raw
            if self._decoder is not None:  # bytes that it cannot decode stay unchanged, and so are invalid UTF-8
                raw = self._decoder.decode(raw, not raw).encode("utf-8", "surrogateescape")
            self._data += raw

    def _sample(self) -> tuple[str, bool]:
        """Return the first lines of the file, and whether further lines follow."""
        is_cut = len(self._data) > SAMPLE_BYTES or not self._ended
        end = self._data.rfind(self._newline, 0, SAMPLE_BYTES) + 1 if is_cut else 0
        return self._data[: end or len(self._data)].decode("utf-8", "replace"), is_cut

    def next_block(self) -> TableBlock | None:
        """Return the next rows, or None at the end of the file."""
        size = _BLOCK_BYTES
        while True:
            self._fill(size)
            if not self._data.strip(b"\r\n"):
                return None
            parsed = self._parse()
            if parsed.size:
                return self._block(parsed)
            if self._ended:
                self._close_empty_quotes(parsed.open_field)
            elif size > _LONGEST_ROW:
                raise InputError(
                    f"{self._name}:{self._lines + 1}: a row is longer than {_LONGEST_ROW >> 20} MiB; look for a quote "
                    "that is not closed"
                )
            size *= 2

    def _close_empty_quotes(self, open_field: str) -> None:
        """Close the file's last quote if only line ends follow. If other text follows, raise an :class:`InputError`."""
        if open_field.strip("\r\n"):
            newline = self._newline.decode()
            inside = open_field.count(newline)
            within = self._data.count(self._newline) + (not self._data.endswith((b"\n", b"\r"))) - inside
            line = self._lines + within + 1
            raise InputError(
                f"{self._name}: the file ends inside a quote that was opened in line {line} (before "
                f"{open_field[:_SHOWN]!r}): close it there, or fetch the file again if it was cut short"
            )
        self._data = self._data.rstrip(b"\r\n") + b'"\n'

    def _parse(self) -> _Parsed:
        """Parse the complete rows in ``_data``, and find the text after an unclosed quote in an incomplete last row."""
        end = len(self._data) if self._ended else self._data.rfind(self._newline) + 1
        data = self._data[:end] + (b"" if self._data[:end].endswith((b"\n", b"\r")) else self._newline)
        delimiter = self._format.delimiter
        probe = _PROBE + delimiter * (len(self._format.names) - 1)
        batch, bad = self._parse_rows(data + probe.encode())
        if bad and bad[-1].number == batch.num_rows + len(bad):
            last = bad.pop().text
            open_field = next(csv.reader(io.StringIO(last, newline=""), delimiter=delimiter), [""])[-1]
        else:
            fields = [column[-1].as_py() or "" for column in batch.columns]
            last, open_field, batch = delimiter.join(fields), fields[-1], batch[:-1]
        if last == probe:
            return _Parsed(batch, bad, end, "")
        return _Parsed(batch, bad, self._start_of(last, data), open_field.removesuffix(probe))

    def _start_of(self, last: str, data: bytes) -> int:
        """Return the byte offset where ``last``, the incomplete row at the end of ``data``, begins."""
        start = len(data)
        for _ in range(last.count(self._newline.decode()) + 1):
            start = data.rfind(self._newline, 0, start)
        return start + 1

    def _parse_rows(self, data: bytes) -> tuple[pa.RecordBatch, list[pa_csv.InvalidRow]]:
        """Parse ``data``, perhaps with invalid UTF-8. Return the rows with the right number of fields, and others."""
        bad: list[pa_csv.InvalidRow] = []

        def note(row: pa_csv.InvalidRow) -> str:
            bad.append(row)
            return "skip"

        names, quotes = [str(i) for i in range(len(self._format.names))], self._format.quotes
        marked = _marked(data)
        self._is_damaged = marked is not data
        table = pa_csv.read_csv(
            pa.BufferReader(marked),
            pa_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            pa_csv.ParseOptions(
                delimiter=self._format.delimiter, quote_char='"' if quotes else False, newlines_in_values=quotes,
                invalid_row_handler=note,
            ),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=[""],
                strings_can_be_null=True, quoted_strings_can_be_null=False,
            ),
        )  # fmt: skip
        return pa.record_batch([column.combine_chunks() for column in table.columns], names), bad

    def _block(self, parsed: _Parsed) -> TableBlock:
        """Return the parsed rows as a block with row and line numbers, and remove their bytes from ``_data``."""
        data, self._data = self._data[: parsed.size], self._data[parsed.size :]
        batch, bad = parsed.batch, parsed.bad
        is_newline = np.frombuffer(data, np.uint8) == ord(self._newline)  # five times as fast as bytes.count
        rows, lines = batch.num_rows + len(bad), int(np.count_nonzero(is_newline))
        before = self._rows - self._format.header
        numbers = before + np.delete(np.arange(1, rows + 1), [row.number - 1 for row in bad])
        line_of = self._line_finder(data, before + 1)
        bad_rows = {before + row.number: row for row in bad if before + row.number}  # the header has the number 0
        batch, numbers = batch[np.count_nonzero(numbers == 0) :], numbers[numbers > 0]
        width = len(self._format.names)
        is_doubtful = self._format.quotes and self._reading.quotes is None  # the user did not say that quotes enclose
        if is_doubtful and lines > rows:
            swallowing = self._swallowing(batch, numbers, {number: row.text for number, row in bad_rows.items()})
            if number := next(swallowing, 0):
                raise InputError(
                    f"{self._name}:{line_of(number)}: a quote opens a field that goes on over lines which look like "
                    f"rows of their own; set {self._reading.option}quotes to yes if they are one field, or to no if "
                    "quotes are part of the text"
                )
        self._rows += rows
        self._lines += lines
        found = [
            BadRow(number, line_of(number), f"expected {counted(width, 'column')}, received {row.actual_columns}")
            for number, row in bad_rows.items()
        ]
        return self._selected(batch, numbers, found, line_of)

    def _line_finder(self, data: bytes, first_number: int) -> Callable[[int], int]:
        before = self._lines

        @functools.cache
        def starts() -> list[int]:
            short = _WITHIN.sub(r"\1\2", data.decode("utf-8", "replace"))  # csv refuses fields of more than 128 KiB
            rows = rows_of(io.StringIO(short, newline=""), self._format.delimiter, self._format.quotes)
            found, line = [], 0
            with contextlib.suppress(csv.Error):  # a field of very many lines
                for row in rows:
                    found += [before + line + 1] if row else []
                    line = rows.line_num
            return found

        return lambda number: starts()[min(number - first_number, len(starts()) - 1)]

    def _swallowing(self, batch: pa.RecordBatch, numbers: np.ndarray, bad: dict[int, str]) -> Iterator[int]:
        """Yield the number of each row in which a quoted field contains lines that are probably rows of the table.

        ``batch`` has the rows ``numbers`` with the right number of fields, and ``bad`` the text of others by number.
        """
        newline, width = self._newline.decode(), len(self._format.names)
        for number, text in bad.items():
            inner = text.split(newline)[1:-1]
            if width > 2 and any(line.count(self._format.delimiter) == width - 1 for line in inner):
                yield number
        which = _rows_with(newline, batch)
        fields_of = zip(*(column.take(from_numpy(which)).to_pylist() for column in batch.columns), strict=True)
        for number, fields in zip(numbers[which].tolist(), fields_of, strict=True):
            if self._looks_like_rows([field or "" for field in fields]):
                yield number

    def _looks_like_rows(self, fields: list[str]) -> bool:
        mark, newline = self._format.delimiter, self._newline.decode()
        lines = [line.split(mark) for line in mark.join(fields).split(newline)]
        if len(fields) < 2 or any(len(line) != len(fields) for line in lines):
            return False
        others = [i for i, field in enumerate(fields) if newline not in field]
        if all(_shape(line[i]) == _shape(fields[i]) for line in lines[1:] for i in others):
            return True
        shapes = [{_shape(line[i]) for line in lines} for i in others]  # a place may be a word, a text or empty
        return {"number"} in shapes and all("number" not in each or each <= {"number", ""} for each in shapes)

    def _selected(
        self, batch: pa.RecordBatch, numbers: np.ndarray, bad: list[BadRow], line_of: Callable[[int], int]
    ) -> TableBlock:
        """Return the rows as a block of the requested columns. Rows that contain invalid bytes become bad rows."""
        names, which = self._format.names, self._reading.positions(self._format.names, self._name)
        chosen = pa.record_batch([batch.column(i) for i in which], names=[names[i] for i in which])
        damaged = _rows_with(_NO_TEXT, chosen) if self._is_damaged and chosen.num_rows else ()
        if len(damaged):
            remedy = f"set {self._reading.option}encoding, or save the file in UTF-8"
            reason = f"holds bytes that are not {self._reading.encoding}; {remedy}"
            bad = sorted([*bad, *(BadRow(n, line_of(n), reason) for n in numbers[damaged].tolist())])
            kept = np.delete(np.arange(len(numbers)), damaged)
            chosen, numbers = chosen.take(from_numpy(kept)), numbers[kept]
        return TableBlock(chosen, numbers, bad, line_of)


def _shape(field: str) -> str:
    """Return the kind of value in a field: ``number``, ``word``, ``text``, or an empty string for an empty field."""
    field = field.strip()
    if not field or _NUMBER.fullmatch(field):
        return "number" if field else ""
    return "text" if " " in field or len(field) > _LONGEST_WORD else "word"


def _marked(data: bytes) -> bytes:
    """Replace each byte that is not UTF-8 by the mark ``_NO_TEXT``, because Arrow's row handler needs valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return _SURROGATE.sub(_NO_TEXT, data.decode("utf-8", "surrogateescape")).encode()
    return data


def _rows_with(text: str, batch: pa.RecordBatch) -> np.ndarray:
    """Return the indices of the rows with ``text`` in at least one field. A null field contains no text."""
    found = (pc.match_substring(column, text) for column in batch.columns)
    return as_numpy(pc.indices_nonzero(functools.reduce(pc.or_kleene, found)))
