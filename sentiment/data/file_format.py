"""Tell the kinds of table files apart by their names, and open them with any of the known compressions."""

import bz2
import contextlib
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from sentiment.errors import InputError

KINDS = ("csv", "tsv", "jsonl", "parquet")
STANDARD = "-"  # standard input or output
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
# What reading a damaged compressed file raises.
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile)
_PEEKED = 1 << 16
_EXCEL = "[Content_Types].xml"


class OpenFile(NamedTuple):
    """An open table: its decompressed ``stream``, and the ``name`` that says its kind."""

    stream: IO[bytes]
    name: str


def kind_of(name: str | Path) -> str:
    """Return which of ``KINDS`` a file name ends in, before a suffix of ``COMPRESSED``; empty if in none."""
    path = Path(Path(name).name.lower())
    suffix = (path.with_suffix("") if path.suffix in COMPRESSED else path).suffix[1:]
    kind = {"ndjson": "jsonl"}.get(suffix, suffix)
    return kind if kind in KINDS else ""


@contextlib.contextmanager
def open_bytes(source: str | Path | IO[bytes]) -> Iterator[OpenFile]:
    """Open a path, standard input (``-``) or a binary stream, and decompress it if its first bytes ask for that.

    Raises:
        InputError: the file is missing, is a folder, or is an archive of several files.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(source, str | Path):
            raw = stack.enter_context(_open_path(source))
            name = str(source)
        else:
            raw, name = io.BufferedReader(source, _PEEKED), ""  # type: ignore[arg-type,type-var]
            stack.callback(raw.detach)
        yield _decompressed(raw, name, stack)


def _open_path(path: str | Path) -> io.BufferedReader:
    if str(path) == STANDARD:
        return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), _PEEKED)
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder, expected a file; give one of those in it")
    if not Path(path).exists():
        raise InputError(f"{path}: no such file")
    return io.BufferedReader(io.FileIO(path), _PEEKED)


def _decompressed(raw: io.BufferedReader, name: str, stack: contextlib.ExitStack) -> OpenFile:
    head = raw.peek(8)[:8]
    if head.startswith(b"\x1f\x8b"):
        return OpenFile(stack.enter_context(gzip.open(raw)), name)  # type: ignore[arg-type]
    if head.startswith(b"BZh"):
        return OpenFile(stack.enter_context(bz2.BZ2File(raw)), name)
    if head.startswith(b"\xfd7zXZ\x00"):
        return OpenFile(stack.enter_context(lzma.LZMAFile(raw)), name)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa

        return OpenFile(stack.enter_context(pa.CompressedInputStream(raw, "zstd")), name)
    if head.startswith(b"PK\x03\x04"):
        return _member(raw, name, stack)
    return OpenFile(raw, name)


def _member(raw: io.BufferedReader, name: str, stack: contextlib.ExitStack) -> OpenFile:
    """Open the one file of a zip archive, which keeps its place in memory or on disk."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(raw if raw.seekable() else io.BytesIO(raw.read())))
    except zipfile.BadZipFile as error:
        raise InputError(
            f"{name}: begins like a zip or an Excel workbook, and is none ({error}); fetch it again, or save it as CSV"
        ) from error
    members = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")]
    names = [member.filename for member in members]
    if _EXCEL in names:
        raise InputError(f"{name}: is an Excel workbook, expected text; save it as CSV (UTF-8), and give that file")
    if len(names) != 1:
        raise InputError(
            f"{name}: is a zip of {len(names)} files ({', '.join(names)[:200]}), expected one; unpack it and give one"
        )
    if members[0].flag_bits & 1:
        raise InputError(f"{name}: is a zip with a password; unpack it, and give the file in it")
    inside = names[0] if kind_of(names[0]) else name
    return OpenFile(stack.enter_context(archive.open(members[0])), inside)
