"""Scores of n-grams: a linear model on unigrams, bigrams and trigrams of ids, whose scores are added to the logits.

Each n-gram of a tweet is hashed to a row of one table (the hashing trick: Weinberger et al., 2009). FastText does the
same (Joulin et al., *Bag of Tricks for Efficient Text Classification*, 2017). The sum of a tweet's scores is divided by
the square root of the tweet's number of tokens.
"""

from collections.abc import Callable
from functools import cache
from math import sqrt
from operator import mod
from typing import Any

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.lexicon import PADDING

# A prime below 2048, because the largest code, 2048 * 2**20 buckets plus an id, must fit 32 bits: not every library
# has 64. Among these primes, 1109 causes the fewest hash collisions between pairs of frequent words.
_FACTOR = 1109
MOST_BUCKETS = 1 << 20
# _FACTOR as small steps, 9 * (11 * 11 + 2) + 2: factors of the running product and of the number that is added.
_SMALL_STEPS = ((11, 0), (11, 2), (9, 2))


def times_factor(codes: Any, buckets: int) -> Any:
    """Return a number that equals ``_FACTOR * codes`` modulo ``buckets``, for ``codes`` below ``buckets``."""
    return codes * _FACTOR


def times_factor_in_float32(codes: Any, buckets: int) -> Any:
    """Return a number that equals ``_FACTOR * codes`` modulo ``buckets``, with no intermediate value above 2**24.

    OpenVINO and MNN compute integers in float32, which is exact only up to 2**24.
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
    """Return the hash buckets of three n-grams per token, as three arrays with the shape of ``token``.

    The n-grams are the token, the pair of the token before and the token, and the triple of the token and its two
    neighbours. Only products, sums and remainders of int32 are used, so every array library can compute them.

    Args:
        before, token, after: id of each token and of its neighbours, where padding means none; int32 of any shape.
        buckets: number of buckets, at most :data:`MOST_BUCKETS`.
        remainder: function that returns the remainder of a non-negative number.
        times: function that multiplies by the hash factor, such as :func:`times_factor`.
    """
    one, two, three = _first_digits(buckets)
    pair = remainder(times(remainder(before, buckets), buckets) + token, buckets)
    return [
        remainder(token + one, buckets),
        remainder(pair + two, buckets),
        remainder(times(pair, buckets) + after + three, buckets),
    ]


@cache
def _first_digits(buckets: int) -> tuple[int, ...]:
    """Return ``n * _FACTOR**n`` modulo ``buckets`` for n = 1, 2 and 3, to be added to the hash code of an n-gram.

    A code is a number to the base ``_FACTOR``, with the digits n, then the ids. Without n, a tweet's first token would
    have the same code as the pair of padding and this token.
    """
    return tuple(n * _FACTOR**n % buckets for n in (1, 2, 3))


def modulo(codes: Any, buckets: int) -> Any:
    """Return ``codes % buckets``. If ``buckets`` is a power of two, a bit mask is used, which is ten times as fast.

    ``codes`` is an array of integers, of NumPy or TensorFlow.
    """
    return codes % buckets if buckets & (buckets - 1) else codes & (buckets - 1)


def buckets_of_rows(ids: Ragged, buckets: int) -> list[np.ndarray]:
    """Return the buckets of each token's three n-grams: three int32 arrays ``(tokens,)``. No row may be empty."""
    padded = np.zeros(len(ids.values) + 2, np.int32)
    padded[1:-1] = ids.values
    before, after = padded[:-2], padded[2:]
    if len(ids.lengths) > 1:
        before, after, starts = before.copy(), after.copy(), ids.starts
        before[starts] = after[starts + ids.lengths - 1] = PADDING
    return ngram_buckets(before, padded[1:-1], after, buckets, modulo)


def ngram_logits(values: np.ndarray, ids: Ragged, scales: np.ndarray | None = None) -> np.ndarray:
    """Return the scores of the n-grams of rows without padding and with at least one id, float32 ``(n, classes)``.

    ``values`` are the scores of each bucket, ``(buckets, classes)``, float32, or int8 with float32 ``scales``
    ``(classes,)``.
    """
    found = buckets_of_rows(ids, len(values))
    scores = values.take(found[0], axis=0).astype(np.float32)
    for each in found[1:]:
        scores += values.take(each, axis=0)
    means = np.add.reduceat(scores, ids.starts, axis=0) / np.sqrt(ids.lengths, dtype=np.float32)[:, None]
    return means if scales is None else means * scales


def ngram_logits_of_one(values: np.ndarray, row: np.ndarray, scales: np.ndarray | None = None) -> np.ndarray:
    """Return the scores of the n-grams of one row of ids without padding, float32 ``(classes,)``.

    This takes a third of the time of :func:`ngram_logits`.
    """
    padded = np.zeros(len(row) + 2, np.int64)
    padded[1:-1] = row
    neighbours = np.ndarray((len(row), 3), np.int64, padded, strides=padded.strides * 2)
    weights, first_digits = _codes_of_neighbours(len(values))
    found = modulo(neighbours.dot(weights) + first_digits, len(values)).ravel()
    scores = np.add.reduce(values.take(found, axis=0), axis=0, dtype=np.float32) / np.float32(sqrt(len(row)))
    return scores if scales is None else scores * scales


@cache
def _codes_of_neighbours(buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what turns three neighbouring ids into codes of their n-grams: weights ``(3, 3)``, and ``(3,)`` to add.

    In int64 no code overflows, so :func:`ngram_buckets` needs no remainder before the last. Without it, it is linear.
    """
    units = np.concatenate([np.zeros((1, 3), np.int64), np.eye(3, dtype=np.int64)])
    before, token, after = units.T
    codes = np.transpose(ngram_buckets(before, token, after, buckets, lambda codes, _: codes))
    return codes[1:] - codes[0], codes[0]
