"""Reading a labelled CSV, a batch of rows at a time, with exact complaints about what is wrong in it."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, NamedTuple

from sentiment.errors import InputError
from sentiment.settings import CorpusSettings

ROWS_PER_BATCH = 65_536
# A field longer than this is an unbalanced quote that swallows the rest of the file, not a tweet.
_LONGEST_FIELD = 1_000_000
_LONGEST_LINE = 4_000_000


class LabelledTexts(NamedTuple):
    """Some rows of a corpus: ``texts`` and, of the same length, ``labels`` (indices into the class names)."""

    texts: list[str]
    labels: list[int]


@dataclass(slots=True)
class ReadingReport:
    """What happened to the rows so far."""

    rows: int = 0
    ignored: int = 0
    bad: int = 0
    first_bad: str = ""
    classes_seen: set[int] = field(default_factory=set)


class _Layout(NamedTuple):
    width: int
    text: int
    label: int


class CorpusReader:
    """Iterates over a labelled CSV in batches of :class:`LabelledTexts`; ``report`` counts as it goes.

    Args:
        file: opened with ``newline=""`` and ``errors="surrogateescape"``.
        settings: the format.
        name: of the file, for messages.

    Raises (while iterating):
        InputError: a column is missing, more than ``max_bad_rows`` rows are damaged, or no row is left.
    """

    def __init__(self, file: IO[str], settings: CorpusSettings, name: str) -> None:
        self.report = ReadingReport()
        self.settings = settings
        self.name = name
        csv.field_size_limit(_LONGEST_FIELD)
        self._reader = csv.reader(_lines(file, name), delimiter=settings.delimiter)
        ignored = frozenset(settings.ignored_labels)
        self._classes = {value: i for i, value in enumerate(settings.labels.values()) if value not in ignored}
        self._ignored = ignored

    def __iter__(self) -> Iterator[LabelledTexts]:
        """Yield batches until the file ends."""
        layout = self._layout()
        while True:
            line = self._reader.line_num
            rows = self._next_rows(ROWS_PER_BATCH)
            if not rows:
                break
            batch = self._read_batch(rows, layout, line)
            if batch.texts:
                yield batch
        if not self.report.classes_seen:
            raise InputError(f"{self.name}: expected labelled rows, received none: is it the right file?")

    def _next_rows(self, most: int) -> list[list[str]]:
        try:
            return list(islice(self._reader, most))
        except UnicodeError as error:  # codecs that no surrogate can stand in for a bad byte of, such as UTF-16
            raise InputError(f"{self.name}: not {self.settings.encoding} ({error}); set corpus.encoding") from error
        except csv.Error as error:
            line = self._reader.line_num
            raise InputError(
                f"{self.name}:{line}: not readable as CSV ({error}); look for an unbalanced quote at or before it"
            ) from error

    def _layout(self) -> _Layout:
        wanted = self.settings
        if not wanted.header and wanted.columns:
            return self._checked(_Layout(wanted.columns, int(wanted.text_column), int(wanted.label_column)))
        rows = self._next_rows(1)
        if not rows:
            raise InputError(f"{self.name}: the file is empty; expected one labelled tweet a line")
        first = rows[0]
        if not wanted.header:
            raise InputError(f"{self.name}: corpus.columns = 0 needs a header to count the columns of")
        return self._checked(
            _Layout(len(first), self._position(wanted.text_column, first), self._position(wanted.label_column, first))
        )

    def _position(self, column: str | int, header: Sequence[str]) -> int:
        if isinstance(column, int):
            return column
        if column not in header:
            raise InputError(f"{self.name}:1: expected a column {column!r}, received {', '.join(header)[:200]}")
        return header.index(column)

    def _checked(self, layout: _Layout) -> _Layout:
        for position in layout[1:]:
            if position >= layout.width:
                raise InputError(f"{self.name}: column {position} (from 0) is not among its {layout.width} columns")
        return layout

    def _read_batch(self, rows: list[list[str]], layout: _Layout, line: int) -> LabelledTexts:
        self.report.rows += len(rows)
        if not self._all_good(rows, layout):
            rows = list(self._good_rows(rows, layout, line))
        texts = [row[layout.text] for row in rows]
        labels = [self._classes[row[layout.label]] for row in rows]
        self.report.classes_seen.update(labels)
        return LabelledTexts([repair(text) for text in texts] if self._repairs() else texts, labels)

    def _all_good(self, rows: list[list[str]], layout: _Layout) -> bool:
        if set(map(len, rows)) != {layout.width} or not {row[layout.label] for row in rows} <= self._classes.keys():
            return False
        return self.settings.encoding == "latin-1" or _encodable("".join(row[layout.text] for row in rows))

    def _good_rows(self, rows: list[list[str]], layout: _Layout, line: int) -> Iterator[list[str]]:
        for row in rows:
            line += 1
            problem = self._problem(row, layout)
            if problem:
                self._count_bad(f"{self.name}:{line}: {problem}")
            elif row[layout.label] in self._ignored:
                self.report.ignored += 1
            else:
                yield row
            line += sum(field.count("\n") for field in row)

    def _problem(self, row: list[str], layout: _Layout) -> str:
        if len(row) != layout.width:
            return f"expected {layout.width} columns, received {len(row)}"
        if row[layout.label] not in self._classes and row[layout.label] not in self._ignored:
            allowed = ", ".join([*self._classes, *self.settings.ignored_labels])
            return f"expected a label out of {allowed}, received {row[layout.label][:40]!r}"
        if not _encodable(row[layout.text]):
            return f"holds bytes that are not {self.settings.encoding}; set corpus.encoding"
        return ""

    def _count_bad(self, problem: str) -> None:
        self.report.bad += 1
        self.report.first_bad = self.report.first_bad or problem
        if self.report.bad > self.settings.max_bad_rows:
            limit = self.settings.max_bad_rows
            more = f" ({self.report.bad} bad rows, the first: {self.report.first_bad})" if limit else ""
            raise InputError(f"{problem}{more}; mend the file, or allow more with corpus.max_bad_rows (now {limit})")

    def _repairs(self) -> bool:
        return self.settings.repair_utf8 and self.settings.encoding == "latin-1"


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
