"""Detect the kind and the encoding of a file from its content."""

import codecs
import re
from pathlib import Path
from typing import IO

from sentiment.data import file_format
from sentiment.data.fasttext_reader import is_fasttext
from sentiment.data.file_format import open_bytes
from sentiment.errors import InputError

_BLOCK = 1 << 20
_UTF8_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_UNKNOWN = b"\x81\x8d\x8f\x90\x9d"  # bytes that Windows-1252 does not define
_WINDOWS = bytes(set(range(0x80, 0xA0)) - set(_UNKNOWN))  # control characters in latin-1, which texts do not contain
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_JSON = re.compile(rb"\s*(?:window\.[\w.]+\s*=\s*)?(?:\[\s*[{\]]|\{\s*\")")  # an object, a list, or an X archive


def kind_of(path: Path) -> str:
    """Detect the kind of a file, one of ``KINDS`` or ``FASTTEXT``, by its content, or else by its name.

    Raises:
        InputError: the file is missing, a folder, damaged, or an Excel workbook.
    """
    with open_bytes(path) as opened:
        head, name = _read(opened.stream, path, 1 << 16).removeprefix(codecs.BOM_UTF8), opened.name
    if head.startswith(_OLD_EXCEL):
        raise InputError(f"{path}: is an Excel workbook, expected text; save it as CSV (UTF-8), and give that file")
    if is_fasttext(head):
        return file_format.FASTTEXT
    by_content = "parquet" if head.startswith(b"PAR1") else "jsonl" if _JSON.match(head) else ""
    return by_content or file_format.input_kind_of(name) or "csv"


def encoding_of(path: Path) -> str:
    """Detect the encoding of a file: ``utf-8``, ``utf-16``, ``cp1252`` or ``latin-1``.

    ``cp1252`` is Excel's plain CSV, recognised by characters such as curly quotes. ``latin-1`` is also the answer for
    UTF-8 with some invalid bytes, as in Sentiment140, because the corpus reader can repair texts read as latin-1.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, repairable, windows, unknown = True, 0, 0, 0
    with open_bytes(path) as opened:
        first = block = _read(opened.stream, path, _BLOCK)
        if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        while block:
            is_utf8 = is_utf8 and _is_utf8(decoder, block)
            if not block.isascii():  # a character across two blocks is miscounted, which does not matter
                rest, found = _UTF8_CHARACTER.subn(b"", block)
                repairable += found
                windows += len(rest) - len(rest.translate(None, _WINDOWS))
                unknown += len(rest) - len(rest.translate(None, _UNKNOWN))
            block = _read(opened.stream, path, _BLOCK)
    if is_utf8 and _is_utf8(decoder, b"", final=True):
        return "utf-8"
    return "cp1252" if windows > repairable and not unknown else "latin-1"


def _is_utf8(decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _read(stream: IO[bytes], path: Path, size: int) -> bytes:
    try:
        return stream.read(size)
    except file_format.DAMAGED as error:
        raise InputError(f"{path}: not a whole compressed file ({error}); fetch or make it again") from error
