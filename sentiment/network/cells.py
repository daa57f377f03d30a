"""The recurrent cells' equations, written once for every array library, and the forward pass in NumPy.

Notation: ``projected`` is x_t W_x + b for one step, ``(batch, gates * units)``; a state is ``(batch, units)``. The
equations and the order of gates are those of Keras, so that its weights can be used as they are.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

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
