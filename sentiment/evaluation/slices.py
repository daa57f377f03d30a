"""Accuracy on named slices of a test set, for example on tweets with a link."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.text.preprocessor import Preprocessor
from sentiment.text.tokens import tokenise

SHORT, LONG = 8, 16
MANY_UNKNOWN = 0.2
_EMOJI = "[\U0001f300-\U0001faff\u2600-\u27bf\u2764\u2b50]"
_EMOTICON = r"(?:^|\s)(?:[:=;8]['o*-]?[)\](\[dDpP/\\|}{@3]+|[)\](\[]+['o*-]?[:=;]|<3+|</3|\^[_.]?\^|[xX][dD]+\b)"
# The stems are listed because words such as "want" and "front" also end in "nt".
_NEGATED = (
    "(?:ai|are|ca|could|did|do|does|had|has|have|is|might|must|need|should|was|were|wo|would)n['’]?t"
    "|not|no|never|nor|none|nothing|nobody|nowhere|neither|cannot|without"
)
PATTERNS: Mapping[str, re.Pattern[str]] = {
    "negation": re.compile(rf"\b(?:{_NEGATED})\b", re.IGNORECASE),
    "emoticon or emoji": re.compile(f"{_EMOTICON}|{_EMOJI}"),
    "hashtag": re.compile(r"(?:^|\W)#\w"),
    "word in capitals": re.compile(r"(?<![\w@#])[A-Z]{3,}(?!\w)"),
    "elongated word": re.compile(r"([a-z])\1\1", re.IGNORECASE),
    "question": re.compile(r"\?"),
    "mention": re.compile(r"(?:^|\W)@\w"),
    "link": re.compile(r"https?:/|\bwww\.|\b[a-z0-9-]+\.(?:com|org|net|ly|fm|tv)\b", re.IGNORECASE),
}


class NamedShare(NamedTuple):
    """A share of ``n`` rows, for example the accuracy on a slice, with its 95% interval; NaN if ``n`` is 0."""

    name: str
    n: int
    share: float
    low: float
    high: float


def find_slices(texts: Sequence[str], preprocessor: Preprocessor | None = None) -> dict[str, np.ndarray]:
    """Return for each slice (kind of text, for example "question") the mask of its texts, bool ``(n,)``, by name.

    With a ``preprocessor`` there is also a slice of the texts in which at least 20% of the tokens are unknown.
    """
    slices = {
        name: np.array([pattern.search(text) is not None for text in texts], bool) for name, pattern in PATTERNS.items()
    }
    words = np.fromiter((len(text.split()) for text in texts), np.int64, len(texts))
    slices |= {
        f"short (under {SHORT} words)": words < SHORT,
        f"medium ({SHORT} to {LONG} words)": (words >= SHORT) & (words <= LONG),
        f"long (over {LONG} words)": words > LONG,
    }
    if preprocessor is not None:
        slices["unknown words ≥ 20%"] = unknown_shares(texts, preprocessor) >= MANY_UNKNOWN
    return slices


def slice_metrics(correct: np.ndarray, slices: Mapping[str, np.ndarray]) -> list[NamedShare]:
    """Return the accuracy on all tweets and on each slice, with Wilson's interval.

    ``correct`` tells whether each label is correct, bool ``(n,)``. ``slices`` are masks of this shape, by name.
    """
    answers = {"all tweets": correct} | {name: correct[mask] for name, mask in slices.items()}
    counts = [(name, len(some), int(some.sum())) for name, some in answers.items()]
    return [NamedShare(name, n, right / n if n else math.nan, *wilson_interval(right, n)) for name, n, right in counts]


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """Return Wilson's (1927) 95% score interval of the share ``right / n``, or two NaN if ``n`` is 0.

    The interval stays within 0 and 1, and is accurate for few rows.
    """
    from scipy.stats import binomtest

    if n == 0:
        return math.nan, math.nan
    low, high = binomtest(right, n).proportion_ci(method="wilson")
    return float(low), float(high)


def unknown_shares(texts: Sequence[str], preprocessor: Preprocessor) -> np.ndarray:
    """Return the share of unknown tokens in each text without its stop words, float64 ``(n,)``; 0 for an empty text."""
    types, codes = tokenise(texts, preprocessor.rules)
    ids = preprocessor.lexicon.lookup(types)[codes.values]
    row = np.repeat(np.arange(len(texts)), codes.lengths)
    kept = np.bincount(row[ids != PADDING], minlength=len(texts))
    unknown = np.bincount(row[ids == UNKNOWN], minlength=len(texts))
    return unknown / np.maximum(kept, 1)
