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

from sentiment.lexicon import PADDING
from sentiment.network import (
    BELOW_ALL_STATES,
    CLASSES,
    OUTPUT_DROPOUT,
    input_and_recurrent_bias,
    recurrent_cells,
    type_features,
)
from sentiment.recurrence import STEPS, Direction, state_count
from sentiment.settings import NetworkSettings


class TypewiseModel(keras.Model):
    """``{"types": int32 (types,), "positions": int32 (batch, time)}`` -> probabilities ``(batch, classes)``.

    ``types`` are distinct ids, padding first; ``positions`` index them.

    Args:
        model: the shipped model, whose layers are used.
        settings: it was built with.
        width: the ``time`` it is for: one such model is made, and compiled, for each width that occurs.
    """

    def __init__(self, model: keras.Model, settings: NetworkSettings, width: int) -> None:
        super().__init__(name=f"typewise_{width}")
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


def unrolled_states(
    projected: Any, positions: Any, directions: list[Direction], cell: str, pooling: str, masking: bool = True
) -> Any:
    """Run the recurrence step by step in the graph and pool its states.

    Args:
        projected: x W_x + b of each type, ``(types, directions * gates * units)``; type 0 is padding.
        positions: indices of them, int32 ``(batch, time)``; ``time`` must be known.
        directions: recurrent weights, forward first.
        cell, pooling, masking: as in the network's settings.

    Returns:
        ``(batch, pooled)``, as the shipped network orders it.
    """
    width = positions.shape[1]
    steps = ops.transpose(positions)
    gathered = ops.unstack(ops.take(projected, steps, axis=0), width)
    real = ops.not_equal(steps, PADDING) if masking else ops.ones_like(steps)
    masks = ops.unstack(ops.cast(ops.expand_dims(real, -1), "float32"), width)
    pooled = []
    for i, weights in enumerate(directions):
        size = weights.kernel.shape[1]
        inputs = [step[:, i * size : (i + 1) * size] for step in gathered]
        order = range(width) if i == 0 else reversed(range(width))
        pooled.append(_run([(inputs[t], masks[t]) for t in order], weights, cell, pooling))
    return ops.concatenate([part for parts in zip(*pooled, strict=True) for part in parts], axis=-1)


def _run(steps: list[tuple[Any, Any]], weights: Direction, cell: str, pooling: str) -> list[Any]:
    """One direction: the pooled states, ``[last]``, ``[maximum]``, ``[mean]`` or ``[maximum, mean]``."""
    first = ops.zeros_like(steps[0][0][:, : weights.kernel.shape[0]])
    states = (first,) * state_count(cell)
    highest, total, count = first + BELOW_ALL_STATES, first, ops.zeros_like(steps[0][1])
    for projected, mask in steps:
        fresh = STEPS[cell](ops, projected, states, weights)
        states = tuple(mask * new + (1.0 - mask) * old for new, old in zip(fresh, states, strict=True))
        if pooling in ("max", "max_mean"):
            highest = ops.maximum(highest, mask * fresh[0] + (1.0 - mask) * BELOW_ALL_STATES)
        if pooling in ("mean", "max_mean"):
            total, count = total + mask * fresh[0], count + mask
    mean = total / ops.maximum(count, 1.0)
    return {"last": [states[0]], "max": [highest], "mean": [mean], "max_mean": [highest, mean]}[pooling]
