"""Choose words whose mean vector replaces the missing vector of a special token, an emoji or a compound.

A compound such as *worstserviceever* is cut into its most likely words (Norvig, 2009).
"""

import re
from collections.abc import Mapping, Sequence
from math import exp, inf, log

from sentiment.text.normalisation import EMOJI

# The mean vector of these words replaces that of a token missing in GloVe 6B. GloVe Twitter has most of the tokens.
STAND_INS = {
    "<user>": ("user",),
    "<url>": ("link", "website"),
    "<number>": ("number",),
    "<heart>": ("love", "heart"),
    "<lolface>": ("lol", "laugh"),
    "<smile>": ("smile", "happy"),
    "<sadface>": ("sad", "unhappy"),
    "<neutralface>": ("hmm", "whatever"),
    "<toprating>": ("excellent", "perfect", "amazing"),
    "<midrating>": ("average", "okay", "decent"),
    "<lowrating>": ("terrible", "awful", "worst"),
    "n't": ("not",),
    "'s": ("is",),
    "'m": ("am",),
    "'re": ("are",),
    "'ve": ("have",),
    "'ll": ("will",),
    "'d": ("would",),
    "i": ("me", "my"),
    "a": ("an", "the"),
    "u": ("you",),
}
_EMPTY_WORDS = frozenset(("a", "and", "face", "in", "of", "on", "or", "over", "the", "to", "with", "button", "flag"))
_LEAST, _MOST = 5, 40  # number of letters of a compound
_LONGEST = 20  # number of letters of its longest word
_SHORT_WORDS = """
a i am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we the and are bad big but can day
did eat eye far few for fun get god got had has her him his hot how ill joy kid lol man may mom new not now odd off
old omg one our out own pay red run sad say see she shy sky too top try two use war was way who why win wow wtf yes
yet you
"""
_KNOWN_SHORT = frozenset(_SHORT_WORDS.split())
# Compounds with these words are not cut: the mean of the vectors of "not" and "bad" is negative, but "notbad" is not.
_NEGATIONS = frozenset(("not", "no", "never", "none", "nothing", "dont", "cant", "wont", "isnt", "didnt", "doesnt"))
_FIRST_WORDS = """
love loving loved hate hating hated best worst bad good great awful terrible horrible poor amazing awesome epic major
total so very too happy sad angry proud excited bored tired annoyed disappointed blessed grateful thankful lucky the my
"""
_LAST_WORDS = """
this it that you them him her life mylife day night week morning monday mondays weekend work school travel flying
waiting summer winter ever service customerservice company airline phone app game movie book song show team friend
friends family food fail win news times feeling experience idea job people world happy sad angry tired excited proud
blessed much fun funny wrong rude slow late cool cute lame dumb stupid boring good bad great awful disappointed
"""
_RARE = 1e-4  # the probability of a word whose weight is 1/2
_WORD_COST = log(12)  # 12 is the sum of 1 / rank over the words of a large file; 1 / rank / 12 is a probability


def emoji_names() -> dict[str, tuple[str, ...]]:
    """Map each emoji that can be a token to the words in its Unicode short name (Eisner et al., 2016).

    Emoji sequences are left out, except flags, because the normalisation rules cut sequences into single emoji.
    """
    import emoji

    names = {}
    for sequence, facts in emoji.EMOJI_DATA.items():
        token = sequence.replace("\ufe0f", "")
        words = re.findall("[a-z]+", facts["en"].lower())
        if re.fullmatch(EMOJI, token) and token not in names:
            names[token] = tuple(word for word in words if word not in _EMPTY_WORDS) or tuple(words)
    return names


def split_compound(token: str, ranks: Mapping[str, int]) -> tuple[str, ...]:
    """Return the most likely words of a compound; empty for a single word, and for a compound with a negation.

    Args:
        token: the compound in lower case, for example "worstserviceever".
        ranks: a map from each known word to its rank by frequency, from 0. The probability of a word is taken as
            proportional to 1 / (rank + 1) (Zipf's law). A word of up to three letters must also be in a list of common
            words, because most short words of a GloVe file are abbreviations.
    """
    if not (_LEAST <= len(token) <= _MOST and token.isascii() and token.isalpha()):
        return ()
    best: list[tuple[float, int]] = [(0.0, 0)]  # cost of the first i letters, and where their last word begins
    for end in range(1, len(token) + 1):
        starts = range(max(0, end - _LONGEST), end)
        best.append(min((best[start][0] + _cost(token[start:end], ranks), start) for start in starts))
    words: list[str] = []
    end = len(token)
    while end and best[end][0] < inf:
        words.insert(0, token[best[end][1] : end])
        end = best[end][1]
    return tuple(words) if len(words) > 1 and _NEGATIONS.isdisjoint(words) else ()


def weights_of(words: Sequence[str], ranks: Mapping[str, int]) -> list[float]:
    """Return each word's weight in a mean vector, by its frequency rank: rare ones weigh more (Arora et al., 2017)."""
    return [_RARE / (_RARE + exp(-_cost(word, ranks))) for word in words]


def common_compounds() -> list[str]:
    """Return compounds that are common as opinion hashtags, in lower case, for example "worstserviceever"."""
    first, last = _FIRST_WORDS.split(), _LAST_WORDS.split()
    pairs = [one + other for one in first for other in last if one != other]
    return [*pairs, *(one + other + "ever" for one in ("best", "worst") for other in last if other != "ever")]


def _cost(word: str, ranks: Mapping[str, int]) -> float:
    """Return the negative log probability of ``word`` by Zipf's law, from its rank; infinite if it is unknown."""
    if word not in ranks or (len(word) <= 3 and word not in _KNOWN_SHORT):
        return inf
    return _WORD_COST + log(ranks[word] + 1)
