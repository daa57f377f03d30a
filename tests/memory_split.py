"""The split of a corpus that fits into memory: what the split by ranges of hashes must come to."""

from typing import NamedTuple

import numpy as np

from sentiment.data.splitting import DROPPED, TRAIN, VALIDATION, Deal, find_distinct
from sentiment.settings import SplitSettings


class Split(NamedTuple):
    """The part of each row, uint8 ``(n,)``, and the numbers of rows dropped."""

    part: np.ndarray
    duplicates: int
    contradictions: int


def split(hashes: np.ndarray, labels: np.ndarray, settings: SplitSettings) -> Split:
    """Split rows with ``hashes`` (uint64) and ``labels`` (integers), both ``(n,)``, as :class:`Deal` does."""
    order = np.argsort(hashes, kind="stable")
    found = find_distinct(hashes[order], labels[order])
    counts = np.bincount(found.label[found.kept], minlength=1)
    deal = Deal.settle(counts, settings, [*map(str, range(len(counts)))])
    part = np.full(len(labels), DROPPED, np.uint8)
    part[order] = deal.parts(found, np.zeros_like(counts))
    return Split(part, found.duplicates, found.contradictions)


def seen_hashes(hashes: np.ndarray, parts: Split) -> np.ndarray:
    """Sorted hashes uint64 ``(m,)`` of the training and validation rows, out of those of all rows ``(n,)``."""
    return np.unique(hashes[(parts.part == TRAIN) | (parts.part == VALIDATION)])
