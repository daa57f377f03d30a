"""The encoded corpus: padded rows of ids, and one label per row."""

from typing import NamedTuple

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.lexicon import PADDING

_ROWS_PER_BLOCK = 65_536


class EncodedPart(NamedTuple):
    """One part of the corpus: ``ids`` unsigned ``(n, max_tokens)``, ``labels`` integer ``(n,)``.

    ``weights`` float32 ``(n,)``: what the rows count in training; None: all the same. ``own``: how many rows, from the
    first on, are of the corpus itself and not of augmentation; None: all.
    """

    ids: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None
    own: int | None = None


def spread(part: EncodedPart, n: int) -> EncodedPart:
    """Return ``n`` rows at equal distances in ``part``, which may be sorted by class. A smaller part repeats rows."""
    rows = np.linspace(0, len(part.labels), n, endpoint=False).astype(np.int64)
    return EncodedPart(part.ids[rows], part.labels[rows])


def row_lengths(ids: np.ndarray) -> np.ndarray:
    """Return the number of tokens per row of ``ids`` ``(n, max_tokens)``, int32 ``(n,)``.

    It counts block by block, because ``ids`` may be mapped from a file.
    """
    lengths = np.empty(len(ids), np.int32)
    for start in range(0, len(ids), _ROWS_PER_BLOCK):
        block = slice(start, start + _ROWS_PER_BLOCK)
        lengths[block] = np.count_nonzero(ids[block], axis=1)
    return lengths


def ragged_rows(ids: np.ndarray) -> Ragged:
    """Return the rows of ``ids`` ``(n, max_tokens)`` without their padding."""
    return Ragged(ids[ids != PADDING].astype(np.int32), row_lengths(ids))
