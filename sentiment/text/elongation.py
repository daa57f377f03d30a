"""Words with a letter repeated three times or more ("haaaappy", "sooo"): the word that is most likely meant.

The rules make each such run one letter and put :data:`LONG` before the token: "haaaappy" becomes "ːhappy", and
"happpy" becomes "ːhapy". The lexicon has an entry "ːhapy" for words with double letters. Any other token with the mark
is looked up without it.
"""

import re
from collections.abc import Iterable
from itertools import combinations

from sentiment.text.normalisation import LONG

_DOUBLE = re.compile(r"([a-z])\1")
_MOST_DOUBLES = 3  # of a word; it has eight shorter forms


def intended_words(words: Iterable[str]) -> dict[str, str]:
    """Return the word that each marked token means.

    Args:
        words: known words, the most likely ones first.

    Returns:
        Token with the mark -> word, for every token that can come from one of ``words``.
    """
    meant: dict[str, str] = {}
    for word in words:
        for form in _with_single_letters(word):
            meant.setdefault(LONG + form, word)
    return meant


def _with_single_letters(word: str) -> list[str]:
    """Return the forms of ``word`` in which none, some or all of its double letters are single."""
    doubles = [match.start() for match in _DOUBLE.finditer(word)][:_MOST_DOUBLES]
    chosen = (some for size in range(len(doubles) + 1) for some in combinations(doubles, size))
    return ["".join(letter for i, letter in enumerate(word) if i not in some) for some in chosen]
