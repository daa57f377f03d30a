"""Accuracy on named slices of a test set, for example on tweets with a link."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sentiment.evaluation.metrics import wilson_interval
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
    """A share of ``n`` rows, for example the accuracy on a slice, with its 95% interval."""

    name: str
    n: int
    share: float
    low: float
    high: float


def find_slices(texts: Sequence[str], preprocessor: Preprocessor) -> dict[str, np.ndarray]:
    """Return for each slice (kind of text, for example "question") the mask of its texts, bool ``(n,)``, by name."""
    slices = {
        name: np.array([pattern.search(text) is not None for text in texts], bool) for name, pattern in PATTERNS.items()
    }
    words = np.fromiter((len(text.split()) for text in texts), np.int64, len(texts))
    return slices | {
        f"short (under {SHORT} words)": words < SHORT,
        f"medium ({SHORT} to {LONG} words)": (words >= SHORT) & (words <= LONG),
        f"long (over {LONG} words)": words > LONG,
        "unknown words ≥ 20%": unknown_shares(texts, preprocessor) >= MANY_UNKNOWN,
    }


def slice_metrics(correct: np.ndarray, slices: Mapping[str, np.ndarray]) -> list[NamedShare]:
    """Return the accuracy on all tweets and on each slice that is not empty, with Wilson's interval.

    ``correct`` tells whether each label is correct, bool ``(n,)``. ``slices`` are masks of this shape, by name.
    """
    answers = {"all tweets": correct} | {name: correct[mask] for name, mask in slices.items() if mask.any()}
    counts = [(name, len(some), int(some.sum())) for name, some in answers.items()]
    return [NamedShare(name, n, right / n, *wilson_interval(right, n)) for name, n, right in counts]


def unknown_shares(texts: Sequence[str], preprocessor: Preprocessor) -> np.ndarray:
    """Return the share of unknown tokens in each text without its stop words, float64 ``(n,)``; 0 for an empty text."""
    types, codes = tokenise(texts, preprocessor.rules)
    ids = preprocessor.lexicon.lookup(types)[codes.values]
    row = np.repeat(np.arange(len(texts)), codes.lengths)
    kept = np.bincount(row[ids != PADDING], minlength=len(texts))
    unknown = np.bincount(row[ids == UNKNOWN], minlength=len(texts))
    return unknown / np.maximum(kept, 1)
