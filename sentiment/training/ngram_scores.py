"""Scores of n-grams beside the network, for many rows: a logistic regression on single tokens, pairs and triples.

A network over frozen vectors learns slowly what single frequent pairs say ("i like", "to wait"), which a linear model
on n-grams has at once; so their logits are added ("wide and deep" models: Cheng et al., 2016). The linear model is
fitted to what the network leaves unsaid of its training rows (boosting: Friedman, 2001), and counts as much as the
validation rows like best. The rarer an n-gram, the less its weight is penalised (inverse document frequency: Sparck
Jones, 1972), and one that a single row has says nothing.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sentiment.data.encoded import EncodedPart, ragged_rows
from sentiment.network.folded import softmax
from sentiment.network.ngrams import buckets_of_rows, ngram_logits
from sentiment.training.calibration import fit_temperature, logits_of
from sentiment.training.logistic import fit_beside
from sentiment.training.rivals import row_losses

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SHARES = tuple(np.arange(0, 2.6, 0.25).tolist())
_INVERSE_PENALTY = 0.0025  # of features weighed by inverse document frequency
_LEAST_ROWS = 2


class NgramScores(NamedTuple):
    """A linear model of a tweet's n-grams.

    Attributes:
        values: what the n-grams of a bucket say for each class, float32 ``(buckets, classes)``.
        bias: of each class, float32 ``(classes,)``.
    """

    values: np.ndarray
    bias: np.ndarray

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Logits ``(n, classes)`` of padded rows ``(n, max_tokens)`` of at least one id each."""
        return ngram_logits(self.values, ragged_rows(ids)) + self.bias


def fit_ngram_scores(part: EncodedPart, weights: np.ndarray, buckets: int, logits: np.ndarray) -> NgramScores:
    """Fit logistic regression on the hashed n-grams of each tweet to what the network leaves unsaid.

    Args:
        part: training rows, each of at least one id.
        weights: what a row of each class counts, ``(classes,)``.
        buckets: that n-grams are hashed to.
        logits: of the network for these rows, calibrated, float ``(n, classes)``.
    """
    counts = _counts(part.ids, buckets)
    rows = np.bincount(counts.indices, minlength=buckets)
    used = np.flatnonzero(rows >= _LEAST_ROWS)
    rarity = (np.log((1 + counts.shape[0]) / (1 + rows[used])) + 1).astype(np.float32)
    features = counts[:, used]
    features.data *= rarity[features.indices]
    kernel, bias = fit_beside(features, part, weights, _INVERSE_PENALTY, logits)
    values = np.zeros((buckets, len(weights)), np.float32)
    values[used] = kernel * rarity[:, None]
    return NgramScores(values, bias)


def choose_share(
    probabilities: np.ndarray, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[float, float, float]:
    """What to multiply the scores by before they are added, and the calibrated validation log loss with and without.

    Args:
        probabilities: of the network, float ``(n, classes)``, of rows that neither was fitted on.
        scores: their logits by n-grams, ``(n, classes)``.
        labels: integer ``(n,)``.
        weights: what a row of each class counts, ``(classes,)``.
    """
    logits = logits_of(probabilities)
    losses = {}
    for share in SHARES:
        mixed = softmax(logits + share * scores)
        losses[share] = float(row_losses(mixed, labels, fit_temperature(mixed, labels), weights).mean())
    chosen = min(SHARES, key=losses.__getitem__)
    return chosen, losses[chosen], losses[0.0]


def _counts(ids: np.ndarray, buckets: int) -> "csr_matrix":
    """How often each bucket occurs in each row, over the square root of its length: sparse ``(n, buckets)``."""
    from scipy.sparse import csr_matrix

    rows = ragged_rows(np.asarray(ids))
    found = np.stack(buckets_of_rows(rows, buckets), axis=1).reshape(-1)
    kinds = len(found) // max(1, len(rows.values))
    each = np.repeat(1 / np.sqrt(np.maximum(rows.lengths, 1), dtype=np.float32), rows.lengths * kinds)
    ends = np.concatenate([[0], np.cumsum(rows.lengths * kinds)])
    counts = csr_matrix((each, found, ends), (len(rows.lengths), buckets))
    counts.sum_duplicates()
    return counts
