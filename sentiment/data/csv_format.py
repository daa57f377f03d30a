"""Detect the format of a CSV from its first lines: its delimiter, its columns, and whether quotes enclose fields."""

import codecs
import contextlib
import csv
import io
import itertools
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from sentiment.data.reading import Reading
from sentiment.errors import InputError

if TYPE_CHECKING:
    from _csv import Reader

log = logging.getLogger("sentiment.data")
DELIMITERS = (",", "\t", ";", "|")
SAMPLE_BYTES = 1 << 20
_ROWS_SNIFFED = 200
_LONGEST_NAME = 40
_NEARLY_ALL = 0.9


class CsvFormat(NamedTuple):
    """The format of a CSV: the ASCII character between fields, and whether ``quotes`` enclose fields.

    ``names`` are those of the columns in the first row, or their positions as strings if there is no ``header``.
    """

    delimiter: str
    quotes: bool
    names: tuple[str, ...]
    header: bool


def is_delimiter(text: str) -> bool:
    """Return whether ``text`` can separate fields: it is one ASCII character, and neither a quote nor a line end."""
    return len(text.encode("utf-8", "replace")) == 1 and text not in '"\r\n'


def find_format(sample: str, is_cut: bool, reading: Reading, name: str, kind: str) -> CsvFormat:
    """Detect the format of the ``csv`` or ``tsv`` file ``name`` from its first lines, ``sample``.

    ``is_cut`` tells whether the file continues. ``reading`` has the columns that the file must have, and any part of
    the format that is known already.

    Raises:
        InputError: the file is empty, or a column in ``reading`` is missing or occurs twice.
    """
    lines = lines_of(sample)
    delimiter = reading.delimiter or (
        "\t" if kind == "tsv" else sniff_delimiter(lines, lambda row: _fits(row, reading))
    )
    quotes = quotes_enclose(lines, delimiter, is_cut) if reading.quotes is None else reading.quotes
    first: list[str] = next(filter(None, rows_of(lines, delimiter, quotes)), [])  # blank rows are skipped
    if not first:
        raise InputError(f"{name}: the file is empty")
    header = reading.header
    if header is None:
        header = not reading.column.isdecimal() or reading.column in first
        if reading.column.isdecimal() and reading.option == "--":
            _remark_on_header(rows_of(lines, delimiter, quotes), reading.column, name)
    width = len(first) if header else reading.width or len(first)
    names = first if header else [str(i) for i in range(width)]
    reading.positions(names, f"{name}:1" if header else name)
    return CsvFormat(delimiter, quotes, tuple(names), header)


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row is a header: no cell is a number, and no cell occurs again in its column.

    A header cell may be empty, because pandas writes row numbers without a column name. A header with a long cell, such
    as a survey question, looks like a tweet. It is recognised only if the values of some named column repeat.
    """
    first = [cell.strip() for cell in rows[0]]
    if not any(first) or any(re.fullmatch(r"[-+]?[\d.,:/ ]+", cell) for cell in first):
        return False
    below = [[row[i].strip() for row in rows[1:] if i < len(row)] for i in range(len(first))]
    if any(cell and cell in values for cell, values in zip(first, below, strict=True)):
        return False
    return all(len(cell) <= _LONGEST_NAME for cell in first) or any(
        cell and 2 * len(set(values)) <= len(values) for cell, values in zip(first, below, strict=True)
    )


def _remark_on_header(rows: "Reader", column: str, name: str) -> None:
    """Log a remark if row 1 of the CSV ``name`` may be misread; the number ``column`` is a cell of it or a position."""
    told = ""
    with contextlib.suppress(csv.Error):
        sniffed = [row for row in itertools.islice(rows, _ROWS_SNIFFED) if row]
        if column not in sniffed[0]:
            told = "looks like a header, and is read as a tweet; if it is one, name" if has_header(sniffed) else ""
        elif sniffed[0][int(column) : int(column) + 1] not in ([], [column]):  # another cell has this position
            told = f"has a cell '{column}', and is read as a header; if it is none, put names above it, and name"
    if told:
        log.warning("%s: row 1 %s a --column", name, told)


def refuse_utf16(head: bytes, encoding: str, name: str, option: str) -> None:
    """Raise an :class:`InputError` if the bytes ``head`` look like UTF-16, but ``encoding`` is another encoding.

    Excel writes UTF-16 as "Unicode text". The message about the file ``name`` advises to set ``option``.
    """
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    even, odd = (part.count(0) * 2 > len(part) for part in (head[:400:2], head[1:400:2]))
    sparse = even != odd  # every other byte is 0, as in UTF-16 text with Latin letters
    if (marked or sparse) and codecs.lookup(encoding).name[:6] not in ("utf-16", "utf-32"):
        raise InputError(
            f"{name}: looks like UTF-16, which is not {encoding}; set {option} to utf-16, or save the file in UTF-8"
        )


def lines_of(sample: str) -> list[str]:
    """Split ``sample`` into lines, which keep their line ends: a line feed, a carriage return, or both."""
    return list(io.StringIO(sample, newline=""))


def rows_of(lines: Iterable[str], delimiter: str, quotes: bool) -> "Reader":
    """Return a ``csv.reader`` of ``lines``. ``quotes`` tells whether quotes enclose fields."""
    style: Literal[0, 3] = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=delimiter, quoting=style)


def _fits(first: Sequence[str], reading: Reading) -> bool:
    """Return whether ``first``, the first row of a CSV, has the columns and the width that ``reading`` requires."""

    def has(column: str | int) -> bool:
        if isinstance(column, int):
            return column < len(first)
        return column in first or (reading.header is None and column.isdecimal() and int(column) < len(first))

    return all(has(column) for column in reading.wanted) and reading.width in (0, len(first))


def sniff_delimiter(lines: Sequence[str], fits: Callable[[Sequence[str]], bool]) -> str:
    """Return the delimiter with which ``fits`` accepts the first line and most lines have as many columns as it."""

    def score(delimiter: str) -> tuple[bool, float, int]:
        try:
            rows = [row for row in itertools.islice(csv.reader(lines, delimiter=delimiter), _ROWS_SNIFFED) if row]
        except csv.Error:
            return False, 0.0, 0
        if not rows or len(rows[0]) < 2:
            return False, 0.0, 0
        return fits(rows[0]), sum(len(row) == len(rows[0]) for row in rows) / len(rows), len(rows[0])

    return max(DELIMITERS, key=score)  # the comma if no delimiter splits the lines


def quotes_enclose(lines: Sequence[str], delimiter: str, is_cut: bool) -> bool:
    """Return whether quotes enclose fields, as in most CSV, or are part of the text, as in most files with tabs.

    If no column shows it, both interpretations are tried, and the one with more rows as wide as the first row wins.
    ``is_cut`` tells whether the last row may be incomplete.
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
    """Return whether text follows the closing quote of a field. No program that quotes fields writes such text."""
    mark = re.escape(delimiter)
    pattern = re.compile(rf'(?:^|{mark})"(?:[^"]|"")*+"(?!{mark}|[\r\n]|\Z)', re.MULTILINE)
    return bool(pattern.search("".join(lines)))


def _is_strict(lines: Sequence[str], delimiter: str, is_cut: bool) -> bool:
    """Return whether each quote opens or closes a field and all rows are equally wide, except a cut last row."""
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
    """Return whether at least one column has nearly all its fields in quotes."""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    columns = zip(*(row for row in rows if len(row) == width), strict=True)
    return any(sum(map(_is_enclosed, column)) >= _NEARLY_ALL * len(column) for column in columns)


def _has_doubled(rows: Sequence[Sequence[str]]) -> bool:
    return any(_is_enclosed(field) and '""' in field[1:-1] for row in rows for field in row)
