"""Word scores beside the network: from few tweets, a linear model learns better what single words mean here.

With a thousand tweets a network hardly moves on what its vectors say of a word, while a logistic regression on the
words takes up at once what is said of *these* products; and a network knows what no such model can. So their logits are
added ("wide and deep" models: Cheng et al., 2016), evenly unless the validation rows clearly want it otherwise.

The sum is one network of the same kind again, so that it is stored, exported and trained on as ever: each class has one
more unit in the recurrence, which is fed the score of the word by the trainable channel and nothing else. Its state is
``tanh(artanh(scale * score))``, so that its mean over the tweet is the mean score.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import keras
import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.network.folded import softmax
from sentiment.network.keras_network import CLASSES, GLOVE, PROJECTION, RECURRENT, TRAINABLE, build_network
from sentiment.settings import NetworkSettings
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.training.calibration import logits_of
from sentiment.training.logistic import fit_logistic
from sentiment.training.rivals import is_clearly_better, row_losses

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

EVEN = 0.5
SHARES = (0.0, 0.25, EVEN, 0.75)
_INVERSE_PENALTY = 10.0  # scikit-learn's C; 3 and 30 gave the same within a point
_STEPS = 300
_LARGEST = 0.5  # what scores are scaled to: float32 holds tanh(artanh(x)) to 1e-7 there


class WordScores(NamedTuple):
    """A linear model of the mean over a tweet's words.

    Attributes:
        values: what a word says for each class, float32 ``(words, classes)``.
        bias: of each class, float32 ``(classes,)``.
    """

    values: np.ndarray
    bias: np.ndarray

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Logits ``(n, classes)`` of rows of ids ``(n, max_tokens)``; further words score as the unknown one."""
        known = np.where(ids < len(self.values), ids, UNKNOWN)
        real = known != PADDING
        total = np.where(real[..., None], self.values[known], 0).sum(axis=1)
        return total / np.maximum(real.sum(axis=1), 1)[:, None] + self.bias


def fits(settings: NetworkSettings) -> bool:
    """Whether a network of these settings can hold word scores: its states are a tanh, and averaged."""
    return settings.cell == "simple_rnn" and "mean" in settings.pooling and settings.masking


def fit_word_scores(part: EncodedPart, weights: np.ndarray, words: int) -> WordScores:
    """Fit logistic regression to the mean of the one-hot words of each tweet.

    Args:
        part: training rows.
        weights: what a row of each class counts, ``(classes,)``.
        words: ids below it have a score of their own.
    """
    features = _mean_words(np.asarray(part.ids), words)
    return WordScores(*fit_logistic(features, part, weights, _INVERSE_PENALTY, _STEPS))


def choose_share(
    probabilities: np.ndarray, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[float, float, float]:
    """The share of the word scores, its validation log loss, and the one without word scores.

    It is one half, unless another is better by more than one standard error: few validation rows tell shares badly
    apart.

    Args:
        probabilities: of the network, float ``(n, classes)``, of rows that neither was fitted on.
        scores: logits of the word scores, ``(n, classes)``.
        labels: integer ``(n,)``.
        weights: what a row of each class counts, ``(classes,)``.
    """
    logits = logits_of(probabilities)
    factors = {share: _factors(share) for share in SHARES}
    mixed = {share: softmax(own * logits + other * scores) for share, (own, other) in factors.items()}
    losses = {share: row_losses(each, labels, 1.0, weights) for share, each in mixed.items()}
    least = min(SHARES, key=lambda share: losses[share].mean())
    chosen = least if is_clearly_better(losses[least], losses[EVEN]) else EVEN
    return chosen, float(losses[chosen].mean()), float(losses[0.0].mean())


def _factors(share: float) -> np.ndarray:
    """What the network's logits and the word scores are multiplied by, ``(2,)``.

    Their squares add up to 1: of two logits that say the same the sum is too sure then, of two that have nothing in
    common it is as sure as they are. In between, the temperature that calibrated 24 such sums was 0.97 on average, and
    0.69 with factors that add up to 1.
    """
    factors = np.array([1 - share, share])
    return factors / np.linalg.norm(factors)


def channel_words(model: keras.Model, seen: int) -> int:
    """How many ids have a row of their own in the trainable channel of ``model``, or would have if it had one."""
    layers = [layer for layer in model.layers if layer.name == TRAINABLE]
    return layers[0].input_dim if layers else seen


def with_word_scores(
    model: keras.Model, settings: NetworkSettings, scores: WordScores, share: float, seen: int
) -> tuple[keras.Model, NetworkSettings]:
    """One network whose logits are those of ``model`` and the word scores, weighed by ``share`` and added.

    Args:
        model: of settings that :func:`fits` allows; stays as it is.
        settings: it was built with.
        scores: of as many words as :func:`channel_words` says.
        share: from 0 to 1.
        seen: as :func:`sentiment.network.keras_network.build_network` was given it.

    Returns:
        the network and its settings.
    """
    more = len(scores.bias)
    wider = replace(settings, units=settings.units + more, trainable_dimension=settings.trainable_dimension + more)
    (matrix,) = model.get_layer(GLOVE).get_weights()
    result = build_network(matrix, wider, more, seen)
    for layer in model.layers:
        if layer.name.startswith(f"{PROJECTION}_") and layer.weights:
            result.get_layer(layer.name).set_weights(layer.get_weights())
    scale = _LARGEST / max(float(np.abs(scores.values).max()), 1e-6)
    channel = [np.arctanh(scale * scores.values)]
    if settings.trainable_dimension:
        channel.insert(0, model.get_layer(TRAINABLE).get_weights()[0])
    result.get_layer(TRAINABLE).set_weights([np.concatenate(channel, axis=1)])
    result.get_layer(RECURRENT).set_weights(_wider_recurrence(model.get_layer(RECURRENT).get_weights(), more))
    kernel, bias = model.get_layer(CLASSES).get_weights()
    own, other = _factors(share)
    states = _spread(own * kernel, settings.units, more)
    ours = (-2 if settings.bidirectional else -1) * wider.units  # where the forward direction's means begin
    first = len(states) + ours + settings.units
    states[first : first + more] = np.eye(more) * other / scale
    result.get_layer(CLASSES).set_weights([states, own * bias + other * scores.bias])
    return result, wider


def _wider_recurrence(weights: list[np.ndarray], more: int) -> list[np.ndarray]:
    """Kernel, recurrent kernel and bias of each direction; the ``more`` last units see the ``more`` last inputs alone.

    The backward direction's stay at zero, which nothing reads.
    """
    wider = []
    for i, weight in enumerate(weights):
        kind = ("kernel", "recurrent", "bias")[i % 3]
        padded = np.pad(weight, [(0, more)] * weight.ndim)
        if kind == "kernel" and i < 3:
            padded[-more:, -more:] = np.eye(more)
        wider.append(padded)
    return wider


def _spread(kernel: np.ndarray, units: int, more: int) -> np.ndarray:
    """Rows ``(blocks * units, classes)`` with ``more`` rows of zeros behind those of each pooled direction."""
    blocks = kernel.reshape(-1, units, kernel.shape[1])
    return np.pad(blocks, [(0, 0), (0, more), (0, 0)]).reshape(-1, kernel.shape[1])


def _mean_words(ids: np.ndarray, words: int) -> "csr_matrix":
    """The share of each word in each row, sparse ``(n, words)``."""
    from scipy.sparse import csr_matrix

    known = np.where(ids < words, ids, UNKNOWN)
    rows, places = np.nonzero(known != PADDING)
    shares = 1.0 / np.bincount(rows, minlength=len(ids))[rows]
    return csr_matrix((shares, (rows, known[rows, places])), (len(ids), words))
