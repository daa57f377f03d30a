"""Contrast rows: what "not" and "but" do to a word of clear polarity, shown on the training tweets themselves.

Tweets seldom say "not bad". A network that learns from them alone therefore takes every "not" for a bad sign, and most
short plain sentences for negative. Here stretches of training tweets around a clear word are put into templates that
turn their polarity or only seem to, as people edited reviews by hand for "counterfactually augmented data" (Kaushik,
Hovy and Lipton, 2020). Other stretches stay as they are, or get another clear word, so that neither length nor topic
says anything. Two stretches of opposite polarity are joined, and one of them decides ("but": Hu et al., 2016).
Stretches without a clear word get either label equally often, so that a template alone says nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sentiment.augment.polarity import Poles
from sentiment.augment.stretches import Stretch, Stretches
from sentiment.augment.templates import STANDING, TURNED, WISHED, Template, Templates
from sentiment.text.lexicon import UNKNOWN
from sentiment.text.mapped_lexicon import AnyLexicon

# Share of the rows that each rule makes.
_SHARES = {
    "kept": 0.11,
    "swapped": 0.11,
    "turned": 0.29,
    "standing": 0.22,
    "wished": 0.03,
    "joined": 0.09,
    "unclear": 0.15,
}
_IN_TEMPLATE = 0.6  # share of the unclear rows that are put into a template
# Signs that each rule starts from; both, equally often, where none are given. Tweets say "not good" themselves.
_SIGNS = {"turned": (-1, -1, 1), "wished": (1,)}
_IRREGULAR = {"good": "better", "well": "better", "bad": "worse"}

Row = tuple[list[int], int]  # ids and label


class ContrastRows:
    """Rows made of ``stretches`` by the rules above.

    Args:
        stretches: of the training rows.
        templates: those that the lexicon can say.
        lexicon: what the ids mean.
        poles: the classes of the rows.
        random: source of the choice.
    """

    def __init__(
        self,
        stretches: Stretches,
        templates: Templates,
        lexicon: AnyLexicon,
        poles: Poles,
        random: np.random.Generator,
    ) -> None:
        self._stretches, self._templates, self._lexicon = stretches, templates, lexicon
        self._poles, self._random, self._words = poles, random, lexicon.vocabulary

    def make(self, count: int) -> Iterator[Row]:
        """Yield about ``count`` rows, nearly as many of either label; none where one polarity has no clear word."""
        if not (self._stretches.has(1) and self._stretches.has(-1)):
            return
        for rule, share in _SHARES.items():
            make: Callable[[int], Row | None] = getattr(self, f"_{rule}")
            signs = _SIGNS.get(rule, (-1, 1))
            made = (make(sign) for _ in range(round(count * share / len(signs))) for sign in signs)
            yield from (row for row in made if row and row[0])

    def _kept(self, sign: int) -> Row:
        return self._stretches.draw(sign).ids, self._poles.label(sign)

    def _swapped(self, sign: int) -> Row:
        """Return a stretch with a clear word of the other sign, if both words are verbs or neither is one."""
        stretch, other = self._stretches.draw(sign), self._stretches.draw(-sign)
        verbs = self._stretches.polarity.verbs
        same = verbs[stretch.clear[0]] == verbs[other.clear[0]]
        return (stretch._replace(clear=other.clear) if same else other).ids, self._poles.label(-sign)

    def _turned(self, sign: int) -> Row | None:
        return self._templated(TURNED, sign, -sign)

    def _standing(self, sign: int) -> Row | None:
        return self._templated(STANDING, sign, sign)

    def _wished(self, sign: int) -> Row | None:
        return self._templated(WISHED, sign, -sign)

    def _templated(self, effect: str, sign: int, becomes: int) -> Row | None:
        stretch = self._stretches.draw(sign)
        known = self._templates.by_effect[effect][stretch.place]
        return (self._filled(self._one_of(known), stretch), self._poles.label(becomes)) if known else None

    def _joined(self, sign: int) -> Row | None:
        if not self._templates.joined:
            return None
        halves = {"X": self._stretches.draw(-sign).ids, "Y": self._stretches.draw(sign).ids}
        template = self._one_of(self._templates.joined)
        ids = [i for part in template for i in (halves[part] if isinstance(part, str) else [part])]
        return ids, self._poles.label(sign)

    def _unclear(self, sign: int) -> Row | None:
        """Return a stretch that leans to no side with the label of ``sign``, mostly in a template."""
        if not self._stretches.has(0):
            return None
        stretch = self._stretches.draw(0)
        templates = self._templates.by_effect[self._one_of((TURNED, TURNED, STANDING))][stretch.place]
        templated = templates and self._random.random() < _IN_TEMPLATE
        ids = self._filled(self._one_of(templates), stretch) if templated else stretch.ids
        return ids, self._poles.label(sign)

    def _filled(self, template: Template, stretch: Stretch) -> list[int]:
        parts = {"L": stretch.left, "K": stretch.link, "D": stretch.degree, "C": stretch.clear, "R": stretch.right}
        if "E" in template:
            parts["E"] = self._comparative(stretch.clear[0])
        return [i for part in template for i in (parts[part] if isinstance(part, str) else [part])]

    def _comparative(self, clear: int) -> list[int]:
        """Return the comparative, for example "nicer" of "nice", if the lexicon tells both apart; else "more nice"."""
        word = self._words[clear]
        forms = (_IRREGULAR.get(word, f"{word}er"), f"{word}r", f"{word[:-1]}ier" if word.endswith("y") else "")
        known = [i for i in map(self._lexicon.id_of, forms) if i > UNKNOWN and i != clear]
        more = self._lexicon.id_of("more")
        return known[:1] or [*([more] if more > UNKNOWN else []), clear]

    def _one_of(self, choices: Any) -> Any:
        return choices[self._random.integers(len(choices))]
