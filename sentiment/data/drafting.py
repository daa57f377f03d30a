"""Guess the settings of a corpus from its content: kind, encoding, text and label column, and the labels' meaning."""

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sentiment.data.label_meanings import NEGATIVE_NAMES, POSITIVE_NAMES, Meaning, meaning_of, word_set, words_of
from sentiment.data.table_files import DAMAGED, FASTTEXT, open_bytes
from sentiment.data.table_names import input_kind_of
from sentiment.data.table_reader import is_fasttext
from sentiment.errors import InputError

MOST_VALUES = 30  # a column with more distinct values is not a label column
_TEXT_NAMES = word_set(
    "text tweet sentence headline title body content message review comment post caption description summary utterance "
    "phrase document statement feedback remark status answer response"
)
_LABEL_NAMES = NEGATIVE_NAMES.union(
    word_set("sentiment label polarity mood class target opinion emotion category rating stars score annotation"),
    word_set("valence tone feeling stance"),
    POSITIVE_NAMES,
)
_NO_TEXT_NAMES = word_set("id ids uuid guid hash index url uri link date time timestamp")
_NAMED = 4  # score factor of a column with a name in ``_TEXT_NAMES``
# A time of day together with a month, a year, or a date such as 1/31/20. Such a value is not prose, however long it is.
_DATE = re.compile(
    r"^(?=.*\b\d{1,2}:\d\d)(?=.*(\b\d{4}\b|\b[A-Z][a-z]{2}\b|\b\d{1,2}([./-])\d{1,2}\2\d{2}\b))[\w:+./, -]{10,40}$",
    re.ASCII,
)
_NO_PROSE = 1 / 20  # score factor of a column with little prose, such as numbers, names or addresses
_BLOCK = 1 << 20
_UTF8_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_UNKNOWN = b"\x81\x8d\x8f\x90\x9d"  # bytes that Windows-1252 does not define
_WINDOWS = bytes(set(range(0x80, 0xA0)) - set(_UNKNOWN))  # control characters in latin-1, which texts do not contain
_JSON = re.compile(rb"\s*(?:window\.[\w.]+\s*=\s*)?(?:\[\s*[{\]]|\{\s*\")")  # an object, a list, or an X archive


def detect_kind(path: Path) -> str:
    """Detect the kind of a file, one of ``KINDS`` or ``FASTTEXT``, by its content, or else by its name.

    A missing or damaged file, a folder and an Excel workbook raise an `InputError`.
    """
    with open_bytes(path) as opened:
        head, name = _read(opened.stream, path, 1 << 16).removeprefix(codecs.BOM_UTF8), opened.name
    if is_fasttext(head):
        return FASTTEXT
    by_content = "parquet" if head.startswith(b"PAR1") else "jsonl" if _JSON.match(head) else ""
    return by_content or input_kind_of(name) or "csv"


def detect_encoding(path: Path) -> str:
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
    except DAMAGED as error:
        raise InputError(f"{path}: not a whole compressed file ({error}); fetch or make it again") from error


@dataclass(slots=True)
class Column:
    """Counts of the cells in one column.

    Attributes:
        name: the column's name in the header, or its position from 0 if there is no header.
        rows: number of cells that are not empty.
        characters: total number of characters in these cells.
        ellipses: number of cells that end in an ellipsis, which suggests that another program has cut them.
        prose: number of cells that contain a space or a character beyond ASCII, except dates.
        values: count of each value, trimmed and case-folded; None if more than ``MOST_VALUES`` values occur.
        example: the first cell that is not empty.
    """

    name: str
    rows: int = 0
    characters: int = 0
    ellipses: int = 0
    prose: int = 0
    values: Counter[str] | None = field(default_factory=Counter)
    example: str = ""

    def add(self, value: str) -> None:
        """Count the column's next cell."""
        value = value.strip()
        if not value:
            return
        self.rows += 1
        self.characters += len(value)
        self.ellipses += value.endswith("…")
        self.prose += (" " in value or not value.isascii()) and not _DATE.search(value)
        self.example = self.example or value
        if self.values is not None:
            self.values[value.casefold()] += 1
            if len(self.values) > MOST_VALUES:
                self.values = None


@dataclass(frozen=True, slots=True)
class Draft:
    """The guessed layout of a corpus.

    Attributes:
        columns: all columns.
        text, label: positions of the text and label column; ``label`` is None if no column looks like labels.
        meaning: the meaning of the label values.
        rows: number of rows read.
        ragged: number of rows with too few or too many cells, which are not examined.
    """

    columns: tuple[Column, ...]
    text: int
    label: int | None
    meaning: Meaning
    rows: int
    ragged: int = 0


def draft(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Draft:
    """Examine every row of a table with the columns ``names``, and guess which of them are the text and the label."""
    columns = tuple(Column(name) for name in names)
    count = 0
    for row in rows:
        count += 1
        for column, value in zip(columns, row, strict=True):
            column.add(value)
    text = max(range(len(columns)), key=lambda i: _text_score(columns[i]), default=0)
    label = _label_column(columns, text)
    meaning = Meaning({}) if label is None else _meaning(columns[label])
    return Draft(columns, text, label, meaning, count)


def _meaning(column: Column) -> Meaning:
    return meaning_of(list(column.values or ()), column.name)


def _text_score(column: Column) -> float:
    """Return the mean number of characters per cell, raised or lowered by the column's name and lack of prose."""
    words = _words(column)
    score = column.characters / max(1, column.rows)
    if words & _TEXT_NAMES and (column.values is None or len(column.values) > 2):
        score *= _NAMED
    if 10 * column.prose < column.rows:
        score *= _NO_PROSE
    return score / 1000 if words & _NO_TEXT_NAMES else score


def _words(column: Column) -> set[str]:
    """Return the words of the column's name, with and without a final "s"."""
    words = words_of(column.name)
    return words | {word.removesuffix("s") for word in words}


def _label_column(columns: Sequence[Column], text: int) -> int | None:
    """Return the position of the column, other than ``text``, that looks most like labels, or None if no column does.

    Values such as "positive" tell more than a name such as "sentiment".
    """

    def possible(column: Column) -> bool:
        values = len(column.values or ())
        return 1 < values <= column.rows / 2 or bool(_words(column) & _LABEL_NAMES and 0 < values < column.rows)

    def score(i: int) -> tuple[int, int, int]:
        meaning, named = _meaning(columns[i]), bool(_words(columns[i]) & _LABEL_NAMES)
        strength = 3 * meaning.worded + 2 * named + (meaning.known and len(meaning.classes) > 1)
        return strength, columns[i].rows, -len(columns[i].values or ())

    return max((i for i, column in enumerate(columns) if i != text and possible(column)), key=score, default=None)
