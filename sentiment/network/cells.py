"""The equations of the recurrent cells, written once for every array library.

The argument ``xp`` is the array library, for example NumPy. ``projected`` is the cell input x_t W_x + b of one step,
with shape ``(batch, gates * units)``. A state has shape ``(batch, units)``. The equations, the order of gates and the
activations equal Keras's, so Keras's weights can be used unchanged.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}


class Direction(NamedTuple):
    """The recurrent weights of one direction: ``kernel`` ``(units, gates * units)``, ``bias`` ``(gates * units,)``."""

    kernel: Any
    bias: Any = None


Activation = str | Callable[[Any], Any]  # ``tanh`` or ``softsign``, or a faster function that computes the same


def activate(xp: Any, x: Any, activation: Activation) -> Any:
    """Return tanh(x) or softsign(x) = x / (1 + |x|) (Bergstra et al., 2009), computed by the array library ``xp``."""
    if callable(activation):
        return activation(x)
    return x / (1.0 + xp.abs(x)) if activation == "softsign" else xp.tanh(x)


def simple_rnn_step(
    xp: Any, projected: Any, states: tuple, weights: Direction, activation: Activation = "tanh"
) -> tuple:
    """Return the next state h_t = f(x_t W_x + b + h_{t-1} W_h) of a simple RNN (Elman, 1990)."""
    return (activate(xp, projected + xp.matmul(states[0], weights.kernel), activation),)


def gru_step(xp: Any, projected: Any, states: tuple, weights: Direction, activation: Activation = "tanh") -> tuple:
    """Return the next state of a GRU (Cho et al., 2014) in Keras's ``reset_after`` form, with the gates z, r, h."""
    (state,) = states
    recurrent = xp.matmul(state, weights.kernel) + weights.bias
    x_z, x_r, x_h = xp.split(projected, 3, axis=-1)
    h_z, h_r, h_h = xp.split(recurrent, 3, axis=-1)
    update, reset = _sigmoid(xp, x_z + h_z), _sigmoid(xp, x_r + h_r)
    return (update * state + (1.0 - update) * activate(xp, x_h + reset * h_h, activation),)


def lstm_step(xp: Any, projected: Any, states: tuple, weights: Direction, activation: Activation = "tanh") -> tuple:
    """Return the next state and memory of an LSTM (Hochreiter and Schmidhuber, 1997), with the gates i, f, c, o."""
    state, memory = states
    x_i, x_f, x_c, x_o = xp.split(projected + xp.matmul(state, weights.kernel), 4, axis=-1)
    memory = _sigmoid(xp, x_f) * memory + _sigmoid(xp, x_i) * activate(xp, x_c, activation)
    return _sigmoid(xp, x_o) * activate(xp, memory, activation), memory


STEPS: dict[str, Callable[..., tuple]] = {"simple_rnn": simple_rnn_step, "gru": gru_step, "lstm": lstm_step}


def state_count(cell: str) -> int:
    """Return the number of state arrays that a cell passes from step to step: 2 for an LSTM, else 1."""
    return 2 if cell == "lstm" else 1


def _sigmoid(xp: Any, x: Any) -> Any:
    return 0.5 + 0.5 * xp.tanh(0.5 * x)
