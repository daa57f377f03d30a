"""Emoji as words: each gets a vector from the words of its Unicode short name (as Eisner et al., 2016, *emoji2vec*)."""

import re

from sentiment.text.normalisation import EMOJI

_EMPTY_WORDS = frozenset(("a", "and", "face", "in", "of", "on", "or", "over", "the", "to", "with", "button", "flag"))


def emoji_names() -> dict[str, tuple[str, ...]]:
    """Return each emoji that can be a token of a tweet, and the words of its name.

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
