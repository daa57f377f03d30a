"""The folded network as TensorFlow operations."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras import ops

from sentiment.network.cells import STEPS, Direction, state_count
from sentiment.network.folded import FoldedNetwork
from sentiment.network.ngram_layers import ngram_logits
from sentiment.network.unrolled import unrolled_states


def graph_function(*signature: tf.TensorSpec) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: a TensorFlow function of the arguments in ``signature``.

    Nothing in them is Python that depends on values; translating it as if there were took a third of an export.
    """
    return tf.function(input_signature=signature, autograph=False)


class GraphNetwork(tf.Module):
    """:class:`FoldedNetwork` as TensorFlow operations."""

    def __init__(self, network: FoldedNetwork) -> None:
        super().__init__()
        self.tables = [tf.Variable(table, trainable=False) for table in network.table]
        self.kernels = [tf.Variable(direction.kernel, trainable=False) for direction in network.directions]
        self.biases = [None if d.bias is None else tf.Variable(d.bias, trainable=False) for d in network.directions]
        self.output_kernel = tf.Variable(network.output_kernel, trainable=False)
        self.output_bias = tf.Variable(network.output_bias, trainable=False)
        self.ngrams = None if network.ngrams is None else tf.Variable(network.ngrams, trainable=False)
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
        turned = [ids, tf.reverse_sequence(ids, lengths, seq_axis=1)]  # steps of the backward direction go forward too
        pooled = [
            self._pooled(tf.transpose(turned[direction]), active, lengths, direction)
            for direction in range(len(self.kernels))
        ]
        joined = tf.concat([part for parts in zip(*pooled, strict=True) for part in parts], axis=1)
        return tf.gather(self._probabilities(joined, ids), tf.math.invert_permutation(order))

    def by_ids(self, max_tokens: int) -> Any:
        """A TensorFlow function: ids int32 ``(n, max_tokens)`` -> ``probabilities`` float32 ``(n, classes)``.

        Other runtimes take it: it is made of common operations, without loop or sorting.
        """
        spec = tf.TensorSpec([None, max_tokens], tf.int32, name="ids")

        def probabilities(ids: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probabilities": self.unrolled(ids)}

        return graph_function(spec)(probabilities)

    def unrolled(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids ``(n, time)``, padded on either side -> probabilities ``(n, classes)``, without loop or sorting."""
        weights = [Direction(*pair) for pair in zip(self.kernels, self.biases, strict=True)]
        table = tf.concat(self.tables, axis=1)
        joined = unrolled_states(table, ids, weights, self._cell, self._pooling, self.masking)
        return self._probabilities(joined, ids)

    def _probabilities(self, pooled: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        logits = tf.matmul(pooled, self.output_kernel) + self.output_bias
        if self.ngrams is not None:
            logits += ngram_logits(ids, lambda found: tf.gather(self.ngrams, found), self.ngrams.shape[0])
        return tf.nn.softmax(logits)

    def _pooled(self, steps: tf.Tensor, active: tf.Tensor, lengths: tf.Tensor, direction: int) -> list[tf.Tensor]:
        """Pooled states of one direction, each ``(n, units)``: last, or maximum and/or mean.

        A row is handed out at its last step, the last rows first, so that a step touches its own rows only.
        """
        weights = Direction(self.kernels[direction], self.biases[direction])
        units, table, kinds = self.kernels[direction].shape[0], self.tables[direction], self._pooling.split("_")
        time, zeros = tf.shape(active)[0], tf.zeros([tf.shape(steps)[1], units])
        further = tf.concat([active[1:], [0]], axis=0)

        def body(i: tf.Tensor, states: tuple, pooled: tuple, done: tuple) -> tuple:
            n = active[i]
            projected = tf.gather(table, steps[i, :n])
            states = STEPS[self._cell](ops, projected, tuple(state[:n] for state in states), weights)
            pooled = tuple(_TAKE_IN[kind](part[:n], states[0]) for kind, part in zip(kinds, pooled, strict=True))
            ended = [part[further[i] :] for part in pooled]
            return i + 1, states, pooled, tuple(a.write(time - 1 - i, e) for a, e in zip(done, ended, strict=True))

        nothing = tuple(zeros - 2.0 if kind == "max" else zeros for kind in kinds)
        done = tuple(
            tf.TensorArray(tf.float32, time + 1, element_shape=[None, units], infer_shape=False) for _ in kinds
        )
        held = tf.math.count_nonzero(lengths)  # rows without a token come last
        done = tuple(array.write(time, part[held:]) for array, part in zip(done, nothing, strict=True))
        start = (tf.constant(0), (zeros,) * state_count(self._cell), nothing, done)
        done = tf.while_loop(lambda i, *_: i < time, body, start)[-1]
        parts = dict(zip(kinds, (array.concat() for array in done), strict=True))
        if "mean" in parts:
            parts["mean"] /= tf.cast(tf.maximum(lengths, 1), tf.float32)[:, None]
        return list(parts.values())


_TAKE_IN: dict[str, Any] = {"last": lambda before, state: state, "max": tf.maximum, "mean": tf.add}
