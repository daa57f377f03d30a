"""What a file is that nobody has described: its kind and its encoding, by its bytes."""

import codecs
import re
from pathlib import Path

from sentiment.data import tables
from sentiment.errors import InputError

_BLOCK = 1 << 20
_UTF8_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_UNKNOWN = b"\x81\x8d\x8f\x90\x9d"  # to Windows-1252
_WINDOWS = bytes(set(range(0x80, 0xA0)) - set(_UNKNOWN))  # control characters in latin-1, which nobody writes
_WORKBOOKS = {b"PK\x03\x04": "an Excel workbook or a zip", b"\xd0\xcf\x11\xe0": "an Excel workbook"}


def kind_of(path: Path) -> str:
    """One of ``tables.KINDS``: by the content, or by the name where the content does not say.

    Raises:
        InputError: it is no table, or one of a kind that is not read.
    """
    with tables.open_bytes(path) as stream:
        try:
            head = stream.peek(tables.HEAD_BYTES).removeprefix(codecs.BOM_UTF8)
        except tables.DAMAGED_GZIP as error:
            raise _damaged(path, error) from error
    for mark, what in _WORKBOOKS.items():
        if head.startswith(mark):
            raise InputError(f"{path}: is {what}, expected text; save it as CSV (UTF-8), and give that file")
    if re.match(rb"\s*\[\s*[{\]]", head):
        raise InputError(f"{path}: is one JSON array, expected an object a line; write it as JSON lines: jq -c '.[]'")
    by_content = "parquet" if head.startswith(b"PAR1") else "jsonl" if re.match(rb"\s*\{\s*\"", head) else ""
    return by_content or tables.kind_of(path) or "csv"


def encoding_of(path: Path) -> str:
    """UTF-8 if all of the file is, UTF-16 if it begins like it, else Windows-1252 or latin-1."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with tables.open_bytes(path) as stream:
        try:
            if stream.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                return "utf-16"
            while block := stream.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            return _of_one_byte(path)
        except tables.DAMAGED_GZIP as error:
            raise _damaged(path, error) from error
    return "utf-8"


def _of_one_byte(path: Path) -> str:
    """Windows-1252, Excel's plain CSV, if its curly quotes occur, else latin-1, in which every byte means something.

    Where UTF-8 is the rule and other bytes the exception, as in Sentiment140, it is latin-1, whose texts are repaired.
    """
    repairable = windows = unknown = 0
    with tables.open_bytes(path) as stream:
        while block := stream.read(_BLOCK):  # a character that two blocks share counts wrong, which does not matter
            rest, found = _UTF8_CHARACTER.subn(b"", block)
            repairable += found
            windows += len(rest) - len(rest.translate(None, _WINDOWS))
            unknown += len(rest) - len(rest.translate(None, _UNKNOWN))
    return "cp1252" if windows > repairable and not unknown else "latin-1"


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not a whole gzip file ({error}); fetch or make it again")
