"""The encoded corpus: padded rows of token ids, and one label per row."""

from typing import NamedTuple

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.lexicon import PADDING

_ROWS_PER_BLOCK = 65_536  # read at a time, because ids may be memory-mapped


class EncodedPart(NamedTuple):
    """One part of the corpus, for example its training rows.

    Attributes:
        ids: padded token ids, unsigned integers ``(n, max_tokens)``.
        labels: class indices, integers ``(n,)``.
        weights: weight of each row in training, float32 ``(n,)``; None means equal weights.
        own: number of rows from the corpus itself, before those that augmentation adds; None means all rows.
    """

    ids: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None
    own: int | None = None


def spread(part: EncodedPart, n: int) -> EncodedPart:
    """Return ``n`` evenly spaced rows of ``part``, a fair sample even if it is sorted by class. Rows may repeat."""
    rows = np.linspace(0, len(part.labels), n, endpoint=False).astype(np.int64)
    return EncodedPart(part.ids[rows], part.labels[rows])


def row_lengths(ids: np.ndarray) -> np.ndarray:
    """Return the number of tokens, without padding, in each row of ``ids`` ``(n, max_tokens)``, int32 ``(n,)``."""
    lengths = np.empty(len(ids), np.int32)
    for start in range(0, len(ids), _ROWS_PER_BLOCK):
        block = slice(start, start + _ROWS_PER_BLOCK)
        lengths[block] = np.count_nonzero(ids[block], axis=1)
    return lengths


def ragged_rows(ids: np.ndarray) -> Ragged:
    """Return the rows of ``ids`` ``(n, max_tokens)`` without padding, as a ragged array."""
    return Ragged(ids[ids != PADDING].astype(np.int32), row_lengths(ids))
