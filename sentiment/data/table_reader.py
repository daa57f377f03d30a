"""Read tables of any size (CSV, JSON, Parquet, fastText) as Arrow batches, for training and for prediction."""

import csv
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.common.messages import shown
from sentiment.data.csv_reader import read_csv
from sentiment.data.json_lines_reader import read_json
from sentiment.data.label_meanings import FASTTEXT_MARK
from sentiment.data.reading import BadRow, BadRows, Reading, TableBlock, position_of
from sentiment.data.table_files import DAMAGED, FASTTEXT, JoinedStreams, OpenFile, open_bytes, whole_lines
from sentiment.data.table_names import STANDARD, TABLE_NAMES, input_kind_of
from sentiment.errors import InputError

_ROWS_PER_BATCH = 32_768
_HEAD_BYTES = 1 << 16
_MOST_IN_MEMORY = 8 << 30
_FASTTEXT_NAMES = ("label", "text")
_FASTTEXT_LINE = re.compile(rf"\s*(?P<label>{FASTTEXT_MARK}\S+)(?:\s+{FASTTEXT_MARK}\S+)*\s*(?P<text>.*?)\s*")
_LABEL_OF_CSV = re.compile(rb"\S+?\s*[,;|]")


def read_batches(source: str | Path | IO[bytes], reading: Reading, name: str = "") -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in batches, at least one. Bad rows are left out and recorded in ``reading.bad_rows``.

    Args:
        source: the path of a file or pipe, ``-`` for standard input, or a binary stream.
        reading: columns and format of the table.
        name: the table's name in error messages; empty means ``source``.

    Raises:
        InputError: the file is missing, is malformed, lacks a column, or has more bad rows than allowed.
    """
    name = name or ("standard input" if source == STANDARD else str(source))
    bad_rows = reading.bad_rows or BadRows()
    for block in read_blocks(source, reading, name):
        for bad in block.bad:
            bad_rows.add(bad, name, reading.option)
        yield block.batch


def read_blocks(source: str | Path | IO[bytes], reading: Reading, name: str) -> Iterator[TableBlock]:
    """Yield the rows of a table in blocks, at least one, with row numbers and a list of bad rows.

    Raises:
        InputError: the file is missing, is malformed, or lacks a column.
    """
    kind = ""
    try:
        with open_bytes(source) as opened:
            opened, kind = _recognised(opened, reading, name)
            if kind == "parquet":
                yield from _read_parquet(opened.stream, source, reading, name)
            elif kind == FASTTEXT:
                yield from _read_fasttext(opened.stream, reading, name)
            elif kind == "jsonl":
                yield from read_json(opened, reading, name)
            else:
                yield from read_csv(opened.stream, reading, name, kind)
    except MemoryError:  # Arrow's memory error is also an ArrowException, but the file is not at fault
        raise
    except (*DAMAGED, OSError, pa.ArrowException, csv.Error, UnicodeError, LookupError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # Arrow's OSError for a damaged file has no errno
            raise
        reason = shown(error, 300)
        advice = _advice(error, kind, reading.option)
        raise InputError(f"{name}: not readable as {kind or 'a table'} ({reason}); {advice}") from error


def _recognised(opened: OpenFile, reading: Reading, name: str) -> tuple[OpenFile, str]:
    """Return the file and its kind: that of ``reading`` or of the file's name, or fastText if its content shows this.

    The returned file still begins with the bytes that were read to find out.
    """
    kind = reading.kind or input_kind_of(opened.name or name)
    if kind in ("", "csv") and not reading.delimiter:
        head = opened.stream.read(_HEAD_BYTES)
        stream: IO[bytes] = JoinedStreams([io.BytesIO(head), opened.stream])  # type: ignore[assignment]
        opened, kind = opened._replace(stream=stream), FASTTEXT if is_fasttext(head) else kind
    path = Path(opened.name)
    if not kind and (path.is_file() or path.parent.is_file()):  # otherwise it is a pipe; the parent may be a zip
        raise InputError(
            f"{name}: expected a name that ends in {TABLE_NAMES}, received {path.name}; rename it, "
            "or give `sentiment predict - < FILE` one tweet per line"
        )
    return opened, kind or "csv"


def _advice(error: Exception, kind: str, option: str) -> str:
    """Return advice on ``error``, which reading a file as ``kind`` raised. ``option`` is the prefix of option names."""
    if kind == "parquet" and not isinstance(error, DAMAGED):
        return "is it Parquet, and whole? write it again, or give it the ending or media type of what it is"
    if isinstance(error, (*DAMAGED, OSError)):  # Arrow's OSError for a damaged .zst
        return "the compressed file is damaged or cut short: fetch or make it again"
    if isinstance(error, UnicodeError | LookupError):
        return f"set {option}encoding"
    if isinstance(error, csv.Error):  # the only one that is possible here: a field over csv.field_size_limit()
        return f"look for a quote that is not closed, or set {option}delimiter or {option}quotes"
    return f"look there, or set {option}delimiter or {option}encoding"


def texts_of(batch: pa.RecordBatch, column: str, where: str | Path) -> pa.Array:
    """Return the text column of a batch as Arrow strings. Missing texts are null.

    Raises:
        InputError: the table ``where`` has no column ``column``, or the column does not contain text.
    """
    values = batch.column(position_of(column, batch.schema.names, str(where), "--"))
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    is_text = kind in (pa.string(), pa.large_string(), pa.string_view(), pa.null())
    is_bytes = kind in (pa.binary(), pa.large_binary(), pa.binary_view())
    if not (is_text or is_bytes):
        raise InputError(f"{where}: column {column!r} holds {shown(values.type)}, expected text; name another")
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid as error:
        raise InputError(f"{where}: column {column!r} holds bytes that are not UTF-8; write it as text") from error


def _read_parquet(
    stream: IO[bytes], source: str | Path | IO[bytes], reading: Reading, name: str
) -> Iterator[TableBlock]:
    """Yield the rows of a Parquet file in blocks. A plain file is memory-mapped; other data is read into memory."""
    is_plain = isinstance(stream, io.BufferedReader) and stream.seekable()
    if is_plain and isinstance(source, str | Path) and str(source) != STANDARD:
        stream = pa.memory_map(str(source))
    elif not is_plain:
        content = stream.read(_MOST_IN_MEMORY + 1)
        if len(content) > _MOST_IN_MEMORY:
            raise InputError(
                f"{name}: expected packed or piped Parquet of at most {_MOST_IN_MEMORY >> 20:,} MiB, because it is "
                "held in memory, received more; unpack it into a file, and give that"
            )
        stream = pa.BufferReader(content)
    with pq.ParquetFile(stream) as file:
        schema, row = file.schema_arrow, 1
        columns = [schema.names[i] for i in reading.positions(schema.names, name)]
        batches = file.iter_batches(_ROWS_PER_BATCH, columns=columns, use_threads=False)
        empty = pa.RecordBatch.from_pylist([], schema)
        for batch in batches if file.metadata.num_rows else [empty]:
            batch.validate(full=True)
            yield TableBlock(batch.select(columns), np.arange(row, row + batch.num_rows), [], lambda number: number)
            row += batch.num_rows


def is_fasttext(head: bytes) -> bool:
    """Return whether a file that begins with ``head`` is in fastText's format: every line begins with a label.

    A file with a delimiter after each label is a CSV instead. The last line may be cut, so it is ignored.
    """
    lines, mark = [line.strip() for line in head.splitlines() if line.strip()], FASTTEXT_MARK.encode()
    lines = lines[:-1] or lines
    is_csv = all(_LABEL_OF_CSV.match(line) for line in lines)
    return not is_csv and all(line.startswith(mark) and b" " in line for line in lines)


def _read_fasttext(stream: IO[bytes], reading: Reading, name: str) -> Iterator[TableBlock]:
    """Yield the rows of a fastText file, which has lines such as ``__label__positive I love it``.

    Of several labels in a line, the first is taken. A line that has no label or is not UTF-8 is a bad row.

    Raises:
        InputError: ``reading`` requests a column with another name.
    """
    names = [_FASTTEXT_NAMES[i] for i in reading.positions(_FASTTEXT_NAMES, name)]
    schema = pa.schema(dict.fromkeys(names, pa.string()))
    numbers = itertools.count(1)
    for data in whole_lines(stream, name):
        kept, rows, bad = [], list[dict[str, str]](), []
        for line, number in zip(data.removesuffix(b"\n").split(b"\n"), numbers, strict=False):
            if not line.strip():
                continue
            try:
                found = _FASTTEXT_LINE.fullmatch(line.decode())
            except UnicodeDecodeError:
                found = None
            if found is None:
                reason = f"expected {FASTTEXT_MARK}, a label and a text, received {line[:40]!r}"
                bad.append(BadRow(number, number, reason))
            else:
                kept.append(number)
                rows.append(found.groupdict())
        batch = pa.RecordBatch.from_pylist(rows, schema)
        yield TableBlock(batch, np.array(kept, np.int64), bad, lambda number: number)
