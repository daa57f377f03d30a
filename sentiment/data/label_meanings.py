"""Guess the meaning of label values: map known words and scales to negative, neutral and positive."""

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
    """Split ``words`` at white space into a set."""
    return frozenset(words.split())


# Words that do not change the class of a label value, such as "very" in "very good".
_BESIDE = word_set(
    "very extremely strongly slightly somewhat mostly highly weakly moderately quite really rather mildly strong weak "
    "mild sentiment emotion opinion feeling"
)
FASTTEXT_MARK = "__label__"  # the prefix of a label in fastText's format
_NOT = word_set("not non no")
# Words of a column's name. A true or high value in such a column is negative, or positive.
NEGATIVE_NAMES = word_set(
    "negative negativity toxic toxicity hate hateful spam offensive abuse abusive insult threat obscene bad anger "
    "angry bullying cyberbullying racist racism sexist sexism harmful complaint"
)
POSITIVE_NAMES = word_set("positive positivity good happy recommended recommends liked")
_RESERVED = ("uncertain", "unknown")  # class names that the settings refuse


class Meaning(NamedTuple):
    """The meaning of label values.

    Attributes:
        classes: the values of each class, by class name.
        left_out: values that belong to no class.
        guessed: whether the meaning is uncertain, because the values could have another meaning.
        worded: whether the values are words with a known meaning.
    """

    classes: dict[str, list[str]]
    left_out: tuple[str, ...] = ()
    guessed: bool = False
    worded: bool = False

    @property
    def known(self) -> bool:
        """Return whether all classes are among ``CLASSES``: negative, neutral and positive."""
        return set(self.classes) <= set(CLASSES)


class _Scale(NamedTuple):
    """A common scale of label values, such as 1 to 5; ``meaning`` gives the class of each value.

    The scale is ``sure`` if its values have no other common meaning. It fits a column only if all values in ``ends``
    occur there: the scale's lowest and highest value, or no value.
    """

    meaning: dict[str, str]
    sure: bool = False
    ends: frozenset[str] = frozenset()


def _scale(negative: str, neutral: str, positive: str, sure: bool = False, ends: bool = False) -> _Scale:
    of_class = zip(CLASSES, (negative, neutral, positive), strict=True)
    meaning = {value: name for name, values in of_class for value in values.split()}
    first, *_, last = meaning
    return _Scale(meaning, sure, frozenset([first, last] if ends else ()))


_ANSWERS = _scale("no n", "", "yes y")  # only if the column's name is negative or positive
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
    """Return the words of a column's name in lower case. Both ``isNegative`` and ``is_negative`` have two words."""
    return {word.casefold() for word in re.findall(r"[^\W\d_]?[^\W\d_A-Z]+|[A-Z]+(?![a-z])", name)}


def meaning_of(values: Sequence[str], name: str = "") -> Meaning:
    """Guess the meaning of the lower-case values in the label column ``name``.

    If the values are neither known words nor points of a known scale, every value becomes a class of its own. White
    space in the name of such a class becomes single spaces.
    """
    scale = _scale_of(values, name)
    if scale is not None:
        return scale
    meaning = {value: _word_meaning(value) for value in values}
    classes = _by_class(meaning)
    if len(classes) > 1:
        return Meaning(classes, tuple(value for value in values if meaning[value] is None), worded=True)
    own: dict[str, list[str]] = {}
    for value in sorted(values):
        own.setdefault(" ".join(value.split()), []).append(value)
    left_out = [value for name in _RESERVED for value in own.pop(name, [])]
    return Meaning(own, tuple(left_out))


def _by_class(meaning: dict[str, str | None]) -> dict[str, list[str]]:
    found = {name: [value for value in meaning if meaning[value] == name] for name in CLASSES}
    return {name: values for name, values in found.items() if values}


def _word_meaning(value: str) -> str | None:
    """Return the class that a value's words mean: positive for "very positive", negative for "not good"; or None."""
    value = value.removeprefix(FASTTEXT_MARK)
    words = [word for word in re.split(r"[\s_-]+", value) if word not in _BESIDE]
    if value in _KNOWN or not words:
        return _KNOWN.get(value)
    found = _KNOWN.get(words[-1])
    if len(words) == 2 and words[0] in _NOT and found != "neutral":
        return _TURNED.get(found or "")
    return found if len(words) == 1 else None


def _scale_of(values: Sequence[str], name: str) -> Meaning | None:
    """Return what the values mean on a known scale, or None. A column ``name`` such as "toxic" reverses the scale."""
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
    """Return the scale that fits the values best, or None if no scale gives them at least two classes.

    A scale with exactly these values is preferred, then a scale in which they are both negative and positive.
    """

    def rank(scale: _Scale) -> tuple[bool, bool]:
        return values == scale.meaning.keys(), {"negative", "positive"} <= {scale.meaning[value] for value in values}

    fitting = [scale for scale in scales if scale.ends <= values <= scale.meaning.keys()]
    telling = [scale for scale in fitting if len({scale.meaning[value] for value in values}) > 1]
    return max(telling, key=rank, default=None)


def _plain_number(value: str) -> str:
    """Simplify a label value that is a number: ``1.0``, ``+1`` and ``1 star`` become ``1``. Return others unchanged."""
    value = value.removeprefix(FASTTEXT_MARK)
    found = re.fullmatch(r"([-+]?[0-9]{1,9})(\.0*)?( stars?)?", value)
    return str(int(found[1])) if found else value
