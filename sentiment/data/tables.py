"""Tables of tweets as people hold them: which kind a file is, opening it, its delimiter, its column names."""

import codecs
import csv
import gzip
import io
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO

from sentiment.errors import InputError

KINDS = ("csv", "tsv", "jsonl", "parquet")
STANDARD = "-"  # standard input or output
DELIMITERS = (",", "\t", ";", "|")
# What reading a damaged .gz raises.
DAMAGED_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)
HEAD_BYTES = 1 << 16
_ROWS_SNIFFED = 200
_MARK = "\ufeff"


def kind_of(name: str | Path) -> str:
    """One of ``KINDS`` by how the name ends, with or without ``.gz`` behind; empty where it does not say."""
    suffix = Path(Path(name).name.lower().removesuffix(".gz")).suffix[1:]
    kind = {"ndjson": "jsonl"}.get(suffix, suffix)
    return kind if kind in KINDS else ""


class _Gzip(gzip.GzipFile):
    """Decompresses ``raw``, and closes it when it is closed itself."""

    def __init__(self, raw: io.BufferedReader) -> None:
        self._raw = raw
        super().__init__(fileobj=raw, mode="rb")

    def close(self) -> None:
        super().close()
        self._raw.close()


def open_bytes(path: str | Path) -> io.BufferedReader:
    """Open a file, a pipe or (``-``) standard input, and decompress it if its content is gzip's.

    Raises:
        InputError: there is no such file, or it is a folder.
    """
    raw: io.BufferedReader
    if str(path) == STANDARD:
        raw = io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), HEAD_BYTES)
    elif Path(path).is_dir():
        raise InputError(f"{path}: is a folder, expected a file; give one of those in it")
    elif not Path(path).exists():
        raise InputError(f"{path}: no such file")
    else:
        raw = io.BufferedReader(io.FileIO(path), HEAD_BYTES)
    if raw.peek(2)[:2] == b"\x1f\x8b":
        return io.BufferedReader(_Gzip(raw), HEAD_BYTES)  # type: ignore[arg-type]
    return raw


def refuse_utf16(head: bytes, encoding: str, name: str | Path, option: str) -> None:
    """See to it that UTF-16, which Excel writes as "Unicode text", is not read as something else.

    Args:
        head: the file's first bytes.
        encoding: that it is to be read in.
        name: of the file, for the message.
        option: that sets the encoding, for the message.

    Raises:
        InputError: it begins like UTF-16, and ``encoding`` is another.
    """
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    even, odd = (part.count(0) * 2 > len(part) for part in (head[:400:2], head[1:400:2]))
    sparse = even != odd  # every other byte is 0, as in Latin letters
    if (marked or sparse) and codecs.lookup(encoding).name[:6] not in ("utf-16", "utf-32"):
        raise InputError(f"{name}: looks like UTF-16, which is not {encoding}; set {option} to utf-16")


def decoded(head: bytes, encoding: str) -> str:
    """The first bytes of a file as text; a character that they cut in two is left out.

    Raises:
        UnicodeDecodeError: they are not in ``encoding``.
    """
    return codecs.getincrementaldecoder(encoding)().decode(head).removeprefix(_MARK)


def whole_lines(sample: str) -> list[str]:
    """The lines of a sample with their ends, without the last if it may be cut and is not the only one."""
    lines = sample.splitlines(keepends=True)
    return lines[:-1] if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")) else lines


def sniff_delimiter(lines: Iterable[str], fits: Callable[[Sequence[str]], bool]) -> str:
    """The delimiter of a CSV: of ``DELIMITERS``, the one that gives the most lines as many columns as the first has.

    Args:
        lines: the first lines of it.
        fits: whether a first row is as expected; a delimiter whose first row fits goes before one whose does not.
    """
    lines = list(lines)

    def score(delimiter: str) -> tuple[bool, float, int]:
        try:
            rows = [row for row, _ in zip(csv.reader(lines, delimiter=delimiter), range(_ROWS_SNIFFED), strict=False)]
        except csv.Error:
            return False, 0.0, 0
        rows = [row for row in rows if row]
        if not rows or len(rows[0]) < 2:
            return False, 0.0, 0
        return fits(rows[0]), sum(len(row) == len(rows[0]) for row in rows) / len(rows), len(rows[0])

    return max(DELIMITERS, key=score)  # the first of them, the comma, where none splits anything


def refuse_duplicates(names: Sequence[str], name: str | Path) -> None:
    """Columns must be told apart by their names.

    Raises:
        InputError: two have the same.
    """
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{name}: more than one column is named {', '.join(map(repr, twice))[:200]}; rename them")


def first_row(lines: Iterable[str], delimiter: str) -> list[str]:
    """The first row of a CSV; empty where there is none."""
    return next(csv.reader(lines, delimiter=delimiter), [])


def text_file(stream: io.BufferedReader | io.BytesIO, encoding: str) -> IO[str]:
    """``stream`` as text whose undecodable bytes become surrogates, which a reader can report by line."""
    return io.TextIOWrapper(stream, encoding, "surrogateescape", newline="")
