"""Words whose vectors stand for a token that has none: for special tokens, emoji and words written together.

Of *#worstserviceever* these are the words that are most likely meant (Norvig, 2009).
"""

import re
from collections.abc import Mapping, Sequence
from math import exp, inf, log

from sentiment.text.normalisation import EMOJI

# Words whose mean stands for a token that GloVe 6B lacks. GloVe Twitter has most of these tokens itself.
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
_LEAST, _MOST = 5, 40  # letters of a token that is cut
_LONGEST = 20  # letters of a word
_SHORT_WORDS = """
a i am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we the and are bad big but can day
did eat eye far few for fun get god got had has her him his hot how ill joy kid lol man may mom new not now odd off
old omg one our out own pay red run sad say see she shy sky too top try two use war was way who why win wow wtf yes
yet you
"""
_KNOWN_SHORT = frozenset(_SHORT_WORDS.split())
# A mean of vectors says the opposite of "notbad".
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
_RARE = 1e-4  # the probability of a word that counts half
_WORD_COST = log(12)  # the sum of 1 / rank over the words of a large file, which makes 1 / rank a probability


def emoji_names() -> dict[str, tuple[str, ...]]:
    """Return each emoji that can be a token of a tweet, and the words of its Unicode short name (Eisner et al., 2016).

    Sequences have no entry, because the rules cut them into their parts; only flags stay whole.
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
    """Return the words that ``token`` is most likely written together from, or none for a single or negated word.

    Args:
        token: in lower case.
        ranks: known word -> place in a list that begins with the most frequent word. A word with ``n`` words before it
            counts as ``n`` times less likely than the first (Zipf's law). Of words with up to three letters, only
            some common ones count, since short tokens of such lists are mostly abbreviations.
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
    """Return the weight of each of ``words`` in their mean: frequent words count less (Arora et al., 2017, *SIF*)."""
    return [_RARE / (_RARE + exp(-_cost(word, ranks))) for word in words]


def common_compounds() -> list[str]:
    """Return hashtags of opinions in lower case ("lovethis", "worstserviceever"), which need not occur in training."""
    first, last = _FIRST_WORDS.split(), _LAST_WORDS.split()
    pairs = [one + other for one in first for other in last if one != other]
    return [*pairs, *(one + other + "ever" for one in ("best", "worst") for other in last if other != "ever")]


def _cost(word: str, ranks: Mapping[str, int]) -> float:
    """Return minus the logarithm of the probability of ``word``."""
    if word not in ranks or (len(word) <= 3 and word not in _KNOWN_SHORT):
        return inf
    return _WORD_COST + log(ranks[word] + 1)
