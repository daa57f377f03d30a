"""Find the files of a table, and open them, decompressed where necessary."""

import bz2
import codecs
import contextlib
import glob
import gzip
import hashlib
import io
import lzma
import re
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from sentiment.common.messages import shown
from sentiment.data.table_names import STANDARD, TABLE_NAMES, input_kind_of, is_table, is_x_archive
from sentiment.errors import InputError

FASTTEXT = "fasttext"  # a kind that only the content of a file shows, not its name
# The errors that reading a damaged compressed file raises.
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile)
_PEEKED = 1 << 16
BLOCK_BYTES = 4 << 20
_LONGEST_LINE = 64 << 20
_EXCEL = "[Content_Types].xml"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"  # the first bytes of a .xls


class OpenFile(NamedTuple):
    """An open table file.

    Attributes:
        stream: the decompressed bytes.
        name: a name that shows the file's kind: of a file in a zip archive, its own name or that of the archive. If
            neither shows a kind, both are joined by a slash.
        beside: opens a file in the same folder by its name, or returns None if there is no such file.
    """

    stream: IO[bytes]
    name: str
    beside: Callable[[str], IO[bytes] | None] = lambda name: None


class JoinedStreams(io.RawIOBase):
    """Several binary streams joined into one. Only the ``read`` method of each stream is used."""

    def __init__(self, streams: Sequence[IO[bytes]]) -> None:
        super().__init__()
        self._streams = list(streams)

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, and no bytes at the end of the last stream."""
        while self._streams:
            if data := self._streams[0].read(size):
                return data
            self._streams.pop(0)
        return b""


def whole_lines(stream: IO[bytes], name: str) -> Iterator[bytes]:
    """Yield blocks of whole lines, without a byte-order mark at the start. A line over 64 MiB raises an InputError."""
    waiting = b""
    while raw := stream.read(BLOCK_BYTES):
        waiting = waiting + raw if waiting else raw.removeprefix(codecs.BOM_UTF8)
        end = waiting.rfind(b"\n") + 1
        if end:
            yield waiting[:end]
            waiting = waiting[end:]
        elif len(waiting) > _LONGEST_LINE:
            raise InputError(
                f"{name}: a line is longer than {_LONGEST_LINE >> 20} MiB; expected one JSON object or one text a line"
            )
    if waiting:
        yield waiting


class TableFile(NamedTuple):
    """A file's ``path``, the name ``shown`` in messages, and the ``name`` in its folder, which the checksum covers."""

    path: Path
    shown: str
    name: str


def is_several(place: Path) -> bool:
    """Return whether ``place`` is a folder or a glob pattern."""
    return place.is_dir() or (glob.has_magic(str(place)) and not place.exists())


def find_files(place: Path) -> list[TableFile]:
    """Return the files of the table ``place``: a file, the tables in a folder, or those that match a glob pattern.

    Raises:
        InputError: the folder contains no table, or the pattern matches none.
    """
    if not is_several(place):
        return [TableFile(place, str(place), place.name)]
    from sentiment.common.stores import list_input

    listing = list_input(str(place), is_table, TABLE_NAMES)
    names = [file.path.removeprefix(listing.base).lstrip("/") for file in listing.files]
    return [TableFile(Path(file.path), file.path, name) for file, name in zip(listing.files, names, strict=True)]


def checksum(files: Sequence[TableFile], sums: Sequence[str]) -> str:
    """Return the SHA-256 of one file, which ``sums`` contains, or of several files' names and ``sums``."""
    if len(files) == 1:
        return sums[0]
    lines = (f"{file.name}\0{each}\n" for file, each in zip(files, sums, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def checksum_of(place: Path) -> str:
    """Return the combined checksum of all files that a path, folder or glob pattern ``place`` currently matches.

    A folder or pattern without a table raises an `InputError`.
    """
    from sentiment.common.file_checks import sha256_of

    files = find_files(place)
    return checksum(files, [sha256_of(file.path) for file in files])


@contextlib.contextmanager
def open_bytes(source: str | Path | IO[bytes]) -> Iterator[OpenFile]:
    """Open a path, standard input (``-``) or a binary stream. Its first bytes show whether to decompress it.

    Raises:
        InputError: the path does not exist or is a folder, or a zip does not contain exactly one readable file.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(source, str | Path):
            raw, name = stack.enter_context(_open_path(source)), str(source)
        else:
            raw, name = io.BufferedReader(source, _PEEKED), ""  # type: ignore[arg-type,type-var]
            stack.callback(raw.detach)
        opened = _decompressed(raw, name, stack)
        yield opened._replace(beside=partial(_open_beside, Path(name))) if is_x_archive(name) else opened


def kind_inside(source: str | Path) -> str:
    """Return the kind that the name of an input file shows; for a ``.zip``, that of the name of the file inside."""
    kind = input_kind_of(source)
    if not kind and str(source).lower().endswith(".zip"):
        with contextlib.suppress(*DAMAGED), open_bytes(source) as opened:  # damage is reported when it is read
            return input_kind_of(opened.name)
    return kind


def _open_path(path: str | Path) -> io.BufferedReader:
    if str(path) == STANDARD:
        return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), _PEEKED)
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder, expected a file; give one in it (`sentiment score` takes a folder)")
    if not Path(path).exists():
        raise InputError(f"{path}: no such file")
    return io.BufferedReader(io.FileIO(path), _PEEKED)


def _open_beside(path: Path, name: str) -> IO[bytes] | None:
    other = path.with_name(name)
    return other.open("rb") if other.is_file() else None


def _from_zstd(raw: IO[bytes]) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(raw, "zstd")


# First bytes of a compressed file -> function that decompresses it.
_DECOMPRESS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open, b"BZh": bz2.BZ2File, b"\xfd7zXZ\x00": lzma.LZMAFile, b"\x28\xb5\x2f\xfd": _from_zstd
}  # fmt: skip


def _decompressed(raw: io.BufferedReader, name: str, stack: contextlib.ExitStack) -> OpenFile:
    head = raw.peek(8)[:8]
    if head.startswith(_OLD_EXCEL):
        raise _is_excel(name)
    for mark, decompress in _DECOMPRESS.items():
        if head.startswith(mark):
            return OpenFile(stack.enter_context(decompress(raw)), name)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):  # the second one begins an empty archive
        try:
            return _member(raw, name, stack)
        except NotImplementedError as error:  # Deflate64, for instance
            raise InputError(
                f"{name}: a zip of a kind that cannot be read ({error}); unpack it, and give the file"
            ) from None
    return OpenFile(raw, name)


def _member(raw: io.BufferedReader, name: str, stack: contextlib.ExitStack) -> OpenFile:
    """Open the only file of a zip archive, or the tweets of an X archive, without unpacking anything to disk."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(raw if raw.seekable() else io.BytesIO(raw.read())))
    except zipfile.BadZipFile as error:
        raise InputError(
            f"{name}: begins like a zip or an Excel workbook, and is none ({error}); fetch it again, or save it as CSV"
        ) from error
    members = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")]
    names = [member.filename for member in members]
    if _EXCEL in names:
        raise _is_excel(name)
    tweets = [each for each in members if is_x_archive(each.filename)]
    if len(names) > 1 and tweets and not any(each.flag_bits & 1 for each in tweets):
        return _x_archive(archive, [each.filename for each in tweets])
    if not names:
        raise InputError(f"{name}: is an empty zip, expected one file in it; fetch or make it again")
    if len(names) != 1:
        raise InputError(
            f"{name}: is a zip of {len(names)} files ({shown(', '.join(names))}), expected one; unpack it and give one"
        )
    if stat.S_ISLNK(members[0].external_attr >> 16):
        raise InputError(f"{name}: is a zip of a link ({shown(names[0])!r}), expected a file; zip what it leads to")
    if members[0].flag_bits & 1:
        raise InputError(f"{name}: is a zip with a password; unpack it, and give the file in it")
    inside = next((each for each in (names[0], name) if input_kind_of(each)), f"{name}/{Path(names[0]).name}")
    return OpenFile(stack.enter_context(archive.open(members[0])), inside)


def _is_excel(name: str) -> InputError:
    return InputError(f"{name}: is an Excel workbook, expected text; save it as CSV (UTF-8), and give that file")


def _x_archive(archive: zipfile.ZipFile, names: list[str]) -> OpenFile:
    folder = names[0].rpartition("/")[0]

    def beside(name: str) -> IO[bytes] | None:
        path = f"{folder}/{name}".lstrip("/")
        return archive.open(path) if path in archive.namelist() else None

    by_part = sorted(names, key=lambda name: [*map(int, re.findall(r"-part(\d+)", name))])
    return OpenFile(JoinedStreams([archive.open(name) for name in by_part]), names[0], beside)  # type: ignore[arg-type]
