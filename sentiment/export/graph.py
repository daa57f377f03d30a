"""The trained network as TensorFlow operations, with the layers before the recurrence folded into a table."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from sentiment.network.cells import STEPS, Direction, state_count
from sentiment.network.folded import FoldedNetwork
from sentiment.network.keras_network import ngram_logits
from sentiment.network.ngrams import modulo, ngram_buckets
from sentiment.network.unrolled import unrolled_lookups
from sentiment.text.lexicon import PADDING


def graph_function(*signature: tf.TensorSpec) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that applies ``tf.function`` with the input types in ``signature`` and without AutoGraph.

    AutoGraph took a third of an export's time. The decorated functions do not need AutoGraph, because their Python
    control flow does not depend on tensor values.
    """
    return tf.function(input_signature=signature, autograph=False)


class GraphNetwork(tf.Module):
    """The network of a :class:`FoldedNetwork` (NumPy) in TensorFlow operations."""

    def __init__(self, network: FoldedNetwork) -> None:
        super().__init__()
        self.table, self.scales = map(_constant, network.one_below_another)
        self.directions = [Direction(*map(_constant, each)) for each in network.directions]
        self.output_kernel = _constant(network.output_kernel)
        self.output_bias = _constant(network.output_bias)
        self.ngrams, self.ngram_scales = _constant(network.ngrams), _constant(network.ngram_scales)
        self._kinds = replace(network, table=network.table[:, :0], ngrams=None)
        self._vocabulary = network.table.shape[1]

    def __call__(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Return probabilities ``(n, classes)`` of ``n`` rows of token ids without padding; a row may be empty.

        Rows are sorted by length, so that each step computes only rows that still have a token. On the tweets of
        Sentiment140, sorted rows take a third of the time of :meth:`unrolled`. Table rows are converted to float32 once
        per distinct token.
        """
        order = tf.argsort(-ids.row_lengths())
        types, positions = tf.unique(ids.flat_values)
        starts, lengths = (tf.cast(tf.gather(each, order), tf.int32) for each in (ids.row_starts(), ids.row_lengths()))
        longest = tf.reduce_max(tf.concat([lengths, [0]], axis=0))
        active = tf.reduce_sum(tf.cast(lengths[None, :] > tf.range(longest)[:, None], tf.int32), axis=1)
        begins = (starts, 1), (starts + lengths - 1, -1)  # the first token that a direction reads, and the way it goes
        pooled = []
        for direction, ((first, way), weights) in enumerate(zip(begins, self.directions, strict=False)):
            table = self._rows(types + direction * self._vocabulary)
            inputs = partial(_inputs_at, table, positions, first, way)
            pooled.append(self._pooled(inputs, active, lengths, weights))
        joined = tf.concat([part for parts in zip(*pooled, strict=True) for part in parts], axis=1)
        joined = tf.gather(joined, tf.math.invert_permutation(order))
        return self._probabilities(joined, lambda: self._ngram_logits(ids))

    def by_ids(self, max_tokens: int, rows: int | None = None) -> Any:
        """Return a TensorFlow function from token ids, int32 ``(n, max_tokens)``, to probabilities ``(n, classes)``.

        The function contains only common operations, no loop and no sorting, so that other runtimes can run it.
        ``rows`` sets ``n``; with None, ``n`` is variable.
        """
        spec = tf.TensorSpec([rows, max_tokens], tf.int32, name="ids")

        def probabilities(ids: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probabilities": self.unrolled(ids)}

        return graph_function(spec)(probabilities)

    def unrolled(self, ids: tf.Tensor) -> tf.Tensor:
        """Return probabilities ``(n, classes)`` of padded ids ``(n, time)``, for runtimes that have no loops."""
        offsets = self._vocabulary * np.arange(len(self.directions), dtype=np.int32)[:, None]
        pooled = unrolled_lookups(lambda each: self._rows(each + offsets), ids, self.directions, self._kinds)
        return self._probabilities(pooled, lambda: ngram_logits(ids, self._ngram_scores, self.ngrams.shape[0]))

    def _rows(self, indices: tf.Tensor) -> tf.Tensor:
        rows = tf.gather(self.table, indices)
        return rows if self.scales is None else tf.cast(rows, tf.float32) * tf.gather(self.scales, indices)

    def _probabilities(self, pooled: tf.Tensor, scores_of_ngrams: Callable[[], tf.Tensor]) -> tf.Tensor:
        logits = tf.matmul(pooled, self.output_kernel) + self.output_bias
        if self.ngrams is None:
            return tf.nn.softmax(logits)
        scores = scores_of_ngrams()
        return tf.nn.softmax(logits + (scores if self.ngram_scales is None else scores * self.ngram_scales))

    def _ngram_logits(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Return the n-gram scores ``(n, classes)`` of rows without padding, which is faster than with padded rows."""
        padded = tf.pad(ids.flat_values, [[1, 1]])
        ends = ids.row_splits  # beyond which a token has no neighbour
        none = tf.fill(tf.shape(ends), PADDING)
        before = tf.tensor_scatter_nd_update(padded[:-1], ends[:, None], none)[:-1]
        after = tf.tensor_scatter_nd_update(padded[1:], ends[:, None], none)[1:]
        found = ngram_buckets(before, padded[1:-1], after, self.ngrams.shape[0], modulo)
        scores = ids.with_flat_values(tf.add_n([self._ngram_scores(each) for each in found]))
        counts = tf.maximum(tf.cast(ids.row_lengths(), tf.float32), 1.0)
        return tf.reduce_sum(scores.to_tensor(), axis=1) / tf.sqrt(counts)[:, None]

    def _ngram_scores(self, buckets: tf.Tensor) -> tf.Tensor:
        """Return the scores of ``buckets`` before they are scaled, because scaling their sum takes less time."""
        return tf.cast(tf.gather(self.ngrams, buckets), tf.float32)

    def _pooled(
        self, inputs: Callable[[Any, Any], Any], active: tf.Tensor, lengths: tf.Tensor, weights: Direction
    ) -> list[tf.Tensor]:
        """Return the pooled states of one direction: a tensor ``(n, units)`` per kind of pooling (last, max, mean).

        ``inputs`` returns the cell inputs x W_x + b, given the step and the number of rows that have a token, which is
        ``active[step]``. A row leaves the loop after its last token, so that no step computes padding.
        """
        kinds, step = self._kinds.pooling.split("_"), STEPS[self._kinds.cell]
        units, time = weights.kernel.shape[0], tf.shape(active)[0]
        zeros = tf.zeros([tf.shape(lengths)[0], units])
        further = tf.concat([active[1:], [0]], axis=0)

        def body(i: tf.Tensor, states: tuple, pooled: tuple, done: tuple) -> tuple:
            n = active[i]
            before = tuple(state[:n] for state in states)
            states = step(ops, inputs(i, n), before, weights, _FUSED[self._kinds.activation])
            pooled = tuple(_TAKE_IN[kind](part[:n], states[0]) for kind, part in zip(kinds, pooled, strict=True))
            ended = [part[further[i] :] for part in pooled]
            return i + 1, states, pooled, tuple(a.write(time - 1 - i, e) for a, e in zip(done, ended, strict=True))

        nothing = tuple(zeros - 2.0 if kind == "max" else zeros for kind in kinds)
        done = tuple(
            tf.TensorArray(tf.float32, time + 1, element_shape=[None, units], infer_shape=False) for _ in kinds
        )
        tokens = tf.math.count_nonzero(lengths)  # rows without a token come last
        done = tuple(array.write(time, part[tokens:]) for array, part in zip(done, nothing, strict=True))
        start = (tf.constant(0), (zeros,) * state_count(self._kinds.cell), nothing, done)
        done = tf.while_loop(lambda i, *_: i < time, body, start)[-1]
        parts = dict(zip(kinds, (array.concat() for array in done), strict=True))
        if "mean" in parts:
            parts["mean"] /= tf.cast(tf.maximum(lengths, 1), tf.float32)[:, None]
        return list(parts.values())


def _inputs_at(
    table: tf.Tensor, positions: tf.Tensor, first: tf.Tensor, way: int, step: tf.Tensor, count: tf.Tensor
) -> tf.Tensor:
    """Return the cell inputs x W_x + b of the first ``count`` texts at ``step``, read from ``table``.

    ``positions`` has the row in ``table`` of each token of all texts. A text is read from the index ``first`` in
    ``positions`` on, forwards (``way`` 1) or backwards (-1).
    """
    return tf.gather(table, tf.gather(positions, first[:count] + way * step))


def _constant(value: np.ndarray | None) -> Any:
    return None if value is None else tf.Variable(value, trainable=False)


_FUSED = {"softsign": tf.nn.softsign, "tanh": tf.tanh}  # a single operation each
_TAKE_IN: dict[str, Any] = {"last": lambda before, state: state, "max": tf.maximum, "mean": tf.add}
