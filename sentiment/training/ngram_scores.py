"""Fit scores of n-grams: a logistic regression on hashed unigrams, bigrams and trigrams that assists the network.

A network over frozen word vectors is slow to learn single frequent pairs such as "i like" or "to wait". A linear model
on n-grams learns pairs at once, so both models' logits are added ("wide and deep" models: Cheng et al., 2016). The
linear model is fitted to the errors that the network leaves on the training rows (boosting: Friedman, 2001). Its
logits are multiplied by a factor that is chosen on the validation rows. The penalty on an n-gram grows with the
n-gram's frequency (inverse document frequency: Sparck Jones, 1972).
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from sentiment.data.encoded import EncodedPart, ragged_rows
from sentiment.network.folded import softmax
from sentiment.network.ngrams import buckets_of_rows, ngram_logits
from sentiment.training.batches import row_weights
from sentiment.training.calibration import fit_temperature, logits_of, row_losses

FACTORS = tuple(np.arange(0, 2.6, 0.25).tolist())
# A network memorises few training rows, so its errors on them teach nothing. The scores are then fitted without the
# network's logits and with a weaker penalty. The penalties are inverse, as scikit-learn's C.
_MANY_ROWS = 5_000
_INVERSE_PENALTY_BESIDE = 0.0025
_INVERSE_PENALTY_ALONE = 0.1
_STEPS, _TOLERANCE = 300, 1e-9  # iterations at most, and relative decrease of the loss that ends them
_LEAST_ROWS = 2  # n-grams of fewer training rows get no score


class NgramScores(NamedTuple):
    """A linear model on the n-grams of a tweet.

    Attributes:
        values: score of each bucket for each class, float32 ``(buckets, classes)``.
        bias: bias of each class, float32 ``(classes,)``.
    """

    values: np.ndarray
    bias: np.ndarray

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Return the logits ``(n, classes)`` of padded rows ``(n, max_tokens)`` of ids; each row needs a token."""
        return ngram_logits(self.values, ragged_rows(ids)) + self.bias


def fit_ngram_scores(part: EncodedPart, weights: np.ndarray, buckets: int, logits: np.ndarray) -> NgramScores:
    """Fit the scores of hashed n-grams on the training rows ``part``, each with at least one token.

    ``weights`` ``(classes,)`` are those of the classes. With at least 5,000 rows, the scores correct the errors of the
    network's calibrated ``logits`` ``(n, classes)``. With fewer rows, ``logits`` are ignored.
    """
    counts = _counts(part.ids, buckets)
    rows = np.bincount(counts.indices, minlength=buckets)
    used = np.flatnonzero(rows >= _LEAST_ROWS)
    rarity = (np.log((1 + counts.shape[0]) / (1 + rows[used])) + 1).astype(np.float32)
    features = counts[:, used]
    features.data *= rarity[features.indices]
    beside = len(part.labels) >= _MANY_ROWS
    penalty = _INVERSE_PENALTY_BESIDE if beside else _INVERSE_PENALTY_ALONE
    kernel, bias = _fit_beside(features, part, weights, penalty, logits if beside else np.zeros_like(logits))
    values = np.zeros((buckets, len(weights)), np.float32)
    values[used] = kernel * rarity[:, None]
    return NgramScores(values, bias)


def _fit_beside(
    features: csr_matrix, part: EncodedPart, weights: np.ndarray, inverse_penalty: float, logits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a logistic regression whose logits are added to the fixed ``logits`` of another model.

    Scikit-learn's logistic regression does not accept such an offset, so L-BFGS minimises the loss directly. The L2
    penalty is as strong as with scikit-learn's ``C = inverse_penalty``. From ``features`` ``(n, width)``, return the
    kernel ``(width, classes)`` and the bias ``(classes,)``, float32.
    """
    rows, right = np.arange(len(part.labels)), np.asarray(part.labels)
    counted = inverse_penalty * row_weights(part, weights)
    turned, shape = features.T.tocsr(), (features.shape[1] + 1, len(weights))

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        kernel, bias = flat.reshape(shape)[:-1], flat.reshape(shape)[-1]
        error = softmax(logits + features @ kernel.astype(np.float32) + bias)  # float32, like the features: no copy
        value = -(counted * np.log(np.maximum(error[rows, right], 1e-300))).sum() + (kernel**2).sum() / 2
        error[rows, right] -= 1
        error *= counted[:, None]
        return value, np.concatenate([turned @ error.astype(np.float32) + kernel, error.sum(axis=0)[None]]).ravel()

    options = {"maxiter": _STEPS, "ftol": _TOLERANCE, "gtol": 0.0}
    found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options=options).x
    kernel, bias = found.reshape(shape)[:-1], found.reshape(shape)[-1]
    return kernel.astype(np.float32), bias.astype(np.float32)


class NgramChoice(NamedTuple):
    """The factor chosen for the n-gram scores, and the validation loss after calibration with and without them."""

    factor: float
    loss: float
    loss_without: float


def choose_factor(
    probabilities: np.ndarray, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> NgramChoice:
    """Choose the factor for the n-gram scores that gives the lowest log loss on validation rows after calibration.

    ``probabilities`` are the network's, uncalibrated; ``scores`` are the logits of the n-grams; both ``(n, classes)``.
    """
    logits = logits_of(probabilities)
    losses = {}
    for factor in FACTORS:
        mixed = softmax(logits + factor * scores)
        losses[factor] = float(row_losses(mixed, labels, fit_temperature(mixed, labels), weights).mean())
    best = min(FACTORS, key=losses.__getitem__)
    return NgramChoice(best, losses[best], losses[0.0])


def _counts(ids: np.ndarray, buckets: int) -> csr_matrix:
    """Count the n-grams of each row by bucket, sparse ``(n, buckets)``, divided by the root of its number of tokens."""
    rows = ragged_rows(np.asarray(ids))
    found = np.stack(buckets_of_rows(rows, buckets), axis=1)
    lengths = rows.lengths * found.shape[1]
    each = np.repeat(1 / np.sqrt(rows.lengths, dtype=np.float32), lengths)
    counts = csr_matrix((each, found.reshape(-1), np.concatenate([[0], np.cumsum(lengths)])), (len(lengths), buckets))
    counts.sum_duplicates()
    return counts
