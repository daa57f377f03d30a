"""Reading a labelled table, a batch of rows at a time, with exact complaints about what is wrong in it."""

import contextlib
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from sentiment.data.tables import DAMAGED_GZIP, refuse_duplicates, sniff_delimiter
from sentiment.errors import InputError
from sentiment.settings import CorpusSettings

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_BATCH = 65_536
# A field longer than this is an unbalanced quote that swallows the rest of the file, not a tweet.
_LONGEST_FIELD = 1_000_000
_LONGEST_LINE = 4_000_000
_LINES_SNIFFED = 200
_IGNORED = -1


class LabelledTexts(NamedTuple):
    """Labelled rows: raw ``texts`` and, of the same length, ``labels``, int64 ``(n,)`` indices into the classes."""

    texts: Sequence[str]
    labels: np.ndarray


@dataclass(slots=True)
class ReadingReport:
    """What happened to the rows so far."""

    rows: int = 0
    ignored: int = 0
    bad: int = 0
    first_bad: str = ""
    classes_seen: set[int] = field(default_factory=set)

    def add(self, other: "ReadingReport") -> None:
        """Take in what happened to the rows of another file, which comes after."""
        self.rows += other.rows
        self.ignored += other.ignored
        self.bad += other.bad
        self.first_bad = self.first_bad or other.first_bad
        self.classes_seen |= other.classes_seen


class _Layout(NamedTuple):
    width: int
    text: int
    label: int


class CorpusReader:
    """Iterates over a labelled table in batches of :class:`LabelledTexts`; ``report`` counts as it goes.

    Args:
        file: a CSV, opened with ``newline=""`` and ``errors="surrogateescape"``, or :class:`TableRows` of another kind.
        settings: the format.
        name: of the file, for messages.
        one_of_many: the file may hold no row that is wanted, since others do.

    Raises (while iterating):
        InputError: a column is missing, more than ``max_bad_rows`` rows are damaged, or no row is left.
    """

    def __init__(
        self, file: "IO[str] | TableRows", settings: CorpusSettings, name: str, one_of_many: bool = False
    ) -> None:
        self.report = ReadingReport()
        self.settings = settings
        self.name = name
        self._one_of_many = one_of_many
        self._rows = file if isinstance(file, TableRows) else _CsvRows(file, settings, name)
        ignored = {settings.label_key(value) for value in settings.ignored_values()}
        by_key = {settings.label_key(v): i for i, values in enumerate(settings.label_values()) for v in values}
        self._by_key = by_key | dict.fromkeys(ignored, _IGNORED)
        self._classes: dict[str, int] = {}  # each value as written -> its class, as far as it is among those wanted
        self._ignored: set[str] = set()

    def __iter__(self) -> Iterator[LabelledTexts]:
        """Yield batches until the file ends."""
        layout = self._checked(self._rows.layout())
        while True:
            line = self._rows.line
            rows = self._rows.take(ROWS_PER_BATCH)
            if not rows:
                break
            batch = self._read_batch(rows, layout, line)
            if batch.texts:
                yield batch
        if not (self.report.classes_seen or self._one_of_many):
            raise InputError(f"{self.name}: expected labelled rows, received none: is it the right file?")

    def _checked(self, layout: _Layout) -> _Layout:
        for position in layout[1:]:
            if position >= layout.width:
                raise InputError(f"{self.name}: column {position} (from 0) is not among its {layout.width} columns")
        return layout

    def _learn(self, values: set[str]) -> None:
        """Note what class each of these label values means, or that it is to be ignored."""
        for value in values - self._classes.keys() - self._ignored:
            found = self._by_key.get(self.settings.label_key(value))
            if found == _IGNORED:
                self._ignored.add(value)
            elif found is not None:
                self._classes[value] = found

    def _read_batch(self, rows: list[list[str]], layout: _Layout, line: int) -> LabelledTexts:
        self.report.rows += sum(1 for row in rows if row)  # blank lines are none
        self._learn({row[layout.label] for row in rows if len(row) == layout.width})
        if not self._all_good(rows, layout):
            rows = list(self._good_rows(rows, layout, line))
        texts = [row[layout.text] for row in rows]
        labels = [self._classes[row[layout.label]] for row in rows]
        self.report.classes_seen.update(labels)
        repaired = [repair(text) for text in texts] if self._repairs() else texts
        return LabelledTexts(repaired, np.array(labels, np.int64))

    def _all_good(self, rows: list[list[str]], layout: _Layout) -> bool:
        if set(map(len, rows)) != {layout.width} or not {row[layout.label] for row in rows} <= self._classes.keys():
            return False
        return self.settings.encoding == "latin-1" or _encodable("".join(row[layout.text] for row in rows))

    def _good_rows(self, rows: list[list[str]], layout: _Layout, line: int) -> Iterator[list[str]]:
        for row in rows:
            line += 1
            if not row:  # a blank line, which the reader of files to score passes over as well
                continue
            problem = self._problem(row, layout)
            if problem:
                self._count_bad(f"{self.name}:{line}: {problem}")
            elif row[layout.label] in self._ignored:
                self.report.ignored += 1
            else:
                yield row
            if self._rows.lines:
                line += sum(field.count("\n") for field in row)

    def _problem(self, row: list[str], layout: _Layout) -> str:
        if len(row) != layout.width:
            return f"expected {layout.width} columns, received {len(row)}"
        if row[layout.label] not in self._classes and row[layout.label] not in self._ignored:
            allowed = ", ".join(self._allowed())
            return f"expected a label out of {allowed}, received {row[layout.label][:40]!r}"
        if not _encodable(row[layout.text]):
            return f"holds bytes that are not {self.settings.encoding}; set corpus.encoding"
        return ""

    def _allowed(self) -> list[str]:
        """The values that a label may have, as the settings write them."""
        values = [value for values in self.settings.label_values() for value in values]
        wanted = [value for value in values if self._by_key[self.settings.label_key(value)] != _IGNORED]
        return [*wanted, *self.settings.ignored_values()]

    def _count_bad(self, problem: str) -> None:
        self.report.bad += 1
        self.report.first_bad = self.report.first_bad or problem
        if self.report.bad > self.settings.max_bad_rows:
            limit = self.settings.max_bad_rows
            more = f" ({self.report.bad} bad rows, the first: {self.report.first_bad})" if limit else ""
            raise InputError(f"{problem}{more}; mend the file, or allow more with corpus.max_bad_rows (now {limit})")

    def _repairs(self) -> bool:
        return self._rows.lines and self.settings.repair_utf8 and self.settings.encoding == "latin-1"


class _CsvRows:
    """Rows of a CSV as lists of strings; ``line`` is the number of the last line read."""

    lines = True  # a row may be several

    def __init__(self, file: IO[str], settings: CorpusSettings, name: str) -> None:
        self.settings, self.name = settings, name
        csv.field_size_limit(_LONGEST_FIELD)
        self._lines = _lines(file, name)
        self._reader = csv.reader(self._lines)  # until layout() knows the delimiter
        self._first: list[list[str]] = []  # read already, but to be given again

    @property
    def line(self) -> int:
        """How many lines have been taken."""
        return 0 if self._first else self._reader.line_num

    def layout(self) -> _Layout:
        """Find the delimiter, read the header, if there is one, and say where text and label are."""
        wanted = self.settings
        with self._complaints():
            sample = list(islice(self._lines, _LINES_SNIFFED))
        delimiter = wanted.delimiter or ("\t" if wanted.format == "tsv" else sniff_delimiter(sample, self._fits))
        self._reader = csv.reader(chain(sample, self._lines), delimiter=delimiter)
        if not wanted.header and wanted.columns:
            return _Layout(wanted.columns, int(wanted.text_column), int(wanted.label_column))
        rows = self.take(1)
        if not rows:
            raise InputError(f"{self.name}: the file is empty; expected one labelled tweet a line")
        if not wanted.header:
            self._first = rows
            return _Layout(len(rows[0]), int(wanted.text_column), int(wanted.label_column))
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

    @contextlib.contextmanager
    def _complaints(self) -> Iterator[None]:
        try:
            yield
        except UnicodeError as error:  # codecs that no surrogate can stand in for a bad byte of, such as UTF-16
            raise InputError(f"{self.name}: not {self.settings.encoding} ({error}); set corpus.encoding") from error
        except csv.Error as error:
            line = self._reader.line_num
            raise InputError(
                f"{self.name}:{line}: not readable as CSV ({error}); look for an unbalanced quote at or before it"
            ) from error
        except DAMAGED_GZIP as error:
            raise InputError(f"{self.name}: not a whole gzip file ({error}); fetch or make it again") from error


class TableRows:
    """Text and label of JSON lines or Parquet as lists of two strings; ``line`` is the number of the last row read.

    Args:
        batches: Arrow record batches.
        settings: the format.
        name: of the file, for messages.
    """

    lines = False

    def __init__(self, batches: "Iterator[pa.RecordBatch]", settings: CorpusSettings, name: str) -> None:
        self.settings, self.name, self.line = settings, name, 0
        self._batches = batches
        self._waiting: Iterator[list[str]] = iter(())

    def layout(self) -> _Layout:
        """Of the rows that :meth:`take` gives."""
        return _Layout(2, 0, 1)

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
        columns = (batch.column(position).cast("string").fill_null("") for position in found[1:])
        return map(list, zip(*(column.to_pylist() for column in columns), strict=True))


def _named_layout(names: Sequence[str], wanted: CorpusSettings, where: str) -> _Layout:
    """Where text and label are among columns of these names."""
    positions = []
    for column in (wanted.text_column, wanted.label_column):
        if isinstance(column, str):
            if column not in names:
                raise InputError(f"{where}: expected a column {column!r}, received {', '.join(names)[:200]}")
            refuse_duplicates([name for name in names if name == column], where)
        positions.append(names.index(column) if isinstance(column, str) else column)
    return _Layout(len(names), *positions)


def repair(text: str) -> str:
    """``text`` with its latin-1 bytes read as UTF-8, if they are UTF-8; else ``text``."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _encodable(text: str) -> bool:
    """Whether ``text`` is free of the surrogates that stand for undecodable bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _lines(file: IO[str], name: str) -> Iterator[str]:
    """Lines without a byte-order mark (as UTF-8, or UTF-8 read as latin-1) in front, none of which fills the memory."""
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), ""), 1):
        if len(line) == _LONGEST_LINE:
            raise InputError(f"{name}:{number}: a line of over {_LONGEST_LINE} characters: is it a CSV of tweets?")
        yield line if number > 1 else line.removeprefix("\ufeff").removeprefix("ï»¿")
