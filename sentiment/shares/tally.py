"""Add up the model's answers per group and period, in memory that does not grow with the number of tweets."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import as_numpy, from_numpy

ALL = "all"
EXAMPLES = 3  # tweets to keep per class and period: the most certain ones
_WORDS_COUNTED = 4_000  # tweets per period whose words are counted
_WORDS_KEPT = 5_000  # words per period


class Answered(NamedTuple):
    """A batch of ``n`` tweets with the model's answers.

    Attributes:
        texts: the tweets, Arrow strings; null where a tweet is missing.
        probabilities: class probabilities, float64 ``(n, classes)``.
        known: the share of each tweet's tokens that the model knows, float64 ``(n,)``.
        groups: the name of each tweet's group, a dictionary array of strings; ``all`` if there are no groups.
        periods: the name of each tweet's period, a dictionary array of strings; ``all`` if there are no periods, and
            empty where the date is not readable.
        unread: the first unreadable date, as text; empty if it is an empty cell, or if all dates are readable.
    """

    texts: pa.Array
    probabilities: np.ndarray
    known: np.ndarray
    groups: pa.DictionaryArray
    periods: pa.DictionaryArray
    unread: str = ""


class Cell(NamedTuple):
    """A group in a period. The name ``all`` means all groups or all periods."""

    group: str
    period: str


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the tweets of a cell (a group in a period).

    Attributes:
        tweets: the number of tweets.
        known: the number of tweets with a token that the model knows.
        labels: the number of tweets for which each class is the most probable one, int64 ``(classes,)``.
        probabilities: the sum of each class's probability, float64 ``(classes,)``.
    """

    tweets: int
    known: int
    labels: np.ndarray
    probabilities: np.ndarray

    def __add__(self, other: "Sums") -> "Sums":
        labels, probabilities = self.labels + other.labels, self.probabilities + other.probabilities
        return Sums(self.tweets + other.tweets, self.known + other.known, labels, probabilities)


class Example(NamedTuple):
    """An example of a class: a tweet's ``probability`` of this class, its row number in the input, and its text."""

    probability: float
    row: int
    text: str


class Labelled(NamedTuple):
    """The ``m`` hand-labelled rows that the input contains, with the model's answers.

    Attributes:
        rows: the row numbers in the input, from 1, ascending.
        cells: the group and period of each row.
        probabilities: the class probabilities of each row, ``m`` lists of numbers.
        texts: the tweets.
    """

    rows: list[int]
    cells: list[Cell]
    probabilities: list[list[float]]
    texts: list[str]


@dataclass(slots=True)
class ShareTally:
    """Sums of the model's answers over all tweets that were given to :meth:`add`.

    Attributes:
        classes: the class names, in the order of the probabilities.
        wanted: the numbers of the rows whose answers are kept (the hand-labelled rows), ascending, int64.
        rows: the number of added rows, including missing tweets.
        undated: the number of tweets whose date is not readable.
        first_undated: the row number and text of the first date that is not readable; (0, "") if there is none.
        cells: sums over the tweets of each cell (group and period).
        examples: the tweets of which the model is most certain, by class and period.
        words: numbers of occurrences in a sample of the tweets, by period and word.
        labelled: the rows of ``wanted`` that were added.
    """

    classes: list[str]
    wanted: np.ndarray
    rows: int = 0
    undated: int = 0
    first_undated: tuple[int, str] = (0, "")
    cells: dict[Cell, Sums] = field(default_factory=dict)
    examples: dict[tuple[str, str], list[Example]] = field(default_factory=dict)
    words: dict[str, Counter[str]] = field(default_factory=dict)
    labelled: Labelled = field(default_factory=lambda: Labelled([], [], [], []))
    _counted: Counter[str] = field(default_factory=Counter)

    def add(self, batch: Answered) -> None:
        """Add a batch to the sums. Batches must be added in the order of their rows in the input."""
        numbers = np.arange(self.rows + 1, self.rows + 1 + len(batch.texts))
        self.rows += len(batch.texts)
        there = as_numpy(batch.texts.is_valid())
        codes, cells = cells_of(batch)
        best = batch.probabilities.argmax(axis=1)
        dated = np.array([cell.period != "" for cell in cells], bool)[codes]
        undated = np.flatnonzero(there & ~dated)
        if not self.undated and len(undated):
            self.first_undated = int(numbers[undated[0]]), batch.unread
        self.undated += len(undated)
        self._add_cells(batch, best, codes, cells, there)
        self._keep_wanted(batch, codes, cells)
        self._keep_examples(batch, numbers, best, there & dated & (batch.known > 0))
        self._count_words(batch, there)

    def with_margins(self) -> dict[Cell, Sums]:
        """Return the sums by cell (a group in a period). Totals over groups, over periods and over both come first."""
        total: dict[Cell, Sums] = {}
        for cell in sorted(self.cells):
            for key in dict.fromkeys(margins(cell)):
                total[key] = total[key] + self.cells[cell] if key in total else self.cells[cell]
        return dict(sorted(total.items(), key=lambda item: (item[0].group != ALL, item[0].period != ALL, item[0])))

    def _add_cells(
        self, batch: Answered, best: np.ndarray, codes: np.ndarray, cells: list[Cell], there: np.ndarray
    ) -> None:
        codes, size, classes = codes[there], len(cells), len(self.classes)
        tweets, known = np.bincount(codes, minlength=size), np.bincount(codes[batch.known[there] > 0], minlength=size)
        labels = np.bincount(codes * classes + best[there], minlength=size * classes).reshape(size, classes)
        columns = batch.probabilities[there].T
        probabilities = np.column_stack([np.bincount(codes, each, minlength=size) for each in columns])
        for cell, *each in zip(cells, tweets.tolist(), known.tolist(), labels, probabilities, strict=True):
            sums = Sums(*each)
            if sums.tweets:
                self.cells[cell] = self.cells[cell] + sums if cell in self.cells else sums

    def _keep_wanted(self, batch: Answered, codes: np.ndarray, cells: list[Cell]) -> None:
        rows = self.wanted[(self.wanted > self.rows - len(codes)) & (self.wanted <= self.rows)]
        at = rows - (self.rows - len(codes) + 1)
        self.labelled.rows.extend(rows.tolist())
        self.labelled.cells.extend(cells[code] for code in codes[at])
        self.labelled.probabilities.extend(batch.probabilities[at].tolist())
        self.labelled.texts.extend(text or "" for text in batch.texts.take(from_numpy(at)).to_pylist())

    def _keep_examples(self, batch: Answered, numbers: np.ndarray, best: np.ndarray, rows: np.ndarray) -> None:
        periods = batch.periods.dictionary.to_pylist()
        for position, name in enumerate(self.classes):
            mine = np.flatnonzero(rows & (best == position))
            certain, codes = batch.probabilities[mine, position], as_numpy(batch.periods.indices)[mine]
            least = np.array([self._least_certain(name, period) for period in periods])
            better = np.flatnonzero(certain > least[codes]) if len(codes) else np.zeros(0, np.int64)
            mine, certain, codes = mine[better], certain[better], codes[better]
            order = np.lexsort((-certain, codes))
            texts = as_numpy(batch.texts.take(from_numpy(mine[order])).dictionary_encode().indices)
            _, first = np.unique(codes[order].astype(np.int64) * len(order) + texts, return_index=True)
            order = order[np.sort(first)]  # a tweet that many people repeat is one example
            for at in order[_ranks(codes[order]) < EXAMPLES].tolist():
                period = periods[codes[at]]
                found = Example(float(certain[at]), int(numbers[mine[at]]), batch.texts[int(mine[at])].as_py())
                kept = self.examples.setdefault((name, period), [])
                if found.text not in [each.text for each in kept]:
                    kept.append(found)
                kept.sort(key=lambda example: (-example.probability, example.row))
                del kept[EXAMPLES:]

    def _least_certain(self, name: str, period: str) -> float:
        """Return the probability that a tweet must exceed to become an example of the class ``name`` in ``period``."""
        kept = self.examples.get((name, period), [])
        return kept[-1].probability if len(kept) == EXAMPLES else 0.0

    def _count_words(self, batch: Answered, there: np.ndarray) -> None:
        periods, codes = batch.periods.dictionary.to_pylist(), as_numpy(batch.periods.indices)
        left = np.array([_WORDS_COUNTED - self._counted[name] if name else 0 for name in periods], np.int64)
        rows = np.flatnonzero(there & (left[codes] > 0))
        rows = rows[np.argsort(codes[rows], kind="stable")]
        rows = rows[_ranks(codes[rows]) < left[codes[rows]]]
        for code, number in Counter(codes[rows].tolist()).items():
            self._counted[periods[code]] += number
            self.words.setdefault(periods[code], Counter())
        for code, word, count in _words_of(batch.texts.take(from_numpy(rows)), codes[rows]):
            self.words[periods[code]][word] += count
        for name, counts in self.words.items():
            if len(counts) > 4 * _WORDS_KEPT:
                kept = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_WORDS_KEPT]
                self.words[name] = Counter(dict(kept))


def margins(cell: Cell) -> Iterator[Cell]:
    """Yield the cells (groups in periods) that count a tweet of ``cell``: ``cell`` itself, and three totals.

    The totals are over groups, over periods and over both. An undated tweet counts only in the last two.
    """
    yield Cell(ALL, ALL)
    yield Cell(cell.group, ALL)
    if cell.period:
        yield Cell(ALL, cell.period)
        yield cell


def cells_of(batch: Answered) -> tuple[np.ndarray, list[Cell]]:
    """Return the index of each tweet's cell (a group in a period), and the list of the distinct cells."""
    groups, periods = batch.groups, batch.periods
    joint = as_numpy(groups.indices).astype(np.int64) * max(1, len(periods.dictionary)) + as_numpy(periods.indices)
    encoded = from_numpy(joint).dictionary_encode()
    names, spans = groups.dictionary.to_pylist(), periods.dictionary.to_pylist()
    cells = [Cell(names[each // len(spans)], spans[each % len(spans)]) for each in encoded.dictionary.to_pylist()]
    return as_numpy(encoded.indices), cells


def _words_of(texts: pa.Array, codes: np.ndarray) -> Iterator[tuple[int, str, int]]:
    """Yield each lower-case word of the texts of one code (a period) with its count: code, word and count.

    Short words, links and mentions are left out.
    """
    plain = pc.replace_substring_regex(pc.utf8_lower(texts), r"https?://\S+|@\w+|&\w+;", " ")
    lists = pc.split_pattern_regex(plain, r"[^\p{L}\p{N}#']+")
    words, rows = pc.list_flatten(lists), as_numpy(pc.list_parent_indices(lists))
    long = as_numpy(pc.utf8_length(words)) > 2
    encoded = words.filter(from_numpy(long)).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    joint = codes[rows[long]].astype(np.int64) * max(1, len(names)) + as_numpy(encoded.indices)
    for code, count in zip(*(each.tolist() for each in np.unique(joint, return_counts=True)), strict=True):
        yield code // len(names), names[code % len(names)], count


def _ranks(codes: np.ndarray) -> np.ndarray:
    """Return the position of each element among the equal elements of ``codes``, which are sorted, from 0."""
    return np.arange(len(codes)) - np.searchsorted(codes, codes, side="left")
