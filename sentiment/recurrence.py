"""The recurrent cells' equations, written once for every array library, and the forward pass in NumPy.

Notation: ``projected`` is x_t W_x + b for one step, ``(batch, gates * units)``; a state is ``(batch, units)``. The
equations and the order of gates are those of Keras, so that its weights can be used as they are.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sentiment.lexicon import PADDING
from sentiment.tokens import Ragged

_ROWS_PER_BLOCK = 2048
GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}


class Direction(NamedTuple):
    """Weights of one direction: ``kernel`` ``(units, gates * units)`` and, for a GRU, ``bias`` ``(gates * units,)``."""

    kernel: Any
    bias: Any = None


def simple_rnn_step(xp: Any, projected: Any, states: tuple, weights: Direction) -> tuple:
    """h_t = tanh(x_t W_x + b + h_{t-1} W_h) (Elman, 1990)."""
    return (xp.tanh(projected + xp.matmul(states[0], weights.kernel)),)


def gru_step(xp: Any, projected: Any, states: tuple, weights: Direction) -> tuple:
    """Gated recurrent unit (Cho et al., 2014), reset after the matrix product; gates z, r, h."""
    (state,) = states
    recurrent = xp.matmul(state, weights.kernel) + weights.bias
    x_z, x_r, x_h = xp.split(projected, 3, axis=-1)
    h_z, h_r, h_h = xp.split(recurrent, 3, axis=-1)
    update, reset = _sigmoid(xp, x_z + h_z), _sigmoid(xp, x_r + h_r)
    return (update * state + (1.0 - update) * xp.tanh(x_h + reset * h_h),)


def lstm_step(xp: Any, projected: Any, states: tuple, weights: Direction) -> tuple:
    """Long short-term memory (Hochreiter and Schmidhuber, 1997) with a forget gate; gates i, f, c, o."""
    state, memory = states
    x_i, x_f, x_c, x_o = xp.split(projected + xp.matmul(state, weights.kernel), 4, axis=-1)
    memory = _sigmoid(xp, x_f) * memory + _sigmoid(xp, x_i) * xp.tanh(x_c)
    return _sigmoid(xp, x_o) * xp.tanh(memory), memory


STEPS: dict[str, Callable[[Any, Any, tuple, Direction], tuple]] = {
    "simple_rnn": simple_rnn_step,
    "gru": gru_step,
    "lstm": lstm_step,
}


def state_count(cell: str) -> int:
    """How many arrays a cell carries from step to step."""
    return 2 if cell == "lstm" else 1


def _sigmoid(xp: Any, x: Any) -> Any:
    return 0.5 + 0.5 * xp.tanh(0.5 * x)


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
