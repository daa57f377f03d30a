"""Training each distinct token once: the shipped network, computed in another order.

A batch of tweets holds a token such as *love* many times, yet all that happens to it before the recurrence is the
same each time. Here the layers before the recurrence, and the recurrence's own x W_x + b, run over the distinct
tokens of the batch; the recurrence then picks up what each position needs: unrolled in the graph, or another way.
The variables are the shipped model's own, so there is nothing to copy back, and a test holds outputs and gradients
of the two equal.
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
        model: the shipped model, whose layers are used.
        settings: it was built with.
        states: runs the recurrence; see :func:`sentiment.network.unrolled.unrolled_states`, which has to be traced for
            each ``time`` that occurs.
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
        """Run the batch; see the class."""
        features = type_features(self.shipped, inputs["types"], training)
        cells, options = recurrent_cells(self.shipped), self.settings
        biases = [input_and_recurrent_bias(cell) for cell in cells]
        kernel = ops.concatenate([cell.kernel for cell in cells], axis=-1)  # one product for all directions
        projected = ops.matmul(features, kernel) + ops.concatenate([own for own, _ in biases])
        weights = [Direction(cell.recurrent_kernel, bias) for cell, (_, bias) in zip(cells, biases, strict=True)]
        pooled = self.states(projected, inputs["positions"], weights, options.cell, options.pooling, options.masking)
        dropped = self.shipped.get_layer(OUTPUT_DROPOUT)(pooled, training=training)
        return self.shipped.get_layer(CLASSES)(dropped)
