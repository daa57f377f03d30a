"""A part as a file of its own, such as the file scorer reads: cut out, fetched, or rid of damaged rows."""

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from sentiment.errors import InputError, SentimentError
from sentiment.score.parts import Part
from sentiment.score.records import RowError

_BLOCK_BYTES = 8 << 20
_ROWS_PER_BATCH = 32_768
_LONGEST_REASON = 200
# What readers raise for a file that is damaged, beside our own errors.
DAMAGE = (SentimentError, pa.ArrowException, csv.Error, UnicodeError, LookupError, EOFError, gzip.BadGzipFile)


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
            if part.start and part.file.kind != "jsonl":
                _copy(source, 0, _header_end(source), sink.write)
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


def _header_end(source: Any) -> int:
    """Bytes of a CSV's first row; a file that is split has its quotes in order, so that they can be counted."""
    source.seek(0)
    content, inside = source.read(_BLOCK_BYTES), False
    for position, byte in enumerate(content):
        if byte == ord('"'):
            inside = not inside
        elif byte == ord("\n") and not inside:
            return position + 1
    raise InputError(f"a first row of over {_BLOCK_BYTES} bytes: is it a CSV of tweets?")


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


def without_damage(source: Path, column: str, encoding: str, folder: Path) -> tuple[Path, list[RowError]]:
    """A copy in ``folder`` without the rows that no reader takes, and what is wrong with each.

    Slow, and so only for files that are known to hold such rows.

    Raises:
        InputError, OSError, EOFError, csv.Error: the file as a whole is damaged, or of a kind whose rows cannot be told
            apart.
    """
    name = source.name.removesuffix(".gz")
    target, errors = folder / f"salvaged{Path(name).suffix}", list[RowError]()
    if name.endswith(".jsonl"):
        _salvage_lines(source, target, column, errors)
    elif name.endswith((".csv", ".tsv")):
        _salvage_rows(source, target, encoding, errors)
    else:
        raise InputError("damaged as a whole")
    return target, errors


def _salvage_lines(source: Path, target: Path, column: str, errors: list[RowError]) -> None:
    with _opened(source, "rb") as lines, target.open("wb") as sink:
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


def _salvage_rows(source: Path, target: Path, encoding: str, errors: list[RowError]) -> None:
    delimiter = "\t" if ".tsv" in source.suffixes else ","
    with (
        _opened(source, "rt", encoding=encoding, errors="surrogateescape", newline="") as file,
        target.open("w", encoding=encoding, errors="surrogateescape", newline="") as sink,
    ):
        writer = csv.writer(sink, delimiter=delimiter, lineterminator="\n")
        width = 0
        for number, row in enumerate(csv.reader(file, delimiter=delimiter)):
            width = width or len(row)
            if reason := _row_problem(row, width, encoding):
                errors.append(RowError(number, reason))
            else:
                writer.writerow(row)


def _row_problem(row: list[str], width: int, encoding: str) -> str:
    if row and len(row) != width:
        return f"expected {width} columns, received {len(row)}"
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return f"holds bytes that are not {encoding}"
    return ""


@contextmanager
def _opened(path: Path, mode: str, **options: Any) -> Iterator[Any]:
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, mode, **options) as file:
        yield file
