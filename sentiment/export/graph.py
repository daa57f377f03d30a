"""The folded network as TensorFlow operations."""

from typing import Any

import tensorflow as tf
from keras import ops

from sentiment.network.cells import STEPS, Direction, state_count
from sentiment.network.folded import FoldedNetwork
from sentiment.network.unrolled import unrolled_states


class GraphNetwork(tf.Module):
    """:class:`FoldedNetwork` as TensorFlow operations."""

    def __init__(self, network: FoldedNetwork) -> None:
        super().__init__()
        self.tables = [tf.Variable(table, trainable=False) for table in network.table]
        self.kernels = [tf.Variable(direction.kernel, trainable=False) for direction in network.directions]
        self.biases = [None if d.bias is None else tf.Variable(d.bias, trainable=False) for d in network.directions]
        self.output_kernel = tf.Variable(network.output_kernel, trainable=False)
        self.output_bias = tf.Variable(network.output_bias, trainable=False)
        self.masking = network.masking
        self._cell, self._pooling = network.cell, network.pooling

    def __call__(self, ids: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Ids ``(n, time)``, real up to ``lengths`` ``(n,)`` -> probabilities ``(n, classes)``.

        Rows are sorted by length, so that each step works on those rows only that still have a token.
        """
        order = tf.argsort(-lengths)
        ids, lengths = tf.gather(ids, order), tf.gather(lengths, order)
        longest = tf.reduce_max(tf.concat([lengths, [0]], axis=0))
        active = tf.reduce_sum(tf.cast(lengths[None, :] > tf.range(longest)[:, None], tf.int32), axis=1)
        steps = tf.transpose(ids)
        pooled = [self._pooled(steps, active, lengths, direction) for direction in range(len(self.kernels))]
        joined = tf.concat([part for parts in zip(*pooled, strict=True) for part in parts], axis=1)
        probabilities = tf.nn.softmax(tf.matmul(joined, self.output_kernel) + self.output_bias)
        return tf.gather(probabilities, tf.math.invert_permutation(order))

    def by_ids(self, max_tokens: int) -> Any:
        """A TensorFlow function: ids int32 ``(n, max_tokens)`` -> ``probabilities`` float32 ``(n, classes)``.

        Other runtimes take it: it is made of common operations, without loop or sorting.
        """
        spec = tf.TensorSpec([None, max_tokens], tf.int32, name="ids")

        def probabilities(ids: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probabilities": self.unrolled(ids)}

        return tf.function(probabilities, input_signature=[spec])

    def unrolled(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids ``(n, time)``, padded on either side -> probabilities ``(n, classes)``, without loop or sorting."""
        weights = [Direction(*pair) for pair in zip(self.kernels, self.biases, strict=True)]
        table = tf.concat(self.tables, axis=1)
        joined = unrolled_states(table, ids, weights, self._cell, self._pooling, self.masking)
        return tf.nn.softmax(tf.matmul(joined, self.output_kernel) + self.output_bias)

    def _pooled(self, steps: tf.Tensor, active: tf.Tensor, lengths: tf.Tensor, direction: int) -> list[tf.Tensor]:
        """Pooled states of one direction, each ``(n, units)``: last, or maximum and/or mean."""
        weights = Direction(self.kernels[direction], self.biases[direction])
        units, table = self.kernels[direction].shape[0], self.tables[direction]
        time, rows = tf.shape(active)[0], tf.shape(steps)[1]
        zeros = tf.zeros([rows, units])

        def body(i: tf.Tensor, states: tuple, highest: tf.Tensor, total: tf.Tensor) -> tuple:
            t = i if direction == 0 else time - 1 - i
            n = active[t]
            projected = tf.gather(table, steps[t, :n])
            fresh = STEPS[self._cell](ops, projected, tuple(state[:n] for state in states), weights)
            states = tuple(tf.concat([new, old[n:]], 0) for new, old in zip(fresh, states, strict=True))
            highest = tf.concat([tf.maximum(highest[:n], fresh[0]), highest[n:]], 0)
            return i + 1, states, highest, tf.concat([total[:n] + fresh[0], total[n:]], 0)

        start = (tf.constant(0), (zeros,) * state_count(self._cell), zeros - 2.0, zeros)
        _, states, highest, total = tf.while_loop(lambda i, *_: i < time, body, start)
        mean = total / tf.cast(tf.maximum(lengths, 1), tf.float32)[:, None]
        return {"last": [states[0]], "max": [highest], "mean": [mean], "max_mean": [highest, mean]}[self._pooling]
