"""How a table is read, and which of its rows cannot be."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sentiment.errors import InputError

RAW_LINE = "\0line"  # the column of unchanged JSON lines; no JSON field is called so
_LIMIT_OPTIONS = {"--": "--max-bad-rows", "corpus.": "corpus.max_bad_rows"}


class BadRow(NamedTuple):
    """A row that cannot be read.

    Attributes:
        row: its number in the file, from 1; the header does not count.
        line: the number of its first line, from 1; of Parquet the same as ``row``.
        reason: what was expected and what was received.
    """

    row: int
    line: int
    reason: str


@dataclass(slots=True)
class BadRows:
    """The rows of a table that were left out because they cannot be read.

    Attributes:
        limit: how many may be left out before reading fails.
        rows: the first rows, at most ``kept`` of them.
        kept: how many rows to keep.
        count: how many were left out.
    """

    limit: int = 0
    rows: list[BadRow] = field(default_factory=list)
    kept: int = 1
    count: int = 0

    def add(self, bad: BadRow, name: str, option: str) -> None:
        """Count a row of the table ``name``; ``option`` is what the names of options begin with, for the message.

        Raises:
            InputError: there are more than ``limit``.
        """
        self.count += 1
        if len(self.rows) < self.kept:
            self.rows.append(bad)
        if self.count > self.limit:
            raise InputError(f"{name}:{bad.line}: {bad.reason}{self._earlier(name)}; {self._advice(option)}")

    def _earlier(self, name: str) -> str:
        if self.count == 1:
            return ""
        first = self.rows[0]
        return f" ({self.count} bad rows, the first: {name}:{first.line}: {first.reason})"

    def _advice(self, option: str) -> str:
        if option not in _LIMIT_OPTIONS:
            return "mend that row"
        return f"mend the file, or allow more with {_LIMIT_OPTIONS[option]} (now {self.limit})"

    def remark(self) -> str:
        """Return one line about the rows that were left out; empty if there were none."""
        if not self.count:
            return ""
        return f"{self.count:,} bad rows left out (the first, line {self.rows[0].line}: {self.rows[0].reason})"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table is read.

    Attributes:
        column: of the tweets: a name, or a position from 0 in a CSV without header; empty does not ask for one.
        encoding: of a CSV, a Python codec name; the other kinds are UTF-8.
        delimiter: of a CSV; empty finds it out.
        kind: one of ``KINDS``; empty goes by the file's name.
        bad_rows: counts the rows that are left out; None allows none.
        option: what the names of options begin with, for messages.
        columns: names or positions of the columns to read; None reads all.
        header: whether the first row of a CSV names the columns; None says no where ``column`` is a position.
        width: how many columns a CSV has; 0 takes the number from its first row.
        quotes: whether quotes enclose the fields of a CSV; None finds it out.
        raw_lines: give the lines of JSON lines unchanged, in the column ``RAW_LINE``, in the place of other columns.
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
        """Return the columns that the table must have."""
        return self.columns if self.columns is not None else (self.column,) if self.column else ()


class TableBlock(NamedTuple):
    """Some rows of a table.

    Attributes:
        batch: the columns that were asked for, ``n`` rows.
        numbers: of these rows in the file, from 1, int64 ``(n,)``, ascending; the header does not count.
        bad: rows between them that cannot be read.
        line_of: gives the line of a row, by its number.
    """

    batch: pa.RecordBatch
    numbers: np.ndarray
    bad: list[BadRow]
    line_of: Callable[[int], int]


def position_of(column: str | int, names: Sequence[str], where: str, option: str) -> int:
    """Return the place of a column among ``names``; blanks around a name in the file do not matter.

    Args:
        column: a name, or a position from 0.
        names: of the table's columns.
        where: file and line, for messages.
        option: what the names of options begin with, for messages.

    Raises:
        InputError: there is no such column, or there are two.
    """
    if isinstance(column, int):
        if column >= len(names):
            raise InputError(f"{where}: column {column} (from 0) is not among its {len(names)} columns")
        return column
    found = [i for i, name in enumerate(names) if name == column]
    found = found or [i for i, name in enumerate(names) if name.strip() == column.strip()]
    if not found:
        received = ", ".join(name if name == name.strip() else repr(name) for name in names)[:200]
        remedy = f"; set {option}column" if option == "--" else ""
        raise InputError(f"{where}: expected a column {column!r}, received {received}{remedy}")
    if len(found) > 1:
        raise InputError(f"{where}: more than one column is named {column!r}; rename them")
    return found[0]


def refuse_duplicates(names: Sequence[str], where: str) -> None:
    """Refuse the table ``where`` if two of its columns have one name.

    Raises:
        InputError: two have.
    """
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{where}: more than one column is named {', '.join(map(repr, twice))[:200]}; rename them")
