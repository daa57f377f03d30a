"""Read JSON lines in blocks of whole lines, and parse only the requested columns.

Arrow's parser reads each block. If it fails, Python's parser reads the block again. Python's parser reports the error
in each bad line, and accepts input that Arrow rejects, such as values of several types in a column.
"""

import codecs
import contextlib
import io
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pa_json

from sentiment.common.arrow_arrays import from_encoded
from sentiment.common.messages import shown
from sentiment.data.csv_format import refuse_utf16
from sentiment.data.json_documents import Field, fields_of, refuse_missing, text_paths, valid_text
from sentiment.data.post_reader import read_posts
from sentiment.data.post_shapes import shape_of
from sentiment.data.reading import RAW_LINE, BadRow, Reading, TableBlock
from sentiment.data.table_files import BLOCK_BYTES, JoinedStreams, OpenFile, whole_lines
from sentiment.errors import InputError

_LONGEST_REASON = 160
_LINES_LOOKED_AT = 50
_ASSIGNMENT = re.compile(rb"[A-Za-z_$][\w.$]*\s*=\s*[\[{]")  # a JavaScript assignment, as in X's archive
_NESTED = ("an object", "a list")
_LABEL_TYPES = (pa.string(), pa.int64(), pa.bool_(), pa.float64())


def read_json(opened: OpenFile, reading: Reading, name: str) -> Iterator[TableBlock]:
    """Yield the rows of a JSON file in blocks, at least one. Every column is a string array.

    The first bytes show whether the file contains JSON lines or nested JSON. In JSON lines, a missing field becomes
    null, and a value that is neither a string nor null becomes its JSON text. If ``reading`` requests all columns,
    these are the fields in the first block.

    Raises:
        InputError: no row has a requested column; or all columns are requested, and a later block has a further field.
    """
    first = opened.stream.read(BLOCK_BYTES)
    stream: IO[bytes] = JoinedStreams([io.BytesIO(first), opened.stream])  # type: ignore[assignment]
    if _is_nested(first, reading):
        yield from read_posts(stream, reading, name, opened.beside)
        return
    if first[:1] in (b"\xff", b"\xfe"):
        refuse_utf16(first, "utf-8", name, "the program that wrote it to utf-8; not")
    reader, blocks = _JsonLinesReader(reading, name), whole_lines(stream, name)
    for data in itertools.chain([next(blocks, b"")], blocks):
        yield reader.block(data)


def _is_nested(first: bytes, reading: Reading) -> bool:
    """Return whether a JSON file that begins with ``first`` needs the reader of nested JSON, :func:`read_posts`.

    It does if it is not JSON lines, if :func:`shape_of` knows its layout, or if a path inside an object is requested.
    """
    head = first.removeprefix(codecs.BOM_UTF8).lstrip()
    if head[:1] != b"{":
        return head[:1] == b"[" or bool(_ASSIGNMENT.match(head))
    lines = [line for line in head.split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT] if line.strip()]
    found = _objects(lines)
    if not _objects(lines[:1]):
        return (len(lines) > 1 and lines[1][:1] != b"{") or len(first) == len(lines[0]) == BLOCK_BYTES
    column = str(reading.column or (reading.columns or ("",))[0])
    is_path = any(re.search(r"[.\]]", str(each)) and str(each) not in found[0] for each in reading.wanted)
    return is_path or shape_of(found, column) is not None


def _objects(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    values = []
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            values.append(json.loads(line))
    return [value for value in values if isinstance(value, dict)]


class _JsonLinesReader:
    def __init__(self, reading: Reading, name: str) -> None:
        self._reading, self._name = reading, name
        self._is_partial = reading.columns is not None  # only some of the columns are read
        self._columns: list[str] | None = None  # known from the first block on
        self._label_type = _LABEL_TYPES[0]
        self._rows = self._lines = 0  # read so far

    def block(self, data: bytes) -> TableBlock:
        """Parse ``data``, which consists of whole lines, into a block of rows."""
        lines = data.split(b"\n")
        filled = [i for i, line in enumerate(lines) if line.strip()]
        texts = [lines[i] for i in filled] if len(filled) < len(lines) else lines
        if self._columns is None:
            self._columns = self._find_columns(texts)
        batch = self._by_arrow(data, len(texts)) if _suits_arrow(data, texts) else None
        bad: dict[int, str] = {}
        if batch is None:
            batch, bad = self._by_python(texts)
        good = [i for i in range(len(texts)) if i not in bad]
        if self._reading.raw_lines:
            batch = batch.append_column(RAW_LINE, from_encoded([texts[i].rstrip(b"\r") for i in good]))
        first_row, first_line = self._rows + 1, self._lines + 1
        self._rows, self._lines = self._rows + len(texts), self._lines + data.count(b"\n")

        def line_of(number: int) -> int:
            return first_line + filled[number - first_row]

        found = [BadRow(first_row + i, line_of(first_row + i), reason) for i, reason in bad.items()]
        return TableBlock(batch, first_row + np.array(good, np.int64), found, line_of)

    def _find_columns(self, lines: Sequence[bytes]) -> list[str]:
        """Return the names of the columns to read, or raise an :class:`InputError` if no line has a requested one."""
        wanted = [str(column) for column in self._reading.wanted]
        if self._is_partial and any(row.keys() >= {*wanted} for row in _objects(lines[:1])):
            return wanted
        rows = _objects(lines)
        names = list(dict.fromkeys(valid_text(name) for row in rows for name in row))
        if not names:  # an empty file, or only bad lines, which are reported when they are read
            return wanted
        for column in self._reading.wanted:
            if isinstance(column, str) and not any(column.strip() == name.strip() for name in names):
                refuse_missing(column, rows, self._name, self._reading.option)
        return [names[i] for i in self._reading.positions(names, self._name)]

    def _by_arrow(self, data: bytes, rows: int) -> pa.RecordBatch | None:
        """Parse ``data`` with Arrow. Return the columns as strings, or None if Arrow cannot read all ``rows`` lines."""
        columns = self._columns or []
        if not rows or not columns or not self._is_partial:
            return None
        types = [self._label_type, *_LABEL_TYPES] if len(columns) > 1 else [pa.string()]
        for label_type in dict.fromkeys(types):
            schema = pa.schema([(columns[0], pa.string()), *((name, label_type) for name in columns[1:])])
            try:
                table = pa_json.read_json(
                    pa.BufferReader(data),
                    pa_json.ReadOptions(use_threads=False, block_size=len(data) + 1),
                    pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
                )
                table.validate(full=True)
            except (pa.ArrowInvalid, UnicodeDecodeError):  # Arrow's message may quote invalid UTF-8
                continue
            if table.num_rows == rows:
                self._label_type = label_type
                return table.combine_chunks().cast(pa.schema(dict.fromkeys(columns, pa.string()))).to_batches()[0]
        return None

    def _by_python(self, lines: Sequence[bytes]) -> tuple[pa.RecordBatch, dict[int, str]]:
        """Parse ``lines`` with Python. Return the columns as strings, and a message for each bad line by position."""
        names = self._columns or []
        known, rows, bad = set(names), [], dict[int, str]()
        for i, line in enumerate(lines):
            try:
                fields = fields_of(line)
                if not self._is_partial and (new := next((name for name in fields if name not in known), None)):
                    raise InputError(
                        f"{self._name}: row {self._rows + i + 1} has a field {shown(new)!r} that the lines at the "
                        "beginning lack, so it has no column; write .jsonl instead"
                    )
                rows.append({name: self._value(name, fields) for name in names})
            except ValueError as error:
                bad[i] = shown(error, _LONGEST_REASON)
        return pa.RecordBatch.from_pylist(rows, pa.schema(dict.fromkeys(names, pa.string()))), bad

    def _value(self, name: str, fields: dict[str, Field]) -> str | None:
        field = fields.get(name)
        if field is None or field.text is None:
            return None
        if (name == self._reading.column and field.kind != "a string") or (self._is_partial and field.kind in _NESTED):
            within = ", ".join(text_paths(json.loads(field.text), name)) if field.kind in _NESTED else ""
            advice = f"; text in it is named so: {within}" if within else ""
            raise ValueError(f"column {name!r} holds {field.kind}, expected text{advice}")
        return field.text.removesuffix(".0") if field.kind == "a number" and self._is_partial else field.text


def _suits_arrow(data: bytes, lines: Sequence[bytes]) -> bool:
    """Return whether Arrow's parser may read ``data``: it is UTF-8, and every line begins like an object.

    Arrow's parser overlooks invalid bytes in columns that are not requested, and crashes on ``null``.
    """
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return all(line.lstrip()[:1] == b"{" for line in lines)
