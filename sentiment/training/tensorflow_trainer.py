"""Epochs in TensorFlow: programs that are traced once, and on a CPU the simple recurrence in NumPy.

Most of a short training's time went into tracing: a program for each width that batches have, and each anew when the
number of distinct tokens changed. Here that number is left open, and where the recurrence is NumPy's
(:mod:`sentiment.training.ragged_rnn`) the width as well. Order, network, loss and optimizer are those of
:class:`sentiment.training.trainer.Trainer`, and a test holds the weights after an epoch of either equal.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sentiment.network.cells import Direction
from sentiment.settings import NetworkSettings, Settings
from sentiment.training.devices import accelerators
from sentiment.training.distinct_tokens import DistinctTokensModel
from sentiment.training.ragged_rnn import RaggedRNN
from sentiment.training.trainer import Trainer


class TensorFlowTrainer(Trainer):
    """Runs epochs over batches of several widths, by one program for all of them where that is possible."""

    def __init__(self, model: keras.Model, settings: Settings, steps: int, max_tokens: int) -> None:
        super().__init__(model, settings, steps, max_tokens)
        self._programs: dict[tuple[keras.Model, int, bool], Any] = {}

    @staticmethod
    def make_models(model: keras.Model, settings: NetworkSettings, widths: Sequence[int]) -> dict[int, keras.Model]:
        """One for all widths where the recurrence asks for none."""
        if settings.cell != "simple_rnn" or accelerators():
            return Trainer.make_models(model, settings, widths)
        return dict.fromkeys(widths, DistinctTokensModel(model, settings, ragged_states))

    def step(
        self, inputs: Mapping[str, np.ndarray], y_true: np.ndarray, weights: np.ndarray, learn: bool
    ) -> Mapping[str, Any]:
        """Run one batch; returns the figures ``loss`` and ``accuracy`` of this batch alone."""
        given = [tf.constant(each) for each in (inputs["types"], inputs["positions"], y_true, weights)]
        loss, accuracy = self._program(inputs["positions"].shape, learn)(*given)
        return {"loss": loss, "accuracy": accuracy}

    def _program(self, shape: tuple[int, int], learn: bool) -> Any:
        """Traced: one step of a model, with as many distinct tokens as there are."""
        rows, width = shape  # with known rows, dropout is drawn while NumPy is busy
        model = self.models[width]
        if (model, rows, learn) not in self._programs:
            signature = [
                tf.TensorSpec((None,), tf.int32),
                tf.TensorSpec((rows, None if model.states is ragged_states else width), tf.int32),
                tf.TensorSpec((rows, model.shipped.output_shape[-1]), tf.float32),
                tf.TensorSpec((rows,), tf.float32),
            ]
            run = partial(self._learn if learn else self._ask, model)
            # A concrete one: to find out which of its programs fits takes TensorFlow a good part of a step.
            program = tf.function(run, input_signature=signature, autograph=False).get_concrete_function()
            self._programs[model, rows, learn] = program
        return self._programs[model, rows, learn]

    def _learn(self, model: keras.Model, types: Any, positions: Any, y_true: Any, weights: Any) -> tuple[Any, Any]:
        variables = model.trainable_variables
        with tf.GradientTape() as tape:
            y_pred = model({"types": types, "positions": positions}, training=True)
            loss = self.loss(y_true, y_pred, weights)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss, _accuracy(y_true, y_pred, weights)

    def _ask(self, model: keras.Model, types: Any, positions: Any, y_true: Any, weights: Any) -> tuple[Any, Any]:
        y_pred = model({"types": types, "positions": positions}, training=False)
        return self.loss(y_true, y_pred, weights), _accuracy(y_true, y_pred, weights)


def ragged_states(
    projected: tf.Tensor, positions: tf.Tensor, directions: list[Direction], cell: str, pooling: str, masking: bool
) -> tf.Tensor:
    """As :func:`sentiment.network.unrolled.unrolled_states`, of a SimpleRNN, for any number of rows and steps."""
    recurrence = RaggedRNN(pooling, masking)
    kernel = tf.stack([tf.convert_to_tensor(direction.kernel) for direction in directions])

    @tf.custom_gradient
    def run(projected: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        pooled = tf.numpy_function(recurrence.forward, [projected, positions, kernel], tf.float32)

        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            found = tf.numpy_function(recurrence.backward, [upstream], [tf.float32, tf.float32])
            return [tf.ensure_shape(each, of.shape) for each, of in zip(found, (projected, kernel), strict=True)]

        return tf.ensure_shape(pooled, (positions.shape[0], len(pooling.split("_")) * projected.shape[1])), gradient

    return run(projected, kernel)


def _accuracy(y_true: tf.Tensor, y_pred: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The share of the rows, by weight, whose most likely class is right."""
    right = tf.cast(tf.equal(tf.argmax(y_true, axis=1), tf.argmax(y_pred, axis=1)), weights.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(weights * right), tf.reduce_sum(weights))
