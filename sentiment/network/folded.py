"""The folded network: the forward pass in NumPy, with all that depends on the token alone in one table."""

from typing import NamedTuple

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.network.cells import STEPS, Direction, state_count
from sentiment.text.lexicon import PADDING

_ROWS_PER_BLOCK = 2048


class FoldedNetwork(NamedTuple):
    """The trained network with everything that depends on the token alone folded into one table.

    Attributes:
        table: float32 ``(directions, vocabulary, gates * units)``: x W_x + b of each token.
        directions: recurrent weights, forward first.
        output_kernel: float32 ``(pooled, classes)``.
        output_bias: float32 ``(classes,)``.
        cell, pooling: as in the network's settings.
    """

    table: np.ndarray
    directions: tuple[Direction, ...]
    output_kernel: np.ndarray
    output_bias: np.ndarray
    cell: str
    pooling: str

    def probabilities(self, ids: Ragged) -> np.ndarray:
        """Class probabilities float32 ``(n, classes)`` of ``n`` rows of at least one id each.

        Rows are sorted by length, so that a step touches the rows it concerns only and nothing is padded, and worked
        on in blocks whose states stay in the processor's cache.
        """
        order = np.argsort(-ids.lengths, kind="stable")
        result = np.empty((len(order), len(self.output_bias)), np.float32)
        for start in range(0, len(order), _ROWS_PER_BLOCK):
            rows = order[start : start + _ROWS_PER_BLOCK]
            result[rows] = self._block(ids.take(rows))
        return result

    def _block(self, ids: Ragged) -> np.ndarray:
        """Probabilities of rows sorted by falling length."""
        pooled = np.concatenate([self._pooled(ids, i) for i in range(len(self.directions))], axis=-1)
        if self.pooling == "max_mean":  # Keras: all maxima first, then all means
            units = len(self.directions[0].kernel)
            by_kind = pooled.reshape(len(pooled), len(self.directions), 2, units).swapaxes(1, 2)
            pooled = by_kind.reshape(pooled.shape)
        return softmax(pooled @ self.output_kernel + self.output_bias)

    def of_padded(self, ids: np.ndarray, masking: bool = True) -> np.ndarray:
        """The same for padded rows ``(n, max_tokens)``; without ``masking`` padding is read like a token."""
        real = ids != PADDING if masking else np.ones_like(ids, dtype=bool)
        ragged = Ragged(ids[real].astype(np.int32), real.sum(axis=1, dtype=np.int32))
        return self.probabilities(ragged)

    def _pooled(self, ids: Ragged, direction: int) -> np.ndarray:
        """States of one direction pooled over time, ``(n, units)``, or ``(n, 2 * units)`` for ``max_mean``."""
        weights = self.directions[direction]
        table = self.table[direction]
        step, starts, n = STEPS[self.cell], ids.starts, len(ids.lengths)
        units = len(weights.kernel)
        states = tuple(np.zeros((n, units), np.float32) for _ in range(state_count(self.cell)))
        highest, total = np.full((n, units), -2.0, np.float32), np.zeros((n, units), np.float32)
        longest = int(ids.lengths[0]) if n else 0
        active = np.searchsorted(-ids.lengths, -np.arange(longest), side="left")
        for t in range(longest) if direction == 0 else reversed(range(longest)):
            rows = active[t]
            projected = table.take(ids.values[starts[:rows] + t], axis=0)
            fresh = step(np, projected, tuple(state[:rows] for state in states), weights)
            for state, new in zip(states, fresh, strict=True):
                state[:rows] = new
            if self.pooling in ("max", "max_mean"):
                np.maximum(highest[:rows], fresh[0], out=highest[:rows])
            if self.pooling in ("mean", "max_mean"):
                total[:rows] += fresh[0]
        if self.pooling == "last":
            return states[0]
        mean = total / np.maximum(ids.lengths, 1)[:, None].astype(np.float32)
        return {"max": highest, "mean": mean}.get(self.pooling, np.concatenate([highest, mean], axis=-1))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis, shifted by the maximum."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
