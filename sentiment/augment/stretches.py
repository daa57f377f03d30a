"""Stretches: some words of a training tweet around a word of clear polarity, in the parts that templates name."""

from typing import NamedTuple

import numpy as np

from sentiment.augment.polarity import Polarity, Poles, Use, blocks, polarity
from sentiment.augment.templates import BARE, LINKED, SUBJECT, Templates
from sentiment.data.encoded import EncodedPart
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.text.mapped_lexicon import AnyLexicon


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEGATORS = _words("not n't never no nothing nobody none neither nor without hardly cannot cant dont")
_LINKING = _words(
    "is was are were am 's 'm 're be been feel feels felt look looks looked seem seems sounds sound taste tastes im its"
    " will would can could should get gets"
)
_DEGREE = _words("so very really such just too pretty still all a an the quite that")
_GRADING = _words("so very really too such pretty how quite extremely super most more as totally")
_SUBJECTS = _words("i you we they he she it who really totally people everyone to always just still ppl would will")
_AROUND = 3  # most tokens on each side


class Stretch(NamedTuple):
    """Part of a training row, as ids.

    Attributes:
        place: what stands before the clear word: ``linked``, ``subject`` or ``bare``.
        left: tokens before ``link``.
        link: the linking word or the subject; empty where the place is bare.
        degree: words of degree.
        clear: the clear word.
        right: tokens after it.
    """

    place: str
    left: list[int]
    link: list[int]
    degree: list[int]
    clear: list[int]
    right: list[int]

    @property
    def ids(self) -> list[int]:
        """Return all ids in their order."""
        return [*self.left, *self.link, *self.degree, *self.clear, *self.right]


class Stretches:
    """The stretches of a training part, drawn at random.

    Args:
        part: training rows.
        lexicon: what their ids mean.
        poles: the two classes that turn into one another; rows of other classes are never taken.
        templates: their words are never clear.
        rated: signs that people gave to words, int8 ``(vocabulary,)``; 0 where nobody rated.
        random: source of the choice.
    """

    def __init__(
        self,
        part: EncodedPart,
        lexicon: AnyLexicon,
        poles: Poles,
        templates: Templates,
        rated: np.ndarray,
        random: np.random.Generator,
    ) -> None:
        self._part, self._random = part, random
        words = lexicon.vocabulary
        self._negators, linking, degree, grading, subjects = (
            np.array([i for i, word in enumerate(words) if word in members], np.int64)
            for members in (_NEGATORS, _LINKING, _DEGREE, _GRADING, _SUBJECTS)
        )
        self._linking, self._degree, self._subjects = {*linking.tolist()}, {*degree.tolist()}, {*subjects.tolist()}
        use = Use(grading, linking, subjects)
        never = np.concatenate([templates.words, self._negators, *use, degree])
        self.polarity: Polarity = polarity(part, poles, words, self._negators, use, never, rated)
        self._rows = {sign: self._find(sign, poles) for sign in (-1, 0, 1)}

    def has(self, sign: int) -> bool:
        """Return whether there is a row of ``sign``; 0: one that leans to no side."""
        return bool(len(self._rows[sign]))

    def draw(self, sign: int) -> Stretch:
        """Return a stretch around a clear word of ``sign``, or around any word of a row that leans to no side (0)."""
        rows = self._rows[sign]
        row = np.asarray(self._part.ids[rows[self._random.integers(len(rows))]])
        ids = row[row != PADDING].tolist()
        places = np.flatnonzero(self.polarity.clear[ids]) if sign else range(len(ids))
        return self._cut(ids, int(places[self._random.integers(len(places))]))

    def _find(self, sign: int, poles: Poles) -> np.ndarray:
        """Return the rows without negation whose clear words all have ``sign``, which is that of the label."""
        found = [np.zeros(0, np.int64)]
        for start, block, labels in blocks(self._part):
            leaning = self.polarity.leaning[block]
            good = ~np.isin(block, self._negators).any(axis=1) & (block > UNKNOWN).any(axis=1)
            good &= (self.polarity.clear[block] == sign).any(axis=1)
            good &= (leaning == sign).all(axis=1) if sign == 0 else (leaning != -sign).all(axis=1)
            good &= np.isin(labels, poles) if sign == 0 else labels == poles.label(sign)
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
