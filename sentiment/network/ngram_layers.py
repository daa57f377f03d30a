"""Scores of n-grams as Keras layers and operations; :mod:`sentiment.network.ngrams` computes them in NumPy."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from sentiment.network.keras_network import CLASSES, NGRAMS
from sentiment.network.ngrams import ngram_buckets, times_factor_in_float32
from sentiment.text.lexicon import PADDING


def with_ngram_scores(model: keras.Model, values: np.ndarray, bias: np.ndarray) -> keras.Model:
    """Return ``model`` with scores of n-grams added to its logits; it shares all layers but the output layer.

    Args:
        values: score of each bucket for each class, float32 ``(buckets, classes)``.
        bias: bias of the scores, float32 ``(classes,)``.
    """
    before = model.get_layer(CLASSES)
    dense = layers.Dense(before.units, name=CLASSES)
    lookup = layers.Embedding(*values.shape, trainable=False, name=NGRAMS)
    logits = dense(before.input) + ngram_logits(model.input, lookup, len(values))
    result = keras.Model(model.input, layers.Softmax()(logits), name=model.name)
    kernel, own = before.get_weights()
    dense.set_weights([kernel, own + bias])
    lookup.set_weights([values])
    return result


def ngram_logits(ids: Any, lookup: Callable[[Any], Any], buckets: int) -> Any:
    """Return the scores of each row's n-grams, to be added to the logits, ``(batch, classes)``.

    Args:
        ids: token ids, int32 ``(batch, time)``, padded on either side.
        lookup: function from buckets ``(batch, time, 3)`` to their scores ``(batch, time, 3, classes)``.
        buckets: number of buckets.
    """
    around = ops.pad(ids, [[0, 0], [1, 1]], constant_values=PADDING)
    found = ngram_buckets(around[:, :-2], ids, around[:, 2:], buckets, times=times_factor_in_float32)
    scores = ops.sum(lookup(ops.stack(found, axis=-1)), axis=2)
    real = ops.cast(ops.not_equal(ids, PADDING), scores.dtype)
    count = ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)
    return ops.sum(scores * ops.expand_dims(real, -1), axis=1) / ops.sqrt(count)
