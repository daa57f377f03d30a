"""The split of a corpus that fits into memory: what the split by ranges of hashes must come to."""

from dataclasses import dataclass

import numpy as np

from sentiment.data.splitting import DROPPED, TRAIN, VALIDATION, Deal, find_distinct
from sentiment.settings import SplitSettings


@dataclass(frozen=True, slots=True)
class Split:
    """Which part each row belongs to.

    Attributes:
        part: uint8 ``(n,)``: ``TRAIN``, ``VALIDATION``, ``TEST`` or ``DROPPED``.
        duplicates: rows dropped because an earlier one has the same key and label.
        contradictions: rows dropped because rows of the same key have different labels.
        settings: the shares, as settled for the number of rows that are left.
    """

    part: np.ndarray
    duplicates: int
    contradictions: int
    settings: SplitSettings


def split(hashes: np.ndarray, labels: np.ndarray, settings: SplitSettings) -> Split:
    """Drop duplicates and deal the other rows out, each class in the same shares.

    Within a class rows are ranked by their hash: the lowest become the test part, the next the validation part,
    and training takes as many of the others as it is given. The side a row falls on does not depend on its place
    in the file, nor (but at the borders) on other rows.

    Args:
        hashes: uint64 ``(n,)``.
        labels: integer ``(n,)``.
        settings: the shares; those that follow the rows are settled for the distinct rows.

    Raises:
        InputError: fewer than two classes are left, or too few rows of a class for every part to have one.
    """
    order = np.argsort(hashes, kind="stable")
    found = find_distinct(hashes[order], labels[order])
    counts = np.bincount(found.label[found.kept], minlength=1)
    deal = Deal.settle(counts, settings)
    part = np.full(len(labels), DROPPED, np.uint8)
    part[order] = deal.parts(found, np.zeros_like(counts))
    return Split(part, found.duplicates, found.contradictions, deal.settings)


def seen_hashes(hashes: np.ndarray, parts: Split) -> np.ndarray:
    """Sorted hashes uint64 ``(m,)`` of the training and validation rows, out of those of all rows ``(n,)``."""
    return np.unique(hashes[(parts.part == TRAIN) | (parts.part == VALIDATION)])
