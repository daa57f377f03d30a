"""The folded network: the forward pass in NumPy, with all that depends on the token alone in one table."""

from typing import NamedTuple

import numpy as np

from sentiment.common.parallel import one_matrix_thread
from sentiment.common.ragged import Ragged
from sentiment.network.cells import Direction
from sentiment.network.recurrence import hidden_states, pack, pool
from sentiment.text.lexicon import PADDING

_NUMBERS_PER_BLOCK = 1 << 20  # of projected tokens: 4 MB
_LEAST_ROWS = 32


class FoldedNetwork(NamedTuple):
    """The trained network with everything that depends on the token alone folded into one table.

    Attributes:
        table: float32 ``(directions, vocabulary, gates * units)``: x W_x + b of each token.
        directions: recurrent weights, forward first.
        output_kernel: float32 ``(pooled, classes)``.
        output_bias: float32 ``(classes,)``.
        cell, pooling, masking: as in the network's settings.
    """

    table: np.ndarray
    directions: tuple[Direction, ...]
    output_kernel: np.ndarray
    output_bias: np.ndarray
    cell: str
    pooling: str
    masking: bool

    def probabilities(self, ids: Ragged) -> np.ndarray:
        """Class probabilities float32 ``(n, classes)`` of ``n`` rows of at least one id each, all of which are read.

        Rows are sorted by length, so that a step touches the rows it concerns only and nothing is padded, and worked
        on in blocks that stay in the processor's cache.
        """
        weights = self._stacked()
        if len(ids.lengths) == 1:
            return self._block(ids, weights)  # products so small that the library never shares them between threads
        order = np.argsort(-ids.lengths, kind="stable")
        result = np.empty((len(order), len(self.output_bias)), np.float32)
        start = 0
        with one_matrix_thread():
            while start < len(order):
                longest = int(ids.lengths[order[start]])
                rows = order[start : start + max(_LEAST_ROWS, _NUMBERS_PER_BLOCK // (longest * self.table[:, 0].size))]
                result[rows] = self._block(ids.take(rows), weights)
                start += len(rows)
        return result

    def _stacked(self) -> Direction:
        """The recurrent weights of all directions in one array each."""
        kernel = np.stack([direction.kernel for direction in self.directions])
        if self.directions[0].bias is None:
            return Direction(kernel)
        return Direction(kernel, np.stack([direction.bias for direction in self.directions])[:, None])

    def _block(self, ids: Ragged, weights: Direction) -> np.ndarray:
        """Probabilities of rows sorted by falling length."""
        states = hidden_states(self.table, pack(ids, len(self.directions)), weights, self.cell)
        return softmax(pool(states, ids.lengths, self.pooling) @ self.output_kernel + self.output_bias)

    def of_padded(self, ids: np.ndarray) -> np.ndarray:
        """The same for padded rows ``(n, max_tokens)``; without ``masking`` padding is read like a token."""
        real = ids != PADDING if self.masking else np.ones_like(ids, dtype=bool)
        ragged = Ragged(ids[real].astype(np.int32), real.sum(axis=1, dtype=np.int32))
        return self.probabilities(ragged)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis, shifted by the maximum."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
