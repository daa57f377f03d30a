"""Find words of clear polarity in the training tweets, by their labels and by their place in a sentence.

Log odds between the classes, shrunk by a prior (Monroe, Colaresi and Quinn, 2008), show which words tell the classes
apart. Many of these words are only topics, for example "school". A word counts as judging only if it takes words of
degree ("so sad", "very good"; Hatzivassiloglou and Wiebe, 2000), often follows a linking word or a subject ("is
broken", "I love"), or was rated by people.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sentiment.data.encoded import EncodedPart

_ROWS_PER_BLOCK = 65_536
_PRIOR = 20.0


class Poles(NamedTuple):
    """Indices of the negative and the positive class."""

    negative: int
    positive: int

    def label(self, sign: int) -> int:
        """Return the index of the positive class for a ``sign`` above 0, and of the negative class otherwise."""
        return self.positive if sign > 0 else self.negative


class Use(NamedTuple):
    """Ids of words that often stand before a judging word such as "good": words of degree, linking words, subjects."""

    degree: np.ndarray
    linking: np.ndarray
    subjects: np.ndarray


class Polarity(NamedTuple):
    """The polarity of each id; all arrays have the shape ``(vocabulary,)``.

    Attributes:
        clear: 1 or -1 for words of clear polarity, else 0; int8.
        leaning: 1 or -1 for all words that tell the classes apart, topics included, else 0; int8.
        verbs: true for clear words that mostly follow a subject; bool.
    """

    clear: np.ndarray
    leaning: np.ndarray
    verbs: np.ndarray


def polarity(
    part: EncodedPart,
    poles: Poles,
    vocabulary: Sequence[str],
    negators: np.ndarray,
    use: Use,
    never: np.ndarray,
    rated: np.ndarray,
) -> Polarity:
    """Find the words of clear polarity in the training rows ``part``.

    Args:
        poles: the negative and the positive class.
        vocabulary: word of each id.
        negators: ids of negations. Rows that contain a negation are left out of the log odds.
        use: ids of words that often stand before a judging word.
        never: ids that never count as clear.
        rated: polarity that people gave to each word, int8 ``(vocabulary,)``: 1, -1, or 0 for unrated words.
    """
    odds, certainty, counts = _log_odds(part, poles, vocabulary, negators)
    degree, linking, subject = _shares_after(part, use, len(vocabulary))
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


def _log_odds(
    part: EncodedPart, poles: Poles, vocabulary: Sequence[str], negators: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return three values per word: log odds of positive to negative, log odds in standard errors, and count."""
    counts = np.zeros((2, len(vocabulary)))
    for _, block, labels in blocks(part):
        counted = ~np.isin(block, negators).any(axis=1)
        for i, label in enumerate(poles):
            counts[i] += np.bincount(block[counted & (labels == label)].ravel(), minlength=len(vocabulary))
    counts[:, [not word.isalpha() for word in vocabulary]] = 0
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    smooth = counts + _PRIOR * totals / totals.sum()
    odds = np.log(smooth[1] / totals[1]) - np.log(smooth[0] / totals[0])
    return odds, odds / np.sqrt((1 / smooth).sum(axis=0)), counts.sum(axis=0)


def _shares_after(part: EncodedPart, use: Use, vocabulary: int) -> np.ndarray:
    """Return the share of each word's occurrences that directly follow each group of ``use``, ``(3, vocabulary)``."""
    after, total = np.zeros((len(use), vocabulary)), np.zeros(vocabulary)
    member = np.zeros((len(use), vocabulary), bool)
    for i, ids in enumerate(use):
        member[i, ids] = True
    for _, block, _ in blocks(part):
        total += np.bincount(block.ravel(), minlength=vocabulary)
        for i in range(len(use)):
            after[i] += np.bincount(block[:, 1:][member[i, block[:, :-1]]], minlength=vocabulary)
    return after / np.maximum(total, 1.0)
