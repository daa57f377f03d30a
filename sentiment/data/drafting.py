"""Draft the settings of a corpus from its content: which columns are text and label, and what the labels mean."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sentiment.data.label_meanings import NEGATIVE_NAMES, POSITIVE_NAMES, Meaning, meaning_of, word_set, words_of

MOST_VALUES = 30  # a column of more distinct values holds no labels
_LONGEST_NAME = 40
_TEXT_NAMES = word_set(
    "text tweet sentence headline title body content message review comment post caption description summary utterance "
    "phrase document statement feedback remark status answer response"
)
_LABEL_NAMES = NEGATIVE_NAMES.union(
    word_set("sentiment label polarity mood class target opinion emotion category rating stars score annotation"),
    word_set("valence tone feeling stance"),
    POSITIVE_NAMES,
)
_NO_TEXT_NAMES = word_set("id ids uuid guid hash index url uri link date time timestamp")
_NAMED = 4  # times as long as another column's must its cells be for a column to be the text, against the names
# A time of day beside a month or a year: no text however long it is.
_DATE = re.compile(r"^(?=.*\b\d{1,2}:\d\d)(?=.*(\b\d{4}\b|\b[A-Z][a-z]{2}\b))[\w:+./, -]{10,40}$", re.ASCII)
_NO_PROSE = 1 / 20  # what a column of numbers, names or addresses counts, in which no cell has a space


@dataclass(slots=True)
class Column:
    """What was seen in one column.

    Attributes:
        name: in the header; without one, its position from 0.
        rows: that are not empty.
        characters: in all of them.
        ellipses: of them end in one, as texts do that another program has cut.
        prose: of them have a space, or letters beyond ASCII, whose scripts may do without, and are no date.
        values: how often each value occurs, trimmed and without case; None once there are too many to be labels.
        example: one that is not empty.
    """

    name: str
    rows: int = 0
    characters: int = 0
    ellipses: int = 0
    prose: int = 0
    values: Counter[str] | None = field(default_factory=Counter)
    example: str = ""

    def add(self, value: str) -> None:
        """Count one more value."""
        value = value.strip()
        if not value:
            return
        self.rows += 1
        self.characters += len(value)
        self.ellipses += value.endswith("…")
        self.prose += (" " in value or not value.isascii()) and not _DATE.search(value)
        self.example = self.example or value
        if self.values is not None:
            self.values[value.casefold()] += 1
            if len(self.values) > MOST_VALUES:
                self.values = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a corpus seems to be.

    Attributes:
        columns: all of them.
        text, label: positions among them; ``label`` is None where no column looks like labels.
        meaning: of the label's values.
        rows: read.
        ragged: of them have more or fewer cells than there are columns, and are not looked at.
    """

    columns: tuple[Column, ...]
    text: int
    label: int | None
    meaning: Meaning
    rows: int
    ragged: int = 0


def draft(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Draft:
    """Examine every row of a table whose columns have ``names``, and return what was found."""
    columns = tuple(Column(name) for name in names)
    count = ragged = 0
    for row in rows:
        count += 1
        if len(row) != len(columns):
            ragged += 1
            continue
        for column, value in zip(columns, row, strict=True):
            column.add(value)
    text = max(range(len(columns)), key=lambda i: _text_score(columns[i]), default=0)
    label = _label_column(columns, text)
    meaning = Meaning({}) if label is None else _meaning(columns[label])
    return Draft(columns, text, label, meaning, count, ragged)


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first of ``rows`` names the columns: it has no number, and its cells do not occur again below.

    A column of row numbers has no name in what pandas writes, and a form's columns are named by whole questions; a long
    cell is a name where another column, below its own, has values that repeat.
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


def _meaning(column: Column) -> Meaning:
    return meaning_of(list(column.values or ()), column.name)


def _text_score(column: Column) -> float:
    """Return how likely the column contains tweets: the characters per cell, times a factor if its name says so."""
    words = _words(column)
    score = column.characters / max(1, column.rows)
    if words & _TEXT_NAMES and (column.values is None or len(column.values) > 2):
        score *= _NAMED
    if 10 * column.prose < column.rows:
        score *= _NO_PROSE
    return score / 1000 if words & _NO_TEXT_NAMES else score


def _words(column: Column) -> set[str]:
    """Return the words of the column's name, and the singular of each plural."""
    words = words_of(column.name)
    return words | {word.removesuffix("s") for word in words}


def _label_column(columns: Sequence[Column], text: int) -> int | None:
    """Return the position of the column that is most like labels, or None.

    Its values repeat. The words among its values count most, and then its name.
    """

    def possible(column: Column) -> bool:
        values = len(column.values or ())
        return 1 < values <= column.rows / 2 or bool(_words(column) & _LABEL_NAMES and 0 < values < column.rows)

    def score(i: int) -> tuple[int, int, int]:
        meaning, named = _meaning(columns[i]), bool(_words(columns[i]) & _LABEL_NAMES)
        strength = 3 * meaning.worded + 2 * named + (meaning.known and len(meaning.classes) > 1)
        return strength, columns[i].rows, -len(columns[i].values or ())

    return max((i for i, column in enumerate(columns) if i != text and possible(column)), key=score, default=None)
