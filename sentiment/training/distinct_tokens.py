"""The network in an order that trains faster: what happens to a token before the recurrence happens once per batch.

A batch of tweets contains a token such as *love* many times, and the layers before the recurrence, and x W_x + b, give
the same each time. Here they run over the distinct tokens of the batch, and the recurrence looks up what each position
needs. The variables are those of the Keras network, so nothing is copied back; a test checks that outputs and gradients
are equal.
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
    """``{"types": int32 (types,), "positions": int32 (batch, time)}`` -> probabilities ``(batch, classes)``.

    ``types`` are distinct ids, padding first; ``positions`` index them.

    Args:
        model: the Keras network whose layers are used.
        settings: those that ``model`` was built with.
        states: runs the recurrence; called as :func:`sentiment.network.unrolled.unrolled_states`, which has to be
            traced for each ``time`` that occurs.
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
        """Return the probabilities; see the class."""
        features = type_features(self.shipped, inputs["types"], training)
        cells = recurrent_cells(self.shipped)
        biases = [input_and_recurrent_bias(cell) for cell in cells]
        kernel = ops.concatenate([cell.kernel for cell in cells], axis=-1)  # one product for all directions
        projected = ops.matmul(features, kernel) + ops.concatenate([own for own, _ in biases])
        weights = [Direction(cell.recurrent_kernel, bias) for cell, (_, bias) in zip(cells, biases, strict=True)]
        pooled = self.states(projected, inputs["positions"], weights, self.settings)
        dropped = self.shipped.get_layer(OUTPUT_DROPOUT)(pooled, training=training)
        return self.shipped.get_layer(CLASSES)(dropped)
