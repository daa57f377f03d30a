"""Training in TensorFlow with few traced programs, and on a CPU with the simple recurrence in NumPy.

Keras's ``fit`` spends most of a short training on tracing, because each shape of a batch needs its own program. Here
one program serves any number of distinct tokens. With the recurrence in NumPy (:mod:`sentiment.training.ragged_rnn`),
it also serves any width. An epoch takes a fifth of ``fit``'s time. Rows, loss and optimizer are those of
:class:`sentiment.training.trainer.KerasTrainer`. A test checks that the weights after an epoch are equal.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from tqdm import tqdm

from sentiment.network.cells import Direction
from sentiment.network.folded import DistinctIds
from sentiment.network.keras_network import (
    CLASSES,
    OUTPUT_DROPOUT,
    input_and_recurrent_bias,
    recurrent_cells,
    type_features,
)
from sentiment.network.unrolled import unrolled_states
from sentiment.settings import NetworkSettings, Settings
from sentiment.training.backend import accelerators
from sentiment.training.batches import Batches
from sentiment.training.ragged_rnn import RaggedRNN
from sentiment.training.trainer import KerasTrainer


class TensorFlowTrainer(KerasTrainer):
    """Runs epochs with traced TensorFlow programs: one if the recurrence runs in NumPy, else one per batch width."""

    def __init__(self, model: keras.Model, settings: Settings, steps: int) -> None:
        super().__init__(model, settings, steps)
        in_numpy = settings.network.cell == "simple_rnn" and not accelerators()
        self._states = ragged_states if in_numpy else unrolled_states
        self._by_token = partial(by_distinct_tokens, model, settings.network, states=self._states)
        self.traced: dict[tuple[int, int | None, bool], Any] = {}

    def run(self, batches: Batches, title: str, learn: bool) -> dict[str, float]:
        """Run one epoch, with weight updates if ``learn``; return the weighted mean ``loss`` and ``accuracy``."""
        sums: Counter[str] = Counter()
        for i in tqdm(range(len(batches)), desc=title, unit="batch", disable=None, leave=False):
            ids, y_true, weights = batches[i]
            given = [tf.constant(each) for each in (*ids, y_true, weights)]
            loss, accuracy = self._program(ids.positions.shape, y_true.shape[1], learn)(*given)
            count = int(np.count_nonzero(weights))
            total = float(weights.mean()) * count  # the sum of the weights without repeated rows
            sums.update({"loss": float(loss) * count, "accuracy": float(accuracy) * total, "weights": total})
        return {name: sums[name] / sums["weights"] for name in ("loss", "accuracy")}

    def _program(self, shape: tuple[int, int], classes: int, learn: bool) -> Any:
        """Return a traced step for batches of ``shape`` with any number of distinct tokens."""
        rows, width = shape  # with a known number of rows, TensorFlow draws dropout while NumPy is busy
        key = (rows, None if self._states is ragged_states else width, learn)
        if key not in self.traced:
            signature = [
                tf.TensorSpec((None,), tf.int32),
                tf.TensorSpec(key[:2], tf.int32),
                tf.TensorSpec((rows, classes), tf.float32),
                tf.TensorSpec((rows,), tf.float32),
            ]
            step = tf.function(partial(self._step, learn), input_signature=signature, autograph=False)
            # A concrete function saves TensorFlow's choice among its programs, which takes much of a step's time.
            self.traced[key] = step.get_concrete_function()
        return self.traced[key]

    def _step(self, learn: bool, types: Any, positions: Any, y_true: Any, weights: Any) -> tuple[Any, Any]:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            y_pred = self._by_token(DistinctIds(types, positions), training=learn)
            loss = self.loss(y_true, y_pred, weights)
        if learn:
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        right = tf.cast(tf.equal(tf.argmax(y_true, axis=1), tf.argmax(y_pred, axis=1)), weights.dtype)
        return loss, tf.math.divide_no_nan(tf.reduce_sum(weights * right), tf.reduce_sum(weights))


def by_distinct_tokens(
    model: keras.Model,
    settings: NetworkSettings,
    ids: DistinctIds,
    training: bool = False,
    states: Callable[..., Any] = unrolled_states,
) -> Any:
    """Return the probabilities ``(batch, classes)`` of the Keras network ``model`` for a batch.

    A frequent token such as *love* occurs many times in a batch, always with the same cell input x W_x + b. Here the
    cell input is computed once per distinct token, and the recurrence looks it up. A test checks that outputs and
    gradients equal those of ``model``.

    Args:
        settings: the settings that ``model`` was built with.
        ids: the distinct ids of the batch; ``positions`` are ``(batch, time)``.
        states: function that runs the recurrence, either :func:`ragged_states` or :func:`unrolled_states`.
    """
    features = type_features(model, ids.types, training)
    cells = recurrent_cells(model)
    biases = [input_and_recurrent_bias(cell) for cell in cells]
    kernel = ops.concatenate([cell.kernel for cell in cells], axis=-1)  # one product for all directions
    projected = ops.matmul(features, kernel) + ops.concatenate([own for own, _ in biases])
    weights = [Direction(cell.recurrent_kernel, bias) for cell, (_, bias) in zip(cells, biases, strict=True)]
    pooled = states(projected, ids.positions, weights, settings)
    return model.get_layer(CLASSES)(model.get_layer(OUTPUT_DROPOUT)(pooled, training=training))


def ragged_states(
    projected: tf.Tensor, positions: tf.Tensor, directions: list[Direction], kinds: NetworkSettings
) -> tf.Tensor:
    """Run :class:`RaggedRNN` as a TensorFlow operation with a gradient; return the pooled states ``(batch, pooled)``.

    The arguments are those of :func:`sentiment.network.unrolled.unrolled_states`.
    """
    recurrence = RaggedRNN(kinds.pooling, kinds.activation)
    kernel = tf.stack([tf.convert_to_tensor(direction.kernel) for direction in directions])

    @tf.custom_gradient
    def run(projected: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        pooled = tf.numpy_function(recurrence.forward, [projected, positions, kernel], tf.float32)

        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            found = tf.numpy_function(recurrence.backward, [upstream], [tf.float32, tf.float32])
            return [tf.ensure_shape(each, of.shape) for each, of in zip(found, (projected, kernel), strict=True)]

        width = len(kinds.pooling.split("_")) * projected.shape[1]
        return tf.ensure_shape(pooled, (positions.shape[0], width)), gradient

    return run(projected, kernel)
