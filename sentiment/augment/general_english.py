"""General English that is not learnt from the tweets: phrases, ratings on a scale, and words rated by people.

The phrases (``phrases.tsv``) were written for this project: evaluative idioms, stock praise and complaints, negations,
comparatives, slang, irony. In a phrase "..." marks the place of the thing that is praised or criticised. The rated
words are from VADER's lexicon (Hutto and Gilbert, 2014), which includes emoticons and slang. Ten people rated each word
from -4 to 4.
"""

from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

from sentiment.augment.templates import read_table

_CLEARLY_RATED = 1.0  # absolute mean rating from which a word counts as clear
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class LabelledText(NamedTuple):
    """A text and its polarity: ``sign`` is 1 if the text is positive and -1 if it is negative."""

    text: str
    sign: int


def phrases() -> list[LabelledText]:
    """Return the phrases of ``phrases.tsv``, and ratings such as "9/10"."""
    listed = [LabelledText(text, 1 if label == "positive" else -1) for _, label, text in read_table("phrases.tsv")]
    return [*listed, *_ratings()]


def rated_words() -> list[LabelledText]:
    """Return the words, emoticons and abbreviations that VADER's lexicon rates as clearly positive or negative."""
    lines = files("vaderSentiment").joinpath("vader_lexicon.txt").read_text(encoding="utf-8").splitlines()
    rated = [(text, float(rating)) for text, rating, *_ in (line.split("\t") for line in lines if "\t" in line)]
    return [LabelledText(text, 1 if mean > 0 else -1) for text, mean in rated if abs(mean) >= _CLEARLY_RATED]


def _ratings() -> Iterator[LabelledText]:
    """Yield ratings such as "9 out of 10" and "2 stars", without the middle of each scale."""
    for most in (5, 10):
        for n in range(most + 1):
            if n <= 0.4 * most or n >= 0.7 * most:
                sign = 1 if n >= 0.7 * most else -1
                forms = (f"{n}/{most}", f"{n} out of {most}", f"{_NUMBERS[n]} out of {_NUMBERS[most]}")
                yield from (LabelledText(form, sign) for text in forms for form in (text, f"... {text}", f"{text} ..."))
    for n in range(6):
        if n != 3:
            sign, star = (1 if n > 3 else -1), "star" if n == 1 else "stars"
            for number in (str(n), _NUMBERS[n]):
                yield from (LabelledText(form, sign) for form in (f"{number} {star}", f"{number} {star} ..."))
            yield LabelledText("⭐" * n or "no stars", sign)
