"""Read tables of any size (CSV, JSON, Parquet, fastText) as Arrow batches, for training and for prediction."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.data.csv_reader import read_csv
from sentiment.data.fasttext_reader import is_fasttext, read_fasttext
from sentiment.data.file_format import (
    DAMAGED,
    FASTTEXT,
    TABLE_NAMES,
    JoinedStreams,
    OpenFile,
    input_kind_of,
    open_bytes,
)
from sentiment.data.json_lines_reader import read_json
from sentiment.data.reading import BadRows, Reading, TableBlock, position_of, refuse_duplicates
from sentiment.errors import InputError

_ROWS_PER_BATCH = 32_768
_HEAD_BYTES = 1 << 16
_MOST_IN_MEMORY = 8 << 30


def read_batches(source: str | Path | IO[bytes], reading: Reading, name: str = "") -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in batches. Bad rows are left out and recorded in ``reading.bad_rows``.

    There is at least one batch, which may have no rows.

    Args:
        source: the path of a file or pipe, ``-`` for standard input, or a binary stream.
        reading: columns and format of the table.
        name: the table's name in error messages; empty means ``source``.

    Raises:
        InputError: the file is missing, is malformed, lacks a column, or has more bad rows than allowed.
    """
    name = name or str(source)
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
                yield from read_fasttext(opened.stream, reading, name)
            elif kind == "jsonl":
                yield from read_json(opened, reading, name)
            else:
                yield from read_csv(opened.stream, reading, name, kind)
    except MemoryError:  # Arrow's memory error is also an ArrowException, but the file is not at fault
        raise
    except (*DAMAGED, OSError, pa.ArrowException, csv.Error, UnicodeError, LookupError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # Arrow's OSError for a damaged file has no errno
            raise
        reason = " ".join(str(error).split())[:300]
        advice = _advice(error, kind, reading.option)
        raise InputError(f"{name}: not readable as {kind} ({reason}); {advice}") from error


def _recognised(opened: OpenFile, reading: Reading, name: str) -> tuple[OpenFile, str]:
    """Return the file and its kind, by ``reading`` or its name, or by its content if it is in fastText's format."""
    kind = reading.kind or input_kind_of(opened.name or name)
    if kind in ("", "csv") and not reading.delimiter:
        head = opened.stream.read(_HEAD_BYTES)
        stream: IO[bytes] = JoinedStreams([io.BytesIO(head), opened.stream])  # type: ignore[assignment]
        opened, kind = opened._replace(stream=stream), FASTTEXT if is_fasttext(head) else kind
    path = Path(opened.name)
    if not kind and (path.is_file() or path.parent.is_file()):  # otherwise it is a pipe; the parent may be a zip
        raise InputError(
            f"{name}: expected a name that ends in {TABLE_NAMES}, received {path.name}; or set {reading.option}format"
        )
    return opened, kind or "csv"


def _advice(error: Exception, kind: str, option: str) -> str:
    """Return the advice in the error message for a file that is not readable as ``kind``."""
    if isinstance(error, DAMAGED):
        return "the compressed file is damaged or cut short: fetch or make it again"
    if kind == "parquet":
        return f"is it Parquet, and whole? write it again, or set {option}format to what it is"
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
        raise InputError(f"{where}: column {column!r} holds {values.type}, expected text")
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid as error:
        raise InputError(f"{where}: column {column!r} holds bytes that are not text in UTF-8") from error


def _read_parquet(
    stream: IO[bytes], source: str | Path | IO[bytes], reading: Reading, name: str
) -> Iterator[TableBlock]:
    """Yield the rows in blocks. A plain file is memory-mapped; compressed or piped data is read into memory."""
    is_plain = isinstance(stream, io.BufferedReader) and stream.seekable()
    if is_plain and isinstance(source, str | Path):
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
        if reading.columns is None:
            refuse_duplicates(schema.names, name)
        wanted = [schema.names[position_of(column, schema.names, name, reading.option)] for column in reading.wanted]
        columns = schema.names if reading.columns is None else wanted
        batches = file.iter_batches(_ROWS_PER_BATCH, columns=columns, use_threads=False)
        empty = pa.RecordBatch.from_pylist([], schema)
        for batch in batches if file.metadata.num_rows else [empty]:
            batch.validate(full=True)
            yield TableBlock(batch.select(columns), np.arange(row, row + batch.num_rows), [], lambda number: number)
            row += batch.num_rows
