"""Define how a table is read, and record the rows that cannot be read."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sentiment.common.messages import counted, shown
from sentiment.errors import InputError

RAW_LINE = "\0line"  # name of the column of unchanged JSON lines, which no JSON field has
_LIMIT_OPTIONS = {"--": "--max-bad-rows", "corpus.": "corpus.max_bad_rows"}


class BadRow(NamedTuple):
    """A row that cannot be read.

    Attributes:
        row: number of the row in the file, counted from 1 without the header.
        line: number of the row's first line, counted from 1. In Parquet it equals ``row``.
        reason: the error message, with the expected and the received value.
    """

    row: int
    line: int
    reason: str


@dataclass(slots=True)
class BadRows:
    """A record of the rows that were left out of a table because they cannot be read.

    Attributes:
        limit: number of rows that may be left out before reading fails.
        rows: the first rows that were left out, at most ``kept``.
        kept: greatest length of ``rows``.
        count: number of rows left out so far.
    """

    limit: int = 0
    rows: list[BadRow] = field(default_factory=list)
    kept: int = 1
    count: int = 0

    def add(self, bad: BadRow, name: str, option: str) -> None:
        """Record a bad row of the table ``name``, or raise an InputError if more than ``limit`` rows are bad."""
        self.count += 1
        if len(self.rows) < self.kept:
            self.rows.append(bad)
        if self.count > self.limit:
            first = self.rows[0]
            earlier = f" ({self.count} bad rows, the first: {name}:{first.line}: {first.reason})"
            advice = f"mend the file, or allow more with {_LIMIT_OPTIONS.get(option)} (now {self.limit})"
            raise InputError(
                f"{name}:{bad.line}: {bad.reason}{earlier if self.count > 1 else ''}; "
                + (advice if option in _LIMIT_OPTIONS else "mend that row")
            )

    def remark(self) -> str:
        """Return a one-line summary of the rows that were left out, or an empty string if there were none."""
        if not self.count:
            return ""
        return f"{counted(self.count, 'bad row')} left out (the first, line {self.rows[0].line}: {self.rows[0].reason})"


@dataclass(frozen=True, slots=True)
class Reading:
    """Settings for reading a table.

    Attributes:
        column: the text column's name, or its position from 0 in a CSV without header; empty requires no text column.
        encoding: Python codec name for a CSV. Other kinds are always UTF-8.
        delimiter: the character between the fields of a CSV; empty means that it is detected.
        kind: one of ``KINDS``; empty means that the file's name decides.
        bad_rows: records the rows that cannot be read; None means that any such row is an error.
        option: prefix of option names in error messages, ``--`` or ``corpus.``.
        columns: names or positions of the columns to read; None means all.
        header: whether the first row of a CSV is a header; None means yes, unless ``column`` is a position.
        width: number of columns in a CSV without header; 0 means as many as in its first row.
        quotes: whether quotes enclose the fields of a CSV; None means that this is detected.
        raw_lines: whether to add each JSON line unchanged as the column ``RAW_LINE`` to ``columns``.
    """

    column: str = "text"
    encoding: str = "utf-8"
    delimiter: str = ""
    kind: str = ""
    bad_rows: BadRows | None = None
    option: str = "--"
    columns: tuple[str | int, ...] | None = None
    header: bool | None = None
    width: int = 0
    quotes: bool | None = None
    raw_lines: bool = False

    @property
    def wanted(self) -> tuple[str | int, ...]:
        """Return the names or positions of the columns that the table must have."""
        return self.columns if self.columns is not None else (self.column,) if self.column else ()

    def positions(self, names: Sequence[str], where: str) -> list[int]:
        """Return the positions of the columns to read in ``names``, all column names of the table ``where``.

        Raises:
            InputError: a wanted column is missing or ambiguous, or all columns are read and two have the same name.
        """
        found = [position_of(column, names, where, self.option) for column in self.wanted]
        if self.columns is not None:
            return found
        twice = [column for column, count in Counter(names).items() if count > 1]
        if twice:
            raise InputError(
                f"{where}: more than one column is named {shown(', '.join(map(repr, twice)))}; rename them"
            )
        return [*range(len(names))]


def column_advice(option: str) -> str:
    """Return what to do about a missing column. ``option`` is the prefix of option names."""
    if option != "corpus.":
        return f"set {option}column to one of them"
    return "set corpus.text_column or label_column to one of them, or draft a profile: python -m pipelines.profile FILE"


class TableBlock(NamedTuple):
    """Consecutive rows of a table.

    Attributes:
        batch: the requested columns of the ``n`` valid rows.
        numbers: row numbers in the file, int64 ``(n,)``, ascending, counted from 1 without the header.
        bad: the rows that cannot be read.
        line_of: returns the line number of a row, given the row's number.
    """

    batch: pa.RecordBatch
    numbers: np.ndarray
    bad: list[BadRow]
    line_of: Callable[[int], int]


def position_of(column: str | int, names: Sequence[str], where: str, option: str) -> int:
    """Return the position of a column, given by name or position from 0, among ``names``.

    White space around names is ignored unless one matches exactly. Messages about the table ``where`` name options
    with the prefix ``option``.

    Raises:
        InputError: no column has this name or position, or more than one column has this name.
    """
    if isinstance(column, int):
        if column >= len(names):
            received = f"column {column} (from 0) is not among its {len(names)} columns"
            raise InputError(f"{where}: {received}; {column_advice(option)}")
        return column
    found = [i for i, name in enumerate(names) if name == column]
    found = found or [i for i, name in enumerate(names) if name.strip() == column.strip()]
    if not found:
        received = shown(", ".join(name if name == name.strip() else repr(name) for name in names))
        raise InputError(f"{where}: expected a column {column!r}, received {received}; {column_advice(option)}")
    if len(found) > 1:
        raise InputError(f"{where}: more than one column is named {column!r}; rename them")
    return found[0]
