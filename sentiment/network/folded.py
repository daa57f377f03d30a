"""The folded network: the forward pass in NumPy, with a table in place of all layers before the recurrence."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sentiment.common.lazy import LazyProperty
from sentiment.common.parallel import one_matrix_thread
from sentiment.common.ragged import Ragged
from sentiment.network.cells import Direction
from sentiment.network.ngrams import ngram_logits, ngram_logits_of_one
from sentiment.network.recurrence import RowsByLength, by_length, hidden_states, pool, pooled_row
from sentiment.text.lexicon import PADDING

_NUMBERS_PER_STEP = 1 << 18  # 1 MB of float32; a smaller step fits the cache better, but threads synchronise more often
_LEAST_ROWS = 32
_LARGEST = 127  # largest int8


@dataclass(frozen=True, eq=False)
class FoldedNetwork:
    """The trained network, with a table of precomputed cell inputs in place of all layers before the recurrence.

    Attributes:
        table: cell input x W_x + b per token, ``(directions, vocabulary, gates * units)``, float32 or scaled int8.
        directions: recurrent weights of each direction, forward first.
        output_kernel: kernel of the output layer, float32 ``(pooled, classes)``.
        output_bias: bias of the output layer, float32 ``(classes,)``.
        cell, pooling, activation: names from the network's settings, for example ``gru``, ``max_mean`` and ``tanh``.
        ngrams: scores of n-grams to add to the logits, ``(buckets, classes)``, float32 or scaled int8; may be None.
        scales: number by which to multiply each int8 row of ``table``, float32 ``(directions, vocabulary)``.
        ngram_scales: number by which to multiply each int8 column of ``ngrams``, float32 ``(classes,)``.
    """

    table: np.ndarray
    directions: tuple[Direction, ...]
    output_kernel: np.ndarray
    output_bias: np.ndarray
    cell: str
    pooling: str
    ngrams: np.ndarray | None = None
    activation: str = "tanh"
    scales: np.ndarray | None = None
    ngram_scales: np.ndarray | None = None

    def in_8_bits(self) -> "FoldedNetwork":
        """Return the network with ``table`` and ``ngrams`` quantised to int8."""
        table, scales = quantise(self.table, axis=2)
        if self.ngrams is None:
            return replace(self, table=table, scales=scales)
        ngrams, ngram_scales = quantise(self.ngrams, axis=0)
        return replace(self, table=table, scales=scales, ngrams=ngrams, ngram_scales=ngram_scales)

    def probabilities(self, ids: Ragged) -> np.ndarray:
        """Return the class probabilities, float32 ``(n, classes)``, of ``n`` rows with at least one id each.

        Rows are sorted by length, so that each time step computes only rows that still have a token. They are computed
        in blocks that fit the processor's cache.
        """
        if len(ids.lengths) == 1:  # its matrix products are too small for BLAS to use threads
            return softmax(self._logits_of_one(ids.values))
        logits = self._logits_of_many(ids)
        if self.ngrams is not None:
            logits += ngram_logits(self.ngrams, ids, self.ngram_scales)
        return softmax(logits)

    def of_padded(self, ids: np.ndarray) -> np.ndarray:
        """Return class probabilities, float32 ``(n, classes)``, of padded rows of ids, int32 ``(n, max_tokens)``."""
        real = ids != PADDING
        return self.probabilities(Ragged(ids[real].astype(np.int32), real.sum(axis=1, dtype=np.int32)))

    def _rows_of(self, ids: np.ndarray) -> np.ndarray:
        """Return the cell inputs of ``ids`` ``(n,)`` from the table, float32 ``(directions, n, gates * units)``."""
        rows = self.table.take(ids, axis=1)
        return rows if self.scales is None else rows * self.scales.take(ids, axis=1)[..., None]

    def _logits_of_many(self, ids: Ragged) -> np.ndarray:
        table = self.table
        if self.scales is not None:  # converting only the distinct tokens takes a fifth of the time
            types, positions = distinct_ids(ids.values)
            table, ids = self._rows_of(types), Ragged(positions, ids.lengths)
        weights, (rows, order) = self._stacked, by_length(ids)
        logits = np.empty((len(order), len(self.output_bias)), np.float32)
        size = max(_LEAST_ROWS, _NUMBERS_PER_STEP // table[:, 0].size)
        with one_matrix_thread():
            for start in range(0, len(order), size):
                logits[order[start : start + size]] = self._logits(table, rows.part(start, start + size), weights)
        return logits

    @LazyProperty
    def _stacked(self) -> Direction:
        kernel = np.stack([direction.kernel for direction in self.directions])
        if self.directions[0].bias is None:
            return Direction(kernel)
        return Direction(kernel, np.stack([direction.bias for direction in self.directions])[:, None])

    @LazyProperty
    def _diagonal(self) -> np.ndarray:
        """Return one block-diagonal matrix of all recurrent kernels, so that one product updates both directions."""
        count, units, _ = self._stacked.kernel.shape
        joint = np.zeros((count, units, count, units), np.float32)
        joint[np.arange(count), :, np.arange(count)] = self._stacked.kernel
        return joint.reshape(count * units, -1)

    def _logits(self, table: np.ndarray, rows: RowsByLength, weights: Direction) -> np.ndarray:
        states = hidden_states(table, rows, weights, self.cell, self.activation)
        pooled = pool(states, rows.lengths, self.pooling)
        kinds, directions, _, units = pooled.shape
        products = pooled @ self.output_kernel.reshape(kinds, directions, units, -1)
        return products.sum(axis=(0, 1)) + self.output_bias

    def _logits_of_one(self, ids: np.ndarray) -> np.ndarray:
        if self.cell == "simple_rnn":
            pooled = pooled_row(self._steps_of_one(ids), self._diagonal, self.activation, self.pooling)
            logits = (pooled.dot(self.output_kernel) + self.output_bias)[None]  # takes half the time of `@`
        else:
            row = Ragged(np.arange(len(ids), dtype=np.int32), np.array([len(ids)], np.int32))
            logits = self._logits(self._rows_of(ids), by_length(row)[0], self._stacked)
        if self.ngrams is not None:
            logits += ngram_logits_of_one(self.ngrams, ids, self.ngram_scales)
        return logits

    def _steps_of_one(self, ids: np.ndarray) -> np.ndarray:
        """Return one row's cell inputs, ``(time, directions * units)``, in the reading order of each direction."""
        count, words, _ = self.table.shape
        order = ids[:, None] if count == 1 else np.array([ids, ids[::-1] + words]).T
        table, scales = self.one_below_another
        steps = table.take(order, axis=0)
        if scales is not None:
            steps = steps * scales.take(order, axis=0)
        return steps.reshape(len(ids), -1)

    @LazyProperty
    def one_below_another(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the rows of all directions as one table, and their scales as a column."""
        return self.table.reshape(-1, self.table.shape[2]), None if self.scales is None else self.scales.reshape(-1, 1)


class DistinctIds(NamedTuple):
    """The distinct ids ``types`` of an array, int32, ascending, padding first.

    ``positions``, int32, has the shape of the array and contains the index of each id in ``types``.
    """

    types: np.ndarray
    positions: np.ndarray


def distinct_ids(ids: np.ndarray) -> DistinctIds:
    """Find the distinct values of ``ids`` of any shape, in a quarter of the time of ``np.unique``, which sorts them."""
    present = np.zeros(int(ids.max(initial=PADDING)) + 1, bool)
    present[ids] = True
    present[PADDING] = True
    types = np.flatnonzero(present).astype(np.int32)
    positions = np.empty(len(present), np.int32)
    positions[types] = np.arange(len(types), dtype=np.int32)
    return DistinctIds(types, positions.take(ids))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of ``logits`` along the last axis."""
    exponentials = np.exp(logits - np.maximum.reduce(logits, axis=-1, keepdims=True))
    return exponentials / np.add.reduce(exponentials, axis=-1, keepdims=True)


def quantise(numbers: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return finite float32 ``numbers`` as int8, and their float32 scales, one for all numbers along ``axis``.

    All exported forms of a model use these numbers, so that they compute with equal numbers.
    """
    scales = (np.abs(numbers).max(axis=axis, keepdims=True) / _LARGEST).astype(np.float32)
    divisors = np.where(scales > 0, scales, np.float32(1))
    return np.rint(numbers / divisors).astype(np.int8), scales.squeeze(axis)
