"""Find words of clear polarity in the training tweets, and cut stretches (short excerpts) of tweets around them.

Log odds between the classes, shrunk by a prior (Monroe, Colaresi and Quinn, 2008), show which words tell the classes
apart. Many of these words are only topics, for example "school". A word of clear polarity also meets one of three
conditions: degree words precede the word ("so sad", "very good"; Hatzivassiloglou and Wiebe, 2000), linking words or
subjects often precede the word ("is broken", "I love"), or people rated the word as positive or negative.

A stretch is divided into the parts that sentence templates use.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sentiment.augment.general_english import BARE, LINKED, SUBJECT
from sentiment.data.encoded import EncodedPart
from sentiment.text.lexicon import PADDING, UNKNOWN

_ROWS_PER_BLOCK = 65_536
_PRIOR = 20.0
_NEGATORS = "not n't never no nothing nobody none neither nor without hardly"
_LINKING = (
    "is was are were am 's 'm 're be been feel feels felt look looks looked seem seems sounds sound taste tastes im its"
    " will would can could should get gets"
)
_DEGREE = "so very really such just too pretty still all a an the quite that"
_GRADING = "so very really too such pretty how quite extremely super most more as totally"
_SUBJECTS = "i you we they he she it who really totally people everyone to always just still ppl would will"
_ADJECTIVE = re.compile("(?:ful|ous|ive|able|ible|ing|less|ish|ant|ent|ed|y)$")
_RATED = 0.3  # share of the stretches in which a rated adjective replaces the clear word
_AROUND = 3  # maximum number of tokens on each side


class Poles(NamedTuple):
    """Indices of the negative and the positive class."""

    negative: int
    positive: int

    def label(self, sign: int) -> int:
        """Return the index of the positive class for a ``sign`` above 0, and of the negative class otherwise."""
        return self.positive if sign > 0 else self.negative


class Polarity(NamedTuple):
    """The polarity of each word in the vocabulary; all arrays have the shape ``(vocabulary,)``.

    Attributes:
        clear: 1 (positive) or -1 (negative) for words of clear polarity, else 0; int8.
        leaning: 1 or -1 also for topics that are much more frequent in one class, such as "school", else 0; int8.
        verbs: true for words of clear polarity that are probably verbs, because they often follow a subject; bool.
    """

    clear: np.ndarray
    leaning: np.ndarray
    verbs: np.ndarray


def polarity(
    part: EncodedPart,
    poles: Poles,
    vocabulary: Sequence[str],
    negators: np.ndarray,
    before: Sequence[np.ndarray],
    never: np.ndarray,
    rated: np.ndarray,
) -> Polarity:
    """Find the words of clear polarity in the training rows ``part``.

    Args:
        negators: ids of negations. Rows that contain a negation are left out of the log odds.
        before: ids of words that often precede a word such as "good": degree words ("so"), linking words ("is"), and
            subjects ("I").
        never: ids of words that are never treated as words of clear polarity.
        rated: polarity that people gave to each word, int8 ``(vocabulary,)``: 1, -1, or 0 for unrated words.
    """
    odds, certainty, counts = _log_odds(part, poles, vocabulary, negators)
    degree, linking, subject = _shares_after(part, before, len(vocabulary))
    often = (counts >= 20) & (np.abs(certainty) > 4)
    gradable = (counts >= 12) & (np.abs(certainty) > 3) & (np.abs(odds) >= 0.4) & (degree >= 0.05)
    linked = often & (np.abs(odds) >= 0.8) & (linking >= 0.2)
    verb = often & (np.abs(odds) >= 1.0) & (subject >= 0.2)
    agreed = (counts >= 5) & (rated * odds > 0) & (np.abs(certainty) > 1)
    clear = gradable | linked | verb | agreed
    clear[never] = False
    leaning = clear | often & (np.abs(odds) >= 0.6)
    signs = np.sign(odds).astype(np.int8)
    verbs = (verb & ~gradable & ~linked) | (agreed & ~gradable & ~linked & (subject >= 0.2))
    return Polarity(signs * clear, signs * leaning, clear & verbs)


def blocks(part: EncodedPart) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield blocks of rows: the index of the first row, ids int64 ``(rows, max_tokens)`` and labels ``(rows,)``."""
    for start in range(0, len(part.labels), _ROWS_PER_BLOCK):
        block = slice(start, start + _ROWS_PER_BLOCK)
        yield start, np.asarray(part.ids[block]).astype(np.int64), part.labels[block]


def _log_odds(part: EncodedPart, poles: Poles, vocabulary: Sequence[str], negators: np.ndarray) -> list[np.ndarray]:
    """Return for each word the log odds of positive to negative, the same divided by its standard error, the count."""
    counts = np.zeros((2, len(vocabulary)))
    for _, block, labels in blocks(part):
        counted = ~np.isin(block, negators).any(axis=1)
        for i, label in enumerate(poles):
            counts[i] += np.bincount(block[counted & (labels == label)].ravel(), minlength=len(vocabulary))
    counts[:, [not word.isalpha() for word in vocabulary]] = 0
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    smooth = counts + _PRIOR * totals / totals.sum()
    odds = np.log(smooth[1] / totals[1]) - np.log(smooth[0] / totals[0])
    return [odds, odds / np.sqrt((1 / smooth).sum(axis=0)), counts.sum(axis=0)]


def _shares_after(part: EncodedPart, groups: Sequence[np.ndarray], vocabulary: int) -> np.ndarray:
    """Return the share of each word's occurrences that directly follow a word of each group, ``(3, vocabulary)``."""
    after, total = np.zeros((len(groups), vocabulary)), np.zeros(vocabulary)
    member = np.stack([np.isin(np.arange(vocabulary), ids) for ids in groups])
    for _, block, _ in blocks(part):
        total += np.bincount(block.ravel(), minlength=vocabulary)
        for i in range(len(groups)):
            after[i] += np.bincount(block[:, 1:][member[i, block[:, :-1]]], minlength=vocabulary)
    return after / np.maximum(total, 1.0)


class Stretch(NamedTuple):
    """A short excerpt of a training row around a word of clear polarity (the clear word), as lists of token ids.

    Attributes:
        place: ``linked`` if a linking word such as "is" precedes the clear word, ``subject`` if a subject such as "I"
            does, else ``bare``.
        left, right: the tokens before ``link`` and after the clear word.
        link: the linking word or the subject; empty if ``place`` is ``bare``.
        degree: degree words such as "so".
        clear: the clear word.
    """

    place: str
    left: list[int]
    link: list[int]
    degree: list[int]
    clear: list[int]
    right: list[int]

    @property
    def ids(self) -> list[int]:
        """Return all token ids of the excerpt, in their order in the row."""
        return [*self.left, *self.link, *self.degree, *self.clear, *self.right]


class Stretches:
    """Random excerpts (stretches) of the training rows ``part`` around words of clear polarity, in the two ``poles``.

    ``words`` has the word of each id. ``never`` and ``rated`` are as for :func:`polarity`.
    """

    def __init__(
        self,
        part: EncodedPart,
        words: tuple[str, ...],
        poles: Poles,
        never: np.ndarray,
        rated: np.ndarray,
        random: np.random.Generator,
    ) -> None:
        self.poles, self._part, self._random = poles, part, random
        self._negators, linking, degree, grading, subjects = (
            np.array([i for i, word in enumerate(words) if word in members], np.int64)
            for members in (set(text.split()) for text in (_NEGATORS, _LINKING, _DEGREE, _GRADING, _SUBJECTS))
        )
        self._linking, self._degree, self._subjects = ({*ids.tolist()} for ids in (linking, degree, subjects))
        never = np.concatenate([never, self._negators, grading, linking, subjects, degree])
        self.polarity = polarity(part, poles, words, self._negators, (grading, linking, subjects), never, rated)
        is_adjective = np.array([bool(_ADJECTIVE.search(word)) for word in words])
        is_adjective[never] = False
        self._adjectives = {sign: np.flatnonzero((rated == sign) & is_adjective) for sign in (-1, 1)}
        self._rows = {sign: self._find(sign) for sign in (-1, 0, 1)}

    def has(self, sign: int) -> bool:
        """Return whether :meth:`draw` has rows to draw from."""
        return bool(len(self._rows[sign]))

    def draw(self, sign: int) -> Stretch:
        """Return a random excerpt around a word of clear polarity ``sign``; 0 means from a row without such words."""
        row = np.asarray(self._part.ids[self._one_of(self._rows[sign])])
        ids = row[row != PADDING].tolist()
        stretch = self._cut(ids, self._one_of(np.flatnonzero(self.polarity.clear[ids]) if sign else range(len(ids))))
        if sign and stretch.place != SUBJECT and len(self._adjectives[sign]) and self._random.random() < _RATED:
            return stretch._replace(clear=[self._one_of(self._adjectives[sign])])
        return stretch

    def _one_of(self, numbers: "np.ndarray | range") -> int:
        return int(numbers[self._random.integers(len(numbers))])

    def _find(self, sign: int) -> np.ndarray:
        """Return the indices of the rows from which excerpts of the polarity ``sign`` are drawn.

        For 1 (positive) and -1 (negative), the row has this label and a word of this clear polarity, and no word leans
        to the other class. For 0, no word leans to either class. No row contains a negation.
        """
        found = [np.zeros(0, np.int64)]
        for start, block, labels in blocks(self._part):
            leaning = self.polarity.leaning[block]
            good = ~np.isin(block, self._negators).any(axis=1) & (block > UNKNOWN).any(axis=1)
            good &= (self.polarity.clear[block] == sign).any(axis=1)
            good &= (leaning == sign).all(axis=1) if sign == 0 else (leaning != -sign).all(axis=1)
            good &= np.isin(labels, self.poles) if sign == 0 else labels == self.poles.label(sign)
            found.append(start + np.flatnonzero(good))
        return np.concatenate(found)

    def _cut(self, ids: list[int], clear: int) -> Stretch:
        front = clear
        while front and ids[front - 1] in self._degree:
            front -= 1
        place, link = BARE, front
        if front and ids[front - 1] in self._linking:
            place, link = LINKED, front - 1
        elif clear and ids[clear - 1] in self._subjects:
            place, front, link = SUBJECT, clear, clear - 1
        left, right = self._random.integers(0, _AROUND + 1, 2)
        before, after = ids[max(0, link - left) : link], ids[clear + 1 : clear + 1 + right]
        return Stretch(place, before, ids[link:front], ids[front:clear], [ids[clear]], after)
