"""Scores of n-grams: a linear model on single tokens, pairs and triples, whose scores are added to the logits.

Each n-gram of a tweet is hashed to a row of one table (the hashing trick: Weinberger et al., 2009, as in fastText:
Joulin et al., *Bag of Tricks for Efficient Text Classification*, 2017). The sum over the tweet is divided by the square
root of the number of tokens. N-grams are made of ids, so the text preprocessing is not concerned.
"""

from collections.abc import Callable
from operator import mod
from typing import Any

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.lexicon import PADDING

# A prime below 2048: the largest code, 2048 * 2**20 buckets plus an id, must fit 32 bits, because not every library has
# 64. Among these primes, 1109 keeps pairs of frequent words out of a shared bucket best.
_FACTOR = 1109
MOST_BUCKETS = 1 << 20
# Factors of a product and of the number itself that make up _FACTOR: 9 * (11 * 11 + 2) + 2.
_SMALL_STEPS = ((11, 0), (11, 2), (9, 2))


def times_factor(codes: Any, buckets: int) -> Any:
    """Return a number with the remainder of ``_FACTOR * codes``, for ``codes`` below ``buckets``."""
    return codes * _FACTOR


def times_factor_in_float32(codes: Any, buckets: int) -> Any:
    """Return the same as :func:`times_factor`, from numbers of at most 2**24.

    OpenVINO and MNN calculate with integers as float32, which is exact up to that number.
    """
    product = codes
    for factor, further in _SMALL_STEPS:
        product = (product * factor + codes * further) % buckets
    return product


def ngram_buckets(
    before: Any,
    token: Any,
    after: Any,
    buckets: int,
    remainder: Callable[[Any, int], Any] = mod,
    times: Callable[[Any, int], Any] = times_factor,
) -> list[Any]:
    """Return the bucket of each token, of the pair that it ends and of the triple around it, below ``buckets``.

    Only products, sums and remainders of int32 are used, so the function works with every array library.

    Args:
        before: the id before each token, padding for the first one; int32 of any shape.
        token: the ids.
        after: the id after each token, padding for the last one.
        buckets: at most :data:`MOST_BUCKETS`.
        remainder: returns the remainder of a number that is not negative.
        times: :func:`times_factor` or :func:`times_factor_in_float32`.
    """
    # An n-gram's code is its ids as digits to the base _FACTOR, after a first digit n.
    one, two, three = (each % buckets for each in (_FACTOR, 2 * _FACTOR**2, 3 * _FACTOR**3))
    pair = remainder(times(remainder(before, buckets), buckets) + token, buckets)
    return [
        remainder(token + one, buckets),
        remainder(pair + two, buckets),
        remainder(times(pair, buckets) + after + three, buckets),
    ]


def _remainder(codes: np.ndarray, buckets: int) -> np.ndarray:
    """Return ``codes % buckets``; the lowest bits, where they are that, take NumPy a tenth of the time."""
    return codes % buckets if buckets & (buckets - 1) else codes & (buckets - 1)


def buckets_of_rows(ids: Ragged, buckets: int) -> list[np.ndarray]:
    """Return :func:`ngram_buckets` for rows of at least one id each, int32 ``(total,)`` each."""
    padded = np.zeros(len(ids.values) + 2, np.int32)
    padded[1:-1] = ids.values
    before, after = padded[:-2], padded[2:]
    if len(ids.lengths) > 1:
        before, after, starts = before.copy(), after.copy(), ids.starts
        before[starts] = after[starts + ids.lengths - 1] = PADDING
    return ngram_buckets(before, padded[1:-1], after, buckets, _remainder)


def ngram_logits(values: np.ndarray, ids: Ragged, scales: np.ndarray | None = None) -> np.ndarray:
    """Return what is added to the logits of rows of at least one id each, float32 ``(n, classes)``.

    Args:
        values: scores of each bucket for each class, ``(buckets, classes)``, float32, or int8 with ``scales``.
        ids: of the rows; the n-gram of a padding id counts nothing.
        scales: what each column of int8 ``values`` is multiplied by, float32 ``(classes,)``.
    """
    found = buckets_of_rows(ids, len(values))
    scores = values.take(found[0], axis=0).astype(np.float32)
    for each in found[1:]:
        scores += values.take(each, axis=0)
    counts = ids.lengths
    if not ids.values.all():
        real = ids.values != PADDING
        scores[~real] = 0
        counts = np.maximum(np.add.reduceat(real, ids.starts, dtype=np.int32), 1)
    divisors = np.sqrt(counts, dtype=np.float32)[:, None]
    means = np.add.reduceat(scores, ids.starts, axis=0) / divisors
    return means if scales is None else means * scales
