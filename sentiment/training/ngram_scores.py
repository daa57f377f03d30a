"""Scores of n-grams beside the network: a logistic regression on hashed single tokens, pairs and triples.

A network over frozen vectors learns slowly what single frequent pairs say ("i like", "to wait"). A linear model on
n-grams learns that at once, so its logits are added to the network's ("wide and deep" models: Cheng et al., 2016). It
is fitted to what the network leaves unexplained of its training rows (boosting: Friedman, 2001), and validation rows
choose its factor. The penalty on an n-gram grows with its frequency (inverse document frequency: Sparck Jones, 1972).
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sentiment.data.encoded import EncodedPart, ragged_rows
from sentiment.network.folded import softmax
from sentiment.network.ngrams import buckets_of_rows, ngram_logits
from sentiment.training.calibration import fit_temperature, logits_of, row_losses
from sentiment.training.logistic import fit_beside

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FACTORS = tuple(np.arange(0, 2.6, 0.25).tolist())
# A network knows few training rows by heart, so what it leaves unexplained of them says nothing. The scores are then
# fitted without it, with a weaker penalty. The penalties are inverse, of features weighed by inverse document
# frequency.
_MANY_ROWS = 5_000
_INVERSE_PENALTY_BESIDE = 0.0025
_INVERSE_PENALTY_ALONE = 0.1
_LEAST_ROWS = 2  # an n-gram of a single row has no score


class NgramScores(NamedTuple):
    """A linear model on the n-grams of a tweet.

    Attributes:
        values: score of each bucket for each class, float32 ``(buckets, classes)``.
        bias: of each class, float32 ``(classes,)``.
    """

    values: np.ndarray
    bias: np.ndarray

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Return the logits ``(n, classes)`` of padded rows ``(n, max_tokens)`` of at least one id each."""
        return ngram_logits(self.values, ragged_rows(ids)) + self.bias


def fit_ngram_scores(part: EncodedPart, weights: np.ndarray, buckets: int, logits: np.ndarray) -> NgramScores:
    """Fit a logistic regression on hashed n-grams whose logits are added to those of the network.

    From 5,000 rows on it is fitted to what the network leaves unexplained, and below to the labels alone.

    Args:
        part: training rows, each of at least one id.
        weights: weight of each class, ``(classes,)``.
        buckets: number of buckets that n-grams are hashed to.
        logits: of the network for these rows, calibrated, float ``(n, classes)``.
    """
    counts = _counts(part.ids, buckets)
    rows = np.bincount(counts.indices, minlength=buckets)
    used = np.flatnonzero(rows >= _LEAST_ROWS)
    rarity = (np.log((1 + counts.shape[0]) / (1 + rows[used])) + 1).astype(np.float32)
    features = counts[:, used]
    features.data *= rarity[features.indices]
    if len(part.labels) >= _MANY_ROWS:
        kernel, bias = fit_beside(features, part, weights, _INVERSE_PENALTY_BESIDE, logits)
    else:
        kernel, bias = fit_beside(features, part, weights, _INVERSE_PENALTY_ALONE, np.zeros_like(logits))
    values = np.zeros((buckets, len(weights)), np.float32)
    values[used] = kernel * rarity[:, None]
    return NgramScores(values, bias)


class NgramChoice(NamedTuple):
    """The factor of the scores, and the calibrated validation log loss with and without them."""

    factor: float
    loss: float
    loss_without: float


def choose_factor(
    probabilities: np.ndarray, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> NgramChoice:
    """Choose what to multiply the scores by, on rows that neither the network nor the scores were fitted on.

    Args:
        probabilities: of the network, float ``(n, classes)``.
        scores: logits of the n-grams, ``(n, classes)``.
        labels: integer ``(n,)``.
        weights: weight of each class, ``(classes,)``.
    """
    logits = logits_of(probabilities)
    losses = {}
    for factor in FACTORS:
        mixed = softmax(logits + factor * scores)
        losses[factor] = float(row_losses(mixed, labels, fit_temperature(mixed, labels), weights).mean())
    best = min(FACTORS, key=losses.__getitem__)
    return NgramChoice(best, losses[best], losses[0.0])


def _counts(ids: np.ndarray, buckets: int) -> "csr_matrix":
    """Count each bucket in each row, divided by the square root of the row's length; sparse ``(n, buckets)``."""
    from scipy.sparse import csr_matrix

    rows = ragged_rows(np.asarray(ids))
    found = np.stack(buckets_of_rows(rows, buckets), axis=1).reshape(-1)
    kinds = len(found) // max(1, len(rows.values))
    each = np.repeat(1 / np.sqrt(np.maximum(rows.lengths, 1), dtype=np.float32), rows.lengths * kinds)
    ends = np.concatenate([[0], np.cumsum(rows.lengths * kinds)])
    counts = csr_matrix((each, found, ends), (len(rows.lengths), buckets))
    counts.sum_duplicates()
    return counts
