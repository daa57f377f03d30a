"""Defaults that follow the number of rows: what suits 176,000 tweets does not suit 1,000.

Each rule gives the value of a setting in :mod:`sentiment.settings` that has not been given; one that is given wins.
They were chosen on rows that the table in docs/own-data.md is not measured on, the shares and the least count by
reasoning alone:

- **Steps, not epochs, train a network.** The batch grows with the square root of the rows, so that fewer rows have
  fewer steps an epoch but not as few as they would at one size; and there are as many epochs as make enough steps.
- **What is held out must be enough to tell models apart**, so few rows hold out larger shares.
- **A word seen once costs nothing** while its vector is frozen, and with few rows most words are seen once; in a large
  corpus it is mostly a typing error, and would make the table many times as long.
- **Many tweets tell frequent pairs of words apart**, which a network over frozen vectors learns slowly: with 60,000 and
  176,000 tweets of Sentiment140 scores of n-grams take 2.4 and 3% off the validation log loss. With fewer rows they do
  too (20,000: 1.8%), but every form of the model grows by 8 MB.
- **Few tweets are learnt by heart**, which dropout on the vectors and behind each dense layer hinders: with 700 tweets
  in three classes macro recall was 56.9 with it and 53.8 without; with 5,600 it made no difference.
"""

import math

_MANY_ROWS = 50_000
_FEW_ROWS = 3_000
_STEPS = 500
_BUCKETS = 1 << 20  # as many as there can be: of fewer, more are shared


def validation_share(rows: int) -> float:
    """``split.validation`` for ``rows`` distinct tweets: 800 of them, but at least 5% and at most 10%."""
    return round(_between(0.05, 800 / max(1, rows), 0.1), 3)


def test_share(rows: int) -> float:
    """``split.test`` for ``rows`` distinct tweets: 1,500 of them, but at least 5% and at most 20%."""
    return round(_between(0.05, 1500 / max(1, rows), 0.2), 3)


def min_count(rows: int) -> int:
    """``preprocessing.min_count`` for ``rows`` training tweets: 1, and 2 from 50,000 on."""
    return 1 if rows < _MANY_ROWS else 2


def projection_dropout(rows: int) -> float:
    """``network.projection_dropout`` for ``rows`` training tweets: 0.3 below 3,000, else none."""
    return 0.3 if rows < _FEW_ROWS else 0.0


def batch_size(rows: int) -> int:
    """``training.batch_size`` for ``rows`` training tweets: the power of two nearest to twice their square root."""
    return int(_between(32, 2 ** round(math.log2(2 * math.sqrt(max(1, rows)))), 1024))


def ngram_buckets(rows: int) -> int:
    """``training.ngram_buckets`` for ``rows`` training tweets: 1,048,576 from 50,000 on, else none."""
    return 0 if rows < _MANY_ROWS else _BUCKETS


def epochs(rows: int, batch: int) -> int:
    """``training.epochs`` for ``rows`` training tweets, ``batch`` a step: 500 steps, but at least 10 and at most 30."""
    steps = max(1, -(-rows // batch))
    return int(_between(10, math.ceil(_STEPS / steps), 30))


def patience(most: int) -> int:
    """``training.patience`` where there are ``most`` epochs: a third of them, at least 3."""
    return max(3, most // 3)


def _between(lowest: float, value: float, highest: float) -> float:
    return max(lowest, min(highest, value))
