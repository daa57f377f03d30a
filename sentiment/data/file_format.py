"""Tell the kinds of table files apart by their names, and open them with any of the known compressions."""

import bz2
import contextlib
import gzip
import io
import lzma
import re
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from sentiment.errors import InputError

KINDS = ("csv", "tsv", "jsonl", "parquet")
FASTTEXT = "fasttext"  # a kind of input that content tells, not the name
NOTES = "note-tweet.js"  # the long posts of an X archive, beside its tweets
STANDARD = "-"  # standard input or output
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
# What reading a damaged compressed file raises.
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile)
# The endings of names that are read, for messages.
TABLE_NAMES = ".csv, .tsv, .jsonl, .json, .js, .parquet (also packed: .gz, .bz2, .xz, .zst, .zip)"
_PEEKED = 1 << 16
_EXCEL = "[Content_Types].xml"
_TWEETS = re.compile(r"(?:.*/)?tweets?(?:-part\d+)?\.js")  # of an X archive


def _nothing_beside(name: str) -> None:
    return None


class OpenFile(NamedTuple):
    """An open table.

    Attributes:
        stream: decompressed.
        name: says its kind; of a file in an archive without a kind, the archive's name, a slash and the file's.
        beside: opens another file in the same folder, or gives None if there is none.
    """

    stream: IO[bytes]
    name: str
    beside: Callable[[str], IO[bytes] | None] = _nothing_beside


class JoinedStreams(io.RawIOBase):
    """Binary streams, of which only ``read`` is used, one after another."""

    def __init__(self, streams: Sequence[IO[bytes]]) -> None:
        super().__init__()
        self._streams = list(streams)

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes; none at the end of the last stream."""
        while self._streams:
            if data := self._streams[0].read(size):
                return data
            self._streams.pop(0)
        return b""


def kind_of(name: str | Path) -> str:
    """Return which of ``KINDS`` a file name ends in, before a suffix of ``COMPRESSED``; empty if in none."""
    suffix = _suffix_of(name)
    kind = {"ndjson": "jsonl"}.get(suffix, suffix)
    return kind if kind in KINDS else ""


def input_kind_of(name: str | Path) -> str:
    """Return which of ``KINDS`` a file to be read is, as :func:`kind_of`; JSON of any layout is ``jsonl``."""
    return kind_of(name) or ("jsonl" if _suffix_of(name) in ("json", "js") else "")


def is_table(name: str, is_chosen: bool = True) -> bool:
    """Return whether a file is read, by its name.

    Of the scripts ``.js`` in a folder, only those of an X archive's tweets are, unless the user has chosen the name.
    """
    kind = input_kind_of(name) or ("jsonl" if name.lower().endswith(".zip") else "")
    return bool(kind) and (is_chosen or _suffix_of(name) != "js" or is_x_archive(name))


def is_x_archive(name: str) -> bool:
    """Return whether a file has tweets of an X archive, by its name. Its long posts are in a file beside."""
    return bool(_TWEETS.fullmatch(name))


def _suffix_of(name: str | Path) -> str:
    path = Path(Path(name).name.lower())
    return (path.with_suffix("") if path.suffix in COMPRESSED else path).suffix[1:]


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
            if is_x_archive(name):
                yield OpenFile(raw, name, lambda other: _open_beside(Path(source), other))
                return
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


def _open_beside(path: Path, name: str) -> IO[bytes] | None:
    other = path.with_name(name)
    return other.open("rb") if other.is_file() else None


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
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):  # the latter begins an empty archive
        try:
            return _member(raw, name, stack)
        except NotImplementedError as error:  # Deflate64, for instance
            raise InputError(
                f"{name}: a zip of a kind that cannot be read ({error}); unpack it, and give the file"
            ) from None
    return OpenFile(raw, name)


def _member(raw: io.BufferedReader, name: str, stack: contextlib.ExitStack) -> OpenFile:
    """Open the one file of a zip archive, or the tweets of an X archive. Nothing is unpacked to disk."""
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
    tweets = [each for each in members if is_x_archive(each.filename)]
    if len(names) > 1 and tweets and not any(each.flag_bits & 1 for each in tweets):
        return _x_archive(archive, [each.filename for each in tweets])
    if not names:
        raise InputError(f"{name}: is an empty zip, expected one file in it; fetch or make it again")
    if len(names) != 1:
        raise InputError(
            f"{name}: is a zip of {len(names)} files ({', '.join(names)[:200]}), expected one; unpack it and give one"
        )
    if stat.S_ISLNK(members[0].external_attr >> 16):
        raise InputError(f"{name}: is a zip of a link ({names[0]!r}), expected a file; zip what it leads to")
    if members[0].flag_bits & 1:
        raise InputError(f"{name}: is a zip with a password; unpack it, and give the file in it")
    inside = next((each for each in (names[0], name) if input_kind_of(each)), f"{name}/{Path(names[0]).name}")
    return OpenFile(stack.enter_context(archive.open(members[0])), inside)


def _x_archive(archive: zipfile.ZipFile, names: list[str]) -> OpenFile:
    """Open the parts of an X archive's tweets as one stream."""
    folder = names[0].rpartition("/")[0]

    def beside(name: str) -> IO[bytes] | None:
        path = f"{folder}/{name}".lstrip("/")
        return archive.open(path) if path in archive.namelist() else None

    return OpenFile(JoinedStreams([archive.open(name) for name in sorted(names, key=_part)]), names[0], beside)  # type: ignore[arg-type]


def _part(name: str) -> int:
    found = re.search(r"-part(\d+)", name)
    return int(found[1]) if found else 0
