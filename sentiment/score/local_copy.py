"""Provide a part's input as a local file: the input itself, a copy from an object store, or a copy of some rows."""

import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from sentiment.data.table_files import NOTES, is_x_archive
from sentiment.errors import InputError
from sentiment.score.parts import Part

_BLOCK_BYTES = 8 << 20
_ROWS_PER_BATCH = 32_768


def local_copy(part: Part, system: fs.FileSystem, folder: Path) -> Path:
    """Return the path of a local file with the part's rows: the whole local input, or else a copy in ``folder``.

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
    if is_x_archive(path.name):
        _copy_notes(system, path.with_name(NOTES), target.with_name(NOTES))
    return target


def _copy_notes(system: fs.FileSystem, path: PurePosixPath, target: Path) -> None:
    """Copy the file of long posts of an X archive, if it exists."""
    notes = system.get_file_info(str(path))
    if notes.is_file:
        with system.open_input_file(notes.path) as source:
            _copy(source, notes.size, target)


def _copy(source: pa.NativeFile, size: int, target: Path) -> None:
    copied = 0
    with target.open("wb") as sink:
        while block := source.read(_BLOCK_BYTES):
            copied += sink.write(block)
    if copied < size:
        raise InputError(f"ends after {copied} bytes, expected {size}: it was cut while it was read")


def _copy_rows(source: Any, part: Part, target: Path) -> None:
    """Copy the rows of a part. Only row groups that contain some of these rows are read."""
    with pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False) as file:
        groups, skipped = _row_groups(file.metadata, part.start, part.stop)
        wanted = part.stop - part.start
        with pq.ParquetWriter(target, file.schema_arrow, compression="none", use_dictionary=False) as writer:
            for batch in file.iter_batches(_ROWS_PER_BATCH, row_groups=groups, use_threads=False):
                kept = batch.slice(min(skipped, batch.num_rows), wanted)
                skipped -= min(skipped, batch.num_rows)
                wanted -= kept.num_rows
                if kept.num_rows:
                    writer.write_batch(kept)
                if not wanted:
                    return


def _row_groups(metadata: pq.FileMetaData, start: int, stop: int) -> tuple[list[int], int]:
    """Return the row groups that contain rows ``start`` to ``stop``, and how many rows to skip in the first group."""
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
