"""Ask spaCy for the lemma of each distinct token, and whether the token is a stop word.

The lookup lemmatiser and the stop list decide without context. Asking once per distinct token therefore gives the same
answers as running spaCy over every tweet, in a fraction of the time. The answers are saved with the model.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import combinations

import spacy
from spacy.attrs import IS_STOP, NORM
from spacy.language import Language
from spacy.tokens import Doc

from sentiment.settings import PreprocessingSettings
from sentiment.text.lexicon import SPECIAL_TOKENS, LexiconEntry
from sentiment.text.normalisation import LONG

_WORDS_PER_DOC = 10_000
_COMMON_VECTOR_WORDS = 10_000  # first words of the vectors' file; their elongated forms always get an entry
# Words with a wrong lemma in the lookup table, for example *worst* -> *wrong* and *number* -> *numb*.
_NO_FORMS = frozenset(("best", "better", "does", "dying", "evening", "feed", "less", "number", "worse", "worst"))
_DOUBLE = re.compile(r"([a-z])\1")
_MOST_DOUBLES = 3  # double letters of a word, which give up to eight forms
_ASKED_FOR = {IS_STOP, NORM}  # the latter goes into every word that spaCy makes


@cache
def lemmatiser() -> Language:
    """Return spaCy's English pipeline with the lookup lemmatiser. It is loaded once, which takes a second."""
    nlp = spacy.blank("en")
    nlp.add_pipe("lemmatizer", config={"mode": "lookup"})
    nlp.initialize()
    getters = nlp.vocab.lex_attr_getters  # type: ignore[attr-defined]
    for attribute in getters.keys() - _ASKED_FOR:  # the shape of a word takes longer than what is needed
        del getters[attribute]
    return nlp


def analyse(types: Sequence[str]) -> list[tuple[str, bool]]:
    """Return the lemma of each token in ``types``, and whether the token is a stop word.

    The tokens are distinct, not empty and in lower case. The lemma of a word that spaCy does not know is that word.
    """
    nlp = lemmatiser()
    docs = (Doc(nlp.vocab, words=list(types[i : i + _WORDS_PER_DOC])) for i in range(0, len(types), _WORDS_PER_DOC))
    return [(token.lemma_.lower(), token.is_stop) for doc in nlp.pipe(docs) for token in doc]


def lexicon_entries(
    counts: dict[str, int],
    settings: PreprocessingSettings,
    vector_words: Iterable[str] = (),
    find_unlike: Callable[[list[tuple[str, str]]], set[str]] | None = None,
) -> list[LexiconEntry]:
    """Choose the lemma of each surface form (a token as written), or drop the form.

    Args:
        counts: numbers of occurrences in the training rows, by surface form.
        vector_words: further surface forms, in the order of the file of word vectors.
        find_unlike: takes pairs of form and lemma, and returns the forms that differ from their lemma in meaning. Such
            a form becomes its own lemma.

    Returns:
        One entry for each vector word, each stop word, each surface form that occurs ``min_count`` times, and each
            special token that occurs; and entries for elongated tokens such as "sooo".
    """
    frequent = (token for token, count in counts.items() if count >= settings.min_count)
    ranks = {word: rank for rank, word in enumerate(vector_words)}
    types = sorted({*frequent, *stop_words(), *ranks, *(counts.keys() & SPECIAL_TOKENS)})
    plain = [token for token in types if not token.startswith(LONG)]
    facts = analyse(plain)
    pairs = [(form, lemma) for form, (lemma, _) in zip(plain, facts, strict=True) if form != lemma]
    unlike = _NO_FORMS | (find_unlike(pairs) if find_unlike and settings.lemmatise else set())
    entries = {}
    for surface, (lemma, is_stop) in zip(plain, facts, strict=True):
        key = _key_of(surface, surface if surface in unlike else lemma, is_stop, settings)
        entries[surface] = LexiconEntry(surface, key, counts.get(surface, 0), ranks.get(surface))
    return [*entries.values(), *_elongated(counts, entries, settings.min_count)]


def _key_of(surface: str, lemma: str, is_stop: bool, settings: PreprocessingSettings) -> str | None:
    """Return the word whose id a token gets, ``lemma`` or ``surface``; None if the token is dropped as a stop word."""
    kept = surface in settings.keep_words
    if settings.remove_stop_words and is_stop and not kept:
        return None
    # A kept word stays itself ("less", not "little"), but n't is not.
    if settings.lemmatise and (not kept or (surface == "n't" and lemma in settings.keep_words)):
        return lemma
    return surface


def _elongated(counts: dict[str, int], entries: dict[str, LexiconEntry], min_count: int) -> list[LexiconEntry]:
    """Return entries for elongated tokens. The rules shorten them to one letter and mark them, so "sooo" becomes "ːso".

    Each token that occurs ``min_count`` times gets an entry. Further entries are for shortened spellings of common
    words with double letters: "ːhapy", which the rules make of "happpy", gets the lemma of "happy".
    """
    common = [entry for entry in entries.values() if entry.count or (entry.rank or 0) < _COMMON_VECTOR_WORDS]
    common.sort(key=lambda entry: (-entry.count, entry.rank or 0, entry.surface))
    meant = _intended_words(entry.surface for entry in common if entry.surface.isascii() and entry.surface.isalpha())
    occurring = [token for token, count in counts.items() if token.startswith(LONG) and count >= min_count]
    unlike = [token for token, word in meant.items() if token.removeprefix(LONG) != word]
    result = []
    for token in sorted({*occurring, *unlike}):
        entry = entries.get(meant.get(token, token.removeprefix(LONG)))
        key = token.removeprefix(LONG) if entry is None else entry.lemma
        result.append(LexiconEntry(token, key, counts.get(token, 0)))
    return result


def _intended_words(words: Iterable[str]) -> dict[str, str]:
    """Map each elongated token to the first of ``words`` that it may stand for: "ːhappy" and "ːhapy" to "happy"."""
    meant: dict[str, str] = {}
    for word in words:
        for form in _with_single_letters(word):
            meant.setdefault(LONG + form, word)
    return meant


def _with_single_letters(word: str) -> list[str]:
    """Return ``word`` with all, some or none of its first three double letters made single: "happy" and "hapy"."""
    doubles = [match.start() for match in _DOUBLE.finditer(word)][:_MOST_DOUBLES]
    chosen = (some for size in range(len(doubles) + 1) for some in combinations(doubles, size))
    return ["".join(letter for i, letter in enumerate(word) if i not in some) for some in chosen]


def stop_words() -> frozenset[str]:
    """Return the English stop words of spaCy. Their apostrophes are straight, like those of normalised tokens."""
    words = spacy.util.get_lang_class("en").Defaults.stop_words
    return frozenset(word for word in words if "’" not in word and "‘" not in word)
