"""The network rearranged for faster training: layers before the recurrence run once per distinct token of a batch.

A frequent token such as *love* occurs many times in a batch, and the layers before the recurrence, and x W_x + b, give
the same result each time. Here they run on the distinct tokens only, and the recurrence looks the results up. The
variables are shared with the Keras network. A test checks that outputs and gradients are equal.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from sentiment.network.cells import Direction
from sentiment.network.keras_network import (
    CLASSES,
    OUTPUT_DROPOUT,
    input_and_recurrent_bias,
    recurrent_cells,
    type_features,
)
from sentiment.network.unrolled import unrolled_states
from sentiment.settings import NetworkSettings


class DistinctTokensModel(keras.Model):
    """A Keras model that computes each distinct token of a batch once.

    It maps ``{"types": int32 (types,), "positions": int32 (batch, time)}`` to probabilities ``(batch, classes)``.
    ``types`` are the distinct ids of a batch, with padding first. ``positions`` are indices into ``types``.

    Args:
        model: the Keras network whose layers are used.
        settings: the settings that ``model`` was built with.
        states: function that runs the recurrence, called like :func:`sentiment.network.unrolled.unrolled_states`.
    """

    def __init__(
        self, model: keras.Model, settings: NetworkSettings, states: Callable[..., Any] = unrolled_states
    ) -> None:
        super().__init__(name="distinct_tokens")
        self.shipped = model
        self.settings = settings
        self.states = states
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Return the class probabilities of a batch, ``(batch, classes)``."""
        features = type_features(self.shipped, inputs["types"], training)
        cells = recurrent_cells(self.shipped)
        biases = [input_and_recurrent_bias(cell) for cell in cells]
        kernel = ops.concatenate([cell.kernel for cell in cells], axis=-1)  # one product for all directions
        projected = ops.matmul(features, kernel) + ops.concatenate([own for own, _ in biases])
        weights = [Direction(cell.recurrent_kernel, bias) for cell, (_, bias) in zip(cells, biases, strict=True)]
        pooled = self.states(projected, inputs["positions"], weights, self.settings)
        dropped = self.shipped.get_layer(OUTPUT_DROPOUT)(pooled, training=training)
        return self.shipped.get_layer(CLASSES)(dropped)
