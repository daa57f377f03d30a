"""Defaults that depend on the number of rows, because settings for 176,000 tweets do not suit 1,000 tweets.

Each function returns the default of one setting in :mod:`sentiment.settings`. The rules were not chosen on the test
tweets of docs/quality.md.

- The batch size grows with the square root of the rows. There are enough epochs for about 500 steps, because a network
  needs a certain number of steps, not of epochs.
- Of a small corpus a larger share is held out, because a held-out part must be large enough to tell models apart.
- In a small corpus a word that occurs once gets an id. Its vector is frozen, so there is nothing to learn. In a large
  corpus such a word is mostly a typing error.
- From 50,000 rows on, n-gram scores are added. They lower the validation log loss of Sentiment140 by 1.8% with 20,000
  rows, 2.4% with 60,000 rows and 3% with 176,000 rows.
- With few rows, the projection has dropout. With 700 tweets in three classes, macro recall was 56.9% with dropout and
  53.8% without. With 5,600 tweets it made no difference.
"""

import math

_MANY_ROWS = 50_000
_FEW_ROWS = 3_000
_STEPS = 500
_BUCKETS = 1 << 20
# With 2, 3, 5, 7 and 10 epochs, the sample's validation loss fell by 5, 2.8, 0.9, 0.4 and 0.03% in the last epoch, and
# twice as many epochs lowered it by 16, 10, 4.5, 2 and 0.3%.
_STILL_FALLING = 0.003


def validation_share(rows: int) -> float:
    """Return ``split.validation``: the share of 800 tweets among ``rows`` distinct tweets, from 5% to 10%."""
    return round(_between(0.05, 800 / max(1, rows), 0.1), 3)


def test_share(rows: int) -> float:
    """Return ``split.test``: the share of 1,500 tweets among ``rows`` distinct tweets, from 5% to 20%."""
    return round(_between(0.05, 1500 / max(1, rows), 0.2), 3)


def min_count(rows: int) -> int:
    """Return ``preprocessing.min_count`` for ``rows`` training tweets: 1 below 50,000 tweets, else 2."""
    return 1 if rows < _MANY_ROWS else 2


def projection_dropout(rows: int) -> float:
    """Return ``network.projection_dropout`` for ``rows`` training tweets: 0.3 below 3,000 tweets, else 0."""
    return 0.3 if rows < _FEW_ROWS else 0.0


def batch_size(rows: int) -> int:
    """Return ``training.batch_size``: the power of 2 nearest to twice the square root of ``rows``, from 32 to 1,024."""
    return int(_between(32, 2 ** round(math.log2(2 * math.sqrt(max(1, rows)))), 1024))


def ngram_buckets(rows: int) -> int:
    """Return ``training.ngram_buckets`` for ``rows`` training tweets: 0 below 50,000 tweets, else 1,048,576."""
    return 0 if rows < _MANY_ROWS else _BUCKETS


def epochs(rows: int, batch: int) -> int:
    """Return ``training.epochs``: enough epochs for 500 steps of ``batch`` tweets, but at least 10 and at most 30."""
    steps = max(1, -(-rows // batch))
    return int(_between(10, math.ceil(_STEPS / steps), 30))


def patience(most: int) -> int:
    """Return ``training.patience`` for at most ``most`` epochs: a third of them, but at least 3."""
    return max(3, most // 3)


def still_falling(epochs: int, best_epoch: int, last_fall: float) -> str:
    """Return a remark if the last epoch was clearly the best, so that more epochs may help; else an empty string.

    Args:
        epochs: the number of epochs that were allowed.
        best_epoch: the number of the best epoch, counted from 1.
        last_fall: the share by which the validation loss fell in the last epoch. It is usually close to 0, because the
            learning rate falls to zero.
    """
    if best_epoch < epochs or last_fall < _STILL_FALLING:
        return ""
    return (
        f"Validation loss still fell in the last of {epochs} epochs: more may do better (training.epochs={2 * epochs})."
    )


def _between(lowest: float, value: float, highest: float) -> float:
    return max(lowest, min(highest, value))
