"""The network, in plain Keras 3 layers and operations: it trains on any Keras backend and reloads without us.

    ids (batch, time)
     -> frozen GloVe vector, and beside it a trainable one if asked      (batch, time, dimension)
     -> dense layers on each token by itself                             (batch, time, width)
     -> SimpleRNN, GRU or LSTM over the tokens, one or two directions    (batch, time, states)
     -> pooled over time                                                 (batch, pooled)
     -> dense, softmax                                                   (batch, classes)

What comes before the recurrence depends on the token alone. Training exploits that: a second model over the same
layers (``Network.by_type``) works each distinct token of a batch out once; export folds it into a table.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from sentiment.lexicon import PADDING
from sentiment.settings import NetworkSettings

GLOVE_LAYER = "glove"
TRAINABLE_LAYER = "trainable_embedding"
PROJECTION_LAYER = "projection"
RECURRENT_LAYER = "recurrent"
CLASSES_LAYER = "classes"

_CELLS = {"simple_rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}
# States of all three cells lie in (-1, 1): at -2 a padded step never is the maximum.
_BELOW_ALL_STATES = -2.0


@dataclass(frozen=True)
class Network:
    """Two models over the same layers.

    Attributes:
        model: ids int32 ``(batch, time)`` -> probabilities float32 ``(batch, classes)``. This one is shipped.
        by_type: distinct ids int32 ``(types,)``, the first of them padding, and indices of them int32
            ``(batch, time)`` -> the same probabilities, for training.
    """

    model: keras.Model
    by_type: keras.Model


def build_network(embedding_matrix: np.ndarray, settings: NetworkSettings, classes: int) -> Network:
    """Make the layers and connect them.

    Args:
        embedding_matrix: float32 ``(vocabulary, dimension)``, row 0 zero; never trained.
        settings: sizes and kinds.
        classes: number of outputs.
    """
    tokens = _token_layers(embedding_matrix.shape, settings)
    rest = _sequence_layers(settings, classes)
    ids = keras.Input((None,), dtype="int32", name="ids")
    model = keras.Model(ids, _classify(_features(ids, tokens), ids, rest, settings), name="sentiment")
    types = keras.Input((), dtype="int32", name="types")
    positions = keras.Input((None,), dtype="int32", name="positions")
    features = ops.take(_features(types, tokens), positions, axis=0)
    by_type = keras.Model([types, positions], _classify(features, positions, rest, settings), name="sentiment_by_type")
    model.get_layer(GLOVE_LAYER).set_weights([embedding_matrix])
    return Network(model, by_type)


def _token_layers(shape: tuple[int, ...], settings: NetworkSettings) -> dict[str, Any]:
    vocabulary, dimension = shape
    own = settings.trainable_dimension
    return {
        "glove": layers.Embedding(vocabulary, dimension, trainable=False, name=GLOVE_LAYER),
        "own": layers.Embedding(vocabulary, own, name=TRAINABLE_LAYER) if own else None,
        "own_dropout": layers.Dropout(settings.trainable_dropout, name="trainable_dropout") if own else None,
        "projection": [
            layer
            for i, width in enumerate(settings.projection)
            for layer in (
                layers.Dense(width, activation="relu", name=f"{PROJECTION_LAYER}_{i}"),
                layers.Dropout(settings.projection_dropout, name=f"{PROJECTION_LAYER}_dropout_{i}"),
            )
        ],
    }


def _features(ids: Any, tokens: dict[str, Any]) -> Any:
    """What is known of each token by itself: ids of any shape -> ``(..., width)``."""
    features = tokens["glove"](ids)
    for layer in tokens["projection"]:
        features = layer(features)
    if tokens["own"] is None:
        return features
    return layers.Concatenate()([features, tokens["own_dropout"](tokens["own"](ids))])


def _sequence_layers(settings: NetworkSettings, classes: int) -> dict[str, Any]:
    recurrent = _CELLS[settings.cell](
        settings.units,
        return_sequences=settings.pooling != "last",
        recurrent_dropout=settings.recurrent_dropout,
        name=settings.cell,
    )
    if settings.bidirectional:
        recurrent = layers.Bidirectional(recurrent, name=RECURRENT_LAYER)
    else:
        recurrent.name = RECURRENT_LAYER
    return {
        "recurrent": recurrent,
        "output_dropout": layers.Dropout(settings.output_dropout, name="output_dropout"),
        "classes": layers.Dense(classes, activation="softmax", name=CLASSES_LAYER),
    }


def _classify(features: Any, ids: Any, rest: dict[str, Any], settings: NetworkSettings) -> Any:
    """Recurrence, pooling and output: ``(batch, time, width)`` -> ``(batch, classes)``; zeros of ``ids`` are padding."""
    real = ops.not_equal(ids, PADDING)
    states = rest["recurrent"](features, mask=real if settings.masking else None)
    pooled = _pool(states, real if settings.masking else ops.ones_like(real), settings.pooling)
    return rest["classes"](rest["output_dropout"](pooled))


def _pool(states: Any, real: Any, pooling: str) -> Any:
    """``states`` ``(batch, time, units)`` over the ``real`` steps ``(batch, time)`` -> ``(batch, pooled)``."""
    if pooling == "last":
        return states
    steps = ops.expand_dims(real, -1)
    maximum = ops.max(ops.where(steps, states, _BELOW_ALL_STATES), axis=1)
    if pooling == "max":
        return maximum
    weights = ops.cast(steps, states.dtype)
    mean = ops.sum(states * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)
    return mean if pooling == "mean" else layers.Concatenate()([maximum, mean])
