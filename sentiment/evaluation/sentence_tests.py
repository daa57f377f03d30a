"""Test classifiers on sentences that were written for this project: first tries and minimal pairs.

First tries (``first_tries.tsv``) are short plain texts such as a newcomer might try, with labels that people find
obvious. All were written before any model was tried on them. A hash divides them into two halves: settings are chosen
on ``choose``, and reports use ``confirm``. A text without a known token counts as labelled wrongly.

A minimal pair (``minimal_pairs.tsv``) is a positive and a negative tweet with few other differences. A pair passes if
the classifier labels both tweets correctly. A classifier that always gives the same label therefore passes no pair. The
pairs were written before any model was scored on them, and nothing is fitted or chosen on them. Testing one behaviour
at a time is an idea of Ribeiro et al., *Beyond Accuracy: Behavioral Testing of NLP Models with CheckList* (2020).
"""

import csv
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from sentiment.evaluation.metrics import bootstrap_interval

CHOOSE, CONFIRM = "choose", "confirm"
POSITIVE, NEGATIVE = "positive", "negative"
UNANSWERED = ""

Answer = Callable[[Sequence[str]], Sequence[str]]  # texts -> class names; UNANSWERED for a text without a known token


class FirstTry(NamedTuple):
    """A plain sentence such as a newcomer might try first, with its label and its kind, such as "negation"."""

    kind: str
    label: str
    text: str

    @property
    def half(self) -> str:
        """Return to which half of the first tries this text belongs, by its hash: ``choose`` or ``confirm``."""
        return CONFIRM if zlib.crc32(self.text.encode()) % 2 else CHOOSE


class Pair(NamedTuple):
    """A minimal pair: a positive and a negative tweet, and the kind of their difference, such as "comparison"."""

    kind: str
    positive: str
    negative: str


def read_tries() -> tuple[FirstTry, ...]:
    """Return the first tries (short labelled texts) that come with the package."""
    return tuple(FirstTry(**row) for row in _rows("first_tries.tsv"))


def read_pairs() -> tuple[Pair, ...]:
    """Return the minimal pairs (a positive and a negative tweet each) that come with the package."""
    return tuple(Pair(**row) for row in _rows("minimal_pairs.tsv"))


def _rows(name: str) -> Iterator[dict[str, str]]:
    content = files("sentiment.evaluation").joinpath(name).read_text(encoding="utf-8")
    return csv.DictReader(content.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)


def failed_tries(tries: Sequence[FirstTry], answer: Answer) -> list[FirstTry]:
    """Return the ``tries`` for which ``answer`` gives a wrong label or no label."""
    given = answer([each.text for each in tries])
    return [each for each, label in zip(tries, given, strict=True) if str(label) != each.label]


def shares_right(tries: Sequence[FirstTry], answer: Answer) -> dict[str, float]:
    """Return the share of ``tries`` that ``answer`` labels correctly: in all, in each half and in each kind."""
    failed = set(failed_tries(tries, answer))
    groups = {"all": list(tries)}
    groups |= {half: [each for each in tries if each.half == half] for half in (CHOOSE, CONFIRM)}
    groups |= {kind: [each for each in tries if each.kind == kind] for kind in dict.fromkeys(t.kind for t in tries)}
    return {name: float(np.mean([each not in failed for each in some])) for name, some in groups.items() if some}


def vader_answer(texts: Sequence[str]) -> list[str]:
    """Return VADER's labels; ``UNANSWERED`` (an empty string) for a compound score of 0."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    score = SentimentIntensityAnalyzer().polarity_scores
    compounds = [score(text)["compound"] for text in texts]
    return [UNANSWERED if not value else "positive" if value > 0 else "negative" for value in compounds]


def score_pairs(pairs: Sequence[Pair], predict: Callable[[Sequence[str]], Any]) -> dict[str, Any]:
    """Return the share of minimal pairs in which a classifier labels both tweets correctly.

    ``pairs`` must not be empty. ``predict`` maps ``n`` texts to ``n`` class names.

    Returns:
        ``pairs`` (their number), ``passed`` (share), ``passed_ci95`` (its 95% interval), ``kinds`` (share by kind), and
        ``failed`` (each failed pair with the classifier's labels).
    """
    labels = list(predict([text for pair in pairs for text in (pair.positive, pair.negative)]))
    received = list(zip(labels[::2], labels[1::2], strict=True))
    right = np.array([answer == (POSITIVE, NEGATIVE) for answer in received])
    kinds = np.array([pair.kind for pair in pairs])
    return {
        "pairs": len(pairs),
        "passed": float(right.mean()),
        "passed_ci95": bootstrap_interval(int(right.sum()), len(pairs)),
        "kinds": {kind: float(right[kinds == kind].mean()) for kind in dict.fromkeys(kinds.tolist())},
        "failed": [
            {"kind": pair.kind, POSITIVE: [pair.positive, str(first)], NEGATIVE: [pair.negative, str(second)]}
            for pair, (first, second), passed in zip(pairs, received, right, strict=True)
            if not passed
        ],
    }
