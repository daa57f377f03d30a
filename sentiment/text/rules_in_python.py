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
NEGATED = "\x01"  # stands for the ending of "don't", "dont" or "cannot"
FACE = "\x02"  # stands for the eyes of an emoticon beside its nose or mouth
MARKS = {
    RUN: re.compile(r"([a-z])\1\1"),
    NEGATED: re.compile("n(?:'?|no)t"),
    FACE: re.compile(r"[:=;](?:['o*()\[\]{}dp\\/|-]|(?<=['o*()\[\]{}-].))"),
}
# Every match of a rule contains at least one of these characters, or what a mark stands for. A rule is skipped where
# none of them occurs, which saves half of the time of a tweet. Tests check the characters and marks of each rule.
_EMOJI, _DIGITS = SYMBOLS, "0123456789"
_PUNCTUATION = '"#$%&()*+,-./:;=@[\\]^_`{|}~' + BEYOND_ASCII
SIGNS = {
    "ampersand": "&", "less_than": "&", "greater_than": "&", "apostrophe": "&`\\" + BEYOND_ASCII, "left_bracket": "&",
    "right_bracket": "&", "colon": "&", "at_sign": "&", "exclamation_entity": "&", "question_entity": "&",
    "heart_entity": "&", "letter_entity": "&", "other_entity": "&\\" + BEYOND_ASCII, "url": "/.", "mention": "@",
    "emoji_variant": BEYOND_ASCII, "less_than_number": "3", "heart": "3" + _EMOJI, "laugh": "x" + FACE + _EMOJI,
    "smile": "^" + FACE + _EMOJI, "sad": "3" + FACE + _EMOJI, "neutral": "-" + FACE + _EMOJI, "top_stars": _EMOJI,
    "low_stars": _EMOJI, "emoji": _EMOJI, "date": "/",
    "rating_decimals": "/", "top_rating": _DIGITS, "middle_rating": _DIGITS, "low_rating": _DIGITS, "number": _DIGITS,
    "quotation": "'", "negation": NEGATED, "clitic": "'", "exclamation": "!", "question": "?",
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
        # A replacement that begins with a space joins nothing, so it can make no sequence that a mark stands for.
        self._steps = [
            (rule.pattern, rule.replacement, frozenset(SIGNS.get(rule.name, "")), rule.replacement[:1] != " ")
            for rule in rules
        ]

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
        present = {*joined, *_marks_of(joined)}
        for pattern, replacement, signs, may_join in self._steps:
            if not signs or not signs.isdisjoint(present):
                joined, count = _substitution(pattern)(replacement, joined)
                if count:  # ``present`` keeps what is gone, so that a rule may run and find nothing
                    present.update(replacement, _marks_of(joined) if may_join else ())
        return [row.split() for row in joined.split("\n")]


@cache
def _substitution(pattern: str) -> Callable[[str, str], tuple[str, int]]:
    """Return the method ``subn`` of the compiled pattern. A pattern is compiled only when a text first needs it."""
    return re.compile(pattern, re.ASCII).subn


def _marks_of(text: str) -> list[str]:
    """Return marks of what ``text`` contains. A rule whose matches need other marks and characters is skipped.

    ``MARKS`` stand for sequences of characters, ``BEYOND_ASCII`` for any character beyond ASCII, and ``SYMBOLS`` for
    any character from the trade mark sign (U+2122) on.
    """
    marks = [mark for mark, pattern in MARKS.items() if pattern.search(text)]
    if not text.isascii():
        highest = max(text)
        marks += [sign for sign in (BEYOND_ASCII, SYMBOLS) if highest >= sign]
    return marks


def can_run(rules: Sequence[Rule]) -> bool:
    """Return whether ``rules`` give the same results in Python's ``re`` as in RE2, and treat all links and names alike.

    This is known of :data:`RULES` in their order, of which others than ``url`` and ``mention`` may be left out.
    """
    present = {*rules}
    return [rule for rule in RULES if rule in present or rule.name in ("url", "mention")] == [*rules]
