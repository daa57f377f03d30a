"""First tries: short plain texts that a newcomer types, which anybody labels at sight.

The texts (``first_tries.tsv``) were written for this project before any model answered them. Settings are chosen on the
half ``choose``; the half ``confirm`` is for reports. A text of which no token is known counts as answered wrongly.
"""

import csv
import zlib
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import NamedTuple

import numpy as np

CHOOSE, CONFIRM = "choose", "confirm"
UNANSWERED = ""

Answer = Callable[[Sequence[str]], Sequence[str]]  # texts -> class names; UNANSWERED where nothing is known


class FirstTry(NamedTuple):
    """A text, its label (``positive`` or ``negative``), and what makes it special."""

    kind: str
    label: str
    text: str

    @property
    def half(self) -> str:
        """Return ``choose`` or ``confirm``, by a hash of the text."""
        return CONFIRM if zlib.crc32(self.text.encode()) % 2 else CHOOSE


def read_tries() -> tuple[FirstTry, ...]:
    """Return the texts that come with the package."""
    content = files("sentiment.evaluation").joinpath("first_tries.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(content.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(FirstTry(row["kind"], row["label"], row["text"]) for row in rows)


def failed_tries(tries: Sequence[FirstTry], answer: Answer) -> list[FirstTry]:
    """Return the sentences of ``tries`` for which ``answer`` gives no label or another one than theirs."""
    given = answer([each.text for each in tries])
    return [each for each, label in zip(tries, given, strict=True) if str(label) != each.label]


def shares_right(tries: Sequence[FirstTry], answer: Answer) -> dict[str, float]:
    """Return the share of ``tries`` answered rightly: ``all``, each half, then each kind.

    Args:
        tries: at least one.
        answer: class names for texts ``(n,)``.
    """
    failed = set(failed_tries(tries, answer))
    groups = {"all": list(tries)}
    groups |= {half: [each for each in tries if each.half == half] for half in (CHOOSE, CONFIRM)}
    groups |= {kind: [each for each in tries if each.kind == kind] for kind in dict.fromkeys(t.kind for t in tries)}
    return {name: float(np.mean([each not in failed for each in some])) for name, some in groups.items() if some}


def vader_answer(texts: Sequence[str]) -> list[str]:
    """Return VADER's labels; a compound score of 0 is no answer."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    score = SentimentIntensityAnalyzer().polarity_scores
    compounds = [score(text)["compound"] for text in texts]
    return [UNANSWERED if not value else "positive" if value > 0 else "negative" for value in compounds]
