"""Read the texts and labels of a labelled table, block by block. Labels become class indices."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import as_numpy, constant, from_numpy, from_strings
from sentiment.common.messages import shown
from sentiment.data.reading import BadRow, BadRows, Reading, TableBlock
from sentiment.data.table_files import kind_inside
from sentiment.data.table_reader import read_blocks
from sentiment.errors import InputError
from sentiment.settings import CorpusSettings

_IGNORED = -1
_UNKNOWN = -2


class LabelledTexts(NamedTuple):
    """``n`` labelled rows: ``texts``, a list or Arrow array of strings; ``labels``, class indices, int64 ``(n,)``."""

    texts: Any
    labels: np.ndarray


@dataclass(slots=True)
class ReadingReport:
    """Counts of the rows that were read from one or more files.

    Attributes:
        rows: number of all rows, including ignored and bad rows.
        ignored: number of rows with a label that the settings ignore.
        bad: number of rows that could not be read or have an unknown label.
        first_bad: file, line and problem of the first bad row.
        classes_seen: indices of the classes that occur.
    """

    rows: int = 0
    ignored: int = 0
    bad: int = 0
    first_bad: str = ""
    classes_seen: set[int] = field(default_factory=set)

    def add(self, other: "ReadingReport") -> None:
        """Add the counts of a later file."""
        self.rows += other.rows
        self.ignored += other.ignored
        self.bad += other.bad
        self.first_bad = self.first_bad or other.first_bad
        self.classes_seen |= other.classes_seen


class CorpusReader:
    """Iterate over a labelled table in batches of at least one row, each with its texts as an Arrow array.

    Args:
        source: a path or a binary stream.
        settings: columns, labels and format of the table.
        name: the table's name, used in error messages.
        report: counts of the corpus's earlier files, to which those of this file are added. None means that there is
            no other file, so that a file without labelled rows is an error.

    Raises (while iterating):
        InputError: a column is missing, more than ``max_bad_rows`` rows are bad, or no row has a label of a class.
    """

    def __init__(
        self, source: str | Path | IO[bytes], settings: CorpusSettings, name: str, report: ReadingReport | None = None
    ) -> None:
        self.report, self._is_only = report or ReadingReport(), report is None
        self._source, self._settings, self._name = source, settings, name
        self._bad_rows, self._reading = BadRows(settings.max_bad_rows), reading_of(settings, name)
        ignored = dict.fromkeys(map(settings.label_key, settings.ignored_values()), _IGNORED)
        by_key = {settings.label_key(v): i for i, values in enumerate(settings.label_values()) for v in values}
        self._by_key = by_key | ignored

    def __iter__(self) -> Iterator[LabelledTexts]:
        """Yield the rows whose label is a class, in batches."""
        for block in read_blocks(self._source, self._reading, self._name):
            batch = self._labelled(block)
            if len(batch.labels):
                yield batch
        if self._is_only and not self.report.classes_seen:
            raise InputError(f"{self._name}: expected labelled rows, received none: is it the right file?")

    def _labelled(self, block: TableBlock) -> LabelledTexts:
        """Return the rows of a block whose label is a class, and count all rows of the block in ``report``."""
        if len(block.batch.schema.names) < 2:  # several formats read a column that is named twice only once
            raise InputError(
                f"{self._name}: corpus.text_column and corpus.label_column are the same column; name two columns"
            )
        texts, written = (
            as_text(block.batch, i, f"{self._name}: column {name!r}") for i, name in enumerate(block.batch.schema.names)
        )
        distinct, key = written.dictionary_encode(), self._settings.label_key
        values = distinct.dictionary.to_pylist()
        classes = np.array([self._by_key.get(key(value), _UNKNOWN) for value in values], np.int64)
        labels = classes[as_numpy(distinct.indices)] if values else np.zeros(0, np.int64)
        for row in sorted([*block.bad, *self._unknown(block, written, np.flatnonzero(labels == _UNKNOWN))]):
            self.report.bad += 1
            self.report.first_bad = self.report.first_bad or f"{self._name}:{row.line}: {row.reason}"
            self._bad_rows.add(row, self._name, "corpus.")
        wanted = labels >= 0
        self.report.rows += len(labels) + len(block.bad)
        self.report.ignored += int(np.count_nonzero(labels == _IGNORED))
        self.report.classes_seen.update(np.unique(labels[wanted]).tolist())
        if not wanted.all():
            texts, labels = texts.filter(from_numpy(wanted)), labels[wanted]
        if self._settings.repair_utf8 and self._settings.encoding == "latin-1" and self._reading.kind in ("csv", "tsv"):
            texts = _repaired(texts)
        return LabelledTexts(texts, labels)

    def _unknown(self, block: TableBlock, written: pa.Array, places: np.ndarray) -> Iterator[BadRow]:
        """Yield a bad row for each position in ``places``, because its label in ``written`` belongs to no class."""
        values = [value for values in self._settings.label_values() for value in values]
        wanted = [value for value in values if self._by_key[self._settings.label_key(value)] != _IGNORED]
        allowed = ", ".join([*wanted, *self._settings.ignored_values()])
        for place in places.tolist():
            number, value = int(block.numbers[place]), written[place].as_py()
            reason = f"expected a label out of {allowed}, received {value[:40]!r}"
            yield BadRow(number, block.line_of(number), reason)


def reading_of(settings: CorpusSettings, name: str) -> Reading:
    """Return how to read the labelled table ``name``: first its text column, then its label column."""
    return Reading(
        column="", encoding=settings.encoding, delimiter=settings.delimiter,
        kind=settings.format or kind_inside(name) or "csv", option="corpus.",
        columns=(settings.text_column, settings.label_column), header=settings.header,
        width=0 if settings.header else settings.columns, quotes={"yes": True, "no": False}.get(settings.quotes),
    )  # fmt: skip


def as_text(batch: pa.RecordBatch, place: int, where: str) -> pa.Array:
    """Return the column at position ``place`` as strings. A missing value becomes an empty string.

    Raises:
        InputError: the values cannot be converted to strings, for example lists. ``where`` names the column.
    """
    values = batch.column(place)
    try:
        return values.cast(pa.string()).fill_null(constant(""))
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        held = shown(values.type, 100)
        raise InputError(
            f"{where} holds {held}, expected text; name another with corpus.text_column and corpus.label_column"
        ) from error


def _repaired(texts: pa.Array) -> pa.Array:
    """Apply :func:`repair`, which corrects wrongly decoded UTF-8, to each text that is not ASCII."""
    other = pc.invert(pc.string_is_ascii(texts))
    found = from_strings(map(repair, texts.filter(other).to_pylist()))
    return pc.replace_with_mask(texts, other, found) if len(found) else texts


def repair(text: str) -> str:
    """Correct UTF-8 text that was decoded as latin-1. Any other text is returned unchanged."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
