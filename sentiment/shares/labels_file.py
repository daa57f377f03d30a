"""The file of rows to label by hand: written by the draw, filled in by a person, read again with all its checks."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentiment.common.stores import open_store
from sentiment.errors import InputError

ROW, CHANCE, LABEL = "row", "chance", "label"
_MANY_ROWS = 50  # a draw of so many has a row in the second half of its input


class FilledIn(NamedTuple):
    """The rows that have a label.

    Attributes:
        rows: numbers of the rows in the input, from 1, ascending, int64 ``(m,)``.
        chances: of each to be drawn, float64 ``(m,)``.
        labels: position among the classes, int64 ``(m,)``.
        texts: of the tweets as the file has them.
        empty: how many rows of the file have no label yet.
        last: largest number of a row of the file, with a label or without.
        path: of the file.
    """

    rows: np.ndarray
    chances: np.ndarray
    labels: np.ndarray
    texts: list[str]
    empty: int
    last: int
    path: Path


def to_label(column: str, rows: Iterable[tuple[int, str, float]]) -> str:
    """Return the content of a file to fill in: a CSV with the row's number, its text, its chance and an empty label.

    Args:
        column: name of the column of the tweets.
        rows: number, text and chance of each.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([ROW, column, CHANCE, LABEL])
    writer.writerows([number, text, repr(float(chance)), ""] for number, text, chance in rows)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class LabelTable:
    """A file of `sentiment draw` as it is, filled in or not.

    Attributes:
        path: of the file.
        names: of its columns.
        text: name of the column of the tweets.
        lines: the cells of each row, by the names of the columns.
        numbers: of the line that each row ends in, for messages.
        delimiter: between the cells.
        mark: the byte-order mark, where the file begins with one.
    """

    path: Path
    names: list[str]
    text: str
    lines: list[dict[str, str]]
    numbers: list[int]
    delimiter: str
    mark: str

    def give(self, row: str, label: str) -> bool:
        """Set the label of the tweet with this number; return whether there is such a tweet."""
        found = [line for line in self.lines if line[ROW] == row]
        for line in found:
            line[LABEL] = label
        return bool(found)

    def write(self) -> None:
        """Replace the file by these rows."""
        buffer = io.StringIO(self.mark)
        buffer.seek(len(self.mark))
        writer = csv.DictWriter(buffer, self.names, delimiter=self.delimiter)
        writer.writeheader()
        writer.writerows(self.lines)
        write_beside(self.path, buffer.getvalue())


def write_beside(path: Path, content: str) -> None:
    """Write a text file under a temporary name in its folder first, so that it is complete at any time."""
    open_store(str(path.parent)).write(path.name, content.encode())


def read_table(path: Path) -> LabelTable:
    """Read a file of `sentiment draw`; a spreadsheet may have written it, with semicolons or a byte-order mark.

    Raises:
        InputError: it is not readable, or a column is missing.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"--labels {path}: no such file; `sentiment draw` makes it") from error
    except IsADirectoryError as error:
        raise InputError(f"--labels {path}: is a folder, expected a file of `sentiment draw`") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--labels {path}: not readable ({error}); draw again, or save it as CSV in UTF-8") from error
    mark, content = content[: content.startswith("\ufeff")], content.removeprefix("\ufeff")
    delimiter = max(",;\t", key=content.partition("\n")[0].count)
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter)
    names = [name for name in reader.fieldnames or [] if name]
    if not {ROW, CHANCE, LABEL} <= set(names) or len(names) < 4:
        received = ", ".join(names) or "nothing"
        raise InputError(
            f"--labels {path}: expected columns row, the text, chance and label, received {received}; "
            "give a file of `sentiment draw`"
        )
    text = next(name for name in names if name not in (ROW, CHANCE, LABEL))
    lines, numbers = [], []
    for line in reader:
        if None in line:
            raise InputError(f"--labels {path}: line {reader.line_num}: has more cells than the first line; mend it")
        lines.append({name: cell or "" for name, cell in line.items()})
        numbers.append(reader.line_num)
    return LabelTable(path, list(reader.fieldnames or []), text, lines, numbers, delimiter, mark)


def read_labels(path: Path, classes: Sequence[str]) -> FilledIn:
    """Read the labels of a file that was filled in.

    Labels are compared without white space around them and without regard to case.

    Raises:
        InputError: as :func:`read_table`; or a row has a number, a chance or a label that cannot be; with the line.
    """
    table = read_table(path)
    known = {name.strip().casefold(): position for position, name in enumerate(classes)}
    found: dict[int, tuple[float, int, str]] = {}
    empty = last = 0
    for end, line in zip(table.numbers, table.lines, strict=True):
        last = max(last, int(line[ROW]) if line[ROW].isdecimal() else 0)
        if not line[LABEL].strip():
            empty += 1
            continue
        number, chance, label = _checked(line, known, f"--labels {path}: line {end}")
        if number in found:
            raise InputError(f"--labels {path}: line {end}: row {number} is there twice; leave one out")
        found[number] = (chance, label, line[table.text])
    if not found:
        raise InputError(
            f"--labels {path}: has no label yet; fill in the column {LABEL!r}, or `sentiment serve --labels`"
        )
    order = sorted(found)
    columns = [found[number] for number in order]
    return FilledIn(
        np.array(order, np.int64), np.array([each[0] for each in columns]), np.array([each[1] for each in columns],
        int), [each[2] for each in columns], empty, last, path,
    )  # fmt: skip


def require_same_input(filled: FilledIn, rows: np.ndarray, texts: Sequence[str], count: int) -> None:
    """Check that the file was drawn from the input.

    Args:
        filled: what was read.
        rows: numbers of the labelled rows that the input has, ascending.
        texts: the input's tweets of these rows.
        count: how many rows the input has.

    Raises:
        InputError: a row is not there or has another text, or all rows of a large draw are in the first half.
    """
    if missing := sorted(set(filled.rows.tolist()) - set(rows.tolist())):
        raise InputError(f"--labels {filled.path}: row {missing[0]} is not in the input; draw from this input")
    for number, expected, received in zip(rows.tolist(), texts, filled.texts, strict=True):
        if _folded(expected) != _folded(received):
            raise InputError(
                f"--labels {filled.path}: row {number} is {received!r:.60} there and {expected!r:.60} in the input; "
                "the labels are of another input: draw from this one"
            )
    if 2 * filled.last < count and len(filled.rows) + filled.empty >= _MANY_ROWS:
        raise InputError(
            f"--labels {filled.path}: its last row is {filled.last:,} and the input has {count:,}; "
            "the labels are of another input: draw from this one"
        )


def _folded(text: str) -> str:
    """Return the text without the line ends and blanks that a spreadsheet may change."""
    return " ".join(text.split())


def _checked(line: dict[str, str], known: dict[str, int], where: str) -> tuple[int, float, int]:
    try:
        number, chance = int(line[ROW]), float(line[CHANCE].replace(",", "."))
    except ValueError as error:
        raise InputError(f"{where}: expected whole numbers in row and numbers in chance ({error})") from error
    if number < 1 or not 0 < chance <= 1:
        raise InputError(f"{where}: expected a row from 1 and a chance over 0, up to 1; received {number} and {chance}")
    label = known.get(line[LABEL].strip().casefold())
    if label is None:
        names = ", ".join(known)
        received = f"expected a label of {names}, received {line[LABEL]!r:.40}"
        raise InputError(f"{where}: {received}; mend it, or add it with --also")
    return number, chance, label
