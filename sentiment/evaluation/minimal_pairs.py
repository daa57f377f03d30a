"""Minimal pairs: two tweets that differ in little but their sentiment, to see what a classifier attends to.

The idea of testing behaviours one by one is that of Ribeiro et al., *Beyond Accuracy: Behavioral Testing of NLP
Models with CheckList* (2020). The pairs (``minimal_pairs.tsv``) were written for this project, before any model was
scored on them, and nothing is fitted or chosen on them. A pair passes if both of its tweets get their label, so
that a classifier of one answer passes none.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from sentiment.evaluation.metrics import bootstrap_interval

POSITIVE, NEGATIVE = "positive", "negative"


@dataclass(frozen=True, slots=True)
class Pair:
    """A positive and a negative tweet, and what kind of difference tells them apart."""

    kind: str
    positive: str
    negative: str


def read_pairs() -> tuple[Pair, ...]:
    """Return the pairs that come with the package."""
    text = files("sentiment.evaluation").joinpath("minimal_pairs.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(Pair(row["kind"], row["positive"], row["negative"]) for row in rows)


def score_pairs(pairs: Sequence[Pair], predict: Callable[[Sequence[str]], Any]) -> dict[str, Any]:
    """Return which pairs a classifier passes.

    Args:
        pairs: at least one.
        predict: texts ``(n,)`` -> class names, a list or an array ``(n,)``.

    Returns:
        ``pairs`` (how many), ``passed`` (their share), ``passed_ci95``, ``kinds`` (kind -> share), and ``failed``:
        each failed pair with the labels it got.
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
