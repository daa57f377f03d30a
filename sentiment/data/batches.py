"""Reading any table of tweets as Arrow batches, whole rows at a time, so that it may be larger than memory."""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from sentiment.data import tables
from sentiment.data.open_quotes import OpenQuoteError, Watched, ends_inside_quotes
from sentiment.errors import InputError

_BLOCK_BYTES = 4 << 20
_ROWS_PER_BATCH = 32_768
_SHOWN = 40  # characters of a row
_RAGGED = re.compile(r"Expected \d+ columns, got \d+")


@dataclass(slots=True)
class BadRows:
    """Rows of a CSV with another number of fields than its first one.

    Attributes:
        most: that may be left out.
        count: that were, and one more where there was one too many.
        first: how it begins, and what was wrong.
        last: all of the last.
    """

    most: int = 0
    count: int = 0
    first: str = ""
    last: str = ""

    def __call__(self, row: pa_csv.InvalidRow) -> str:
        """What Arrow shall do about ``row``."""
        self.count += 1
        self.last = row.text
        said = f"{row.text[:_SHOWN]!r}: {row.actual_columns} fields, expected {row.expected_columns}"
        self.first = self.first or said  # Arrow does not say in which line
        return "skip" if self.count <= self.most else "error"

    def remark(self) -> str:
        """What to tell; nothing if there were none."""
        return f"{self.count:,} damaged rows left out (the first: {self.first})" if self.count else ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table is read.

    Attributes:
        column: of the tweets: a name, or a position from 0 in a CSV without header; empty does not ask for one.
        encoding: of a CSV, a Python codec name; the other kinds are UTF-8.
        delimiter: of a CSV; empty finds it out.
        kind: one of ``tables.KINDS``; empty goes by the file's name.
        bad_rows: of a CSV, which counts them; without, the first is an error.
        option: what the names of options begin with, for messages.
    """

    column: str = "text"
    encoding: str = "utf-8"
    delimiter: str = ""
    kind: str = ""
    bad_rows: BadRows | None = None
    option: str = "--"

    def kind_of(self, path: str | Path) -> str:
        """The kind of a file.

        Raises:
            InputError: neither its name nor ``kind`` says.
        """
        kind = self.kind or tables.kind_of(path) or ("" if Path(path).is_file() else "csv")  # pipes: csv
        if not kind:
            ends = ", ".join(f".{each}" for each in tables.KINDS)
            raise InputError(f"{path}: expected a name that ends in {ends} (.gz); or set {self.option}format")
        return kind


def read_batches(path: str | Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Rows of a table, at least one batch, which may be of no rows; every column of a CSV is text.

    Args:
        path: of a file or a pipe; ``-`` is standard input.
        reading: how it is read.

    Raises:
        InputError: the file is missing, not in the format its name says, lacks the column or has two of one name.
    """
    with tables.open_bytes(path) as stream:
        kind = reading.kind_of(path)
        readers = {"csv": _read_csv, "tsv": _read_csv, "jsonl": _read_jsonl, "parquet": _read_parquet}
        try:
            yield from readers[kind](stream, path, reading)
        except MemoryError:  # Arrow's is an ArrowException too, but no fault of the file
            raise
        except (*tables.DAMAGED_GZIP, OSError, pa.ArrowException, csv.Error, UnicodeError, LookupError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # Arrow has one without for a damaged file
                raise
            error = _with_its_row(error, path, reading)
            reason = " ".join(str(error).split())[:300]
            advice = _advice(error, kind, reading.option)
            raise InputError(f"{path}: not readable as {kind} ({reason}); {advice}") from error


def _with_its_row(error: Exception, path: str | Path, reading: Reading) -> Exception:
    """Of a CSV with too many or few fields, the error that says in which row: Arrow knows that on one thread only."""
    if not (_RAGGED.search(str(error)) and Path(path).is_file()):
        return error
    alone = replace(reading, bad_rows=BadRows(reading.bad_rows.most) if reading.bad_rows else None)
    try:
        with tables.open_bytes(path) as stream:
            deque(_read_csv(stream, path, alone, threads=False), maxlen=0)
    except pa.ArrowInvalid as numbered:
        return numbered
    return error  # the file has changed meanwhile


def _advice(error: Exception, kind: str, option: str) -> str:
    """What may help where a file is not readable as ``kind``."""
    if isinstance(error, tables.DAMAGED_GZIP):
        return "the compressed file is damaged or cut short: fetch or make it again"
    if kind == "parquet":
        return f"is it Parquet, and whole? write it again, or set {option}format to what it is"
    if isinstance(error, UnicodeError | LookupError) or "UTF" in str(error):
        return f"set {option}encoding" if kind != "jsonl" else "have the program that wrote it write UTF-8"
    if kind == "jsonl":
        return "expected one JSON object a line: mend that line"
    if "straddling" in str(error):
        return f"a row is longer than {_BLOCK_BYTES >> 20} MiB: look for a quote that is not closed"
    skip = {"--": "--max-bad-rows", "corpus.": "corpus.max_bad_rows"}.get(option)
    if _RAGGED.search(str(error)):
        return "mend that row (the first row is 1)" + (f", or let such rows be left out with {skip}" if skip else "")
    return f"look there, or set {option}delimiter or {option}encoding"


def texts_of(batch: pa.RecordBatch, column: str, path: str | Path) -> pa.Array:
    """The tweets of a batch as Arrow strings, null where one is missing.

    Raises:
        InputError: the column does not hold text.
    """
    values = batch.column(column)
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if not any(is_text(kind) for is_text in (pa.types.is_string, pa.types.is_large_string, pa.types.is_null)):
        raise InputError(f"{path}: column {column!r} holds {values.type}, expected text")
    return values.cast(pa.string())


def _read_csv(stream: IO[bytes], path: str | Path, reading: Reading, threads: bool = True) -> Iterator[pa.RecordBatch]:
    delimiter, names, header = csv_layout(stream.peek(tables.HEAD_BYTES), path, reading)  # type: ignore[attr-defined]
    read = pa_csv.ReadOptions(
        block_size=_BLOCK_BYTES, use_threads=threads, column_names=names, skip_rows_after_names=int(header)
    )
    watched = Watched(_in_utf8(stream, reading.encoding))
    parse = pa_csv.ParseOptions(
        delimiter=delimiter, newlines_in_values=True, invalid_row_handler=reading.bad_rows or None
    )
    kinds = dict.fromkeys(names, pa.string())
    convert = pa_csv.ConvertOptions(
        column_types=kinds, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
    )
    last = None
    with pa_csv.open_csv(watched, read, parse, convert) as reader:
        for batch in _at_least_one(reader, reader.schema):
            last = batch if batch.num_rows else last
            yield batch
    _refuse_open_quote(watched, last, reading.bad_rows, delimiter, path)


def _in_utf8(stream: IO[bytes], encoding: str) -> Any:
    """``stream`` as Arrow's reader would have it: what ends a file is then looked at in one encoding only."""
    if codecs.lookup(encoding).name == "utf-8":
        return stream
    return pa.transcoding_input_stream(pa.PythonFile(stream, "r"), encoding, "utf-8")


def _refuse_open_quote(
    watched: Watched, last: pa.RecordBatch | None, bad_rows: BadRows | None, delimiter: str, path: str | Path
) -> None:
    """The last row, or the last that was left out, may have swallowed the rest of the file."""
    fields = [last.column(last.num_columns - 1)[-1].as_py()] if last is not None else []
    left_out = bad_rows.last.rstrip("\r\n") if bad_rows else ""
    kept = watched.end.rstrip(b"\r\n")
    if "\n" in left_out and kept.endswith(left_out.encode()):
        row = io.StringIO(left_out + watched.end[len(kept) :].decode(), newline="")
        fields.append(next(csv.reader(row, delimiter=delimiter))[-1])
    for content in (field.encode() for field in fields if field):
        if ends_inside_quotes(watched.end, content, delimiter.encode()):
            raise OpenQuoteError(path, watched.lines - content.count(b"\n") + 1, content)


class CsvLayout(NamedTuple):
    """What the first bytes of a CSV say: between fields, columns, and whether the first row names them."""

    delimiter: str
    names: list[str]
    header: bool


def csv_layout(head: bytes, path: str | Path, reading: Reading) -> CsvLayout:
    """How the CSV ``path`` is laid out that begins with the bytes ``head``.

    Raises:
        InputError: it is empty, lacks the column, has two of one name, or is UTF-16 and another encoding is asked for.
    """
    tables.refuse_utf16(head, reading.encoding, path, f"{reading.option}encoding")
    lines = tables.whole_lines(tables.decoded(head, reading.encoding))
    delimiter = reading.delimiter or ("\t" if reading.kind_of(path) == "tsv" else _sniffed(lines, reading.column))
    first = tables.first_row(lines, delimiter)
    if not first:
        raise InputError(f"{path}: the file is empty")
    header = not reading.column.isdecimal() or reading.column in first
    names = first if header else [str(i) for i in range(len(first))]
    _require_column(names, path, reading)
    return CsvLayout(delimiter, names, header)


def _sniffed(lines: list[str], column: str) -> str:
    return tables.sniff_delimiter(
        lines, lambda first: column in first or (column.isdecimal() and int(column) < len(first))
    )


def _read_jsonl(stream: IO[bytes], path: str | Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    head = stream.peek(tables.HEAD_BYTES)  # type: ignore[attr-defined]
    if not head:
        yield from _at_least_one(iter(()), pa.schema({reading.column: pa.string()}))
        return
    if head[:1] in (b"\xff", b"\xfe"):
        tables.refuse_utf16(head, "utf-8", path, "the program that wrote it to utf-8; not")
    if head.lstrip()[:1] == b"[":
        raise InputError(
            f"{path}: expected one JSON object a line, received a list; write a line for each of its objects "
            "(jq -c '.[]' does)"
        )
    with pa_json.open_json(stream, pa_json.ReadOptions(block_size=_BLOCK_BYTES)) as reader:
        yield from (_validated(batch, path, reading) for batch in _at_least_one(reader, reader.schema))


def _read_parquet(stream: IO[bytes], path: str | Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    source = stream if stream.seekable() else pa.BufferReader(stream.read())
    with pq.ParquetFile(source) as file:
        batches = file.iter_batches(_ROWS_PER_BATCH) if file.metadata.num_rows else iter(())
        yield from (_validated(batch, path, reading) for batch in _at_least_one(batches, file.schema_arrow))


def _at_least_one(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    first = next(batches, None)
    yield (
        first
        if first is not None
        else pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
    )
    yield from batches


def _validated(batch: pa.RecordBatch, path: str | Path, reading: Reading) -> pa.RecordBatch:
    """``batch``, if it has the column, and all its text and names are UTF-8, which neither format's reader sees to."""
    batch.validate(full=True)
    _require_column(batch.schema.names, path, reading)
    return batch


def _require_column(names: list[str], path: str | Path, reading: Reading) -> None:
    if reading.column and reading.column not in names:
        received = ", ".join(names)[:200]
        raise InputError(
            f"{path}: expected a column {reading.column!r}, received {received}; set {reading.option}column"
        )
    tables.refuse_duplicates(names, path)
