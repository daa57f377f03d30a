"""Drafting the settings of a corpus from what is in it: the columns of text and label, and what its labels mean."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_MOST_VALUES = 30  # a column of more distinct values holds no labels
_LONGEST_NAME = 40
_TEXT_NAMES = ("text", "tweet", "content", "message", "body", "review", "comment", "post")
_LABEL_NAMES = ("sentiment", "label", "polarity", "mood", "class", "target", "opinion", "emotion", "category", "rating")
# Values as they are often written, in order of the classes; the first row that has all of a column's numbers counts.
_SCALES = (
    {"0": "negative", "1": "positive"},
    {"0": "negative", "2": "neutral", "4": "positive"},
    {"-1": "negative", "0": "neutral", "1": "positive"},
    {"0": "negative", "1": "neutral", "2": "positive"},
    {"1": "negative", "2": "neutral", "3": "positive"},
    {"1": "negative", "2": "negative", "3": "neutral", "4": "positive", "5": "positive"},
)
_WORDS = {
    "negative": ("negative", "neg", "bad", "terrible", "awful", "worst", "poor", "sad", "unhappy", "angry", "false"),
    "neutral": ("neutral", "neu", "so-so", "none", "ok", "okay", "mixed", "meh"),
    "positive": ("positive", "pos", "good", "great", "best", "excellent", "happy", "glad", "true"),
}
CLASSES = tuple(_WORDS)


@dataclass(slots=True)
class Column:
    """What was seen in one column.

    Attributes:
        name: in the header; without one, its position from 0.
        rows: that are not empty.
        characters: in all of them.
        values: how often each value occurs, trimmed and without case; None once there are too many to be labels.
        example: one that is not empty.
    """

    name: str
    rows: int = 0
    characters: int = 0
    values: Counter[str] | None = field(default_factory=Counter)
    example: str = ""

    def add(self, value: str) -> None:
        """Count one more value."""
        value = value.strip()
        if not value:
            return
        self.rows += 1
        self.characters += len(value)
        self.example = self.example or value
        if self.values is not None:
            self.values[value.casefold()] += 1
            if len(self.values) > _MOST_VALUES:
                self.values = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a corpus seems to be.

    Attributes:
        columns: all of them.
        text, label: positions among them; ``label`` is None where no column looks like labels.
        classes: class name -> values, in order.
        left_out: values that are no class's.
        rows: read.
    """

    columns: tuple[Column, ...]
    text: int
    label: int | None
    classes: dict[str, list[str]]
    left_out: tuple[str, ...]
    rows: int


def draft(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Draft:
    """Look at every row of a table; ``names`` are those of its columns."""
    columns = tuple(Column(name) for name in names)
    count = 0
    for row in rows:
        count += 1
        for column, value in zip(columns, row, strict=False):
            column.add(value)
    text = max(range(len(columns)), key=lambda i: _text_score(columns[i]), default=0)
    label = _label_column(columns, text)
    classes, left_out = classes_of(list(columns[label].values or ())) if label is not None else ({}, ())
    return Draft(columns, text, label, classes, left_out, count)


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of some rows names the columns: short, all different, no number, and not met again below."""
    first = [cell.strip() for cell in rows[0]]
    if not all(first) or len(set(first)) < len(first) or any(len(cell) > _LONGEST_NAME for cell in first):
        return False
    if any(re.fullmatch(r"[-+]?[\d.,:/ ]+", cell) for cell in first):
        return False
    below = [{row[i].strip() for row in rows[1:] if i < len(row)} for i in range(len(first))]
    return not any(cell in values for cell, values in zip(first, below, strict=True))


def classes_of(values: Sequence[str]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Class name -> values, of a label column's values, and those that are left out.

    Known words and scales become ``negative``, ``neutral`` and ``positive``; where nothing is known, every value is a
    class of its own.
    """
    scale = next((scale for scale in _SCALES if set(values) <= scale.keys()), {})
    known = {word: name for name, words in _WORDS.items() for word in words}
    meaning = {value: scale.get(value) or known.get(value) for value in values}
    found = {name: [value for value in values if meaning[value] == name] for name in CLASSES}
    classes = {name: of_class for name, of_class in found.items() if of_class}
    if len(classes) < 2:
        return {value: [value] for value in sorted(values)}, ()
    return classes, tuple(value for value in values if meaning[value] is None)


def _text_score(column: Column) -> tuple[bool, float]:
    """By name first, if it varies at all; then by how much is written in a cell."""
    varies = column.values is None or len(column.values) > 2
    named = any(name in column.name.casefold() for name in _TEXT_NAMES)
    return varies and named, column.characters / max(1, column.rows)


def _label_column(columns: Sequence[Column], text: int) -> int | None:
    possible = [
        i
        for i, column in enumerate(columns)
        if i != text and column.values and 1 < len(column.values) <= column.rows / 2  # labels repeat
    ]

    def score(i: int) -> tuple[bool, bool, int, int]:
        values = list(columns[i].values or ())
        named = any(name in columns[i].name.casefold() for name in _LABEL_NAMES)
        understood = set(classes_of(values)[0]) <= set(CLASSES)
        return understood, named, columns[i].rows, -len(values)

    return max(possible, key=score, default=None)
