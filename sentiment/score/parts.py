"""Divide the inputs into parts, and provide each part as a local file.

A part is a file, or some rows of a Parquet file. The division depends on the files alone, not on the engine (local or
Ray) or its number of processes. So every engine writes identical answers.
"""

import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from posixpath import commonpath

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from sentiment.common.engines import grouped
from sentiment.common.parallel import ordered_map
from sentiment.common.stores import list_input
from sentiment.data.table_files import DAMAGED, open_bytes
from sentiment.data.table_names import COMPRESSED, NOTES, TABLE_NAMES, input_kind_of, is_table, is_x_archive
from sentiment.errors import InputError

ROWS_PER_PART = 131_072  # about three seconds of work for one core
SMALLEST_SPLIT = 24 << 20  # bytes; a smaller file is one part
# Small files share a task, so that handing out tasks takes little time compared with scoring.
_BYTES_PER_TASK = 4 << 20
FILES_PER_TASK = 256
_BLOCK_BYTES = 8 << 20
_ROWS_PER_BATCH = 32_768


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file as it was when the run began.

    Attributes:
        path: path in its file system.
        name: path relative to the folder that all inputs share.
        size: size in bytes.
        changed: time of the last change, in ns since 1970.
    """

    path: str
    name: str
    size: int
    changed: int


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the input that is scored on its own: a whole file, or some rows of a Parquet file.

    Attributes:
        file: the input file.
        output: path of the answers, relative to the output folder.
        size: approximate number of input bytes.
        start, stop: the first row, counted from 0, and the row after the last. Both are 0 for a whole file.
    """

    file: InputFile
    output: str
    size: int
    start: int = 0
    stop: int = 0

    def identity(self) -> list[str | int]:
        """Return the input's path, size, time of change and rows. If one differs, a later run scores the part again."""
        return [self.file.path, self.file.size, self.file.changed, self.start, self.stop]


def find_inputs(places: Sequence[str]) -> tuple[fs.FileSystem, list[InputFile]]:
    """Return the file system and all files to score, sorted by name, given paths of files, folders and glob patterns.

    Raises:
        InputError: there are no files, or they are in different file systems.
    """
    listings = [list_input(place, is_table, TABLE_NAMES) for place in places]
    if any(listing.system != listings[0].system for listing in listings):
        raise InputError("expected inputs of one store, received several: run the command once for each")
    common = commonpath([listing.base for listing in listings])
    files = {
        info.path: InputFile(info.path, info.path.removeprefix(common).lstrip("/"), info.size, info.mtime_ns or 0)
        for listing in listings
        for info in listing.files
    }
    return listings[0].system, sorted(files.values(), key=lambda file: file.name)


def plan(system: fs.FileSystem, files: Sequence[InputFile], suffix: str) -> list[Part]:
    """Divide the files into parts, which are scored on their own, and return the parts in the order of the files.

    ``suffix`` is the format of the answers: ``parquet``, ``csv`` or ``jsonl``; empty for the format of each input.

    Raises:
        InputError: two files differ only in their suffix, so their answers would have the same path.
    """
    opened = [file for file in files if file.size >= SMALLEST_SPLIT or not input_kind_of(file.name)]
    found = dict(zip(opened, ordered_map(partial(_kind_and_rows, system), opened), strict=True))
    usual = ((file, *found.get(file, (input_kind_of(file.name), 0))) for file in files)
    parts = [part for file, kind, rows in usual for part in _parts(file, suffix or kind, rows)]
    seen: dict[str, str] = {}
    for part in parts:
        if other := seen.get(part.output):
            raise InputError(f"{other} and {part.file.path}: both would be written as {part.output}; rename one")
        seen[part.output] = part.file.path
    return parts


def _kind_and_rows(system: fs.FileSystem, file: InputFile) -> tuple[str, int]:
    """Return the format of a file (for a ``.zip``: of the file inside), and its number of rows if it is Parquet.

    The number is 0 for other formats. Damage gives an empty format or the number 0; scoring will report it.
    """
    kind, rows = input_kind_of(file.name), 0
    with contextlib.suppress(OSError, InputError, pa.ArrowException, *DAMAGED):
        if kind == "parquet":
            with system.open_input_file(file.path) as source:
                rows = int(pq.read_metadata(source).num_rows)
        elif not kind:
            with system.open_input_file(file.path) as source, open_bytes(source) as opened:
                kind = input_kind_of(opened.name)
    return kind, rows


def _parts(file: InputFile, kind: str, rows: int) -> Iterator[Part]:
    """Divide a file of ``rows`` rows into equal parts of about ``ROWS_PER_PART`` rows, or one part if there are few.

    ``kind`` is the format of the answers; empty means CSV. Only large Parquet files have ``rows`` other than 0.
    """
    path = PurePosixPath(file.name)
    stem = path.with_suffix("")
    if path.suffix in COMPRESSED and input_kind_of(file.name):
        stem = stem.with_suffix("")
    ending = kind or "csv"
    count = round(rows / ROWS_PER_PART)
    if count < 2:
        yield Part(file, f"{stem}.{ending}", file.size)
        return
    borders = [i * rows // count for i in range(count + 1)]
    for i, (start, stop) in enumerate(itertools.pairwise(borders)):
        yield Part(file, f"{stem}-{i:05d}.{ending}", file.size // count, start, stop)


def tasks(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Group the parts into tasks, each for one worker process: a large part alone, several small parts together."""
    return grouped(parts, lambda part: part.size, _BYTES_PER_TASK, FILES_PER_TASK)


def local_copy(part: Part, system: fs.FileSystem, folder: Path) -> Path:
    """Return the path of a local file with the part's rows: the input if local and whole, else a copy in ``folder``.

    Raises:
        OSError: the input cannot be read.
        InputError: the input is shorter than when the run began.
        pyarrow.ArrowException: a Parquet file is damaged.
    """
    if not part.stop and isinstance(system, fs.LocalFileSystem):
        return Path(part.file.path)
    path = PurePosixPath(part.file.path)
    target = Path(tempfile.mkdtemp(prefix="input-", dir=folder)) / path.name
    with system.open_input_file(part.file.path) as source:
        if part.stop:
            _copy_rows(source, part, target)
        else:
            _copy(source, part.file.size, target)
    notes = system.get_file_info(str(path.with_name(NOTES))) if is_x_archive(path.name) else None
    if notes and notes.is_file:
        with system.open_input_file(notes.path) as source:
            _copy(source, notes.size, target.with_name(NOTES))
    return target


def _copy(source: pa.NativeFile, size: int, target: Path) -> None:
    with target.open("wb") as sink:
        shutil.copyfileobj(source, sink, _BLOCK_BYTES)
        copied = sink.tell()
    if copied < size:
        raise InputError(f"ends after {copied} bytes, expected {size}: it was cut while it was read")


def _copy_rows(source: pa.NativeFile, part: Part, target: Path) -> None:
    """Copy rows ``part.start`` to ``part.stop`` of a Parquet file, reading only the row groups that contain them."""
    with pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False) as file:
        rows = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        starts = list(itertools.accumulate(rows, initial=0))
        groups = [i for i in range(len(rows)) if starts[i] < part.stop and starts[i + 1] > part.start]
        row = starts[groups[0]] if groups else part.stop
        with pq.ParquetWriter(target, file.schema_arrow, compression="none", use_dictionary=False) as writer:
            for batch in file.iter_batches(_ROWS_PER_BATCH, row_groups=groups, use_threads=False):
                kept = batch[max(0, part.start - row) : part.stop - row]
                row += batch.num_rows
                if kept.num_rows:
                    writer.write_batch(kept)
                if row >= part.stop:
                    return
