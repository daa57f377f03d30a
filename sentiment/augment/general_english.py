"""General English from other sources than the tweets: sentence templates, phrases, ratings, words rated by people.

Templates (``templates.tsv``) are patterns of sentences that keep or reverse the polarity of a word, the clear word. A
line consists of words and of capital letters, which stand for parts of a tweet. In the tweet "the soup is so good
today" these parts are:

    L  words before K ("the soup")              C  clear word ("good")
    K  linking word or subject ("is")           E  comparative of the clear word ("better")
    D  degree words ("so")                      R  words after the clear word ("today")

In a template of two halves, X and Y have opposite polarity, and Y decides the polarity of the whole. The patterns
follow a grammar's chapter on negation (Huddleston and Pullum, 2002, chapter 9). Some only seem to negate ("nothing
but", "could not be better"), and some negate without a negative word ("far from", "used to").

The phrases (``phrases.tsv``) were written for this project: evaluative idioms, stock praise and complaints, negations,
comparatives, slang, irony. In a phrase "..." marks the place of the thing that is praised or criticised. The rated
words are from VADER's lexicon (Hutto and Gilbert, 2014), which includes emoticons and slang. Ten people rated each word
from -4 to 4.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files

import numpy as np

from sentiment.text.lexicon import UNKNOWN, Lexicon

# Effect of a template: it reverses the polarity, keeps it, wishes for something good that is missing, or joins halves.
TURNED, STANDING, WISHED, JOINED = "turned", "standing", "wished", "joined"
# Place of the clear word: after a linking word, after a subject, or neither. Joined templates have halves instead.
LINKED, SUBJECT, BARE, HALVES = "linked", "subject", "bare", "halves"
_LETTERS = frozenset("LKDCERXY")
_CLEARLY_RATED = 1.0  # absolute mean rating from which a word counts as clear
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

Template = tuple[int | str, ...]  # ids of words, and letters
LabelledText = tuple[str, int]  # 1 for a positive text, -1 for a negative text
Templates = Mapping[tuple[str, str], Sequence[Template]]  # (effect, place) -> templates


def known_templates(lexicon: Lexicon) -> Templates:
    """Return the templates whose words all have an id in ``lexicon``, by effect and place."""
    found: defaultdict[tuple[str, str], list[Template]] = defaultdict(list)
    for effect, place, text in _read_table("templates.tsv"):
        template = tuple(word if word in _LETTERS else lexicon.id_of(word) for word in text.split())
        if all(isinstance(part, str) or part > UNKNOWN for part in template):
            found[effect, place].append(template)
    return found


def words_of(templates: Templates) -> np.ndarray:
    """Return the ids of all words in ``templates``, int64, sorted."""
    lines = [template for some in templates.values() for template in some]
    return np.array(sorted({part for line in lines for part in line if isinstance(part, int)}), np.int64)


def phrases() -> list[LabelledText]:
    """Return the phrases of ``phrases.tsv`` and ratings such as "9/10", each with 1 (positive) or -1 (negative)."""
    listed = [(text, 1 if label == "positive" else -1) for _, label, text in _read_table("phrases.tsv")]
    return [*listed, *_ratings()]


def rated_words() -> list[LabelledText]:
    """Return the words and emoticons that VADER's lexicon rates as clearly positive (with 1) or negative (with -1)."""
    lines = files("vaderSentiment").joinpath("vader_lexicon.txt").read_text(encoding="utf-8").splitlines()
    rated = [(text, float(rating)) for text, rating, *_ in (line.split("\t") for line in lines if "\t" in line)]
    return [(text, 1 if mean > 0 else -1) for text, mean in rated if abs(mean) >= _CLEARLY_RATED]


def _ratings() -> Iterator[LabelledText]:
    """Yield ratings such as "9 out of 10" and "2 stars", except neutral ratings in the middle of a scale."""
    for most in (5, 10):
        for n in range(most + 1):
            if sign := (n >= 0.7 * most) - (n <= 0.4 * most):
                forms = (f"{n}/{most}", f"{n} out of {most}", f"{_NUMBERS[n]} out of {_NUMBERS[most]}")
                yield from ((form, sign) for text in forms for form in (text, f"... {text}", f"{text} ..."))
    for n in (0, 1, 2, 4, 5):
        sign, star = (1 if n > 3 else -1), "star" if n == 1 else "stars"
        for number in (str(n), _NUMBERS[n]):
            yield from ((form, sign) for form in (f"{number} {star}", f"{number} {star} ..."))
        yield ("⭐" * n or "no stars", sign)


def _read_table(name: str) -> list[tuple[str, ...]]:
    """Return the rows of a tab-separated file in this package, without the header. Quotes are ordinary characters."""
    text = files("sentiment.augment").joinpath(name).read_text(encoding="utf-8")
    return [tuple(line.split("\t")) for line in text.splitlines()[1:]]
