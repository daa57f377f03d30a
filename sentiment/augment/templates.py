"""Templates: patterns of English around a word of clear polarity, which keep its polarity or turn it.

A template (``templates.tsv``) is a line of words and of capital letters. The letters stand for parts of a stretch of a
tweet: K is the linking word or the subject before the clear word, L is what is left of it, D are words of degree, C is
the clear word, E its comparative, R is what is right of it. In "the soup is so good today" these are "is", "the soup",
"so", "good", "better" and "today". In a template of two halves, X has one polarity, and Y has the other one, which is
that of the whole. The patterns are those that a grammar lists under negation (Huddleston and Pullum, 2002, chapter 9):
negative verbs, adverbs, determiners and pronouns, words that deny without one ("far from", "used to"), and what only
looks like a negation ("nothing but", "could not be better").
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np

from sentiment.text.lexicon import UNKNOWN
from sentiment.text.mapped_lexicon import AnyLexicon

# What a template does: it turns the polarity, keeps it, wishes for a positive that is missing, or joins two halves.
TURNED, STANDING, WISHED, JOINED = "turned", "standing", "wished", "joined"
# What stands before the clear word: a linking word, a subject, or nothing of the kind. Joined templates have halves.
LINKED, SUBJECT, BARE, HALVES = "linked", "subject", "bare", "halves"
_LETTERS = frozenset("LKDCERXY")

Template = tuple[int | str, ...]  # ids of words, and letters
Templates = Mapping[tuple[str, str], Sequence[Template]]  # effect and what stands before -> templates


def known_templates(lexicon: AnyLexicon) -> Templates:
    """Return the templates whose words all have an id in ``lexicon``; a key may have none."""
    found: dict[tuple[str, str], list[Template]] = {(JOINED, HALVES): []}
    found |= {(effect, place): [] for effect in (TURNED, STANDING, WISHED) for place in (LINKED, SUBJECT, BARE)}
    for effect, place, text in read_table("templates.tsv"):
        template = tuple(word if word in _LETTERS else lexicon.id_of(word) for word in text.split())
        if all(isinstance(part, str) or part > UNKNOWN for part in template):
            found[effect, place].append(template)
    return found


def words_of(templates: Templates) -> np.ndarray:
    """Return the ids of the words in ``templates``, int64, sorted."""
    lines = [template for some in templates.values() for template in some]
    return np.array(sorted({part for line in lines for part in line if isinstance(part, int)}), np.int64)


def read_table(name: str) -> list[tuple[str, ...]]:
    """Return the rows of a tab-separated file beside this module, without its header; it has no quotes."""
    text = files("sentiment.augment").joinpath(name).read_text(encoding="utf-8")
    return [tuple(line.split("\t")) for line in text.splitlines()[1:]]
