"""The folded network: the forward pass in NumPy, with all that depends on the token alone in one table."""

from typing import NamedTuple

import numpy as np

from sentiment.common.parallel import one_matrix_thread
from sentiment.common.ragged import Ragged
from sentiment.network.cells import Direction
from sentiment.network.ngrams import ngram_logits
from sentiment.network.recurrence import Rows, by_length, hidden_states, pool
from sentiment.network.single_row import pooled_states
from sentiment.text.lexicon import PADDING

_NUMBERS_PER_STEP = 1 << 18  # of projected tokens: 1 MB; smaller ones fit the cache better, but threads meet more often
_LEAST_ROWS = 32


class FoldedNetwork(NamedTuple):
    """The trained network with everything that depends on the token alone folded into one table.

    Attributes:
        table: float32 ``(directions, vocabulary, gates * units)``: x W_x + b of each token.
        directions: recurrent weights, forward first.
        output_kernel: float32 ``(pooled, classes)``.
        output_bias: float32 ``(classes,)``.
        cell, pooling, masking: as in the network's settings.
        ngrams: scores of n-grams beside the recurrence, float32 ``(buckets, classes)``; None: there are none.
    """

    table: np.ndarray
    directions: tuple[Direction, ...]
    output_kernel: np.ndarray
    output_bias: np.ndarray
    cell: str
    pooling: str
    masking: bool
    ngrams: np.ndarray | None = None

    def probabilities(self, ids: Ragged) -> np.ndarray:
        """Class probabilities float32 ``(n, classes)`` of ``n`` rows of at least one id each, all of which are read.

        Rows are sorted by length, so that a step touches the rows it concerns only and nothing is padded, and worked
        on in blocks that stay in the processor's cache.
        """
        one = len(ids.lengths) == 1  # products so small that the library never shares them between threads
        logits = self._logits_of_one(ids) if one else self._logits_of_many(ids)
        return softmax(logits if self.ngrams is None else logits + ngram_logits(self.ngrams, ids))

    def _logits_of_many(self, ids: Ragged) -> np.ndarray:
        """Of the recurrence, float32 ``(n, classes)``."""
        weights, (rows, order) = self._stacked(), by_length(ids)
        logits = np.empty((len(order), len(self.output_bias)), np.float32)
        size = max(_LEAST_ROWS, _NUMBERS_PER_STEP // self.table[:, 0].size)
        with one_matrix_thread():
            for start in range(0, len(order), size):
                logits[order[start : start + size]] = self._logits(rows.part(start, start + size), weights)
        return logits

    def _stacked(self) -> Direction:
        """The recurrent weights of all directions in one array each."""
        kernel = np.stack([direction.kernel for direction in self.directions])
        if self.directions[0].bias is None:
            return Direction(kernel)
        return Direction(kernel, np.stack([direction.bias for direction in self.directions])[:, None])

    def _logits(self, rows: Rows, weights: Direction) -> np.ndarray:
        """Before the softmax, float32 ``(n, classes)``; the kernel's rows are of each pooling and direction in turn."""
        pooled = pool(hidden_states(self.table, rows, weights, self.cell), rows.lengths, self.pooling)
        kinds, directions, _, units = pooled.shape
        products = pooled @ self.output_kernel.reshape(kinds, directions, units, -1)
        return products.sum(axis=(0, 1)) + self.output_bias

    def _logits_of_one(self, ids: Ragged) -> np.ndarray:
        """The same of a single row, ``(1, classes)``."""
        if self.cell != "simple_rnn":
            return self._logits(by_length(ids)[0], self._stacked())
        pooled = pooled_states(self.table, ids.values[: ids.lengths[0]], self.directions, self.pooling)
        return (pooled @ self.output_kernel + self.output_bias)[None]

    def of_padded(self, ids: np.ndarray) -> np.ndarray:
        """The same for padded rows ``(n, max_tokens)``; without ``masking`` padding is read like a token."""
        real = ids != PADDING if self.masking else np.ones_like(ids, dtype=bool)
        ragged = Ragged(ids[real].astype(np.int32), real.sum(axis=1, dtype=np.int32))
        return self.probabilities(ragged)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis, shifted by the maximum."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
