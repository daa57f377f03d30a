"""Find out how a CSV is written from its beginning: its delimiter, its columns, and whether quotes enclose fields."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from sentiment.data.reading import Reading, position_of, refuse_duplicates
from sentiment.errors import InputError

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = (",", "\t", ";", "|")
SAMPLE_BYTES = 1 << 20
_ROWS_SNIFFED = 200
_NEARLY_ALL = 0.9


class CsvFormat(NamedTuple):
    """How a CSV is written.

    Attributes:
        delimiter: between fields, one ASCII character.
        quotes: whether quotes enclose fields.
        names: of the columns; without a header, their positions.
        header: whether the first row holds these names.
    """

    delimiter: str
    quotes: bool
    names: tuple[str, ...]
    header: bool


def find_format(sample: str, is_cut: bool, reading: Reading, name: str, kind: str) -> CsvFormat:
    """Return how the CSV ``name`` is written that begins with ``sample``, which ends after a line.

    Args:
        sample: the beginning.
        is_cut: whether more follows.
        reading: what is asked for.
        name: of the file, for messages.
        kind: ``csv`` or ``tsv``.

    Raises:
        InputError: the file is empty, or lacks a column that is asked for, or has it twice.
    """
    lines = lines_of(sample)
    delimiter = reading.delimiter or (
        "\t" if kind == "tsv" else sniff_delimiter(lines, lambda row: _fits(row, reading))
    )
    quotes = quotes_enclose(lines, delimiter, is_cut) if reading.quotes is None else reading.quotes
    first = first_row(lines, delimiter, quotes)
    if not first:
        raise InputError(f"{name}: the file is empty")
    header = reading.header
    if header is None:
        header = not reading.column.isdecimal() or reading.column in first
    width = len(first) if header else reading.width or len(first)
    names = first if header else [str(i) for i in range(width)]
    for column in reading.wanted:
        position_of(column, names, f"{name}:1" if header else name, reading.option)
    if reading.columns is None:
        refuse_duplicates(names, name)
    return CsvFormat(delimiter, quotes, tuple(names), header)


def refuse_utf16(head: bytes, encoding: str, name: str, option: str) -> None:
    """Refuse UTF-16, which Excel writes as "Unicode text", where another encoding is asked for.

    Args:
        head: the file's first bytes.
        encoding: in which it is to be read.
        name: of the file, for the message.
        option: what sets the encoding, for the message.

    Raises:
        InputError: the file begins like UTF-16, and ``encoding`` is another.
    """
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    even, odd = (part.count(0) * 2 > len(part) for part in (head[:400:2], head[1:400:2]))
    sparse = even != odd  # every other byte is 0, as in Latin letters
    if (marked or sparse) and codecs.lookup(encoding).name[:6] not in ("utf-16", "utf-32"):
        raise InputError(f"{name}: looks like UTF-16, which is not {encoding}; set {option} to utf-16")


def lines_of(sample: str) -> list[str]:
    """Return the lines of a sample with their ends: a line feed, a carriage return, or both."""
    return list(io.StringIO(sample, newline=""))


def rows_of(lines: Iterable[str], delimiter: str, quotes: bool) -> "Reader":
    """Return Python's reader of a CSV, which knows how many lines it has read."""
    style: Literal[0, 3] = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=delimiter, quoting=style)


def first_row(lines: Sequence[str], delimiter: str, quotes: bool = True) -> list[str]:
    """Return the first row of a CSV that is not blank; empty where there is none."""
    return next((row for row in rows_of(lines, delimiter, quotes) if row), [])


def _fits(first: Sequence[str], reading: Reading) -> bool:
    """Return whether a first row has the columns that are asked for."""

    def has(column: str | int) -> bool:
        if isinstance(column, int):
            return column < len(first)
        return column in first or (reading.header is None and column.isdecimal() and int(column) < len(first))

    return all(has(column) for column in reading.wanted) and reading.width in (0, len(first))


def sniff_delimiter(lines: Sequence[str], fits: Callable[[Sequence[str]], bool]) -> str:
    """Return the one of ``DELIMITERS`` that gives the most lines as many columns as the first has.

    Args:
        lines: the first lines of a CSV.
        fits: whether a first row is as expected; a delimiter whose first row fits goes before one whose does not.
    """

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


def quotes_enclose(lines: Sequence[str], delimiter: str, is_cut: bool = False) -> bool:
    """Return whether quotes enclose fields, as in most CSV, or are text, as in most files with tabs.

    They enclose where nearly all fields of a column are in quotes, or all of the first line and no quote is in the way.
    Else the reading that gives more rows the width of the first one is right. Where both give it to as many, quotes
    that join lines which are rows by themselves are text. ``is_cut`` says that the last row may be incomplete.
    """
    if not any('"' in line for line in lines):
        return delimiter != "\t"
    plain = [line.rstrip("\r\n").split(delimiter) for line in lines if line.strip("\r\n")]
    if _has_enclosed_column(plain[1:] or plain):
        return True
    if all(map(_is_enclosed, plain[0])) and _is_strict(lines, delimiter, is_cut):
        return True
    try:
        enclosed = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:  # a quote opens a field of more than 128 KiB
        return _ragged_share(plain) > 1 - _NEARLY_ALL
    ragged_enclosed = _ragged_share(enclosed[:-1] if is_cut and len(enclosed) > 1 else enclosed)
    ragged_plain = _ragged_share(plain)
    if ragged_enclosed != ragged_plain:
        return ragged_enclosed < ragged_plain
    if len(plain[0]) > 1 and any("\n" in field or "\r" in field for row in enclosed for field in row):
        return False
    return not _has_improper(lines, delimiter) and (delimiter != "\t" or _has_doubled(plain))


def _ragged_share(rows: Sequence[Sequence[str]]) -> float:
    return sum(len(row) != len(rows[0]) for row in rows) / len(rows)


def _has_improper(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether a field goes on behind its closing quote, which no program that encloses fields writes."""
    mark = re.escape(delimiter)
    pattern = re.compile(rf'(?:^|{mark})"(?:[^"]|"")*+"(?!{mark}|[\r\n]|\Z)', re.MULTILINE)
    return bool(pattern.search("".join(lines)))


def _is_strict(lines: Sequence[str], delimiter: str, is_cut: bool) -> bool:
    """Return whether all quotes open and close fields of rows that are as wide as the first."""
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        if not (is_cut and "unexpected end" in str(error)):
            return False
    return all(len(row) == len(rows[0]) for row in rows if row)


def _is_enclosed(field: str) -> bool:
    return len(field) > 1 and field[0] == field[-1] == '"'


def _has_enclosed_column(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether nearly all fields of some column are enclosed."""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    columns = zip(*(row for row in rows if len(row) == width), strict=True)
    return any(sum(map(_is_enclosed, column)) >= _NEARLY_ALL * len(column) for column in columns)


def _has_doubled(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether an enclosed field has doubled quotes inside."""
    return any(_is_enclosed(field) and '""' in field[1:-1] for row in rows for field in row)
