"""Reading a labelled table, a batch of rows at a time, with exact complaints about what is wrong in it."""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from sentiment.common.parallel import ordered_map
from sentiment.data.table_rows import LONGEST_FIELD, LONGEST_LINE, CsvRows, Layout, TableRows, complaints
from sentiment.data.tables import text_file
from sentiment.errors import InputError
from sentiment.settings import CorpusSettings

if TYPE_CHECKING:
    import pyarrow as pa

    from sentiment.data.csv_blocks import CsvBlocks, Format, Rows

ROWS_PER_BATCH = 65_536
_IGNORED = -1
_IN_BLOCKS = ("latin-1", "utf-8")  # encodings in which no byte of another character looks like a comma


class LabelledTexts(NamedTuple):
    """Labelled rows: raw ``texts`` and, of the same length, ``labels``, int64 ``(n,)`` indices into the classes."""

    texts: Sequence[str]
    labels: np.ndarray


class ArrowTexts(NamedTuple):
    """The same, ``texts`` an Arrow string array ``(n,)``."""

    texts: "pa.Array"
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
        self._file = file
        self._lines = not isinstance(file, TableRows)  # a row may be several lines
        ignored = {settings.label_key(value) for value in settings.ignored_values()}
        by_key = {settings.label_key(v): i for i, values in enumerate(settings.label_values()) for v in values}
        self._by_key = by_key | dict.fromkeys(ignored, _IGNORED)
        self._classes: dict[str, int] = {}  # each value as written -> its class, as far as it is among those wanted
        self._ignored: set[str] = set()

    def __iter__(self) -> Iterator[LabelledTexts]:
        """Yield batches until the file ends."""
        for texts, labels in self.in_arrow():
            yield LabelledTexts(texts.to_pylist(), labels)

    def in_arrow(self) -> Iterator[ArrowTexts]:
        """Yield batches until the file ends; of a CSV that is plain, they are made on the thread pool."""
        if isinstance(self._file, TableRows):
            yield from self._of_rows(self._file, self._checked(self._file.layout()))
        elif self.settings.encoding in _IN_BLOCKS and hasattr(self._file, "buffer"):
            yield from self._of_blocks(self._file)
        else:
            yield from self._of_csv(self._file)
        if not (self.report.classes_seen or self._one_of_many):
            raise InputError(f"{self.name}: expected labelled rows, received none: is it the right file?")

    def _of_blocks(self, file: IO[str]) -> Iterator[ArrowTexts]:
        """What is plain block by block; from where it is not, by Python's reader."""
        from sentiment.data.csv_blocks import CsvBlocks, Format, read_head

        line = 0
        with complaints(self.name, self.settings):
            head = read_head(file.buffer)  # type: ignore[attr-defined]
            first = self._csv(self._text(head))
            layout = self._checked(first.layout())
            blocks = CsvBlocks(head, file.buffer, self.settings.header)  # type: ignore[attr-defined]
            written = Format(first.delimiter, layout, self.settings.encoding, self._repairs(), LONGEST_FIELD)
            for rows in _regular(blocks, written) if layout.width > 1 else ():
                yield from self._of_block(rows, written, line)
                line += rows.lines
            files = self._text(blocks.rest + file.buffer.readline(LONGEST_LINE)), file  # type: ignore[attr-defined]
        if not line:
            yield from self._of_csv(*files)
        else:
            yield from self._of_rows(self._csv(*files, delimiter=first.delimiter, line=line), layout)

    def _of_csv(self, *files: IO[str]) -> Iterator[ArrowTexts]:
        rows = self._csv(*files)
        yield from self._of_rows(rows, self._checked(rows.layout()))

    def _csv(self, *files: IO[str], delimiter: str = "", line: int = 0) -> "CsvRows":
        return CsvRows(files, self.settings, self.name, delimiter, line)

    def _text(self, content: bytes) -> IO[str]:
        return text_file(io.BytesIO(content), self.settings.encoding)

    def _of_block(self, rows: "Rows", written: "Format", line: int) -> Iterator[ArrowTexts]:
        """The rows behind so many lines; where their fields were not found, by Python's reader, which says why."""
        found = rows.fields
        self._learn(set(found.values if found else ()))
        if found is None or not set(found.values) <= self._classes.keys() | self._ignored:
            text, line = self._text(rows.data.tobytes()), line + rows.header_lines
            yield from self._of_rows(self._csv(text, delimiter=written.delimiter, line=line), written.layout)
            return
        from sentiment.common.arrow_arrays import from_numpy

        labels = np.array([self._classes.get(value, _IGNORED) for value in found.values], np.int64)[found.codes]
        wanted = labels != _IGNORED
        self.report.rows += len(labels)
        self.report.ignored += int(np.count_nonzero(~wanted))
        self.report.classes_seen.update(np.unique(labels[wanted]).tolist())
        if wanted.all():
            yield ArrowTexts(found.texts, labels)
        elif wanted.any():
            yield ArrowTexts(found.texts.filter(from_numpy(wanted)), labels[wanted])

    def _of_rows(self, source: "CsvRows | TableRows", layout: Layout) -> Iterator[ArrowTexts]:
        from sentiment.text.tokens import as_arrow

        while True:
            line = source.line
            rows = source.take(ROWS_PER_BATCH)
            if not rows:
                break
            batch = self._read_batch(rows, layout, line)
            if batch.texts:
                yield ArrowTexts(as_arrow(batch.texts), batch.labels)

    def _checked(self, layout: Layout) -> Layout:
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

    def _read_batch(self, rows: list[list[str]], layout: Layout, line: int) -> LabelledTexts:
        self.report.rows += sum(1 for row in rows if row)  # blank lines are none
        self._learn({row[layout.label] for row in rows if len(row) == layout.width})
        if not self._all_good(rows, layout):
            rows = list(self._good_rows(rows, layout, line))
        texts = [row[layout.text] for row in rows]
        labels = [self._classes[row[layout.label]] for row in rows]
        self.report.classes_seen.update(labels)
        repaired = [repair(text) for text in texts] if self._repairs() else texts
        return LabelledTexts(repaired, np.array(labels, np.int64))

    def _all_good(self, rows: list[list[str]], layout: Layout) -> bool:
        if set(map(len, rows)) != {layout.width} or not {row[layout.label] for row in rows} <= self._classes.keys():
            return False
        return self.settings.encoding == "latin-1" or _encodable("".join(row[layout.text] for row in rows))

    def _good_rows(self, rows: list[list[str]], layout: Layout, line: int) -> Iterator[list[str]]:
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
            if self._lines:
                line += sum(field.count("\n") for field in row)

    def _problem(self, row: list[str], layout: Layout) -> str:
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
        return self._lines and self.settings.repair_utf8 and self.settings.encoding == "latin-1"


def _regular(blocks: "CsvBlocks", written: "Format") -> "Iterator[Rows]":
    """What is in the blocks, found on the thread pool, as long as their quotes are regular."""
    from sentiment.data.csv_blocks import rows_of

    with closing(ordered_map(partial(rows_of, written=written), blocks)) as found:
        for rows in found:
            if rows is None:
                return
            yield rows
            blocks.done()


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
