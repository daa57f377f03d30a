"""A part as a file of its own, such as the file scorer reads: cut out, fetched, or rid of damaged rows."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from sentiment.data.batches import CsvLayout, Reading, csv_layout
from sentiment.data.open_quotes import OpenQuoteError, ends_inside_quotes
from sentiment.data.tables import DAMAGED_GZIP, HEAD_BYTES, kind_of, open_bytes, text_file
from sentiment.errors import InputError, SentimentError
from sentiment.score.parts import Part
from sentiment.score.records import RowError

_BLOCK_BYTES = 8 << 20
_ROWS_PER_BATCH = 32_768
_LONGEST_REASON = 200
# What readers raise for a file that is damaged, beside our own errors.
DAMAGE = (SentimentError, pa.ArrowException, csv.Error, UnicodeError, LookupError, *DAMAGED_GZIP)


def extract(part: Part, system: fs.FileSystem, folder: Path) -> Path:
    """The part as a local file: the file itself where it is whole and here, else a copy in ``folder``.

    Raises:
        OSError: it cannot be read.
        pyarrow.ArrowException: a Parquet file is damaged.
    """
    if part.unit == "file" and isinstance(system, fs.LocalFileSystem):
        return Path(part.file.path)
    packed = ".gz" if part.file.is_packed else ""
    target = folder / f"input.{part.file.kind}{packed}"
    if part.unit == "rows":
        with system.open_input_file(part.file.path) as source:
            _copy_rows(source, part, target)
    else:
        with system.open_input_file(part.file.path) as source, target.open("wb") as sink:
            if part.start:
                _copy(source, 0, part.header, sink.write)
            _copy(source, part.start, part.stop if part.unit == "bytes" else part.file.size, sink.write)
    return target


def _copy(source: Any, start: int, stop: int, write: Callable[[bytes], Any]) -> None:
    source.seek(start)
    while start < stop:
        block = source.read(min(_BLOCK_BYTES, stop - start))
        if not block:
            raise InputError(f"ends after {start} bytes, expected {stop}: it was cut while it was read")
        write(block)
        start += len(block)


def _copy_rows(source: Any, part: Part, target: Path) -> None:
    with pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False) as file:
        groups, skipped = _groups(file.metadata, part.start, part.stop)
        wanted = part.stop - part.start
        with pq.ParquetWriter(target, file.schema_arrow, compression="none", use_dictionary=False) as writer:
            for batch in file.iter_batches(_ROWS_PER_BATCH, row_groups=groups, use_threads=False):
                kept = batch.slice(min(skipped, batch.num_rows))[:wanted]
                skipped -= min(skipped, batch.num_rows)
                wanted -= kept.num_rows
                if kept.num_rows:
                    writer.write_batch(kept)
                if not wanted:
                    return


def _groups(metadata: pq.FileMetaData, start: int, stop: int) -> tuple[list[int], int]:
    """Row groups that hold rows ``start`` to ``stop``, and how many rows of the first come before."""
    groups: list[int] = []
    before, skipped = 0, 0
    for i in range(metadata.num_row_groups):
        rows = metadata.row_group(i).num_rows
        if before < stop and before + rows > start:
            if not groups:
                skipped = start - before
            groups.append(i)
        before += rows
    return groups, skipped


def without_damage(source: Path, reading: Reading, folder: Path) -> tuple[Path, list[RowError]]:
    """A copy in ``folder`` without the rows that no reader takes, and what is wrong with each.

    Slow, and so only for files that are known to hold such rows.

    Raises:
        OSError, any of DAMAGE: the file as a whole is damaged, or of a kind whose rows cannot be told apart.
    """
    kind, errors = kind_of(source), list[RowError]()
    target = folder / f"salvaged.{kind}"
    with open_bytes(source) as stream, target.open("wb") as sink:
        if kind == "jsonl":
            _salvage_lines(stream, sink, reading.column, errors)
        elif kind == "parquet":
            raise InputError("damaged as a whole")
        else:
            layout = csv_layout(readable(stream.peek(HEAD_BYTES), reading.encoding), source, reading)
            _salvage_rows(stream, sink, layout, source, reading.encoding, errors)
    return target, errors


def readable(head: bytes, encoding: str) -> bytes:
    """The beginning of a file with what is damaged in it replaced, so that its layout can still be found out."""
    return head.decode(encoding, "replace").encode(encoding, "replace")


def _salvage_lines(lines: IO[bytes], sink: IO[bytes], column: str, errors: list[RowError]) -> None:
    for number, line in enumerate(lines, 1):
        if reason := _line_problem(line, column):
            errors.append(RowError(number, reason[:_LONGEST_REASON]))
        else:
            sink.write(line if line.endswith(b"\n") else line + b"\n")


def _line_problem(line: bytes, column: str) -> str:
    if not line.strip():
        return ""
    try:
        row = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        return f"not JSON in UTF-8: {error}"
    if not isinstance(row, dict):
        return f"expected an object, received {type(row).__name__}"
    text = row.get(column)
    return "" if text is None or isinstance(text, str) else f"{column}: expected text, received {type(text).__name__}"


def _salvage_rows(
    stream: io.BufferedReader, sink: IO[bytes], layout: CsvLayout, source: Path, encoding: str, errors: list[RowError]
) -> None:
    target = io.TextIOWrapper(sink, encoding, "surrogateescape", newline="", write_through=True)  # type: ignore[type-var]
    writer = csv.writer(target, delimiter=layout.delimiter, lineterminator="\n")
    lines, ends = list[str](), list[str]()  # of the row that is read, and of the one before
    rows = csv.reader(_noted(text_file(stream, encoding), lines), delimiter=layout.delimiter)
    row: list[str] = []
    for number, row in enumerate(rows, 0 if layout.header else 1):
        ends = lines.copy()
        lines.clear()
        if reason := _row_problem(row, len(layout.names), encoding):
            errors.append(RowError(number, reason))
        else:
            writer.writerow(row)
    target.detach()
    end, last = (text.encode(errors="surrogateescape") for text in ("".join(ends), row[-1] if row else ""))
    if ends_inside_quotes(end, last, layout.delimiter.encode()):
        raise OpenQuoteError(source, rows.line_num - len(ends) + 1, last)


def _noted(lines: IO[str], noted: list[str]) -> Iterator[str]:
    for line in lines:
        noted.append(line)
        yield line


def _row_problem(row: list[str], width: int, encoding: str) -> str:
    if row and len(row) != width:
        return f"expected {width} columns, received {len(row)}"
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return f"holds bytes that are not {encoding}"
    return ""
