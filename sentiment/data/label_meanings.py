"""What the values of a label column mean: known words and scales as negative, neutral and positive."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_WORDS = {
    "negative": "negative neg bad terrible awful worst poor sad unhappy angry negativ negativo negativa négatif",
    "neutral": "neutral neu so-so none ok okay mixed meh neutro neutre",
    "positive": "positive pos good great best excellent happy glad positiv positivo positiva positif",
}
CLASSES = tuple(_WORDS)
_KNOWN = {word: name for name, words in _WORDS.items() for word in words.split()}
_TURNED = {"negative": "positive", "positive": "negative", "neutral": "neutral"}


def word_set(words: str) -> frozenset[str]:
    """Return the words of a line."""
    return frozenset(words.split())


# Words of a value that leave its class as it is.
_BESIDE = word_set(
    "very extremely strongly slightly somewhat mostly highly weakly moderately quite really rather mildly strong weak "
    "mild sentiment emotion opinion feeling"
)
FASTTEXT_MARK = "__label__"  # what fastText marks labels with
_NOT = word_set("not non no")
# Words of a column's name: what is true or high in such a column is bad, or good.
NEGATIVE_NAMES = word_set(
    "negative negativity toxic toxicity hate hateful spam offensive abuse abusive insult threat obscene bad anger "
    "angry bullying cyberbullying racist racism sexist sexism harmful complaint"
)
POSITIVE_NAMES = word_set("positive positivity good happy recommended recommends liked")
_RESERVED = ("uncertain", "unknown")  # names that settings refuse for a class


class Meaning(NamedTuple):
    """What some values mean.

    Attributes:
        classes: class name -> values, in order.
        left_out: values that are no class's.
        guessed: the values do not say so themselves.
        worded: they are words of a known meaning.
    """

    classes: dict[str, list[str]]
    left_out: tuple[str, ...] = ()
    guessed: bool = False
    worded: bool = False

    @property
    def known(self) -> bool:
        """Return whether all classes are among ``CLASSES``."""
        return set(self.classes) <= set(CLASSES)


class _Scale(NamedTuple):
    """Values as they are often written; ``sure``: they mean nothing else; ``ends``: its first and last must occur."""

    meaning: dict[str, str]
    sure: bool = False
    ends: bool = False


def _scale(negative: str, neutral: str, positive: str, sure: bool = False, ends: bool = False) -> _Scale:
    of_class = zip(CLASSES, (negative, neutral, positive), strict=True)
    return _Scale({value: name for name, values in of_class for value in values.split()}, sure, ends)


_ANSWERS = _scale("no n", "", "yes y")  # only where the name of the column asks
_TRUTHS = (_scale("0", "", "1"), _scale("false", "", "true"))
_SCALES = (
    *_TRUTHS,
    _scale("1", "", "2"),
    _scale("0", "2", "4", sure=True),
    _scale("-1", "0", "1", sure=True),
    _scale("0", "1", "2"),
    _scale("1", "2", "3"),
    _scale("1 2", "3", "4 5"),
    _scale("1 2", "", "3 4", ends=True),
    _scale("0 1", "2", "3 4", ends=True),
    _scale("-2 -1", "0", "1 2", sure=True),
    _scale("1 2 3 4", "5 6", "7 8 9 10", ends=True),
    _scale("n n+", "neu none", "p p+", sure=True),
)


def words_of(name: str) -> set[str]:
    """Return the words of a column's name in lower case; ``isNegative`` and ``is_negative`` have two."""
    return {word.casefold() for word in re.findall(r"[^\W\d_]?[^\W\d_A-Z]+|[A-Z]+(?![a-z])", name)}


def meaning_of(values: Sequence[str], name: str = "") -> Meaning:
    """Return the meaning of the values, in lower case, of the label column ``name``.

    Where nothing is known, every value is a class of its own.
    """
    scale = _scale_of(values, name)
    if scale is not None:
        return scale
    meaning = {value: _word_meaning(value) for value in values}
    classes = _by_class(meaning)
    if len(classes) > 1:
        return Meaning(classes, tuple(value for value in values if meaning[value] is None), worded=True)
    own = [value for value in sorted(values) if value not in _RESERVED]
    return Meaning({value: [value] for value in own}, tuple(value for value in values if value in _RESERVED))


def _by_class(meaning: dict[str, str | None]) -> dict[str, list[str]]:
    found = {name: [value for value in meaning if meaning[value] == name] for name in CLASSES}
    return {name: values for name, values in found.items() if values}


def _word_meaning(value: str) -> str | None:
    """Return positive for "very positive", negative for "not good"."""
    value = value.removeprefix(FASTTEXT_MARK)
    words = [word for word in re.split(r"[\s_-]+", value) if word not in _BESIDE]
    if value in _KNOWN or not words:
        return _KNOWN.get(value)
    found = _KNOWN.get(words[-1])
    if len(words) == 2 and words[0] in _NOT and found != "neutral":
        return _TURNED.get(found or "")
    return found if len(words) == 1 else None


def _scale_of(values: Sequence[str], name: str) -> Meaning | None:
    """Return the meaning of the values as points of a scale, or None if no scale has all of them."""
    plain = {value: _plain_number(value) for value in values}
    names = words_of(name)
    bad, good = bool(names & NEGATIVE_NAMES), bool(names & POSITIVE_NAMES)
    telling = bad != good
    scale = _best_scale(set(plain.values()), (*_SCALES, _ANSWERS) if telling else _SCALES)
    if scale is None:
        return None
    turned = telling and bad != bool(names & _NOT)
    meaning = {value: scale.meaning[plain[value]] for value in values}
    classes = _by_class({value: _TURNED[each] if turned else each for value, each in meaning.items()})
    said = scale in (*_TRUTHS, _ANSWERS) and telling and bool(names & {"negative", "positive"})
    return Meaning(classes, guessed=not (said or (scale.sure and not turned)))


def _best_scale(values: set[str], scales: Sequence[_Scale]) -> _Scale | None:
    """Return the scale that fits the values best, or None if none gives them at least two classes.

    A scale of exactly these values is preferred, and then one on which they are both negative and positive.
    """

    def rank(scale: _Scale) -> tuple[bool, bool]:
        return values == scale.meaning.keys(), {"negative", "positive"} <= {scale.meaning[value] for value in values}

    fitting = [scale for scale in scales if values <= scale.meaning.keys() and _has_ends(values, scale)]
    telling = [scale for scale in fitting if len({scale.meaning[value] for value in values}) > 1]
    return max(telling, key=rank, default=None)


def _has_ends(values: set[str], scale: _Scale) -> bool:
    first, *_, last = scale.meaning
    return not scale.ends or {first, last} <= values


def _plain_number(value: str) -> str:
    """Return ``1`` for ``1.0``, ``+1`` and ``1 star``, and any other value unchanged."""
    value = value.removeprefix(FASTTEXT_MARK)
    found = re.fullmatch(r"([-+]?[0-9]{1,9})(\.0*)?( stars?)?", value)
    return str(int(found[1])) if found else value
