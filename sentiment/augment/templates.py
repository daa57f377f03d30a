"""Templates: patterns of English sentences that keep or reverse the polarity of a word of clear polarity.

A line of ``templates.tsv`` consists of words and of capital letters, which stand for parts of a stretch of a tweet. In
"the soup is so good today" these parts are:

    L  words before K ("the soup")              C  clear word ("good")
    K  linking word or subject ("is")           E  comparative of the clear word ("better")
    D  words of degree ("so")                   R  words after the clear word ("today")

In a template of two halves, X and Y have opposite polarity, and Y decides the polarity of the whole. The patterns
follow a grammar's chapter on negation (Huddleston and Pullum, 2002, chapter 9). Some only seem to negate ("nothing
but", "could not be better"), and some negate without a negative word ("far from", "used to").
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np

from sentiment.text.lexicon import UNKNOWN
from sentiment.text.mapped_lexicon import AnyLexicon

# Effect of a template: it reverses the polarity, keeps it, wishes for something good that is missing, or joins halves.
TURNED, STANDING, WISHED, JOINED = "turned", "standing", "wished", "joined"
# Place of the clear word: after a linking word, after a subject, or neither. Joined templates have halves instead.
LINKED, SUBJECT, BARE, HALVES = "linked", "subject", "bare", "halves"
_LETTERS = frozenset("LKDCERXY")

Template = tuple[int | str, ...]  # ids of words, and letters
Templates = Mapping[tuple[str, str], Sequence[Template]]  # (effect, place) -> templates


def known_templates(lexicon: AnyLexicon) -> Templates:
    """Return the templates whose words all have an id in ``lexicon``, by effect and place; a list may be empty."""
    found: dict[tuple[str, str], list[Template]] = {(JOINED, HALVES): []}
    found |= {(effect, place): [] for effect in (TURNED, STANDING, WISHED) for place in (LINKED, SUBJECT, BARE)}
    for effect, place, text in read_table("templates.tsv"):
        template = tuple(word if word in _LETTERS else lexicon.id_of(word) for word in text.split())
        if all(isinstance(part, str) or part > UNKNOWN for part in template):
            found[effect, place].append(template)
    return found


def words_of(templates: Templates) -> np.ndarray:
    """Return the ids of all words in ``templates``, int64, sorted."""
    lines = [template for some in templates.values() for template in some]
    return np.array(sorted({part for line in lines for part in line if isinstance(part, int)}), np.int64)


def read_table(name: str) -> list[tuple[str, ...]]:
    """Return the rows of a tab-separated file in this package, without its header. Quotes have no meaning in it."""
    text = files("sentiment.augment").joinpath(name).read_text(encoding="utf-8")
    return [tuple(line.split("\t")) for line in text.splitlines()[1:]]
