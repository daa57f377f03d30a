"""The network in plain Keras 3 layers, which train on any Keras backend and load without this package.

    Layer, from input to output                                      Output shape
    token ids                                                        (batch, time)
    frozen GloVe vectors                                             (batch, time, dimension)
    dense layers on each token, plus an optional trainable vector    (batch, time, width)
    SimpleRNN, GRU or LSTM over the tokens, one or two directions    (batch, time, states)
    pooling over time                                                (batch, pooled)
    dense layer, softmax                                             (batch, classes)

The layers before the recurrence see one token at a time, so training (:mod:`sentiment.training.tensorflow_trainer`) and
export (:func:`fold`) run them once per distinct token.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from sentiment.network.cells import Direction
from sentiment.network.folded import FoldedNetwork
from sentiment.network.ngrams import ngram_buckets, times_factor_in_float32
from sentiment.settings import NetworkSettings
from sentiment.text.lexicon import PADDING, UNKNOWN

GLOVE = "glove"
TRAINABLE = "trainable_embedding"
TRAINABLE_DROPOUT = "trainable_dropout"
TRAINABLE_WORD_DROPOUT = "trainable_word_dropout"
FEATURE_DROPOUT = "feature_dropout"
PROJECTION = "projection"
TOKEN_DROPOUT = "token_dropout"
RECURRENT = "recurrent"
OUTPUT_DROPOUT = "output_dropout"
CLASSES = "classes"
NGRAMS = "ngram_scores"  # only in networks from with_ngram_scores

_CELLS = {"simple_rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}
# The states of all cells and activations are above -1, so -2 in padded steps is never the maximum.
BELOW_ALL_STATES = -2.0
_ROWS_PER_BATCH = 8192


def build_network(
    embedding_matrix: np.ndarray, settings: NetworkSettings, classes: int, seen: int | None = None
) -> keras.Model:
    """Build the Keras model from ids, int32 ``(batch, time)``, to probabilities, float32 ``(batch, classes)``.

    Args:
        embedding_matrix: frozen GloVe vectors, float32 ``(vocabulary, dimension)``; row 0, for padding, is zero.
        seen: ids below this number occur in training; None means all ids. Only these ids can get a trainable vector.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    features = _token_features(ids, embedding_matrix.shape, settings, seen or len(embedding_matrix))
    real = ops.not_equal(ids, PADDING)
    states = _recurrent_layer(settings)(features, mask=real)
    pooled = pool(states, real, settings.pooling)
    dropped = layers.Dropout(settings.output_dropout, name=OUTPUT_DROPOUT)(pooled)
    model = keras.Model(ids, layers.Dense(classes, activation="softmax", name=CLASSES)(dropped), name="sentiment")
    model.get_layer(GLOVE).set_weights([embedding_matrix])
    return model


def _token_features(ids: Any, shape: tuple[int, ...], settings: NetworkSettings, seen: int) -> Any:
    vocabulary, dimension = shape
    features = layers.Embedding(vocabulary, dimension, trainable=False, name=GLOVE)(ids)
    for i, width in enumerate(settings.projection):
        features = _token_dropout(features, settings, i)
        features = layers.Dense(width, activation="relu", name=f"{PROJECTION}_{i}")(features)
    features = _token_dropout(features, settings, len(settings.projection))
    if settings.trainable_dimension:
        words = min(settings.trainable_words or seen, seen)
        own = layers.Embedding(words, settings.trainable_dimension, name=TRAINABLE)(_own_ids(ids, words))
        own = layers.Dropout(settings.trainable_dropout, name=TRAINABLE_DROPOUT)(own)
        own = layers.Dropout(settings.trainable_word_dropout, (None, None, 1), name=TRAINABLE_WORD_DROPOUT)(own)
        features = layers.Concatenate()([features, own])
    return layers.Dropout(settings.feature_dropout, name=FEATURE_DROPOUT)(features)


def _token_dropout(features: Any, settings: NetworkSettings, i: int) -> Any:
    if settings.projection_dropout <= 0:  # none, or the rule by training rows was not applied
        return features
    return layers.Dropout(settings.projection_dropout, name=f"{TOKEN_DROPOUT}_{i}")(features)


def _own_ids(ids: Any, words: int) -> Any:
    """Replace ids from ``words`` on by the unknown token, because the trainable embedding has only ``words`` rows."""
    return ops.where(ops.less(ids, words), ids, UNKNOWN)


def type_features(model: keras.Model, types: Any, training: bool = False) -> Any:
    """Apply the layers before the recurrence to distinct ids ``(types,)``; return features ``(types, width)``."""
    named = {layer.name: layer for layer in model.layers}
    features = named[GLOVE](types)
    for layer in _projection(named):
        features = layer(features, training=training) if isinstance(layer, layers.Dropout) else _dense(layer, features)
    if TRAINABLE in named:
        own = named[TRAINABLE](_own_ids(types, named[TRAINABLE].input_dim))
        for name in (TRAINABLE_DROPOUT, TRAINABLE_WORD_DROPOUT):
            own = named[name](own[None], training=training)[0]  # the second dropout layer needs three dimensions
        features = ops.concatenate([features, own], axis=-1)
    return named[FEATURE_DROPOUT](features, training=training)


def _dense(layer: Any, x: Any) -> Any:
    """Apply a dense layer with a plain sum, because the gradient of TensorFlow's bias addition is slow on a CPU."""
    return layer.activation(ops.matmul(x, layer.kernel) + layer.bias)


def _projection(named: dict[str, Any]) -> list[Any]:
    return [layer for name, layer in named.items() if name.startswith((f"{PROJECTION}_", f"{TOKEN_DROPOUT}_"))]


def recurrent_cells(model: keras.Model) -> list[Any]:
    """Return the Keras cell of each direction, forward first."""
    layer = model.get_layer(RECURRENT)
    if isinstance(layer, layers.Bidirectional):
        return [layer.forward_layer.cell, layer.backward_layer.cell]
    return [layer.cell]


def input_and_recurrent_bias(cell: Any) -> tuple[Any, Any]:
    """Return the bias added to x W_x, and that added to h W_h (None except for a GRU), each ``(gates * units,)``."""
    if isinstance(cell, layers.GRUCell):
        return cell.bias[0], cell.bias[1]
    return cell.bias, None


def _recurrent_layer(settings: NetworkSettings) -> Any:
    many = settings.pooling != "last"
    name = settings.cell if settings.bidirectional else RECURRENT
    layer = _CELLS[settings.cell](settings.units, activation=settings.activation, return_sequences=many, name=name)
    return layers.Bidirectional(layer, name=RECURRENT) if settings.bidirectional else layer


def pool(states: Any, real: Any, pooling: str) -> Any:
    """Pool ``states`` ``(batch, time, units)`` over the tokens, where ``real`` ``(batch, time)`` is true, not padding.

    With ``last`` pooling, ``states`` has the last step only, ``(batch, units)``, and is returned unchanged.
    """
    if pooling == "last":
        return states
    steps = ops.expand_dims(real, -1)
    maximum = ops.max(ops.where(steps, states, BELOW_ALL_STATES), axis=1)
    if pooling == "max":
        return maximum
    weights = ops.cast(steps, states.dtype)
    mean = ops.sum(states * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)
    return mean if pooling == "mean" else ops.concatenate([maximum, mean], axis=-1)


def with_ngram_scores(model: keras.Model, values: np.ndarray, bias: np.ndarray) -> keras.Model:
    """Return a network that shares the layers below the output with ``model``, and adds n-gram scores to the logits.

    ``values`` are the scores of each bucket, float32 ``(buckets, classes)``, and ``bias`` is theirs, ``(classes,)``.
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
    """Return the scores of the n-grams of padded ids, int32 ``(batch, time)``, as ``(batch, classes)``.

    :mod:`sentiment.network.ngrams` computes the same scores in NumPy. ``lookup`` is a function from buckets
    ``(batch, time, 3)`` to their scores ``(batch, time, 3, classes)``.
    """
    around = ops.pad(ids, [[0, 0], [1, 1]], constant_values=PADDING)
    found = ngram_buckets(around[:, :-2], ids, around[:, 2:], buckets, times=times_factor_in_float32)
    scores = ops.sum(lookup(ops.stack(found, axis=-1)), axis=2)
    real = ops.cast(ops.not_equal(ids, PADDING), scores.dtype)
    count = ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)
    return ops.sum(scores * ops.expand_dims(real, -1), axis=1) / ops.sqrt(count)


def fold(model: keras.Model, settings: NetworkSettings) -> FoldedNetwork:
    """Return ``model`` as a :class:`FoldedNetwork`, whose table has the cell input x W_x + b of each token."""
    cells = recurrent_cells(model)
    kernel, bias = (ops.convert_to_numpy(weight) for weight in model.get_layer(CLASSES).weights)
    return FoldedNetwork(
        table=_table(model, cells),
        directions=tuple(_direction(cell) for cell in cells),
        output_kernel=kernel,
        output_bias=bias,
        cell=settings.cell,
        pooling=settings.pooling,
        ngrams=next((ops.convert_to_numpy(layer.embeddings) for layer in model.layers if layer.name == NGRAMS), None),
        activation=settings.activation,
    )


def _table(model: keras.Model, cells: list[Any]) -> np.ndarray:
    vocabulary = model.get_layer(GLOVE).input_dim
    weights = [(cell.kernel, input_and_recurrent_bias(cell)[0]) for cell in cells]
    arrays = [tuple(ops.convert_to_numpy(weight) for weight in pair) for pair in weights]
    table = np.empty((len(cells), vocabulary, arrays[0][0].shape[1]), np.float32)
    for start in range(0, vocabulary, _ROWS_PER_BATCH):
        ids = np.arange(start, min(start + _ROWS_PER_BATCH, vocabulary), dtype=np.int32)
        features = ops.convert_to_numpy(type_features(model, ids))
        for direction, (kernel, bias) in enumerate(arrays):
            table[direction, ids] = features @ kernel + bias
    return table


def _direction(cell: Any) -> Direction:
    bias = input_and_recurrent_bias(cell)[1]
    kernel = ops.convert_to_numpy(cell.recurrent_kernel)
    return Direction(kernel, None if bias is None else ops.convert_to_numpy(bias))
