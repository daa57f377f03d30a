"""Read a CSV with Arrow's parser, a block of whole rows at a time, without a thread that outlives the reader.

A block ends with its last complete row. A probe row behind it shows which row that is: where a field in quotes is
still open, the probe is inside that field, and the row that holds it waits for the next block.
"""

import codecs
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
from sentiment.data.csv_format import SAMPLE_BYTES, find_format, refuse_utf16, rows_of
from sentiment.data.reading import BadRow, Reading, TableBlock, position_of
from sentiment.errors import InputError

_BLOCK_BYTES = 4 << 20
_LONGEST_ROW = 16 << 20
_MARKS = (b"\xef\xbb\xbf", "ï»¿".encode())  # byte-order marks: in UTF-8, and in UTF-8 that was read as latin-1
_PROBE = "\x1e"
_NO_TEXT = "\ufdd0"  # a code point that Unicode reserves for the inside of programs, so that no text contains it
_SURROGATE = re.compile("[\udc80-\udcff]")
_SHOWN = 40
_HEAD_BYTES = 400
_NUMBER = re.compile(r"[-+]?[\d.,:/]+")
_LONGEST_WORD = 40


class OpenQuoteError(InputError):
    """A CSV ends inside quotes that are opened in ``line``, before ``content``."""

    def __init__(self, name: str, line: int, content: str) -> None:
        super().__init__(
            f"{name}: the file ends inside a quote that was opened in line {line} (before {content[:_SHOWN]!r}): close "
            "it there, or fetch the file again if it was cut short"
        )


class _Bad(NamedTuple):
    """A row with another number of fields than there are columns; ``place`` counts all rows of its block from 0."""

    place: int
    text: str
    fields: int


class _Parsed(NamedTuple):
    """The rows of some bytes.

    Attributes:
        batch: the complete rows.
        bad: rows between them.
        size: how many bytes these rows take.
        open_field: the text after a quote that is not closed; empty if the rest is not in one.
    """

    batch: pa.RecordBatch
    bad: list[_Bad]
    size: int
    open_field: str


def read_csv(stream: IO[bytes], reading: Reading, name: str, kind: str) -> Iterator[TableBlock]:
    """Yield the rows of a CSV in blocks, at least one; every column is text.

    Args:
        stream: the file's bytes, read forwards.
        reading: how it is read.
        name: of the file, for messages.
        kind: ``csv`` or ``tsv``.

    Raises:
        InputError: it is empty, lacks a column, or ends inside quotes; or quotes swallow rows.
    """
    reader = _CsvReader(stream, reading, name, kind)
    yield reader.next_block() or reader.empty_block()
    while (block := reader.next_block()) is not None:
        yield block


class _CsvReader:
    """Takes whole rows from a stream; ``_data`` are bytes in UTF-8 that wait to be parsed."""

    def __init__(self, stream: IO[bytes], reading: Reading, name: str, kind: str) -> None:
        self._stream, self._reading, self._name = stream, reading, name
        is_utf8 = codecs.lookup(reading.encoding).name == "utf-8"
        self._decoder = None if is_utf8 else codecs.getincrementaldecoder(reading.encoding)("surrogateescape")
        self._data, self._ended = b"", False
        self._fill(_BLOCK_BYTES)
        refuse_utf16(self._first, reading.encoding, name, f"{reading.option}encoding")
        for mark in _MARKS:
            self._data = self._data.removeprefix(mark)
        self._newline = b"\n" if b"\n" in self._data else b"\r"
        self._format = find_format(*self._sample(), reading, name, kind)
        self._rows = self._lines = 0  # in the blocks before, the header counted

    def _fill(self, size: int) -> None:
        """Read on until ``size`` bytes wait, or the stream ends."""
        while len(self._data) < size and not self._ended:
            raw = self._stream.read(size - len(self._data))
            if not self._data:
                self._first = raw[:_HEAD_BYTES]
            self._ended = not raw
            self._data += raw if self._decoder is None else _in_utf8(self._decoder, raw)

    def _sample(self) -> tuple[str, bool]:
        """Return the first lines, and whether more follow."""
        is_cut = len(self._data) > SAMPLE_BYTES or not self._ended
        end = self._data.rfind(self._newline, 0, SAMPLE_BYTES) + 1 if is_cut else 0
        return self._data[: end or len(self._data)].decode("utf-8", "replace"), is_cut

    def next_block(self) -> TableBlock | None:
        """Return the next rows; None at the end."""
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
        """Close a quote that only line ends follow.

        Raises:
            OpenQuoteError: more follows.
        """
        if open_field.strip("\r\n"):
            newline = self._newline.decode()
            inside = open_field.count(newline)
            within = self._data.count(self._newline) + (not self._data.endswith((b"\n", b"\r"))) - inside
            raise OpenQuoteError(self._name, self._lines + within + 1, open_field)
        self._data = self._data.rstrip(b"\r\n") + b'"\n'

    def empty_block(self) -> TableBlock:
        """Return a block without rows, which has the columns."""
        columns = [pa.array([], pa.string()) for _ in self._format.names]
        return self._selected(pa.record_batch(columns, names=self._places()), np.zeros(0, np.int64), [], lambda _: 0)

    def _places(self) -> list[str]:
        return [str(i) for i in range(len(self._format.names))]

    def _parse(self) -> _Parsed:
        """Return the complete rows of the bytes that wait, and the open field of an incomplete last row."""
        end = len(self._data) if self._ended else self._data.rfind(self._newline) + 1
        data = self._data[:end] + (b"" if self._data[:end].endswith((b"\n", b"\r")) else self._newline)
        probe = _PROBE + self._format.delimiter * (len(self._format.names) - 1)
        batch, bad = self._parse_rows(data + probe.encode())
        if bad and bad[-1].place == batch.num_rows + len(bad) - 1:
            last = bad.pop().text
            open_field = self._last_field(last)
        else:
            fields = [_as_text(column[-1:]) for column in batch.columns]
            last, open_field, batch = (
                self._format.delimiter.join(fields),
                fields[-1],
                batch.slice(0, batch.num_rows - 1),
            )
        if last == probe:
            return _Parsed(batch, bad, end, "")
        return _Parsed(batch, bad, self._start_of(last, data), open_field.removesuffix(probe))

    def _last_field(self, row: str) -> str:
        return next(csv.reader(io.StringIO(row, newline=""), delimiter=self._format.delimiter), [""])[-1]

    def _start_of(self, last: str, data: bytes) -> int:
        """Return where the last row begins, in which quotes are open: after as many line ends as it has inside."""
        start = len(data)
        for _ in range(last.count(self._newline.decode()) + 1):
            start = data.rfind(self._newline, 0, start)
        return start + 1

    def _parse_rows(self, data: bytes) -> tuple[pa.RecordBatch, list[_Bad]]:
        """Return the rows of ``data``, in which some bytes may not be UTF-8, and the rows of another width."""
        bad: list[_Bad] = []

        def note(row: pa_csv.InvalidRow) -> str:
            bad.append(_Bad(row.number - 1, row.text, row.actual_columns))
            return "skip"

        names, quotes = self._places(), self._format.quotes
        table = pa_csv.read_csv(
            pa.BufferReader(_marked(data)),
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
        columns = [
            pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())
            for column in table.columns
        ]
        return pa.record_batch(columns, names=names), bad

    def _block(self, parsed: _Parsed) -> TableBlock:
        """Return the rows, and take them from what waits."""
        data, self._data = self._data[: parsed.size], self._data[parsed.size :]
        batch, bad = parsed.batch, parsed.bad
        places = np.delete(np.arange(batch.num_rows + len(bad)), [row.place for row in bad])
        first_number = self._rows + 1 - self._format.header
        line_of = self._line_finder(data, first_number)
        if self._format.header and not self._rows:
            bad = [row for row in bad if row.place]
            batch, places = (batch, places) if len(places) and places[0] else (batch.slice(1), places[1:])
        found = [self._ragged(row, row.place + first_number, line_of) for row in bad]
        if self._format.quotes and data.count(self._newline) > len(places) + len(bad):
            self._refuse_swallowed(batch, places + first_number, found, [row.text for row in bad], line_of)
        self._rows += parsed.batch.num_rows + len(parsed.bad)
        self._lines += data.count(self._newline)
        return self._selected(batch, places + first_number, found, line_of)

    def _ragged(self, row: _Bad, number: int, line_of: Callable[[int], int]) -> BadRow:
        return BadRow(number, line_of(number), f"expected {len(self._format.names)} columns, received {row.fields}")

    def _line_finder(self, data: bytes, first_number: int) -> Callable[[int], int]:
        before = self._lines

        @functools.cache
        def starts() -> list[int]:
            text = io.StringIO(data.decode("utf-8", "replace"), newline="")
            rows = rows_of(text, self._format.delimiter, self._format.quotes)
            found, line = [], 0
            try:
                for row in rows:
                    found += [before + line + 1] if row else []
                    line = rows.line_num
            except csv.Error:  # a field of more than 128 KiB
                pass
            return found

        def line_of(number: int) -> int:
            return starts()[min(number - first_number, len(starts()) - 1)]

        return line_of

    def _refuse_swallowed(
        self,
        batch: pa.RecordBatch,
        numbers: np.ndarray,
        bad: list[BadRow],
        texts: list[str],
        line_of: Callable[[int], int],
    ) -> None:
        """Refuse quotes whose field is made of lines that look like rows of their own.

        Raises:
            InputError: there is such a field.
        """
        newline, width = self._newline.decode(), len(self._format.names)
        for row, text in zip(bad, texts, strict=True):
            inner = text.split(newline)[1:-1]
            if width > 2 and any(line.count(self._format.delimiter) == width - 1 for line in inner):
                raise self._swallowed(row.line)
        several = functools.reduce(
            pc.or_, (pc.fill_null(pc.match_substring(column, newline), False) for column in batch.columns)
        )
        which = np.flatnonzero(as_numpy(several.cast(pa.uint8())))
        fields_of = zip(*(column.take(from_numpy(which)).to_pylist() for column in batch.columns), strict=True)
        for number, fields in zip(numbers[which].tolist(), fields_of, strict=True):
            if self._looks_like_rows([field or "" for field in fields]):
                raise self._swallowed(line_of(number))

    def _looks_like_rows(self, fields: list[str]) -> bool:
        mark, newline = self._format.delimiter, self._newline.decode()
        lines = [line.split(mark) for line in mark.join(fields).split(newline)]
        if len(fields) < 2 or any(len(line) != len(fields) for line in lines):
            return False
        others = [i for i, field in enumerate(fields) if newline not in field]
        return all(_shape(line[i]) == _shape(fields[i]) for line in lines[1:] for i in others)

    def _swallowed(self, line: int) -> InputError:
        return InputError(
            f"{self._name}:{line}: a quote opens a field that goes on over lines which look like rows of their own; if "
            f"quotes are part of the text, set {self._reading.option}quotes to no, else close or double that quote"
        )

    def _selected(
        self, batch: pa.RecordBatch, numbers: np.ndarray, bad: list[BadRow], line_of: Callable[[int], int]
    ) -> TableBlock:
        """Return the columns that are asked for, without rows whose bytes are not text."""
        names, option = self._format.names, self._reading.option
        wanted = self._reading.columns
        which = (
            range(len(names)) if wanted is None else [position_of(each, names, self._name, option) for each in wanted]
        )
        chosen = pa.record_batch([batch.column(i) for i in which], names=[names[i] for i in which])
        damaged = _not_utf8(chosen) if chosen.num_rows else ()
        if len(damaged):
            reason = f"holds bytes that are not {self._reading.encoding}; set {option}encoding"
            bad = sorted([*bad, *(BadRow(n, line_of(n), reason) for n in numbers[damaged].tolist())])
            kept = np.delete(np.arange(len(numbers)), damaged)
            chosen, numbers = chosen.take(from_numpy(kept)), numbers[kept]
        return TableBlock(chosen, numbers, bad, line_of)


def _in_utf8(decoder: codecs.IncrementalDecoder, raw: bytes) -> bytes:
    """Return ``raw`` in UTF-8. Bytes that do not fit its encoding stay as they are, so they are not UTF-8."""
    return decoder.decode(raw, not raw).encode("utf-8", "surrogateescape")


def _as_text(one: pa.Array) -> str:
    return one[0].as_py() or ""


def _shape(field: str) -> str:
    """Return what kind of value a field is: empty, a number, a word or a text."""
    field = field.strip()
    if not field or _NUMBER.fullmatch(field):
        return "number" if field else ""
    return "text" if " " in field or len(field) > _LONGEST_WORD else "word"


def _marked(data: bytes) -> bytes:
    """Return ``data`` with the mark in place of each byte that is not UTF-8, because Arrow's row handler needs text."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return _SURROGATE.sub(_NO_TEXT, data.decode("utf-8", "surrogateescape")).encode()
    return data


def _not_utf8(batch: pa.RecordBatch) -> np.ndarray:
    """Return the places of the rows that were not UTF-8."""
    marked = (pc.fill_null(pc.match_substring(column, _NO_TEXT), False) for column in batch.columns)
    return np.flatnonzero(as_numpy(functools.reduce(pc.or_, marked).cast(pa.uint8())))
