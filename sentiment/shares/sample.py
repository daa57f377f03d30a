"""Draw tweets to label by hand, at random with known probabilities, and write and read the CSV file for the labels."""

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentiment.common.messages import shown
from sentiment.common.stores import open_store
from sentiment.errors import InputError

ROW, CHANCE, LABEL = "row", "chance", "label"
_OURS = {ROW, CHANCE, LABEL}
_MARKED = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_UNLIKELY = 1e-5  # a draw with a lower probability than this is taken for a draw from another input
# The part of a row's drawing probability that does not depend on the model's doubt. It limits the variance that
# confident mistakes of the model cause.
_EVEN_PART = 0.4


def doubt(probabilities: np.ndarray) -> np.ndarray:
    """Return how unsure the model is of each tweet, float64 ``(n,)``, from 0 (certain) to 1 (no class is likelier).

    The doubt is the standard deviation of a one-hot class drawn with ``probabilities``, divided by its maximum. It is
    optimal to draw tweets for labelling with probabilities proportional to this deviation (Neyman, 1934).
    """
    classes = probabilities.shape[1]
    variance = (probabilities * (1 - probabilities)).sum(axis=1, dtype=np.float64)
    return np.sqrt(np.clip(variance, 0, None) / (1 - 1 / classes))


def chances_of(doubts: np.ndarray | None, count: int, rows: int) -> np.ndarray:
    """Return the probability with which to draw each row, float64 ``(rows,)``; the probabilities sum to ``count``.

    ``doubts`` (0 to 1) tell how unsure the model is of each row; None gives all rows the same probability. ``count`` is
    at most ``rows``.
    """
    sizes = np.ones(rows) if doubts is None else _EVEN_PART * doubts.mean() + (1 - _EVEN_PART) * doubts
    sizes = np.maximum(sizes, 1e-9)
    chances = sizes * count / sizes.sum()
    while (chances > 1).any():  # Such rows are drawn for certain, and the other rows share the rest.
        certain = chances >= 1
        left = np.where(certain, 0.0, sizes)
        chances = np.where(certain, 1.0, left * (count - certain.sum()) / max(left.sum(), 1e-9))
    return chances


def draw(chances: np.ndarray, cells: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw rows (tweets) by systematic sampling (Madow, 1949), and return their positions, int64, ascending.

    Rows are shuffled within their cell, and cells are concatenated. Rows are then taken at equal steps of the
    cumulative probability. Each cell therefore gets its proportion of the sample, with an error below one row.

    Args:
        chances: the drawing probabilities from :func:`chances_of`, float64 ``(rows,)``.
        cells: the index of each row's cell (a group in a period), integer ``(rows,)``.
        random: the random generator for the order within the cells and for the starting point.
    """
    order = np.lexsort((random.random(len(chances)), cells))
    steps = np.floor(np.cumsum(chances[order]) + random.random() - 1e-9)
    return np.sort(order[np.diff(steps, prepend=0) > 0])


class FilledIn(NamedTuple):
    """The ``m`` labelled rows of a file from `sentiment draw`.

    Attributes:
        rows: the row numbers in the input, from 1, ascending, int64 ``(m,)``.
        chances: the probability with which each row was drawn, float64 ``(m,)``.
        labels: the index of each label among the classes, int64 ``(m,)``.
        texts: the tweets as they are in the file.
        empty: the number of rows in the file without a label.
        last: the largest row number in the file, with or without a label.
    """

    rows: np.ndarray
    chances: np.ndarray
    labels: np.ndarray
    texts: list[str]
    empty: int
    last: int
    path: Path

    def chance_of_gap(self, count: int) -> float:
        """Return the greatest probability that a draw from ``count`` rows takes none after the last row of the file."""
        part = _EVEN_PART * (1 - self.last / count)  # the least part of the drawing probability that these rows have
        return float((1 - part) ** (len(self.rows) + self.empty))


def label_names(classes: Sequence[str], also: Sequence[str]) -> list[str]:
    """Return the labels to choose from: the model's classes, then the names in ``also`` that are not yet there.

    Names that differ only in case are the same label, as in a labels file.
    """
    names = list(classes)
    for name in also:
        if name.casefold() not in map(str.casefold, names):
            names.append(name)
    return names


def to_label(column: str, rows: Iterable[tuple[int, str, float]]) -> str:
    """Return the text of a CSV file to label, from the row number, tweet and drawing probability of each row.

    ``column`` is the name of the column with the tweets. The column for the labels is empty.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([ROW, column, CHANCE, LABEL])
    writer.writerows([number, text, repr(float(chance)), ""] for number, text, chance in rows)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The rows of a file from `sentiment draw`, with or without labels.

    Attributes:
        header: the names of all columns as they are in the file; names may be empty or repeated.
        text: the name of the column with the tweets.
        lines: the cells of each row by column name, one dictionary per row, in the order of ``header``. The key of a
            repeated name is the column's position instead.
        numbers: the line of the file in which each row ends, used in error messages.
        delimiter: the character between cells.
        encoding: the encoding of the file; ``utf-8`` if the file has no byte-order mark.
    """

    path: Path
    header: list[str]
    text: str
    lines: list[dict[str | int, str]]
    numbers: list[int]
    delimiter: str
    encoding: str

    def give(self, row: str, label: str) -> bool:
        """Save ``label`` for the tweet with the row number ``row``; return whether the file has this row.

        The content of the file is replaced atomically.
        """
        found = [line for line in self.lines if line[ROW] == row]
        if not found:
            return False
        for line in found:
            line[LABEL] = label
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=self.delimiter)
        writer.writerow(self.header)
        writer.writerows(line.values() for line in self.lines)
        open_store(str(self.path.parent)).write(self.path.name, buffer.getvalue().encode(self.encoding))
        return True


def read_table(path: Path, column: str = "text") -> LabelTable:
    """Read a file from `sentiment draw`, even if a spreadsheet saved it with semicolons, tabs, or in UTF-16.

    Empty rows are left out. If columns were added, the tweets are in the one named ``column``, else in ``text``, else
    in the first column that is none of row, chance and label.

    Raises:
        InputError: the file is not readable, a quoted cell does not end, a column is missing, or a row has too many
            cells.
    """
    try:
        content = path.read_bytes()
        encoding = next((name for mark, name in _MARKED.items() if content.startswith(mark)), "utf-8")
        source = io.StringIO(content.decode(encoding), newline="")
    except FileNotFoundError as error:
        raise InputError(f"--labels {path}: no such file; `sentiment draw` makes it") from error
    except OSError as error:
        raise InputError(f"--labels {path}: {error.strerror}; expected a file of `sentiment draw`") from error
    except UnicodeDecodeError as error:
        raise InputError(f"--labels {path}: not readable ({error}); draw again, or save it as CSV in UTF-8") from error
    delimiter = max(",;\t", key=next(source, "").count)
    source.seek(0)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        rows = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise InputError(f"--labels {path}: line {reader.line_num}: {error}; mend the quotes above it") from error
    columns = [_as_drawn(name, header) for name in header]
    names = [name for name in columns if name]
    if not set(names) >= _OURS or len(names) < 4:
        received = shown(", ".join(names)) or "nothing"
        raise InputError(
            f"--labels {path}: expected columns row, the text, chance and label, received {received}; "
            "give a file of `sentiment draw`"
        )
    others = [name for name in names if name not in _OURS]
    text = next((name for name in (column, "text") if name in others), others[0])
    keys = [i if name in columns[:i] else name for i, name in enumerate(columns)]
    lines, numbers = [], []
    for line, cells in rows:
        if len(cells) > len(header):
            raise InputError(f"--labels {path}: line {line}: has more cells than the first line; mend it")
        if any(map(str.strip, cells)):
            lines.append(dict(zip(keys, cells + [""] * (len(header) - len(cells)), strict=True)))
            numbers.append(line)
    return LabelTable(path, header, text, lines, numbers, delimiter, encoding)


def _as_drawn(name: str, header: Sequence[str]) -> str:
    """Return the name that `draw` gave a column of its own which a person wrote "Label" or " ROW", else ``name``."""
    drawn = name.strip().lower()
    return drawn if drawn in _OURS and drawn not in header else name


def read_labels(path: Path, classes: Sequence[str], column: str = "text") -> FilledIn:
    """Read the labels of a file from `sentiment draw`; case and surrounding white space of a label do not matter.

    ``column`` is the name of the column with the tweets (see :func:`read_table`).

    Raises:
        InputError: the file is not usable (see :func:`read_table`), has no label, has a row twice, or has an invalid
            row number, drawing probability or label.
    """
    table = read_table(path, column)
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
    rows = sorted(found)
    chances, labels, texts = zip(*(found[row] for row in rows), strict=True)
    return FilledIn(np.array(rows, np.int64), np.array(chances), np.array(labels, int), list(texts), empty, last, path)


def require_same_input(filled: FilledIn, rows: Sequence[int], texts: Sequence[str], count: int) -> None:
    """Check that the labels file was drawn from this input, which has ``count`` rows.

    ``rows`` are the numbers of the labelled rows that exist in the input, ascending. ``texts`` are the tweets in these
    rows of the input.

    Raises:
        InputError: a labelled row is missing from the input or has another text there, or the file has no row from so
            long a part at the input's end that it was probably drawn before this part was added.
    """
    if missing := sorted(set(filled.rows.tolist()) - set(rows)):
        raise InputError(f"--labels {filled.path}: row {missing[0]} is not in the input; draw from this input")
    for number, expected, received in zip(rows, texts, filled.texts, strict=True):
        there, here = _folded(received), _folded(expected)
        if there != here:
            same = next((i for i in range(len(here)) if there[: i + 1] != here[: i + 1]), len(here))
            start = max(0, same - 20)
            raise InputError(
                f"--labels {filled.path}: row {number} has {shown(there[start:], 60)!r} where the input has "
                f"{shown(here[start:], 60)!r}; "
                "the labels are of another input, or a spreadsheet changed this text: draw again, and copy the labels "
                "if the rows are the same"
            )
    if filled.chance_of_gap(count) < _UNLIKELY:
        raise InputError(
            f"--labels {filled.path}: its last row is {filled.last:,} and the input has {count:,}; "
            "the labels are of another input: draw from this one"
        )


def _folded(text: str) -> str:
    """Replace each run of white space by one blank, to recognise a tweet after a spreadsheet has changed its spaces."""
    return " ".join(text.split())


def _checked(line: dict[str | int, str], known: dict[str, int], where: str) -> tuple[int, float, int]:
    try:
        number, chance = int(line[ROW]), float(line[CHANCE].replace(",", "."))
    except ValueError as error:
        raise InputError(f"{where}: expected whole numbers in row and numbers in chance ({shown(error)})") from error
    if not (1 <= number < 1 << 63 and 1e-15 <= chance <= 1):  # the squares of 1 / chance are added up
        raise InputError(f"{where}: expected a row from 1 and a chance over 0, up to 1; received {number} and {chance}")
    label = known.get(line[LABEL].strip().casefold())
    if label is None:
        names = ", ".join(known)
        received = f"expected a label of {names}, received {line[LABEL]!r:.40}"
        raise InputError(f"{where}: {received}; mend it, or add it with --also")
    return number, chance, label
