"""Apply the rules of :mod:`sentiment.text.normalisation` with Python's ``re``, for few texts.

The expressions are compiled once. A tweet takes a tenth of a millisecond, whereas Arrow takes 2 ms, because it compiles
its expressions at every call. Only rules of :data:`RULES` are accepted, because tests check that ``re`` with
``re.ASCII`` gives the same results for them as RE2. ``re`` backtracks, so its time may grow with the square of a text's
length, and only short texts are accepted.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache

from sentiment.text.normalisation import HASHTAG, HASHTAG_WORDS, LONG, RULES, WHITE_SPACE, Rule

LONGEST = 400  # characters; the worst text found of this length takes 4 ms, a tweet of words 0.1 ms
_white_space = re.compile(WHITE_SPACE)
_other_space = re.compile(WHITE_SPACE.replace("\x00-\x20", "\x00-\x1f"))
BEYOND_ASCII, SYMBOLS = "\x80", "\u2122"  # each stands for all characters from it on
RUN = "\x00"  # stands for a letter that comes three times in a row
_run = re.compile(r"([a-z])\1\1")
# Every match of a rule contains at least one of these characters. A rule is skipped where none of them occurs, which
# saves half of the time of a tweet. Tests check each rule's characters.
_EYES, _EMOJI, _DIGITS = ":=;", SYMBOLS, "0123456789"
_PUNCTUATION = '"#$%&()*+,-./:;=@[\\]^_`{|}~' + BEYOND_ASCII
SIGNS = {
    "ampersand": "&", "less_than": "&", "greater_than": "&", "apostrophe": "&`\\" + BEYOND_ASCII, "left_bracket": "&",
    "right_bracket": "&", "colon": "&", "at_sign": "&", "exclamation_entity": "&", "question_entity": "&",
    "heart_entity": "&", "letter_entity": "&", "other_entity": "&\\" + BEYOND_ASCII, "url": "/.", "mention": "@",
    "emoji_variant": BEYOND_ASCII, "less_than_number": "<", "heart": "<" + _EMOJI, "laugh": "x" + _EYES + _EMOJI,
    "smile": "^" + _EYES + _EMOJI, "sad": "<" + _EYES + _EMOJI, "neutral": "-:=" + _EMOJI, "top_stars": _EMOJI,
    "low_stars": _EMOJI, "emoji": _EMOJI, "date": "/",
    "rating_decimals": "/", "top_rating": _DIGITS, "middle_rating": _DIGITS, "low_rating": _DIGITS, "number": _DIGITS,
    "quotation": "'", "negation": "t", "clitic": "'", "exclamation": "!", "question": "?",
    "elongation_a_i": RUN, "elongation_j_r": RUN, "elongation_s_z": RUN, "elongated_token": LONG,
    "punctuation": _PUNCTUATION,
}  # fmt: skip
_hashtag = re.compile(HASHTAG.encode())
_hashtag_words = HASHTAG_WORDS.encode()


def to_lower_case(text: bytes) -> bytes:
    """Split hashtags such as #NotBad in ``text`` (UTF-8) before their capital letters, and return ASCII lower case."""
    return (_hashtag.sub(_hashtag_words, text) if b"#" in text else text).lower()


class CompiledRules:
    """Apply normalisation rules to few texts with Python's ``re``. All rules must be among :data:`RULES`."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._steps = [(rule.pattern, rule.replacement, frozenset(SIGNS.get(rule.name, ""))) for rule in rules]

    def tokens_of(self, texts: Sequence[bytes]) -> list[list[str]]:
        """Return the tokens of each of ``texts`` (UTF-8 in lower case), in their order.

        The tokens are those of :func:`sentiment.text.tokens.tokenise`. Each rule runs once over all texts, joined by
        line ends, which takes a third of the time of one run per text. White space in the texts first becomes spaces,
        and no match of a rule contains a line end, so line ends always separate the texts.
        """
        if not texts:
            return []
        decoded = [text.decode() for text in texts]
        if _other_space.search("".join(decoded)):
            decoded = [_white_space.sub(" ", text) for text in decoded]
        joined = " \n ".join(decoded)
        present = _characters_of(joined)
        for pattern, replacement, signs in self._steps:
            if not signs or not signs.isdisjoint(present):
                joined, count = _substitution(pattern)(replacement, joined)
                present = _characters_of(joined) if count else present
        return [row.split() for row in joined.split("\n")]


@cache
def _substitution(pattern: str) -> Callable[[str, str], tuple[str, int]]:
    """Return the method ``subn`` of the compiled pattern. A pattern is compiled only when a text first needs it."""
    return re.compile(pattern, re.ASCII).subn


def _characters_of(text: str) -> set[str]:
    """Return the characters of ``text`` and up to three marks. A rule whose matches need other characters is skipped.

    ``RUN`` marks three equal letters in a row, ``BEYOND_ASCII`` any character beyond ASCII, and ``SYMBOLS`` any
    character from the trade mark sign (U+2122) on.
    """
    present = set(text)
    if _run.search(text):
        present.add(RUN)
    if not text.isascii():
        highest = max(present)
        present.update(sign for sign in (BEYOND_ASCII, SYMBOLS) if highest >= sign)
    return present


def can_run(rules: Sequence[Rule]) -> bool:
    """Return whether ``rules`` give the same results in Python's ``re`` as in RE2, and treat all links and names alike.

    This is known of the rules in :data:`RULES`, of which others than ``url`` and ``mention`` may be left out.
    """
    return {rule for rule in RULES if rule.name in ("url", "mention")} <= set(rules) <= set(RULES)
