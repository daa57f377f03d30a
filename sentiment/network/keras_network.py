"""The network, in plain Keras 3 layers and operations: it trains on any Keras backend and reloads without us.

    ids (batch, time)
     -> frozen GloVe vector, and beside it a trainable one if asked      (batch, time, dimension)
     -> dense layers on each token by itself                             (batch, time, width)
     -> SimpleRNN, GRU or LSTM over the tokens, one or two directions    (batch, time, states)
     -> pooled over time                                                 (batch, pooled)
     -> dense, softmax                                                   (batch, classes)

What comes before the recurrence depends on the token alone. Training exploits that
(:mod:`sentiment.training.distinct_tokens`) and so does export (:mod:`sentiment.network.folding`).
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

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
NGRAMS = "ngram_scores"  # only where there are some: sentiment.network.ngram_layers

_CELLS = {"simple_rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}
# States of all three cells lie in (-1, 1): at -2 a padded step never is the maximum.
BELOW_ALL_STATES = -2.0


def build_network(
    embedding_matrix: np.ndarray, settings: NetworkSettings, classes: int, seen: int | None = None
) -> keras.Model:
    """Make the model ids int32 ``(batch, time)`` -> probabilities float32 ``(batch, classes)``.

    Args:
        embedding_matrix: float32 ``(vocabulary, dimension)``, row 0 zero; never trained.
        settings: sizes and kinds.
        classes: number of outputs.
        seen: ids below it occur in training (None: all do); no other gets a trainable vector of its own.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    features = _token_features(ids, embedding_matrix.shape, settings, seen or len(embedding_matrix))
    real = ops.not_equal(ids, PADDING) if settings.masking else None
    states = _recurrent_layer(settings)(features, mask=real)
    pooled = pool(states, ops.ones_like(ids) if real is None else real, settings.pooling)
    dropped = layers.Dropout(settings.output_dropout, name=OUTPUT_DROPOUT)(pooled)
    model = keras.Model(ids, layers.Dense(classes, activation="softmax", name=CLASSES)(dropped), name="sentiment")
    model.get_layer(GLOVE).set_weights([embedding_matrix])
    return model


def _token_features(ids: Any, shape: tuple[int, ...], settings: NetworkSettings, seen: int) -> Any:
    """Layers on each token by itself: ``(batch, time)`` -> ``(batch, time, width)``."""
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
    if settings.projection_dropout <= 0:  # none, or no rows have settled it yet
        return features
    return layers.Dropout(settings.projection_dropout, name=f"{TOKEN_DROPOUT}_{i}")(features)


def _own_ids(ids: Any, words: int) -> Any:
    """Ids of the trainable embedding: those below ``words`` as they are, the rarer ones the unknown token's."""
    return ops.where(ops.less(ids, words), ids, UNKNOWN)


def type_features(model: keras.Model, types: Any, training: bool = False) -> Any:
    """What the layers of ``model`` before its recurrence make of ids ``(types,)``: ``(types, width)``."""
    named = {layer.name: layer for layer in model.layers}
    features = named[GLOVE](types)
    for layer in _projection(named):
        features = layer(features, training=training) if isinstance(layer, layers.Dropout) else _dense(layer, features)
    if TRAINABLE in named:
        own = named[TRAINABLE](_own_ids(types, named[TRAINABLE].input_dim))
        for name in (TRAINABLE_DROPOUT, TRAINABLE_WORD_DROPOUT):
            own = named[name](own[None], training=training)[0]  # the second one's mask is of three dimensions
        features = ops.concatenate([features, own], axis=-1)
    return named[FEATURE_DROPOUT](features, training=training)


def _dense(layer: Any, x: Any) -> Any:
    """A dense layer by hand: TensorFlow's own gradient of a bias takes as long on a CPU as that of the kernel."""
    return layer.activation(ops.matmul(x, layer.kernel) + layer.bias)


def _projection(named: dict[str, Any]) -> list[Any]:
    """The dense layers on each token by itself, and the dropout around them, in their order."""
    return [layer for name, layer in named.items() if name.startswith((f"{PROJECTION}_", f"{TOKEN_DROPOUT}_"))]


def recurrent_cells(model: keras.Model) -> list[Any]:
    """The Keras cell of each direction, forward first."""
    layer = model.get_layer(RECURRENT)
    if isinstance(layer, layers.Bidirectional):
        return [layer.forward_layer.cell, layer.backward_layer.cell]
    return [layer.cell]


def input_and_recurrent_bias(cell: Any) -> tuple[Any, Any]:
    """The bias that belongs to x W_x, and the one to h W_h (a GRU's only, else None), each ``(gates * units,)``."""
    if isinstance(cell, layers.GRUCell):
        return cell.bias[0], cell.bias[1]
    return cell.bias, None


def _recurrent_layer(settings: NetworkSettings) -> Any:
    many = settings.pooling != "last"
    name = settings.cell if settings.bidirectional else RECURRENT
    layer = _CELLS[settings.cell](settings.units, return_sequences=many, name=name)
    return layers.Bidirectional(layer, name=RECURRENT) if settings.bidirectional else layer


def pool(states: Any, real: Any, pooling: str) -> Any:
    """``states`` ``(batch, time, units)`` over the ``real`` steps ``(batch, time)`` -> ``(batch, pooled)``."""
    if pooling == "last":
        return states
    steps = ops.expand_dims(real, -1)
    maximum = ops.max(ops.where(steps, states, BELOW_ALL_STATES), axis=1)
    if pooling == "max":
        return maximum
    weights = ops.cast(steps, states.dtype)
    mean = ops.sum(states * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)
    return mean if pooling == "mean" else ops.concatenate([maximum, mean], axis=-1)
