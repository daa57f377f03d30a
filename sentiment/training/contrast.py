"""Contrastive rows: what "not" and "but" do to a word of clear polarity, shown on the training tweets themselves.

Tweets seldom say "not bad", so a network that learns from them alone takes every "not" for a bad sign. Here stretches
of training tweets around a clear word are negated by rule and get the other label, as people edited reviews by hand for
"counterfactually augmented data" (Kaushik, Hovy and Lipton, 2020); others stay as they are, so that being short means
nothing; and two of opposite sign are joined by "but", after which the second counts (the rule of Hu et al., 2016).
Which words are clear is learnt from the same rows, by log odds with a prior (Monroe, Colaresi and Quinn, 2008).
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.text.mapped_lexicon import AnyLexicon


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEGATORS = _words("not n't never no nothing nobody none neither nor without hardly cannot cant dont")
# A negation goes behind these (and in front of degree words) ...
_LINKING = _words(
    "is was are were am 's 'm 're be been feel feels felt look looks looked seem seems sounds sound taste tastes im its"
) | _words("will would can could should get gets")
_DEGREE = _words("so very really such just too pretty still all a an the quite that")
# ... and in front of a word that follows these.
_SUBJECTS = _words("i you we they he she it who really totally people everyone")
_BEHIND_LINKING = ("not", "n't", "never")
_BEHIND_SUBJECTS = ("do n't", "do not", "did n't", "never")
# "It is good" -> "it could not be more good": nothing is better. These replace what links; "less" turns the label.
_UNSURPASSED = ("could n't be", "never been", "could n't feel", "never felt")
_IRREGULAR = {"good": "better", "well": "better", "bad": "worse"}
_ELSEWHERE = ("no", "not", "nothing", "without", "less")

_LEAST_COUNT, _LEAST_LOG_ODDS, _LEAST_Z, _PRIOR = 20, 0.7, 4.0, 50.0
_AROUND = 3  # tokens to each side of the clear word
_KEPT, _JOINED, _COMPARED = 0.25, 0.1, 0.1  # shares of the new rows that are not negated
_ROWS_PER_BLOCK = 65_536


class Poles(NamedTuple):
    """Indices of the classes that mean negative and positive."""

    negative: int
    positive: int


class Stretch(NamedTuple):
    """Part of a training row, and where in it the clear word stands."""

    ids: list[int]
    clear: int


def with_contrasts(
    part: EncodedPart, lexicon: AnyLexicon, poles: Poles, share: float, seed: int, padding: str = "post"
) -> EncodedPart:
    """``part`` with about ``share`` times as many rows again behind its own.

    Args:
        part: training rows.
        lexicon: what their ids mean.
        poles: classes that turn into one another; rows of others are never taken.
        share: new rows for each row; there are fewer where few tweets have a clear word.
        seed: of the choice of rows and rules.
        padding: side of the zeros in ``part.ids``.
    """
    maker = _Maker(part, lexicon, poles, np.random.default_rng([seed, lexicon.size]))
    rows = list(maker.rows(round(share * len(part.labels))))
    if not rows:
        return part
    width = part.ids.shape[1]
    ids = np.full((len(rows), width), PADDING, part.ids.dtype)
    for target, (row, _) in zip(ids, rows, strict=True):
        cut = row[:width]
        target[slice(len(cut)) if padding == "post" else slice(width - len(cut), width)] = cut
    labels = np.array([label for _, label in rows], part.labels.dtype)
    weights = None if part.weights is None else np.concatenate([part.weights, np.ones(len(rows), np.float32)])
    return EncodedPart(np.concatenate([part.ids, ids]), np.concatenate([part.labels, labels]), weights)


def clear_words(part: EncodedPart, poles: Poles, vocabulary: Sequence[str], negators: np.ndarray) -> np.ndarray:
    """Polarity of each id, int8 ``(len(vocabulary),)``: 1 and -1 where it is clear, else 0.

    A word is clear if its log odds between the classes, pulled to those of all words by a prior, are large and certain,
    counted over rows without one of the ids ``negators``.
    """
    counts = np.zeros((2, len(vocabulary)))
    for i, label in enumerate(poles):
        for block in _blocks(part, label):
            block = block[~np.isin(block, negators).any(axis=1)]
            counts[i] += np.bincount(block.ravel(), minlength=len(vocabulary))
    counts[:, [not word.isalpha() for word in vocabulary]] = 0
    counts[:, negators] = 0
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    smooth = counts + _PRIOR * totals / totals.sum()
    odds = np.log(smooth[1] / totals[1]) - np.log(smooth[0] / totals[0])
    certain = np.abs(odds) / np.sqrt((1 / smooth).sum(axis=0)) > _LEAST_Z
    clear = certain & (np.abs(odds) >= _LEAST_LOG_ODDS) & (counts.sum(axis=0) >= _LEAST_COUNT)
    return np.where(clear, np.sign(odds), 0).astype(np.int8)


class _Maker:
    """Makes rows of ids, each with its label, out of the stretches of ``part``."""

    def __init__(self, part: EncodedPart, lexicon: AnyLexicon, poles: Poles, random: np.random.Generator) -> None:
        self.part, self.lexicon, self.poles, self.random = part, lexicon, poles, random
        self.words = lexicon.vocabulary
        self.negators = np.array([i for i, word in enumerate(self.words) if word in _NEGATORS], np.int64)
        self.signs = clear_words(part, poles, self.words, self.negators)

    def rows(self, count: int) -> Iterator[tuple[list[int], int]]:
        """About ``count`` rows, as many of either label."""
        found = [self._stretches(label, sign, count) for label, sign in zip(self.poles, (-1, 1), strict=True)]
        kept, joined, compared = (round(count * share / 2) for share in (_KEPT, _JOINED, _COMPARED))
        negated = count // 2 - kept - joined - compared
        for here, label in enumerate(self.poles):
            other = self.poles[1 - here]
            new = filter(None, map(self._negated, found[here]))
            yield from ((row, other) for row, _ in zip(new, range(negated), strict=False))
            yield from ((stretch.ids, label) for stretch in found[here][:kept])
            both = (self._compared(stretch, label, other) for stretch in reversed(found[here]))
            yield from (row for row, _ in zip(chain.from_iterable(both), range(compared), strict=False))
            for first, second in zip(found[1 - here][:joined], reversed(found[here]), strict=False):
                yield [*first.ids, *self._ids("but"), *second.ids], label

    def _stretches(self, label: int, sign: int, most: int) -> list[Stretch]:
        """Around the last clear word of rows whose clear words all agree with their ``label``; in random order."""
        found = []
        for block in _blocks(self.part, label):
            signs = self.signs[block]
            agree = (signs == sign).any(axis=1) & (signs != -sign).all(axis=1)
            agree &= ~np.isin(block, self.negators).any(axis=1)
            found.append(block[agree])
        rows = np.concatenate(found) if found else np.zeros((0, 1), np.int64)
        return [self._stretch(row) for row in rows[self.random.permutation(len(rows))[:most]]]

    def _stretch(self, row: np.ndarray) -> Stretch:
        ids = row[row != PADDING].tolist()
        clear = int(np.flatnonzero(self.signs[ids])[-1])
        start = max(0, clear - _AROUND)
        return Stretch(ids[start : clear + _AROUND + 1], clear - start)

    def _negated(self, stretch: Stretch) -> list[int] | None:
        """``stretch`` with a negation where English has it; elsewhere mostly nothing, sometimes one in front."""
        ids, clear = stretch
        front = self._front(stretch)
        if front and self.words[ids[front - 1]] in _LINKING:
            return self._put(_BEHIND_LINKING, ids, front)
        if clear and self.words[ids[clear - 1]] in _SUBJECTS:
            return self._put(_BEHIND_SUBJECTS, ids, clear)
        return self._put(_ELSEWHERE, ids, front) if self.random.random() < 0.4 else None

    def _compared(self, stretch: Stretch, same: int, other: int) -> list[tuple[list[int], int]]:
        """``stretch`` as what nothing is more, and nothing less, if it says that something is so; else nothing."""
        ids, clear = stretch
        linking = self._front(stretch) - 1
        if linking < 0 or self.words[ids[linking]] not in _LINKING:
            return []
        words = _UNSURPASSED[int(self.random.integers(len(_UNSURPASSED)))]
        if not all(map(self._ids, (*words.split()[:2], "more", "less"))):
            return []
        front = [*ids[:linking], *self._ids(words)]
        more = self._comparative(ids[clear]) or [*self._ids("more"), ids[clear]]
        rest = ids[clear + 1 :]
        return [([*front, *more, *rest], same), ([*front, *self._ids("less"), ids[clear], *rest], other)]

    def _comparative(self, clear: int) -> list[int]:
        """Such as "nicer" of "nice", where the lexicon tells the two apart: not by their lemmas."""
        word = self.words[clear]
        forms = (_IRREGULAR.get(word, f"{word}er"), f"{word}r", f"{word[:-1]}ier" if word.endswith("y") else "")
        return next((ids for form in forms if (ids := self._ids(form)) and ids != [clear]), [])

    def _front(self, stretch: Stretch) -> int:
        """Where the words of degree in front of the clear word begin."""
        front = stretch.clear
        while front and self.words[stretch.ids[front - 1]] in _DEGREE:
            front -= 1
        return front

    def _put(self, choices: Sequence[str], ids: list[int], position: int) -> list[int] | None:
        known = [words for words in choices if self._ids(words.split()[-1])]  # the negation itself
        if not known:
            return None
        words = known[int(self.random.integers(len(known)))]
        return [*ids[:position], *self._ids(words), *ids[position:]]

    def _ids(self, words: str) -> list[int]:
        """Of those that have one: "do" may be a stop word that is dropped everywhere."""
        return [i for i in map(self.lexicon.id_of, words.split()) if i > UNKNOWN]


def _blocks(part: EncodedPart, label: int) -> Iterator[np.ndarray]:
    """Rows of ``label``, int64 ``(rows, max_tokens)``, some at a time."""
    for start in range(0, len(part.labels), _ROWS_PER_BLOCK):
        block = slice(start, start + _ROWS_PER_BLOCK)
        yield np.asarray(part.ids[block])[part.labels[block] == label].astype(np.int64)
