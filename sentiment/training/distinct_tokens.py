"""Training each distinct token once: the shipped network, computed in another order.

A batch of tweets holds a token such as *love* many times, yet all that happens to it before the recurrence is the
same each time. Here the layers before the recurrence, and the recurrence's own x W_x + b, run over the distinct
tokens of the batch; their results are gathered, and the steps of the recurrence unrolled over the batch's width.
The variables are the shipped model's own, so there is nothing to copy back, and a test holds outputs and gradients
of the two equal.
"""

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
        width: the ``time`` it is for: one such model is made, and compiled, for each width that occurs.
    """

    def __init__(self, model: keras.Model, settings: NetworkSettings, width: int) -> None:
        super().__init__(name=f"distinct_tokens_{width}")
        self.shipped = model
        self.settings = settings
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Run the batch; see the class."""
        features = type_features(self.shipped, inputs["types"], training)
        projected = ops.concatenate([self._projected(features, cell) for cell in self._cells], axis=-1)
        weights = [Direction(cell.recurrent_kernel, input_and_recurrent_bias(cell)[1]) for cell in self._cells]
        options = self.settings
        pooled = unrolled_states(
            projected, inputs["positions"], weights, options.cell, options.pooling, options.masking
        )
        dropped = self.shipped.get_layer(OUTPUT_DROPOUT)(pooled, training=training)
        return self.shipped.get_layer(CLASSES)(dropped)

    @property
    def _cells(self) -> list[Any]:
        return recurrent_cells(self.shipped)

    @staticmethod
    def _projected(features: Any, cell: Any) -> Any:
        return ops.matmul(features, cell.kernel) + input_and_recurrent_bias(cell)[0]
