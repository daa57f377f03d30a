"""Templates: patterns of English around a word of clear polarity, which keep its polarity or turn it.

A template (``templates.tsv``) is a line of words and of capital letters. The letters stand for parts of a stretch of a
tweet: K is the linking word or the subject before the clear word, L is what is left of it, D are words of degree, C is
the clear word, E its comparative, R is what is right of it. In "the soup is so good today" these are "is", "the soup",
"so", "good", "better" and "today". In a template of two halves, X has one polarity, and Y has the other one, which is
that of the whole. The patterns are those that a grammar lists under negation (Huddleston and Pullum, 2002, chapter 9):
negative verbs, adverbs, determiners and pronouns, words that deny without one ("far from", "used to"), and what only
looks like a negation ("nothing but", "could not be better").
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sentiment.augment.tables import read_table
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.text.mapped_lexicon import AnyLexicon

# What stands before the clear word: a linking word, a subject, or nothing of the kind.
LINKED, SUBJECT, BARE = "linked", "subject", "bare"
# What a template does: it turns the polarity, keeps it, wishes for a positive that is missing, or joins two halves.
TURNED, STANDING, WISHED, JOINED = "turned", "standing", "wished", "joined"
_LETTERS = frozenset("LKDCERXY")
# A text treatment may drop these words, and the template still means the same. Without another word it is left out.
_SPARED = frozenset(
    [
        *("i", "a", "an", "the", "it", "is", "am", "was", "be", "do", "ca", "would", "could"),
        *("to", "of", "from", "at", "about", "by", "in", "and", "that", "how", "who", "what", "there", "much"),
    ]
)

Template = tuple[int | str, ...]  # ids of words, and letters


class Templates(NamedTuple):
    """The templates that a lexicon can say.

    Attributes:
        by_effect: effect -> what stands before the clear word -> templates.
        joined: templates of two halves.
    """

    by_effect: Mapping[str, Mapping[str, Sequence[Template]]]
    joined: Sequence[Template]

    @property
    def words(self) -> np.ndarray:
        """Ids of the words in all templates, int64."""
        ids = {part for template in self._all() for part in template if isinstance(part, int)}
        return np.array(sorted(ids), np.int64)

    def _all(self) -> Iterator[Template]:
        yield from self.joined
        for by_place in self.by_effect.values():
            for templates in by_place.values():
                yield from templates


def known_templates(lexicon: AnyLexicon) -> Templates:
    """Return the templates whose words all have an id in ``lexicon``, or may be left out."""
    by_effect: dict[str, dict[str, list[Template]]] = {
        effect: {place: [] for place in (LINKED, SUBJECT, BARE)} for effect in (TURNED, STANDING, WISHED)
    }
    joined: list[Template] = []
    for effect, place, text in read_table("templates.tsv"):
        template = tuple(word if word in _LETTERS else _id(word, lexicon) for word in text.split())
        if UNKNOWN not in template:
            into = joined if effect == JOINED else by_effect[effect][place]
            into.append(tuple(part for part in template if part != PADDING))
    return Templates(by_effect, joined)


def _id(word: str, lexicon: AnyLexicon) -> int:
    found = lexicon.id_of(word)
    return UNKNOWN if found == PADDING and word not in _SPARED else found
