"""Rows of a labelled table as lists of strings, whatever kind of file it is, and where text and label are in them."""

import contextlib
import csv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, NamedTuple

from sentiment.data.tables import DAMAGED_GZIP, refuse_duplicates, sniff_delimiter
from sentiment.errors import InputError
from sentiment.settings import CorpusSettings

if TYPE_CHECKING:
    import pyarrow as pa

# A field longer than this is an unbalanced quote that swallows the rest of the file, not a tweet.
LONGEST_FIELD = 1_000_000
LONGEST_LINE = 4_000_000
_LINES_SNIFFED = 200


class Layout(NamedTuple):
    """How many fields a row has, and which of them are text and label."""

    width: int
    text: int
    label: int


class CsvRows:
    """Rows of a CSV as lists of strings; ``line`` is the number of the last line read.

    Args:
        files: of which it consists, one after the other.
        settings: the format.
        name: of the CSV, for messages.
        delimiter: where it is known.
        before: lines that come before.
    """

    def __init__(
        self, files: Sequence[IO[str]], settings: CorpusSettings, name: str, delimiter: str = "", before: int = 0
    ) -> None:
        self.settings, self.name, self.before = settings, name, before
        self.delimiter = delimiter or settings.delimiter
        csv.field_size_limit(LONGEST_FIELD)
        self._lines = _lines(files, name, before)
        self._reader = csv.reader(self._lines, delimiter=self.delimiter or ",")  # layout() may find another
        self._first: list[list[str]] = []  # read already, but to be given again

    @property
    def line(self) -> int:
        """How many lines have been taken."""
        return 0 if self._first else self.before + self._reader.line_num

    def layout(self) -> Layout:
        """Find the delimiter, read the header, if there is one, and say where text and label are."""
        wanted = self.settings
        with self._complaints():
            sample = list(islice(self._lines, _LINES_SNIFFED))
        sniffed = "\t" if wanted.format == "tsv" else ""
        self.delimiter = self.delimiter or sniffed or sniff_delimiter(sample, self._fits)
        self._reader = csv.reader(chain(sample, self._lines), delimiter=self.delimiter)
        if not wanted.header and wanted.columns:
            return Layout(wanted.columns, int(wanted.text_column), int(wanted.label_column))
        rows = self.take(1)
        if not rows:
            raise InputError(f"{self.name}: the file is empty; expected one labelled tweet a line")
        if not wanted.header:
            self._first = rows
            return Layout(len(rows[0]), int(wanted.text_column), int(wanted.label_column))
        return _named_layout(rows[0], wanted, f"{self.name}:1")

    def _fits(self, first: Sequence[str]) -> bool:
        """Whether a first row has the columns that are wanted."""
        columns = (self.settings.text_column, self.settings.label_column)
        enough = all(column in first if isinstance(column, str) else column < len(first) for column in columns)
        return enough and self.settings.columns in (0, len(first))

    def take(self, most: int) -> list[list[str]]:
        """The next rows, none at the end."""
        first, self._first = self._first, []
        with self._complaints():
            return first + list(islice(self._reader, most - len(first)))

    def _complaints(self) -> contextlib.AbstractContextManager[None]:
        return complaints(self.name, self.settings, lambda: self.before + self._reader.line_num)


@contextlib.contextmanager
def complaints(name: str, settings: CorpusSettings, line: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Reading a CSV, with mistakes in the file told as such; ``line`` says how far it was read."""
    try:
        yield
    except UnicodeError as error:  # codecs that no surrogate can stand in for a bad byte of, such as UTF-16
        raise InputError(f"{name}: not {settings.encoding} ({error}); set corpus.encoding") from error
    except csv.Error as error:
        raise InputError(
            f"{name}:{line()}: not readable as CSV ({error}); look for an unbalanced quote at or before it"
        ) from error
    except DAMAGED_GZIP as error:
        raise InputError(f"{name}: not a whole gzip file ({error}); fetch or make it again") from error


class TableRows:
    """Text and label of JSON lines or Parquet as lists of two strings; ``line`` is the number of the last row read.

    Args:
        batches: Arrow record batches.
        settings: the format.
        name: of the file, for messages.
    """

    def __init__(self, batches: "Iterator[pa.RecordBatch]", settings: CorpusSettings, name: str) -> None:
        self.settings, self.name, self.line = settings, name, 0
        self._batches = batches
        self._waiting: Iterator[list[str]] = iter(())

    def layout(self) -> Layout:
        """Of the rows that :meth:`take` gives."""
        return Layout(2, 0, 1)

    def take(self, most: int) -> list[list[str]]:
        """The next rows, none at the end."""
        rows = list(islice(self._waiting, most))
        while len(rows) < most and (batch := next(self._batches, None)) is not None:
            self._waiting = self._pairs(batch)
            rows += islice(self._waiting, most - len(rows))
        self.line += len(rows)
        return rows

    def _pairs(self, batch: "pa.RecordBatch") -> Iterator[list[str]]:
        """Text and label of each row; what is missing is empty."""
        found = _named_layout(batch.schema.names, self.settings, self.name)
        names = batch.schema.names
        if max(found[1:]) >= found.width:
            raise InputError(f"{self.name}: column {max(found[1:])} (from 0) is not among its {found.width} columns")
        columns = (as_strings(batch.column(i), f"{self.name}: column {names[i]!r}") for i in found[1:])
        return map(list, zip(*columns, strict=True))


def as_strings(values: "pa.Array", where: str) -> list[str]:
    """A column of JSON lines or Parquet as the strings that labels are compared with; what is missing is empty.

    Raises:
        InputError: it holds what has no text, such as objects; ``where`` says which it is.
    """
    import pyarrow as pa

    try:
        return values.cast("string").fill_null("").to_pylist()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        held = " ".join(str(values.type).split())[:100]
        raise InputError(
            f"{where} holds {held}, expected text; name another with corpus.text_column and corpus.label_column"
        ) from error


def _named_layout(names: Sequence[str], wanted: CorpusSettings, where: str) -> Layout:
    """Where text and label are among columns of these names."""
    positions = []
    for column in (wanted.text_column, wanted.label_column):
        if isinstance(column, str):
            if column not in names:
                raise InputError(f"{where}: expected a column {column!r}, received {', '.join(names)[:200]}")
            refuse_duplicates([name for name in names if name == column], where)
        positions.append(names.index(column) if isinstance(column, str) else column)
    return Layout(len(names), *positions)


def _lines(files: Sequence[IO[str]], name: str, before: int) -> Iterator[str]:
    """Lines without a byte-order mark (as UTF-8, or UTF-8 read as latin-1) in front, none of which fills the memory."""
    lines = chain.from_iterable(iter(partial(file.readline, LONGEST_LINE), "") for file in files)
    for number, line in enumerate(lines, before + 1):
        if len(line) == LONGEST_LINE:
            raise InputError(f"{name}:{number}: a line of over {LONGEST_LINE} characters: is it a CSV of tweets?")
        yield line if number > 1 else line.removeprefix("\ufeff").removeprefix("ï»¿")
