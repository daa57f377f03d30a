"""The recurrence over a single row, in few calls into NumPy: each costs what its numbers cost."""

from collections.abc import Sequence

import numpy as np

from sentiment.network.cells import Direction


def pooled_states(table: np.ndarray, ids: np.ndarray, directions: Sequence[Direction], pooling: str) -> np.ndarray:
    """Hidden states of a row in a ``simple_rnn``, pooled over time: ``(kinds of pooling * directions * units,)``.

    Args:
        table: x W_x + b of each token, ``(directions, vocabulary, units)``.
        ids: of the row's tokens, ``(steps,)``; at least one.
        directions: recurrent weights, forward first.
        pooling: as :func:`sentiment.network.recurrence.pool` has it.
    """
    looked_up = [part.take(ids[::turn], axis=0) for part, turn in zip(table, (1, -1), strict=False)]
    states = np.concatenate(looked_up, axis=1)
    _run(states, [direction.kernel for direction in directions])
    return np.concatenate([_POOLED[kind](states) for kind in pooling.split("_")])


def _run(states: np.ndarray, kernels: Sequence[np.ndarray]) -> None:
    """h_t = tanh(x_t + h_{t-1} W_h), of all directions side by side, over x_t: ``(steps, directions * units)``."""
    recurrent = np.empty_like(states[0])
    units = len(kernels[0])
    parts = [(kernel, slice(i * units, (i + 1) * units)) for i, kernel in enumerate(kernels)]
    products = [(kernel, part, recurrent[part]) for kernel, part in parts]
    state = np.tanh(states[0], states[0])
    for step in states[1:]:
        for kernel, part, into in products:
            np.dot(state[part], kernel, into)
        np.add(step, recurrent, step)
        state = np.tanh(step, step)


def _mean(states: np.ndarray) -> np.ndarray:
    return np.add.reduce(states, 0) / np.float32(len(states))


_POOLED = {"last": lambda states: states[-1], "max": lambda states: np.maximum.reduce(states, 0), "mean": _mean}
