"""Scores of n-grams beside the recurrence: what single tokens, pairs and triples say, added to the logits.

Each n-gram of a tweet is hashed to a row of one table (the hashing trick: Weinberger et al., 2009, as in fastText:
Joulin et al., *Bag of Tricks for Efficient Text Classification*, 2017), and the sum over the tweet is divided by the
square root of how many tokens there are. Everything comes from the ids, so the text treatment knows nothing of it.
"""

from collections.abc import Callable
from operator import mod
from typing import Any

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.lexicon import PADDING

# So small that it times the most buckets, and an id, fit 32 bits (not every library has 64); and of the primes below
# 2048 the one by which pairs that share one of 2**20 buckets lie farthest apart: those of frequent words share none.
_FACTOR = 1109


def ngram_buckets(
    before: Any, token: Any, after: Any, buckets: int, remainder: Callable[[Any, int], Any] = mod
) -> list[Any]:
    """The bucket of each token, of the pair it ends and of the triple around it: integers below ``buckets``.

    Written once for every array library: only products, sums and remainders of int32.

    Args:
        before: the id ahead of each token, padding for the first one; int32 of any shape.
        token: the ids.
        after: the id behind each token, padding for the last one.
        buckets: at most :data:`sentiment.settings.MOST_NGRAM_BUCKETS`.
        remainder: of what is not negative, by ``buckets``.
    """

    def bucket(*ngram: Any) -> Any:
        code: Any = len(ngram)
        for each in ngram:
            code = remainder(code * _FACTOR + each, buckets)
        return code

    return [bucket(token), bucket(before, token), bucket(before, token, after)]


def _remainder(codes: np.ndarray, buckets: int) -> np.ndarray:
    """By a power of two these are the lowest bits, which NumPy has in a tenth of the time."""
    return codes % buckets if buckets & (buckets - 1) else codes & np.int32(buckets - 1)


def buckets_of_rows(ids: Ragged, buckets: int) -> list[np.ndarray]:
    """:func:`ngram_buckets` of rows of at least one id each, int32 ``(total,)`` each."""
    starts, total = ids.starts, int(ids.lengths.sum())
    padded = np.zeros(total + 2, np.int32)
    padded[1:-1] = ids.values[:total]
    before, after = padded[:-2].copy(), padded[2:].copy()
    before[starts] = after[starts + ids.lengths - 1] = PADDING
    return ngram_buckets(before, padded[1:-1], after, buckets, _remainder)


def ngram_logits(values: np.ndarray, ids: Ragged) -> np.ndarray:
    """What is added to the logits of rows of at least one id each, float32 ``(n, classes)``.

    Args:
        values: what the n-grams of a bucket say for each class, float32 ``(buckets, classes)``.
        ids: of the rows; padding among them says nothing.
    """
    found = buckets_of_rows(ids, len(values))
    scores = values.take(found[0], axis=0)
    for each in found[1:]:
        scores += values.take(each, axis=0)
    real = ids.values[: len(scores)] != PADDING
    if not real.all():
        scores[~real] = 0
    counts = np.add.reduceat(real, ids.starts, dtype=np.float32) if len(ids.lengths) else ids.lengths
    return np.add.reduceat(scores, ids.starts, axis=0) / np.sqrt(np.maximum(counts, 1))[:, None]
