"""Contrast rows: training tweets with "not" or "but" inserted, which teach the network how these words work.

Tweets seldom say "not bad". A network trained on tweets alone therefore treats every "not", and most short plain
sentences, as negative. This module takes short excerpts of training tweets, called stretches. Most are around a word of
clear polarity, the clear word, such as "bad". Stretches are put into templates that reverse the polarity ("not ...") or
only seem to do so ("nothing but ..."). People have edited reviews in the same way by hand ("counterfactually augmented
data": Kaushik, Hovy and Lipton, 2020).

Other stretches stay unchanged or get another clear word, so that neither length nor topic predicts the label. Words
such as "but" join two stretches of opposite polarity, one of which decides the label (Hu et al., 2016). Stretches
without polarity get both labels equally often, so that a template alone does not predict the label.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from sentiment.augment.clear_words import Stretch, Stretches
from sentiment.augment.general_english import HALVES, JOINED, STANDING, TURNED, WISHED, Template, Templates
from sentiment.text.lexicon import UNKNOWN, Lexicon

_IN_TEMPLATE = 0.6  # share of the unclear rows that are put into a template
_BOTH = (-1, 1)
_IRREGULAR = {"good": "better", "well": "better", "bad": "worse"}

Row = tuple[list[int], int]  # ids and label
SignedRow = tuple[list[int], int]  # ids and polarity


class ContrastRows:
    """Makes contrast rows: short excerpts of training tweets, most of them in a template such as "not ..."."""

    def __init__(
        self, stretches: Stretches, templates: Templates, lexicon: Lexicon, random: np.random.Generator
    ) -> None:
        self._stretches, self._templates, self._lexicon, self._random = stretches, templates, lexicon, random

    def make(self, count: int) -> Iterator[Row]:
        """Yield about ``count`` rows, nearly half of them positive; none if one class has no word of clear polarity."""
        if not (self._stretches.has(1) and self._stretches.has(-1)):
            return
        # The share of the rows that a rule makes, and the signs that it starts from, equally often.
        rules: list[tuple[float, tuple[int, ...], Callable[[int], SignedRow]]] = [
            (0.11, _BOTH, lambda sign: (self._stretches.draw(sign).ids, sign)),
            (0.11, _BOTH, self._swapped),
            (0.29, (-1, -1, 1), lambda sign: (self._templated(TURNED, sign), -sign)),  # tweets have "not good" already
            (0.22, _BOTH, lambda sign: (self._templated(STANDING, sign), sign)),
            (0.03, (1,), lambda sign: (self._templated(WISHED, sign), -sign)),
            (0.09, _BOTH, self._joined),
            (0.15, _BOTH, self._unclear),
        ]
        for share, signs, maker in rules:
            made = (maker(sign) for _ in range(round(count * share / len(signs))) for sign in signs)
            yield from ((ids, self._stretches.poles.label(sign)) for ids, sign in made if ids)

    def _swapped(self, sign: int) -> SignedRow:
        """Return an excerpt of polarity ``sign`` with a clear word of opposite polarity put in, and ``-sign``.

        If one of the two words is a verb and the other is not, return the unchanged excerpt around the new word.
        """
        stretch, other = self._stretches.draw(sign), self._stretches.draw(-sign)
        verbs = self._stretches.polarity.verbs
        same = verbs[stretch.clear[0]] == verbs[other.clear[0]]
        return (stretch._replace(clear=other.clear) if same else other).ids, -sign

    def _joined(self, sign: int) -> SignedRow:
        """Join two excerpts of opposite polarity by a template such as "X but Y", in which polarity ``sign`` wins."""
        parts = {"X": self._stretches.draw(-sign).ids, "Y": self._stretches.draw(sign).ids}
        templates = self._templates[JOINED, HALVES]
        return _filled(self._one_of(templates), parts) if templates else [], sign

    def _unclear(self, sign: int) -> SignedRow:
        """Return an excerpt without polarity, mostly in a template, and ``sign`` as its label."""
        if not self._stretches.has(0):
            return [], sign
        if self._random.random() < _IN_TEMPLATE:
            return self._templated(self._one_of((TURNED, TURNED, STANDING)), 0), sign
        return self._stretches.draw(0).ids, sign

    def _templated(self, effect: str, sign: int) -> list[int]:
        """Return an excerpt of polarity ``sign`` in a template of ``effect``, such as ``turned``; empty without one."""
        stretch = self._stretches.draw(sign)
        templates = self._templates[effect, stretch.place]
        parts = {"L": stretch.left, "K": stretch.link, "D": stretch.degree, "C": stretch.clear, "R": stretch.right}
        return _filled(self._one_of(templates), parts | {"E": self._comparative(stretch)}) if templates else []

    def _comparative(self, stretch: Stretch) -> list[int]:
        """Return the comparative of the clear word: "nicer" if the lexicon has this word, else "more nice"."""
        clear = stretch.clear[0]
        word = self._lexicon.vocabulary[clear]
        forms = (_IRREGULAR.get(word, f"{word}er"), f"{word}r", f"{word[:-1]}ier" if word.endswith("y") else "")
        known = [i for i in map(self._lexicon.id_of, forms) if i > UNKNOWN and i != clear]
        more = self._lexicon.id_of("more")
        return known[:1] or [*([more] if more > UNKNOWN else []), clear]

    def _one_of(self, choices: Any) -> Any:
        return choices[self._random.integers(len(choices))]


def _filled(template: Template, parts: Mapping[str, list[int]]) -> list[int]:
    return [i for part in template for i in (parts[part] if isinstance(part, str) else [part])]
